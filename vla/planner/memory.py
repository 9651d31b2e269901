"""What a planner keeps in mind between looks: a hand in front of the camera makes nothing disappear."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from vla.planner.grammar import NAMES
from vla.planner.seen import CONTAINERS, Cell, Seen, SeenThing

SURE: Final = 2
"""Looks in a row that must show a new thing before it is believed, once the first look is over."""
FORGET: Final = 8
"""Looks in a row that do not show a thing before it is given up, unless a closed drawer hides it."""
_LASTING: Final = frozenset(CONTAINERS) - {"hand"}


class Memory:
    """What is believed about one table while one goal is pursued."""

    def __init__(self) -> None:
        self._things: dict[str, SeenThing] = {}
        self._fixtures: dict[str, Cell | None] = {}
        self._shown: dict[str, int] = {}
        self._missed: dict[str, int] = {}
        self._begun = False

    @property
    def placed(self) -> dict[str, str]:
        """Things that are in, on or at something that has a name, with its name; the hand is none."""
        return {name: thing.place for name, thing in self._things.items() if thing.place in _LASTING}

    def take_for(self, thing: SeenThing) -> None:
        """Believe in a thing that somebody has told of, until looks in a row show that it is not there."""
        self._things.setdefault(thing.name, thing)

    def update(self, seen: Seen, kept: Collection[str] = (), sure: int = SURE) -> Seen:
        """What is believed after another look.

        Args:
            seen: What this look alone shows.
            kept: Things that are never given up: they are being moved, and somewhere.
            sure: Looks in a row that must show a new thing before it is believed.
        """
        if not self._begun:
            self._begun = True
            self._things = {thing.name: thing for thing in seen.things}
            self._fixtures = dict(seen.fixtures)
            return seen
        for name, cell in seen.fixtures.items():
            if name in self._fixtures or self._is_new(name, sure):
                self._fixtures[name] = cell
        shown = {thing.name: thing for thing in seen.things}
        for name, thing in shown.items():
            if name in self._things or self._is_new(name, sure):
                self._things[name] = thing
                self._missed.pop(name, None)
        for name in self._shown.keys() - shown.keys() - seen.fixtures.keys():
            del self._shown[name]
        for name in self._things.keys() - shown.keys() - set(kept):
            self._miss(name, seen)
        drawer = seen.drawer or ("closed" if "drawer" in self._fixtures else "")
        things = tuple(self._things[name] for name in NAMES if name in self._things)
        over = seen.over if seen.over in self._things else ""
        return replace(seen, fixtures=dict(self._fixtures), drawer=drawer, things=things, over=over)

    def _is_new(self, name: str, sure: int) -> bool:
        """Whether something has now been shown often enough to be believed."""
        self._shown[name] = self._shown.get(name, 0) + 1
        return self._shown[name] >= sure

    def _miss(self, name: str, seen: Seen) -> None:
        """A thing is not shown: it stays where it was for a while."""
        if self._things[name].place == "drawer" and seen.drawer == "closed":
            return
        self._missed[name] = self._missed.get(name, 0) + 1
        if self._missed[name] >= FORGET:
            del self._things[name], self._missed[name]
            for other, thing in self._things.items():
                if thing.place == name:
                    self._things[other] = replace(thing, place="table")
