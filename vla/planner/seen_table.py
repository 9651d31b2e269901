"""What is seen as a table that one can reason about: symbols, and where things are in the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vla.planner.sayings import NAMES
from vla.planner.seen import Cell, Seen
from vla.planner.symbols import TABLE, Symbols

_SECOND = len(NAMES)
"""Added to a name's row for the second of two things of that name."""
CORNER_CELLS: Final[Mapping[str, Cell]] = {
    "front left": (4, 11),
    "front right": (20, 11),
    "back left": (4, 3),
    "back right": (20, 3),
}
"""Where the corners are."""


@dataclass(frozen=True, slots=True)
class SeenTable:
    """A table.

    Attributes:
        state: Rows are places in :data:`vla.planner.sayings.NAMES`, and those beyond for second ones.
        cells: Row or fixture to its cell, where that is seen; what lies in, on or under something is where
            that is.
    """

    state: Symbols
    cells: Mapping[int | str, Cell]

    def cell(self, row: int) -> Cell | None:
        """Where a thing is, or None where that is not seen."""
        if row in self.cells:
            return self.cells[row]
        at = self.state.where[row]
        if isinstance(at, int):
            return self.cell(at)
        return CORNER_CELLS.get(at) or self.cells.get(at)

    def with_hidden(self, name: str) -> SeenTable:
        """The same with a thing of that name in the drawer."""
        row, state = NAMES.index(name), self.state
        where, names = {**state.where, row: "drawer"}, {**state.names, row: name}
        return SeenTable(
            Symbols(names, where, state.fixtures, state.drawer, state.pressed, state.over), self.cells
        )


def seen_table(seen: Seen) -> SeenTable:
    """The table that is seen; things that are there twice are somewhere on it."""
    names: dict[int, str] = {}
    where: dict[int, str | int] = {}
    cells: dict[int | str, Cell] = {name: cell for name, cell in seen.fixtures.items() if cell is not None}
    for thing in seen.things:
        row = NAMES.index(thing.name)
        names[row], where[row] = thing.name, thing.place
        if thing.place in NAMES:
            where[row] = NAMES.index(thing.place)
        if thing.cell is not None:
            cells[row] = thing.cell
        if thing.twin:
            names[row + _SECOND] = thing.name
            where[row] = where[row + _SECOND] = TABLE
    carriers: set[int] = set()
    for row, at in where.items():
        if not isinstance(at, int):
            continue
        if at not in where or at in carriers or _circular(row, where):
            where[row] = TABLE  # nothing carries two things, nor itself
        else:
            carriers.add(at)
    over = NAMES.index(seen.over) if seen.over else -1
    state = Symbols(names, where, frozenset(seen.fixtures), seen.drawer or "closed", seen.pressed, over)
    return SeenTable(state, cells)


def _circular(row: int, where: Mapping[int, str | int]) -> bool:
    """True where going down from a thing leads back to it."""
    at, steps = where[row], 0
    while isinstance(at, int) and at in where and steps <= len(where):
        at, steps = where[at], steps + 1
    return isinstance(at, int)
