"""Exceptions said apart from their kind: "put the blocks in the bowl, only not the red one"."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sim.goals.parlance.deeds import IMPERATIVES, STATEMENTS
from sim.goals.wordlists import read_wordings

EXCEPTIONS: Final = read_wordings(Path(__file__).with_name("exceptions.txt"))
"""``{d}`` is a wish, and ``{e}`` what it is not about. In ``apart`` the wish is about all of a kind, in
``rest`` about what remains of them, which has names of its own."""


def exceptions_to(table: Mapping[str, tuple[str, ...]], how: str) -> tuple[str, ...]:
    """Ways of making an exception to what a table of wishes says; none where that is said by itself.

    Args:
        table: One of the tables of :mod:`sim.goals.parlance.deeds`.
        how: ``"apart"`` or ``"rest"``.
    """
    if table is IMPERATIVES:
        return EXCEPTIONS[f"orders {how}"]
    return EXCEPTIONS[f"statements {how}"] if table is STATEMENTS else ()
