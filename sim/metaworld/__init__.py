"""Meta-World v3 (arXiv 1910.10897; MT50): fifty tasks that others wrote, played by the published protocol."""
