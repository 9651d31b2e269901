"""Laying a table for a goal: its things first, then whatever does not change what the goal means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sim.goals.symbols import names_of
from sim.layout import CORNERS, OPEN_DRAWER_M, NoRoomError, Table
from sim.objects import COLOUR_NAMES, HALF_M, HELD_OUT_PAIRS, POOL, SHAPES
from sim.scene import CABINET_HALF_M, DRAWER_DEPTH_M, DRAWER_TRAVEL_M
from sim.tasks.push import LANE_M, TOLERANCE_M, lanes
from sim.tasks.stack import STACKABLE
from sim.tasks.take_out import DRAWER_FLOOR_M

T = TypeVar("T")

_RADIUS_M = 0.032
_CORNER_M = TOLERANCE_M + 0.01
_FIXTURE_RADIUS_M = {"bowl": 0.07, "tray": 0.09, "button": 0.04, "zone": 0.0, "drawer": 0.0}
_FIXTURE_CHANCE = {"bowl": 0.35, "tray": 0.3, "button": 0.35, "zone": 0.25}
SLOTS_M = {
    "bowl": ((0.0, 0.0),),
    "tray": ((0.0, 0.0), (0.046, 0.0), (-0.046, 0.0)),
    "drawer": ((0.0, 0.0), (0.055, 0.0), (-0.055, 0.0)),
}
_CONTENT_M = {"bowl": HALF_M + 0.007, "tray": HALF_M + 0.006, "drawer": DRAWER_FLOOR_M + HALF_M}
_PUSHED_LOW_M, _PUSHED_HIGH_M = (0.39, -0.25), (0.63, 0.25)


@dataclass(slots=True)
class GoalTable(Table):
    """A table that is laid for a goal. Every thing has a colour with a name; no two have both words in common
    unless :meth:`twin` says so."""

    def chance(self, share: float) -> bool:
        """True in this share of scenes."""
        return bool(self.rng.random() < share)

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[int(self.rng.integers(len(choices)))]

    def cabinet(self, state: str = "any") -> str:
        """Stand the cabinet, before anything else; returns whether the drawer is "open" or "closed"."""
        x, y = self.fixture("drawer")
        if state == "open" or (state == "any" and self.chance(0.5)):
            self.drawer_open_m = float(self.rng.uniform(*OPEN_DRAWER_M))
        self.keep_free(x, y - CABINET_HALF_M[1] - DRAWER_TRAVEL_M - 0.14, 0.045)
        return "open" if self.drawer_open_m else "closed"

    def maybe_cabinet(self) -> None:
        """Stand the cabinet in some scenes whose goal does not need it."""
        if self.chance(0.3):
            self.cabinet()

    def call(self, shapes: Sequence[str] = SHAPES, colours: Sequence[str] = COLOUR_NAMES) -> str:
        """A name that nothing on the table has, respecting the pair split.

        With ``pair="test"`` a held-out pair where there is one left to choose.

        Raises:
            NoRoomError: every such name is taken.
        """
        present = set(names_of(self).values())
        names = [f"{c} {s}" for s in dict.fromkeys(shapes) for c in colours if f"{c} {s}" not in present]
        held_out = [name for name in names if tuple(name.split()) in HELD_OUT_PAIRS]
        if self.switches.pair == "test":
            names = held_out or names
        else:
            names = [name for name in names if name not in held_out]
        if not names:
            raise NoRoomError
        return self.pick(names)

    def lay(self, name: str, place: str = "table", slot: int = 0) -> int:
        """Lay the thing of that name; returns its row.

        Args:
            name: Such as ``"red block"``.
            place: Where: ``"table"``, a fixture that stands already, or a corner.
            slot: Which spot of the fixture.

        Raises:
            NoRoomError: no room, or no body of its shape is left.
        """
        colour, shape = name.split()
        if place == "table":
            at, z_m = self._open_spot(), HALF_M
        elif place in CORNERS or place == "zone":
            middle = CORNERS[place] if place in CORNERS else self.fixtures["zone"]
            at, z_m = tuple(np.add(middle, self.rng.uniform(-0.01, 0.01, 2))), HALF_M
            self.keep_free(float(at[0]), float(at[1]), _RADIUS_M)
        else:
            middle = self.fixtures[place]
            if place == "drawer":
                x, y = self.drawer_front_m
                middle = (x, y + DRAWER_DEPTH_M / 2)
            at, z_m = tuple(np.add(middle, SLOTS_M[place][slot])), content_height_m(place)
        return self.thing(shape, COLOUR_NAMES.index(colour), (float(at[0]), float(at[1])), z_m)

    def _open_spot(self) -> tuple[float, float]:
        """A free place that is in no corner: things stand there on purpose only."""
        while True:
            x, y = self.spot(_RADIUS_M, as_target=True)
            if all(max(abs(x - a), abs(y - b)) > _CORNER_M for a, b in CORNERS.values()):
                return x, y
            self._taken.pop()

    def some(
        self,
        count: int,
        shapes: Sequence[str] = SHAPES,
        colours: Sequence[str] = COLOUR_NAMES,
        place: str = "table",
    ) -> list[int]:
        """That many things of different names."""
        return [self.lay(self.call(shapes, colours), place, slot) for slot in range(count)]

    def one(
        self, shapes: Sequence[str] = SHAPES, colours: Sequence[str] = COLOUR_NAMES, place: str = "table"
    ) -> int:
        """One thing."""
        return self.some(1, shapes, colours, place)[0]

    def twin(self, row: int) -> int:
        """Another thing of the same name."""
        return self.lay(names_of(self)[row])

    def stacked(self, base: int, shapes: Sequence[str] = STACKABLE) -> int:
        """Lay a thing on another, which must stand free."""
        x, y, z = self.things[base].position_m
        colour, shape = self.call(shapes).split()
        dx, dy = self.rng.uniform(-0.004, 0.004, 2)
        at = (x + float(dx), y + float(dy))
        return self.thing(shape, COLOUR_NAMES.index(colour), at, z + 2 * HALF_M)

    def name(self, row: int) -> str:
        """What the thing is called."""
        return names_of(self)[row]

    def lane(self, row: int, place: str) -> None:
        """Make sure that a thing can be pushed to a corner or the zone, now and after more is laid.

        Raises:
            NoRoomError: it stands too near to its goal or to the edge, or something is in its way.
        """
        x, y, _ = self.things[row].position_m
        goal = CORNERS[place] if place in CORNERS else self.fixtures["zone"]
        inside = _PUSHED_LOW_M[0] < x < _PUSHED_HIGH_M[0] and _PUSHED_LOW_M[1] < y < _PUSHED_HIGH_M[1]
        if not inside or max(abs(goal[0] - x), abs(goal[1] - y)) < 0.09:
            raise NoRoomError
        circles = [(*t.position_m[:2], _RADIUS_M) for i, t in self.things.items() if i != row]
        circles += [(*at, _FIXTURE_RADIUS_M[name]) for name, at in self.fixtures.items()]
        for point in lanes((x, y), goal):
            if any(r and np.hypot(point[0] - a, point[1] - b) < LANE_M + r - 0.005 for a, b, r in circles):
                raise NoRoomError
            self.keep_free(float(point[0]), float(point[1]), LANE_M)

    def fill(self, avoid: Sequence[str] = (), without: Sequence[str] = ()) -> None:
        """Add fixtures and things that the goal does not speak of.

        Args:
            avoid: Words that no added thing may be called by, such as ``"block"`` or ``"red"``; a whole name
                keeps that very thing away.
            without: Fixtures that must not be added.
        """
        for name, share in _FIXTURE_CHANCE.items():
            if name not in self.fixtures and name not in without and self.chance(share):
                try:
                    self.fixture(name)
                except NoRoomError:
                    continue
        low, high = self.switches.distractors
        for _ in range(int(self.rng.integers(max(0, low - 1), max(1, high - 1)))):
            shapes = [s for s in SHAPES if s not in avoid and POOL.count(s) > self._count(s)]
            colours = [c for c in COLOUR_NAMES if c not in avoid]
            try:
                name = self._bystander(shapes, colours)
                if name not in avoid:
                    self.lay(name)
            except NoRoomError:
                return

    def _count(self, shape: str) -> int:
        return sum(POOL[row] == shape for row in self.things)

    def _bystander(self, shapes: Sequence[str], colours: Sequence[str]) -> str:
        present = set(names_of(self).values())
        test = self.switches.pair == "test"
        names = [
            f"{c} {s}"
            for s in shapes
            for c in colours
            if f"{c} {s}" not in present and (test or (c, s) not in HELD_OUT_PAIRS)
        ]
        if not names:
            raise NoRoomError
        return self.pick(names)


def content_height_m(place: str) -> float:
    """How high the middle of an object is that lies in a place."""
    return _CONTENT_M.get(place, HALF_M)
