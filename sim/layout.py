"""Laying the table: which bodies are present, where, in what colour, and how to refer to them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.objects import (
    COLOUR_NAMES,
    COLOURS,
    HALF_M,
    HELD_OUT_PAIRS,
    POOL,
    ROW,
    SHAPES,
    UNNAMED,
    unnamed_colour,
)
from sim.randomise import Randomise
from sim.scene import CABINET_HALF_M, DRAWER_TRAVEL_M, MAT_HIGH_M, MAT_LOW_M
from sim.truth import Query

CELL_M = 0.05
RELATION_MARGIN_M = 0.03
CORNERS = {
    "front left": (0.63, -0.24),
    "front right": (0.63, 0.24),
    "back left": (0.39, -0.24),
    "back right": (0.39, 0.24),
}
_RADIUS = {"bowl": 0.085, "tray": 0.10, "zone": 0.085, "button": 0.055, "object": 0.032}
_FIXTURE_CHANCE = {"bowl": 0.5, "tray": 0.4, "button": 0.4, "zone": 0.3}
_UNNAMED_CHANCE = 0.5


class NoRoomError(Exception):
    """The table is too full for one more thing; the caller draws the scene anew."""


def held_out_cell(x_m: float, y_m: float) -> bool:
    """True for the fifth of the table's 5 cm cells in which no demonstration ever finds its target.

    Other things may stand there, and grounding is asked about them too; no action is ever learned from there.
    """
    i, j = int(np.floor(x_m / CELL_M)), int(np.floor(y_m / CELL_M))
    return (2 * i + j) % 5 == 0


@dataclass(slots=True)
class Thing:
    """A movable object on the table.

    Attributes:
        position_m: x, y, z in the robot frame.
        yaw_rad: Turn about the vertical.
        colour: Index of its colour's name, or :data:`sim.objects.UNNAMED`.
        rgb: Its colour, each 0..1.
    """

    position_m: tuple[float, float, float]
    yaw_rad: float
    colour: int
    rgb: tuple[float, float, float]


@dataclass(slots=True)
class Table:
    """A scene while it is being laid.

    Attributes:
        switches: What may vary.
        rng: The scene's random stream.
        things: Movable row to what lies there.
        fixtures: Fixture name to its (x, y) in m.
        drawer_open_m: How far the drawer is out at the start.
        button_colour: Colour index of the button's cap.
    """

    switches: Randomise
    rng: np.random.Generator
    things: dict[int, Thing] = field(default_factory=dict)
    fixtures: dict[str, tuple[float, float]] = field(default_factory=dict)
    drawer_open_m: float = 0.0
    button_colour: int = 0
    _taken: list[tuple[float, float, float]] = field(default_factory=list)

    def spot(
        self,
        radius_m: float,
        low: tuple[float, float] = (MAT_LOW_M[0] + 0.03, MAT_LOW_M[1] + 0.03),
        high: tuple[float, float] = (MAT_HIGH_M[0] - 0.03, MAT_HIGH_M[1] - 0.03),
        as_target: bool = False,
        gap_m: float = 0.012,
    ) -> tuple[float, float]:
        """A free place, kept free afterwards.

        Args:
            radius_m: Radius to keep free.
            low: Smallest x, y.
            high: Largest x, y.
            as_target: The referred object stands here: respect the layout split's held-out cells.
            gap_m: Extra room to the neighbours.

        Raises:
            NoRoomError: 60 draws found no place.
        """
        if "drawer" in self.fixtures:
            high = (high[0], min(high[1], 0.0))
        for _ in range(60):
            x, y = (float(self.rng.uniform(a, max(b, a + 1e-3))) for a, b in zip(low, high, strict=True))
            if as_target and held_out_cell(x, y) != (self.switches.layout == "test"):
                continue
            if all(np.hypot(x - a, y - b) > radius_m + r + gap_m for a, b, r in self._taken):
                self._taken.append((x, y, radius_m))
                return x, y
        raise NoRoomError

    def reserve(self, x_m: float, y_m: float, radius_m: float) -> None:
        """Keep a place free.

        Raises:
            NoRoomError: something is there already.
        """
        if any(np.hypot(x_m - a, y_m - b) < radius_m + r for a, b, r in self._taken):
            raise NoRoomError
        self.keep_free(x_m, y_m, radius_m)

    def keep_free(self, x_m: float, y_m: float, radius_m: float) -> None:
        """Let nothing more stand near a place, whatever stands there already."""
        self._taken.append((x_m, y_m, radius_m))

    def fixture(self, name: str, at: tuple[float, float] | None = None) -> tuple[float, float]:
        """Stand a fixture on the table (or return where it already stands)."""
        if name not in self.fixtures:
            if name == "drawer":
                if self.things or self.fixtures:
                    raise NoRoomError
                at = (float(self.rng.uniform(0.45, 0.58)), float(self.rng.uniform(0.36, 0.38)))
            elif at is None:
                at = self.spot(_RADIUS[name], (0.40, -0.26), (0.64, 0.26))
            self.fixtures[name] = at
        return self.fixtures[name]

    def maybe_drawer(self, chance: float = 0.35) -> None:
        """Stand the cabinet on an empty table with some chance, its drawer closed or open."""
        if self.rng.random() < chance:
            self.fixture("drawer")
            if self.rng.random() < 0.5:
                self.drawer_open_m = float(self.rng.uniform(*OPEN_DRAWER_M))

    @property
    def drawer_front_m(self) -> tuple[float, float]:
        """x, y of the middle of the drawer's front, as it stands."""
        x, y = self.fixtures["drawer"]
        return x, y - CABINET_HALF_M[1] - self.drawer_open_m

    @property
    def corners(self) -> tuple[str, ...]:
        """Names of the corners that nothing stands in the way of."""
        return tuple(name for name in CORNERS if not ("drawer" in self.fixtures and "right" in name))

    @property
    def marks(self) -> tuple[str, ...]:
        """Where things can stand on the table itself that has a name: the zone and the free corners."""
        return ("zone", *self.corners) if "zone" in self.fixtures else self.corners

    def thing(
        self,
        shape: str,
        colour: int,
        at: tuple[float, float],
        z_m: float = HALF_M,
        yaw_rad: float | None = None,
    ) -> int:
        """Lay an object down; returns its entity row. The colour :data:`UNNAMED` stands for a random one.

        Raises:
            NoRoomError: no body of that shape is left.
        """
        row = next((i for i, kind in enumerate(POOL) if kind == shape and i not in self.things), None)
        if row is None:
            raise NoRoomError
        yaw = float(self.rng.uniform(-0.26, 0.26)) if yaw_rad is None else yaw_rad
        rgb = unnamed_colour(self.rng) if colour == UNNAMED else COLOURS[COLOUR_NAMES[colour]]
        self.things[row] = Thing((at[0], at[1], z_m), yaw, colour, rgb)
        return row

    def pair(self, shapes: tuple[str, ...] = SHAPES, referred: bool = True) -> tuple[str, int]:
        """A shape and colour that are not on the table yet, respecting the pair split."""
        present = {(POOL[row], thing.colour) for row, thing in self.things.items()}
        test = self.switches.pair == "test"
        choices = [
            (shape, c)
            for shape in shapes
            for c, name in enumerate(COLOUR_NAMES)
            if (shape, c) not in present
            and (
                ((name, shape) in HELD_OUT_PAIRS) == test
                if referred
                else test or (name, shape) not in HELD_OUT_PAIRS
            )
        ]
        if not choices:
            raise NoRoomError
        return choices[int(self.rng.integers(len(choices)))]

    def target(self, shapes: tuple[str, ...] = SHAPES, **where: object) -> int:
        """Lay the object that the instruction refers to; returns its row."""
        shape, colour = self.pair(shapes)
        return self.thing(shape, colour, self.spot(_RADIUS["object"], as_target=True, **where))  # type: ignore[arg-type]

    def clutter(self) -> None:
        """Add fixtures and objects that the instruction does not need, as many as there is room for."""
        for name, chance in _FIXTURE_CHANCE.items():
            if name not in self.fixtures and self.rng.random() < chance:
                try:
                    self.fixture(name)
                except NoRoomError:
                    continue
        low, high = self.switches.distractors
        for i in range(int(self.rng.integers(low, high + 1))):
            try:
                shape, colour = self.pair(referred=False)
                if self.switches.unnamed and self.rng.random() < _UNNAMED_CHANCE:
                    colour = UNNAMED
                self.thing(shape, colour, self.spot(_RADIUS["object"]))
            except NoRoomError:
                if i < min(low, 2):
                    raise

    def describe(self, row: int) -> dict[str, object]:
        """Words that pick out one object: colour and shape, sometimes less, sometimes a relation."""
        shape, thing = POOL[row], self.things[row]
        if thing.colour == UNNAMED:
            return {"colour": None, "noun": shape, "relation": None}
        others = [(POOL[i], t) for i, t in self.things.items() if i != row]
        colour: str | None = COLOUR_NAMES[thing.colour]
        draw = self.rng.random()
        if draw < 0.25 and (relation := self._relation(row)):
            return {"colour": None, "noun": shape, "relation": relation}
        if draw < 0.32 and all(t.colour != thing.colour for _, t in others):
            return {"colour": colour, "noun": "object", "relation": None}
        if draw < 0.42 and all(kind != shape for kind, _ in others):
            return {"colour": None, "noun": shape, "relation": None}
        return {"colour": colour, "noun": shape, "relation": None}

    def _relation(self, row: int) -> tuple[str, str] | None:
        """A (relation, landmark) that holds, with margin, for this object alone among those of its shape."""
        same = [i for i in self.things if POOL[i] == POOL[row]]
        if len(same) < 2:
            return None
        found = []
        for landmark in ("bowl", "tray", "button"):
            if landmark not in self.fixtures:
                continue
            x, y = self.fixtures[landmark]
            for relation, axis, sign in (
                ("left", 1, -1),
                ("right", 1, 1),
                ("front", 0, 1),
                ("behind", 0, -1),
            ):
                offset = {i: sign * (self.things[i].position_m[axis] - (x, y)[axis]) for i in same}
                if offset[row] > 1.5 * RELATION_MARGIN_M and all(
                    offset[i] < -RELATION_MARGIN_M for i in same if i != row
                ):
                    found.append((relation, landmark))
        return found[int(self.rng.integers(len(found)))] if found else None

    def on_table(self) -> list[int]:
        """Movable rows that words pick out and that lie on the table itself, with nothing on top of them.

        A thing whose colour has no name is picked out by its shape, where no other thing has it.
        """
        flat = [i for i, t in self.things.items() if t.position_m[2] <= HALF_M + 1e-3]
        stacked = {t.position_m[:2] for t in self.things.values() if t.position_m[2] > HALF_M + 1e-3}
        free = [i for i in flat if self.things[i].position_m[:2] not in stacked]
        shapes = [POOL[i] for i in self.things]
        return [i for i in free if self.things[i].colour != UNNAMED or shapes.count(POOL[i]) == 1]

    def query(self, family: str, row: int, **more: object) -> Query:
        """A query about an object, with words that pick it out."""
        return Query(family, row, **self.describe(row), **more)  # type: ignore[arg-type]

    def query_to(self, family: str, row: int, place: str) -> Query:
        """A query about an object that is to come to a fixture or a corner."""
        if place in CORNERS:
            return self.query(family, row, point_m=(*CORNERS[place], HALF_M), place=place)
        return self.query(family, row, destination=ROW[place], place=place)

    def fixture_query(self, family: str, name: str) -> Query:
        """A query about a fixture."""
        return Query(family, ROW[name])


OPEN_DRAWER_M = (DRAWER_TRAVEL_M - 0.01, DRAWER_TRAVEL_M)
