"""The table in words: what stands where, as a planner reasons about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from vla.planner.sayings import COLOURS, CORNERS, SHAPES

TABLE: Final = "table"
HELD: Final = "hand"
GONE: Final = "gone"
LOOSE: Final = frozenset({TABLE, "zone", *CORNERS})
"""Places that are the table's top itself."""
CAPACITY: Final[Mapping[str, int]] = {
    "bowl": 1, "tray": 3, "drawer": 3, "zone": 1, **dict.fromkeys(CORNERS, 1),
}  # fmt: skip
"""How many objects there is room for."""


@dataclass(frozen=True, slots=True)
class Symbols:
    """One state of the table, in words.

    Attributes:
        names: Movable row to its name, such as ``"red block"``.
        where: Movable row to where it is: a place (:data:`TABLE`, a fixture, a corner, :data:`HELD`,
            :data:`GONE`) or the row that it stands on.
        fixtures: Fixtures that are there.
        drawer: ``"open"``, ``"closed"`` or ``"ajar"``.
        pressed: The button has been pressed.
        over: Row above which the tool hovers, or -1.
    """

    names: Mapping[int, str]
    where: Mapping[int, str | int]
    fixtures: frozenset[str]
    drawer: str = "closed"
    pressed: bool = False
    over: int = -1

    def moved(self, row: int, place: str | int) -> Symbols:
        """The same with one object elsewhere; the tool hovers over nothing any more."""
        return replace(self, where={**self.where, row: place}, over=-1)

    def on(self, row: int) -> int:
        """The row that stands on ``row``, or -1."""
        return next((other for other, place in self.where.items() if place == row), -1)

    def inside(self, place: str) -> tuple[int, ...]:
        """Rows in a place, ascending."""
        return tuple(sorted(row for row, at in self.where.items() if at == place))

    @property
    def reachable_corners(self) -> tuple[str, ...]:
        """Corners that the arm can reach: the cabinet stands in front of those on the right."""
        behind_cabinet = "drawer" in self.fixtures
        return tuple(corner for corner in CORNERS if not (behind_cabinet and "right" in corner))

    def column(self, row: int) -> tuple[int, ...]:
        """``row`` and all that stands on it, from below."""
        found = [row]
        while (above := self.on(found[-1])) >= 0:
            found.append(above)
        return tuple(found)

    def foot(self, row: int) -> int:
        """The lowest row of the column that ``row`` belongs to."""
        below = self.where[row]
        return row if isinstance(below, str) else self.foot(below)

    def ground(self, row: int) -> str:
        """The place of the column that ``row`` belongs to."""
        place = self.where[self.foot(row)]
        assert isinstance(place, str)
        return place

    def rows_named(self, words: str) -> tuple[int, ...]:
        """Rows that ``"red block"``, ``"block"``, ``"red"`` or ``"object"`` fits, ascending."""
        wanted = set(words.split()) - {"object"}
        return tuple(sorted(row for row, name in self.names.items() if wanted <= set(name.split())))

    def shape(self, row: int) -> str:
        """Its shape."""
        return self.names[row].split()[1]

    def colour(self, row: int) -> str:
        """Its colour."""
        return self.names[row].split()[0]


def name_order(rows: Iterable[int], names: Mapping[int, str]) -> list[int]:
    """Rows in the order of their colours' and then shapes' lists: a rule that eyes can follow."""
    return sorted(rows, key=lambda row: _rank(names[row]))


def _rank(name: str) -> tuple[int, int]:
    colour, shape = name.split()
    return COLOURS.index(colour), SHAPES.index(shape)
