"""Ways of saying that something is so, of asking whether it is, and of choosing by it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim.goals.parlance.conditions import around, choices, clauses, enquiries, opposites
from sim.goals.parlance.conditions.around import AFFIRMED, DENIED
from sim.goals.parlance.conditions.predicates import PREDICATES
from sim.goals.wordlists import extended, read_wordings

CLAUSES: Final = extended(clauses.CLAUSES, Path(__file__).with_name("clauses.txt"))
OPPOSITES: Final = extended(opposites.OPPOSITES, Path(__file__).with_name("opposites.txt"))
QUESTIONS: Final = extended(enquiries.QUESTIONS, Path(__file__).with_name("enquiries.txt"))
_CHOICES: Final = read_wordings(Path(__file__).with_name("choices.txt"))
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
