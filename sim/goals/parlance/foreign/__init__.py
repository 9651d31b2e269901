"""What people say that no policy here can do anything about."""

from __future__ import annotations

from typing import Final

from sim.goals.parlance.foreign.crafts import CRAFTS
from sim.goals.parlance.foreign.dealings import DEALINGS
from sim.goals.parlance.foreign.errands import ERRANDS
from sim.goals.parlance.foreign.talk import CHAT, QUESTIONS

__all__ = ["ALONE", "CHAT", "TO_THINGS"]

TO_THINGS: Final = (*CRAFTS, *DEALINGS)
"""Slot ``{x}``: a thing or a fixture, with an article."""
ALONE: Final = (*ERRANDS, *QUESTIONS)
"""Without a slot: what is asked for, and questions, which end with their mark."""
