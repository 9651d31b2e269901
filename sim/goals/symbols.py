"""The table in words: what stands where, as a planner reasons about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sim.layout import CORNERS, Table
from sim.objects import COLOUR_NAMES, HALF_M, POOL, ROW, ROWS, UNNAMED
from sim.scene import DRAWER_DEPTH_M, HANDLE_HEIGHT_M, HANDLE_REACH_M
from sim.tasks import task_named
from sim.tasks.put_in_drawer import inside_drawer
from sim.truth import Query, Truth

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
    return COLOUR_NAMES.index(colour), POOL.index(shape)


def names_of(table: Table) -> dict[int, str]:
    """Movable row to its name; things in colours without a name are left out."""
    return {
        row: f"{COLOUR_NAMES[thing.colour]} {POOL[row]}"
        for row, thing in table.things.items()
        if thing.colour != UNNAMED
    }


def symbols_of(truth: Truth, names: Mapping[int, str]) -> Symbols:
    """Read the true state, by the same physical predicates that judge the tasks."""
    fixtures = frozenset(
        name
        for name in ("bowl", "tray", "zone", "drawer", "button")
        if np.isfinite(truth.position_m[ROW[name]]).all()
    )
    where = {row: _place(truth, row, names, fixtures) for row in names}
    over = [row for row in names if task_named("reach").success(truth, Query("reach", row))]
    is_open = _done(truth, "open_drawer", ROW["drawer"])
    is_closed = _done(truth, "close_drawer", ROW["drawer"])
    drawer = "open" if is_open else "closed" if is_closed else "ajar"
    return Symbols(names, where, fixtures, drawer, truth.button_pressed, over[0] if over else -1)


def _done(truth: Truth, family: str, row: int, destination: int = -1, place: str = "") -> bool:
    point = (*CORNERS[place], HALF_M) if place in CORNERS else None
    return task_named(family).success(truth, Query(family, row, destination, point, place=place))


def _place(truth: Truth, row: int, names: Mapping[int, str], fixtures: frozenset[str]) -> str | int:
    if _done(truth, "pick_up", row):
        return HELD
    if "drawer" in fixtures and inside_drawer(truth, row):  # at rest or not: the drawer takes it along
        return "drawer"
    for base in names:
        if base != row and _done(truth, "stack", row, base):
            return base
    for place in ("bowl", "tray"):
        if place in fixtures and _done(truth, "put_in", row, ROW[place], place):
            return place
    if "zone" in fixtures and _done(truth, "push", row, ROW["zone"], "zone"):
        return "zone"
    for corner in CORNERS:
        if _done(truth, "push", row, place=corner):
            return corner
    return TABLE if -0.05 < truth.position_m[row, 2] < 2 * HALF_M else GONE


def nominal_truth(table: Table) -> Truth:
    """The true state of a table as it is laid, before physics has settled it."""
    position = np.full((ROWS, 3), np.nan)
    for row, thing in table.things.items():
        position[row] = thing.position_m
    for name, (x, y) in table.fixtures.items():
        position[ROW[name]] = (x, y, 0.0)
    if "drawer" in table.fixtures:
        x, front = table.drawer_front_m
        position[ROW["drawer"]] = (x, front - HANDLE_REACH_M, HANDLE_HEIGHT_M)
        position[ROW["drawer_inside"]] = (x, front + DRAWER_DEPTH_M / 2, 0.025)
    if "button" in table.fixtures:
        position[ROW["button"]][2] = 0.028
    return Truth(
        tool_m=np.array([0.42, 0.0, 0.22]),
        gap_m=0.08,
        position_m=position,
        speed_m_s=np.zeros(ROWS),
        held=-1,
        drawer_open_m=table.drawer_open_m,
        button_pressed=False,
    )
