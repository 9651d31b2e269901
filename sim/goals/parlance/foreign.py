"""What people ask for that no policy here has learned. Slot: ``{x}`` a thing or a fixture."""

from __future__ import annotations

from typing import Final

TO_THINGS: Final = (
    "(paint|cut|burn|wash|break|eat|cook|melt) {x}",
    "throw {x} (out of the window|at the wall)",
    "(weigh|measure|sell|polish|scratch) {x}",
)
ALONE: Final = (
    "fold the towel",
    "make coffee",
    "sing a song",
    "tell me a story",
    "call my mother",
    "what time is it?",
)
