"""What should be true in the end: predicates over the table's state, whatever way leads there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def lasting(wanted: Sequence[Sequence[Atom]], reached: int | None = None) -> Iterable[Atom]:
    """What is to be true in the end of several wishes.

    Args:
        wanted: What each of them wants.
        reached: One after another, and the first so many have been fulfilled: what a later one undoes, or
            needs the hand for, need not be true any more. None where the order is free: of two places for
            one thing the later one counts.
    """
    for i, atoms in enumerate(wanted):
        later = [atom for others in wanted[i + 1 :] for atom in others]
        over = reached is None or i < reached
        busy = reached is not None and bool(later)
        yield from (atom for atom in atoms if not (over and _is_over(atom, later, busy)))


def _is_over(atom: Atom, later: Iterable[Atom], busy: bool) -> bool:
    if busy and isinstance(atom, Over | Held):
        return True
    return any(_undoes(other, atom) for other in later)


def _undoes(later: Atom, atom: Atom) -> bool:
    """Whether two things that are not the same cannot both be true."""
    if later == atom:
        return False
    match atom:
        case Over():
            return isinstance(later, Over | Held)
        case Drawer():
            return isinstance(later, Drawer)
        case In(row) | On(row) | Held(row):
            return isinstance(later, In | On | Held) and later.row == row
        case Clear(row):
            return isinstance(later, On) and later.base == row
        case _:
            return False
