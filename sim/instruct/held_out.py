"""What planners are examined with is never said in training data: test wordings and held-out templates."""

from __future__ import annotations

import itertools
import re
from functools import cache

from sim.goals import TEMPLATES
from sim.instruct.scoring import canonical
from vla.planner.grammar import CORNERS, FIXTURES, NAMES, SHAPES

_ANY = r"\w+(?: \w+){0,5}"
_THING = rf"(?:the )?(?:{'|'.join(NAMES)})"
_ASKED = "(?:the )?(?:bowl|tray)"
_PLACE = rf"(?:the )?(?:{'|'.join(FIXTURES)}|(?:{'|'.join(CORNERS)}) corner)"
_SHAPE = rf"(?:{'|'.join(SHAPES)})s?"
_SLOTS = {"x": _THING, "y": _THING, "z": _THING, "p": _PLACE, "s": _SHAPE}


def is_held_out(text: str) -> bool:
    """Whether a question or command is worded like one that training must never hear."""
    return _pattern().fullmatch(_plain(text)) is not None


def _plain(text: str) -> str:
    words = re.sub(r"\b(?:this|that)\b", "the", canonical(text))
    return " ".join(re.findall(r"[a-z]+", words))


@cache
def _pattern() -> re.Pattern[str]:
    wordings: set[str] = set()
    for template in TEMPLATES.values():
        for pattern in (*template.test, *(template.train if template.held_out else ())):
            parts = re.split(r"\(([^()]*)\)", pattern)
            choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
            said = {"".join(chosen) for chosen in itertools.product(*choices)}
            wordings |= {_slotted(wording, template.kind == "question") for wording in said}
    return re.compile("|".join(sorted(wordings)))


def _slotted(wording: str, asks: bool) -> str:
    """A wording as a pattern; questions after a place are held out for bowl and tray only."""
    parts = re.split(r"\{(\w+)\}", wording.lower())
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = _ASKED if asks and part == "p" else _SLOTS.get(part, _ANY)
        else:
            parts[i] = " ".join(re.findall(r"[a-z]+", part))
    return " ".join(filter(None, parts))
