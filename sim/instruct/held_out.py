"""What planners are examined with is never said in training data: test wordings and held-out templates."""

from __future__ import annotations

import itertools
import re
from functools import cache

from sim.goals import TEMPLATES
from sim.instruct.scoring import canonical


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
            wordings |= {"".join(chosen) for chosen in itertools.product(*choices)}
    return re.compile("|".join(sorted(map(_slotted, wordings))))


def _slotted(wording: str) -> str:
    parts = [" ".join(re.findall(r"[a-z]+", part)) for part in re.split(r"\{\w+\}", wording.lower())]
    return r"\s*(?:\w+ ?){1,4}\s*".join(map(re.escape, parts))
