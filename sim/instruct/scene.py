"""A scene as text: what there is, where it is on the table and in the front camera's picture.

This is all that answers are made of, by templates here and by a language model elsewhere: nobody looks at
the picture. So a scene also knows what cannot be seen or said clearly, and such things are not asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from sim.layout import CORNERS
from sim.objects import HALF_M, SHAPES
from sim.scene import BOWL_RADIUS_M, TRAY_HALF_M
from vla.planner.symbols import GONE, HELD, LOOSE, TABLE, Symbols, name_order

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture's width and height."""

LANDMARKS: Final = ("bowl", "tray", "button")
"""Fixtures beside which things are found."""
FIXTURES: Final = ("bowl", "tray", "zone", "drawer", "button")

_CORNER_UNCLEAR_M = 0.05
_ZONE_UNCLEAR_M = 0.09
_RIM_M = 0.018
_MIDDLE_M, _SIDE_M = 0.06, 0.11


@dataclass(frozen=True)
class Scene:
    """The text-only context of a picture.

    Attributes:
        state: The table in words. Every movable thing has a name in it.
        position_m: Name of a thing ("red block") or fixture ("bowl") to its (x, y) on the table, robot frame.
            Seen by the front camera, smaller y is further left and larger x is nearer.
        boxes: Name to its box in the front camera's picture; may be empty.
    """

    state: Symbols
    position_m: Mapping[str, tuple[float, float]]
    boxes: Mapping[str, Box] = field(default_factory=dict[str, Box])

    @cached_property
    def seen(self) -> tuple[int, ...]:
        """Rows that can be seen, in the order of their names."""
        hidden = set(self.hidden)
        return tuple(name_order((row for row in self.state.names if row not in hidden), self.state.names))

    @cached_property
    def hidden(self) -> tuple[int, ...]:
        """Rows that a drawer hides unless it is open, and those that have fallen off the table."""
        state = self.state
        shut = state.inside("drawer") if state.drawer != "open" else ()
        feet = {*shut, *state.inside(GONE)}
        return tuple(row for row in state.names if state.foot(row) in feet)

    @cached_property
    def single(self) -> tuple[int, ...]:
        """Seen rows whose name nothing else on the table has: only they are called by it."""
        every = list(self.state.names.values())
        return tuple(row for row in self.seen if every.count(self.state.names[row]) == 1)

    @cached_property
    def placed(self) -> tuple[int, ...]:
        """Those of :attr:`single` whose place is plain."""
        return tuple(row for row in self.single if self.sure(row))

    @cached_property
    def still(self) -> tuple[int, ...]:
        """Those of :attr:`single` that are not in the hand, with a known position."""
        return tuple(
            row
            for row in self.single
            if self.state.ground(row) != HELD and self.state.names[row] in self.position_m
        )

    @property
    def corners(self) -> tuple[str, ...]:
        """Corners that no cabinet stands in."""
        return tuple(c for c in CORNERS if not ("drawer" in self.state.fixtures and "right" in c))

    @property
    def landmarks(self) -> tuple[str, ...]:
        """:data:`LANDMARKS` that are there, with a known position."""
        return tuple(name for name in LANDMARKS if name in self.state.fixtures and name in self.position_m)

    def name(self, row: int) -> str:
        """What the thing is called, without an article."""
        return self.state.names[row]

    def the(self, row: int) -> str:
        """What the thing is called, with its article."""
        return f"the {self.state.names[row]}"

    def of(self, shape: str) -> tuple[int, ...]:
        """Seen rows of a shape."""
        return tuple(row for row in self.seen if self.state.shape(row) == shape)

    def coloured(self, colour: str) -> tuple[int, ...]:
        """Seen rows of a colour."""
        return tuple(row for row in self.seen if self.state.colour(row) == colour)

    def colour_is_plain(self, colour: str) -> bool:
        """False where a fixture might be taken for a thing of that colour, or a hidden thing has it."""
        hidden = any(self.state.colour(row) == colour for row in self.hidden)
        return not (
            hidden or "button" in self.state.fixtures or (colour == "white" and "bowl" in self.state.fixtures)
        )

    def shape_is_plain(self, shape: str) -> bool:
        """False where a thing of that shape is hidden."""
        return not any(self.state.shape(row) == shape for row in self.hidden)

    def sure(self, row: int) -> bool:
        """Whether an honest person would say where it is: not across a border, not next to a corner."""
        at = self.state.where[row]
        if at == GONE or row in self.hidden:
            return False
        if at != TABLE:
            return True
        point = self.position_m.get(self.name(row))
        return point is not None and not any(
            self._unclear(place, point) for place in ("bowl", "tray", "zone", *CORNERS)
        )

    def _unclear(self, place: str, point: tuple[float, float]) -> bool:
        """Whether a thing that counts as on the table might be thought in a place."""
        middle = CORNERS.get(place) or self.position_m.get(place)
        if middle is None or not (place in CORNERS or place in self.state.fixtures):
            return False
        away = np.abs(np.subtract(point, middle))
        if place in CORNERS:
            return bool(away.max() < _CORNER_UNCLEAR_M)
        if place == "zone":
            return bool(away.max() < _ZONE_UNCLEAR_M)
        if place == "tray":
            return bool((away < np.array(TRAY_HALF_M) + HALF_M).all())
        return bool(np.hypot(*away) < BOWL_RADIUS_M + _RIM_M)

    def where(self, row: int) -> str:
        """Where a thing is, such as "on the tray"; of one whose place is plain."""
        at = self.state.where[row]
        return f"on {self.the(at)}" if isinstance(at, int) else place_words(at)

    def contents(self, place: str) -> tuple[int, ...] | None:
        """Rows in a fixture or corner, in the order of their names; None where that is unclear or hidden."""
        state = self.state
        inside = state.inside(place)
        names = list(state.names.values())
        if place == "drawer" and state.drawer != "open":
            return None
        if any(state.on(row) >= 0 or names.count(self.name(row)) > 1 for row in inside):
            return None
        for row in self.seen:
            point = self.position_m.get(self.name(row))
            if state.where[row] == TABLE and (point is None or self._unclear(place, point)):
                return None
        return tuple(row for row in self.seen if row in inside)

    def side(self, name: str) -> str:
        """Where in the picture a thing or fixture is, such as "on the left"; "" where that is unclear."""
        y = self.position_m[name][1]
        if abs(y) > _SIDE_M:
            return "on the left" if y < 0 else "on the right"
        return "in the middle" if abs(y) < _MIDDLE_M else ""

    def hand_is_free(self) -> bool:
        """Nothing is in the hand."""
        return not self.state.inside(HELD)

    def listed(self, rows: Iterable[int]) -> str:
        """Things in words, in the order given; "nothing" for none."""
        return listed([self.the(row) for row in rows])

    def loose(self, row: int) -> bool:
        """It stands on the table's top itself."""
        return self.state.where[row] in LOOSE

    def shapes(self) -> tuple[str, ...]:
        """Shapes of which nothing is hidden."""
        return tuple(shape for shape in SHAPES if self.shape_is_plain(shape))


def place_words(place: str) -> str:
    """In or on a fixture, a corner, the hand, the table."""
    if place in CORNERS:
        return f"in the {place} corner"
    return f"{'on' if place in ('tray', TABLE) else 'in'} the {place}"


def listed(parts: Sequence[str]) -> str:
    """Parts joined as people do: "a, b and c"; "nothing" for none."""
    if not parts:
        return "nothing"
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
