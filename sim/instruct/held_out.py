"""What planners are examined with is never said in training data: test wordings and held-out templates."""

from __future__ import annotations

import itertools
import re
from functools import cache

from sim.goals import TEMPLATES
from sim.instruct.scoring import canonical
from vla.planner.grammar import NAMES, SHAPES

_ANY = r"(?:\w+ ?){1,6}"
_THING = rf"(?:the )?(?:{'|'.join(NAMES)})"
_SLOTS = {"x": _THING, "y": _THING, "p": "(?:the )?(?:bowl|tray)", "s": rf"(?:{'|'.join(SHAPES)})s?"}


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
    """A wording as a pattern; where something is asked, what stands in its slots is known."""
    parts = re.split(r"\{(\w+)\}", wording.lower())
    words = [re.escape(" ".join(re.findall(r"[a-z]+", part))) for part in parts[::2]]
    slots = [_SLOTS.get(slot, _ANY) if asks else _ANY for slot in parts[1::2]]
    pattern = words[0]
    for slot, following in zip(slots, words[1:], strict=True):
        pattern += rf"\s*{slot}\s*{following}"
    return pattern
