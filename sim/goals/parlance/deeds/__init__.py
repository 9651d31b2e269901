"""Ways of wishing for one thing: imperatives, which may follow one another, statements of what should be, and
what is said by itself, such as questions and exclamations that are meant as a wish.

Slots: ``{x}`` whom it is done to, ``{p}`` where to, with its preposition, ``{q}`` that place by its name,
``{l}`` that place as where something is, ``{y}`` the other thing; of a tower, ``{z}`` is the lowest and
``{y}`` the middle. ``[goes/go]`` depends on whether ``{x}`` is one thing or several. Keys such as
``put drawer`` add to ``put`` what is said of that place alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sim.goals.parlance.deeds import (
    drawer,
    fetching,
    grasping,
    grasping_remarks,
    order,
    places,
    placing,
    stacking,
    tower_wishes,
    towers,
)
from sim.goals.wordlists import extended

_BY_HAND: Final[Mapping[str, tuple[str, ...]]] = {
    **placing.IMPERATIVES,
    **places.IMPERATIVES,
    **drawer.IMPERATIVES,
    **fetching.IMPERATIVES,
    **stacking.IMPERATIVES,
    **towers.IMPERATIVES,
    **grasping.IMPERATIVES,
    **order.IMPERATIVES,
}
IMPERATIVES: Final = extended(_BY_HAND, Path(__file__).with_name("orders.txt"))
"""Kind of wish to orders that begin with a verb in its plain form, or hold one behind "could you"."""

_CLAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    **placing.STATEMENTS,
    **places.STATEMENTS,
    **drawer.STATEMENTS,
    **fetching.STATEMENTS,
    **stacking.STATEMENTS,
    **tower_wishes.STATEMENTS,
    **grasping.STATEMENTS,
    **order.STATEMENTS,
}
STATEMENTS: Final = extended(_CLAUSES, Path(__file__).with_name("statements.txt"))
"""Kind of wish to clauses that may follow "make sure that"."""

_ALONE: Final[Mapping[str, tuple[str, ...]]] = {
    **placing.REMARKS,
    **places.REMARKS,
    **drawer.REMARKS,
    **fetching.REMARKS,
    **stacking.REMARKS,
    **tower_wishes.REMARKS,
    **grasping_remarks.REMARKS,
    **order.REMARKS,
}
REMARKS: Final = extended(_ALONE, Path(__file__).with_name("remarks.txt"))
"""Kind of wish to what is said with nothing before it: questions, exclamations, fragments, "i want"."""
