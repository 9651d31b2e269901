"""Further training wordings of the goals, beside those that stand with each template.

A wording has the slots of its template's own training wordings; round brackets hold alternatives, as in
:mod:`sim.language`. None of them is a held-out wording of any goal.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sim.goals.phrasings.conditional import CONDITIONAL, SEQUENCE
from sim.goals.phrasings.deeds import SINGLE
from sim.goals.phrasings.fetching import FETCHING
from sim.goals.phrasings.gathering import GATHER, TIDY
from sim.goals.phrasings.questions import QUESTIONS
from sim.goals.phrasings.refusals import REFUSALS
from sim.goals.phrasings.sorting import SORT
from sim.goals.phrasings.towers import SWAPS, TOWERS, UNCOVER
from sim.goals.wordlists import extended

_BY_HAND: Final[Mapping[str, tuple[str, ...]]] = {
    **SINGLE, **FETCHING, **SORT, **GATHER, **TIDY, **TOWERS, **SWAPS, **UNCOVER, **CONDITIONAL, **SEQUENCE,
    **REFUSALS, **QUESTIONS,
}  # fmt: skip
PHRASINGS: Final = extended(_BY_HAND, Path(__file__).with_name("people.txt"))
"""Wordings by template, at least 16 each; a template of held-out goals has none."""
