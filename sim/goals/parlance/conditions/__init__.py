"""Ways of saying that something is so, of asking whether it is, and of choosing by it."""

from __future__ import annotations

from sim.goals.parlance.conditions.around import AFFIRMED, DENIED, ENQUIRIES
from sim.goals.parlance.conditions.choices import CHOICES, LONE_CHOICES
from sim.goals.parlance.conditions.clauses import CLAUSES
from sim.goals.parlance.conditions.enquiries import QUESTIONS
from sim.goals.parlance.conditions.opposites import OPPOSITES
from sim.goals.parlance.conditions.predicates import PREDICATES

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
