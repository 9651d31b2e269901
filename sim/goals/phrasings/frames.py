"""Frames: ways to ask that fit any deed, and wordings with their slots filled."""

from __future__ import annotations

import re
from typing import Final

OPENINGS: Final = (
    "(your|the) (job|task) is to",
    "(let's|let us)",
    "go and",
    "(we|i) need you to",
    "(now|next) you (should|must)",
    "it would be (great|nice|good|lovely) if you could",
    "what i (want|need) is for you to",
    "i was wondering (if|whether) you could",
    "(why don't you|how about you)",
    "(be so kind as|it is time) to",
)
"""What goes before a deed in the imperative."""


def asked(*deeds: str) -> tuple[str, ...]:
    """Every deed after every opening.

    Args:
        deeds: Wordings that begin with verbs in the imperative.

    Returns:
        Wordings, as many as openings per deed.
    """
    return tuple(f"{opening} {deed}" for deed in deeds for opening in OPENINGS)


def filled(wordings: tuple[str, ...], **slots: str) -> tuple[str, ...]:
    """Puts texts or other slots into slots.

    Args:
        wordings: Wordings with slots such as ``{x}``; none of the given slots inside round brackets.
        slots: Text per slot name, itself with brackets or slots if wanted; all are filled at once.

    Returns:
        The same wordings, in order.
    """

    def text_of(slot: re.Match[str]) -> str:
        return slots.get(slot[1], slot[0])

    return tuple(re.sub(r"\{(\w+)\}", text_of, wording) for wording in wordings)
