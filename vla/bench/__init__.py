"""How fast and how punctual Handily is on this machine, measured beside something known in the same run."""
