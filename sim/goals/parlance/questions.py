"""Ways of asking for something else than yes or no. Slots: ``{x}`` the things; see also :data:`NAMING`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ASKED: Final[Mapping[str, tuple[str, ...]]] = {
    "where": ("where [is/are] {x}?", "where (can i find|do you see) {x}?", "in (what|which) place is {x}?"),
    "colour": (
        "(what|which) colour (is|has) {x}?",
        "what is the colour of {x}?",
        "tell me the colour of {x}",
    ),
    "count": (
        "how many {x} are there?",
        "how many {x} (can|do) you see?",
        "count {x}",
        "what is the number of {x}?",
    ),
    "name": ("(what|which thing) is {x}?", "(name|tell me) {x}", "what would you call {x}?"),
}
"""Kind of question to patterns; for ``count`` the things are named in the plural, without an article."""

NAMING: Final[Mapping[str, tuple[str, ...]]] = {
    "inside": (
        "what is {l}?",
        "which thing (is|lies) {l}?",
        "what do you see {l}?",
        "what does {q} (hold|contain)?",
    ),
    "upon": ("what (is|stands) on {o}?", "what is on top of {o}?", "what does {o} carry?"),
    "beneath": ("what is (under|below|beneath) {o}?", "what does {o} stand on?", "which thing carries {o}?"),
}
"""Trait to questions for whatever has it; ``{l}`` and ``{q}`` a place, ``{o}`` another thing."""
