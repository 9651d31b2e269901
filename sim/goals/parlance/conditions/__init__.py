"""Ways of saying that something is so, of asking whether it is, and of choosing by it."""

from __future__ import annotations

from typing import Final

from sim.goals.parlance.conditions import around, choices, clauses, enquiries, opposites
from sim.goals.parlance.conditions.around import AFFIRMED, DENIED
from sim.goals.parlance.conditions.predicates import PREDICATES
from sim.goals.wordlists import extended, read_wordings

CLAUSES: Final = extended(clauses.CLAUSES, __package__, "clauses.txt")
OPPOSITES: Final = extended(opposites.OPPOSITES, __package__, "opposites.txt")
QUESTIONS: Final = extended(enquiries.QUESTIONS, __package__, "enquiries.txt")
_CHOICES: Final = read_wordings(__package__, "choices.txt")
CHOICES: Final = (*choices.CHOICES, *_CHOICES["choices"])
LONE_CHOICES: Final = (*choices.LONE_CHOICES, *_CHOICES["lone choices"])
ENQUIRIES: Final = (*around.ENQUIRIES, *_CHOICES["enquiries"])

__all__ = [
    "AFFIRMED",
    "CHOICES",
    "CLAUSES",
    "DENIED",
    "ENQUIRIES",
    "LONE_CHOICES",
    "OPPOSITES",
    "PREDICATES",
    "QUESTIONS",
]
