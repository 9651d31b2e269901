"""From ends to means: what should be true becomes the instructions that make it so, from any state.

Each thing that should be true and is not yet names the instruction that makes it so, after the instructions
that this one needs. The scripted oracle does this with the simulator's truth, the planner that looks with
what it sees; :mod:`sim.goals.judge` does not share a line with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from vla.planner.desire import Atom, Clear, Drawer, Held, In, On, Over, Pressed, Sorted, Tower
from vla.planner.sayings import CORNERS, Instructions, Refusal, Step
from vla.planner.symbols import CAPACITY, GONE, HELD, LOOSE, TABLE, Symbols, name_order

_HIGHEST = 3


class StuckError(RuntimeError):
    """No instruction leads on from this state; the message says what is in the way.

    Attributes:
        refusal: The same in a planner's words, where it has some.
    """

    def __init__(self, message: str, refusal: Refusal | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


def means(desire: Iterable[Atom], state: Symbols, ordered: bool = False) -> Instructions:
    """The instructions that make everything of ``desire`` true.

    A step that is under way (something is in the hand that should be elsewhere) comes first.

    Args:
        desire: What should be true, in the order in which it is pursued.
        state: The table now.
        ordered: It must become true in that order.

    Raises:
        StuckError: there is no way, for example because the object has fallen off the table.
    """
    atoms = list(_spelled_out(desire, state))
    sketch = _Sketch(state, atoms)
    if not ordered:
        atoms = _bases_first(atoms)
        held = state.inside(HELD)
        atoms.sort(key=lambda atom: (getattr(atom, "row", -1) not in held, _lateness(atom)))
    sketch.free_foot()
    for atom in atoms:
        sketch.achieve(atom)
    if not ordered:
        sketch.restore()
    return Instructions(tuple(sketch.steps))


def _lateness(atom: Atom) -> int:
    """How late it comes where the order is free.

    A drawer is closed behind what went through it, and the hand goes to where it should be at the very end.
    """
    if isinstance(atom, Held | Over):
        return 2
    return int(atom == Drawer("closed"))


def _spelled_out(desire: Iterable[Atom], state: Symbols) -> Iterable[Atom]:
    """Corners and orders chosen where the goal leaves them open."""
    for atom in desire:
        match atom:
            case Sorted(rows) if not atom.holds(state):
                yield from _corner_each(rows, state)
            case Tower(rows):
                yield from _one_column(rows, state)
            case _:
                yield atom


def _bases_first(atoms: Iterable[Atom]) -> list[Atom]:
    """Whoever carries something in the end is moved before that is put on it."""
    atoms = list(atoms)
    moving = {atom.row: atom for atom in atoms if isinstance(atom, In | On)}
    found: list[Atom] = []
    visited: set[Atom] = set()

    def add(atom: Atom) -> None:
        if atom in visited:
            return
        visited.add(atom)
        if isinstance(atom, On) and atom.base in moving:
            add(moving[atom.base])
        found.append(atom)

    for atom in atoms:
        add(atom)
    return found


def _corner_each(rows: tuple[int, ...], state: Symbols) -> Iterable[In]:
    """Who stands in a corner stays; the others take the free ones, both in the order of their lists."""
    order = name_order(rows, state.names)
    kept: dict[str, int] = {}
    for row in order:
        place = state.where[row]
        if place in CORNERS and isinstance(place, str):
            kept.setdefault(place, row)
    free = [corner for corner in state.reachable_corners if corner not in kept and not state.inside(corner)]
    loose = [row for row in order if row not in kept.values()]
    yield from (In(row, corner) for row, corner in zip(loose, free, strict=False))


def _one_column(rows: tuple[int, ...], state: Symbols) -> Iterable[On]:
    """What is built already is built upon; the rest follows in the order of the lists.

    What is no block carries nothing and comes last.
    """
    order = sorted(name_order(rows, state.names), key=lambda row: state.shape(row) != "block")
    built: list[int] = []
    for foot in order:
        column = [foot]
        while (above := state.on(column[-1])) in rows and state.shape(above) == "block":
            column.append(above)
        if state.where[foot] not in rows and len(column) > len(built):
            built = column
    built += [row for row in order if row not in built]
    yield from (On(top, base) for base, top in itertools.pairwise(built))


class _Sketch:
    """The table as it will be after the steps found so far."""

    def __init__(self, state: Symbols, atoms: list[Atom]) -> None:
        self._state = state
        self._wanted = {atom.row: atom for atom in atoms if isinstance(atom, In | On)}
        self._under_way: list[int] = []
        self.steps: list[Step] = []

    def achieve(self, atom: Atom) -> None:
        """Add the steps that make ``atom`` true."""
        if atom.holds(self._state):
            return
        match atom:
            case In(row, place):
                self._bring(row, place)
            case On(row, base):
                self._free(row)
                self._free(base)
                self._do("stack", row, base, self._state.names[base])
            case Clear(row):
                self._clear(row)
            case Held(row):
                self._free(row)
                self._do("pick_up", row, HELD)
            case Over(row):
                self._free(row)
                self._do("reach", row)
            case Drawer(state):
                self._slide(state)
            case Pressed():
                self.steps.append(Step("press_button"))
                self._state = replace(self._state, pressed=True)
            case Sorted() | Tower():
                raise AssertionError("spelled out before")

    def restore(self) -> None:
        """Bring back what was wanted somewhere and had to leave for something else that was wanted."""
        for atom in self._wanted.values():
            if isinstance(atom, On):
                self.achieve(atom)

    def free_foot(self) -> None:
        """Take the foot of the wanted tower down where it could not carry the tower as it stands."""
        wanted = [atom for atom in self._wanted.values() if isinstance(atom, On)]
        members = {atom.row for atom in wanted}
        for foot in {atom.base for atom in wanted} - members:
            below = [row for row in self._state.column(self._state.foot(foot)) if self._below(row, foot)]
            if members & set(below) or (below and len(below) + len(members) + 1 > _HIGHEST):
                self._free(foot)
                self._off(foot)

    def _below(self, row: int, upper: int) -> bool:
        under = self._state.where[upper]
        return isinstance(under, int) and (under == row or self._below(row, under))

    def _do(self, family: str, row: int, to: str | int | None = None, place: str = "") -> None:
        self.steps.append(Step(family, self._state.names[row], place))
        if to is not None:
            self._state = self._state.moved(row, to)

    def _slide(self, state: str) -> None:
        if self._state.drawer != state:
            self.steps.append(Step("open_drawer" if state == "open" else "close_drawer"))
            self._state = replace(self._state, drawer=state)

    def _off(self, row: int) -> None:
        base = self._state.where[row]
        if isinstance(base, int):
            self._do("unstack", row, TABLE, self._state.names[base])

    def _clear(self, row: int) -> None:
        for upper in reversed(self._state.column(row)[1:]):
            self._off(upper)

    def _free(self, row: int) -> None:
        """Make it possible to lift an object."""
        self._clear(row)
        if self._state.where[row] == "drawer":
            self._slide("open")
            self._do("take_out", row, TABLE, "drawer")

    def _bring(self, row: int, place: str) -> None:
        if self._state.where[row] == GONE:
            raise StuckError(f"the {self._state.names[row]} is out of reach")
        self._free(row)
        if place == TABLE:
            self._off(row)
            if self._state.where[row] == HELD:
                raise StuckError(f"the {self._state.names[row]} is being carried to the table")
            if self._state.where[row] in CAPACITY and self._state.where[row] not in LOOSE:
                self._put_aside(row)
            return
        self._make_room(row, place)
        if place == "drawer":
            self._slide("open")
            self._do("put_in_drawer", row, place, place)
        else:
            self._do("put_in", row, place, place)

    def _make_room(self, row: int, place: str) -> None:
        """Whoever is in the way goes where it belongs; where that is taken in turn, it waits in a corner."""
        there = self._state.inside(place)
        if len(there) < CAPACITY[place]:
            return
        leaving = [other for other in there if self._misplaced(other, place)]
        if not leaving:
            raise StuckError(f"there is no room in {place}", _no_room(place))
        other = leaving[0]
        if self._state.where[row] == HELD:
            self._put_aside(row)  # nothing else is moved while the hand is full
        self._under_way.append(row)
        atom = self._wanted[other]
        taken = self._state.inside(atom.place) if isinstance(atom, In) else ()
        if not any(waiting in taken for waiting in self._under_way):
            self.achieve(atom)
        elif self._state.shape(other) == "ball" and row in taken:
            self._put_aside(row)
            self.achieve(atom)
        else:
            self._put_aside(other)
        self._under_way.pop()

    def _misplaced(self, row: int, place: str) -> bool:
        atom = self._wanted.get(row)
        return atom is not None and not (isinstance(atom, In) and atom.place == place)

    def _put_aside(self, row: int) -> None:
        """Bring an object to a spot on the table that has a name and that nobody needs."""
        self._free(row)
        if self._state.where[row] == TABLE:
            return  # it has come out of the drawer
        if self._state.shape(row) == "ball":
            raise StuckError(f"the {self._state.names[row]} rolls away on the table")
        spoken_for = {atom.place for atom in self._wanted.values() if isinstance(atom, In)}
        zone = ("zone",) if "zone" in self._state.fixtures else ()
        spots = [spot for spot in (*self._state.reachable_corners, *zone) if spot not in spoken_for]
        free = [spot for spot in spots if not self._state.inside(spot)]
        if not free:
            raise StuckError(f"there is no free corner for the {self._state.names[row]}")
        self._do("put_in", row, free[0], free[0])


def _no_room(place: str) -> Refusal | None:
    if place in CORNERS:
        return Refusal("blocked", place)
    return Refusal("full", place) if place in ("bowl", "tray", "drawer") else None
