"""Slow thought: a goal and what is seen become the next instruction."""
