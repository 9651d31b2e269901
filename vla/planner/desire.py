"""What should be true in the end: predicates over the table's state, whatever way leads there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vla.planner.sayings import CORNERS
from vla.planner.symbols import HELD, LOOSE, TABLE, Symbols

_SPACIOUS: Final = frozenset({"tray", "drawer"})
"""Places in which things may stand on one another."""


@dataclass(frozen=True, slots=True)
class In:
    """An object is in a place: a fixture, a corner, or (``"table"``) anywhere on the table's top itself.

    What stands on something on the tray, or in the drawer, is on the tray or in the drawer, too.
    """

    row: int
    place: str

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        at = state.where[self.row]
        if self.place == TABLE:
            return at in LOOSE
        return at == self.place or (self.place in _SPACIOUS and state.ground(self.row) == self.place)


@dataclass(frozen=True, slots=True)
class On:
    """An object stands on another."""

    row: int
    base: int

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        return state.where[self.row] == self.base


@dataclass(frozen=True, slots=True)
class Clear:
    """Nothing stands on an object."""

    row: int

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        return state.on(self.row) < 0


@dataclass(frozen=True, slots=True)
class Held:
    """An object is in the hand, lifted."""

    row: int

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        return state.where[self.row] == HELD


@dataclass(frozen=True, slots=True)
class Over:
    """The tool hovers over an object."""

    row: int

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        return state.over == self.row


@dataclass(frozen=True, slots=True)
class Drawer:
    """The drawer is ``"open"`` or ``"closed"``."""

    state: str

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        return state.drawer == self.state


@dataclass(frozen=True, slots=True)
class Pressed:
    """The button has been pressed."""

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        return state.pressed


@dataclass(frozen=True, slots=True)
class Sorted:
    """Every object is in a corner, no two colours in the same one."""

    rows: tuple[int, ...]

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        corner_of = [(state.where[row], state.colour(row)) for row in self.rows]
        in_corners = all(corner in CORNERS for corner, _ in corner_of)
        return in_corners and len(set(corner_of)) == len({corner for corner, _ in corner_of})


@dataclass(frozen=True, slots=True)
class Tower:
    """The objects stand on one another, in any order."""

    rows: tuple[int, ...]

    def holds(self, state: Symbols) -> bool:
        """True when it is so."""
        feet = [row for row in self.rows if state.where[row] not in self.rows]
        return len(feet) == 1 and set(state.column(feet[0])) == set(self.rows)


Atom = In | On | Clear | Held | Over | Drawer | Pressed | Sorted | Tower
