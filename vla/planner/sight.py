"""From what object queries believe to what a planner says it sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from torch import Tensor

from vla.models.scene import Sighting
from vla.planner.grammar import COLOURS, FIXTURES, NAMES
from vla.planner.seen import CONTAINERS, DRAWER_STATES, Cell, Seen, SeenThing, format_seen

PLACES: Final = ("table", *CONTAINERS, "on")
"""Classes of where a thing is."""
STATES: Final = ("absent", "there", *DRAWER_STATES)
"""Classes of the state of a fixture; a button that has been pressed counts as ``"open"``."""
_NONE, _TWICE = 0, 2
_STAYS = 1.6
"""Logarithm of how much likelier a thing is where it was."""
_NAMED = 1.1
"""Logarithm of how much likelier a thing is there when somebody speaks of it."""
_TWINS = 2.2
"""Logarithm of how much likelier two things of one name are than the queries believe, who saw few."""
_STATES_OF: Final = {"drawer": ("absent", *DRAWER_STATES), "button": ("absent", "there", "open")}


def sight_words(sighting: Sighting) -> str:
    """As :func:`seen_in`, in the words of :mod:`vla.planner.seen`."""
    return format_seen(seen_in(sighting))


def seen_in(sighting: Sighting, before: Mapping[str, str] | None = None, named: Collection[str] = ()) -> Seen:
    """The likeliest of everything in the first picture of a batch.

    Args:
        sighting: What the queries believe.
        before: Thing to the place that it was seen in before, one of :data:`vla.planner.seen.CONTAINERS`: it
            is still there unless another place is much likelier. What lies on the edge of a corner would else
            be there at one look, and not at the next. None at a first look, at which alone there may be two
            things of one name.
        named: Things that somebody speaks of, who mostly means something that is there: they are seen unless
            they are plainly absent.
    """
    fixtures: dict[str, Cell | None] = {}
    drawer, pressed = "", False
    for k, name in enumerate(FIXTURES):
        allowed = [STATES.index(state) for state in _STATES_OF.get(name, ("absent", "there"))]
        state = STATES[allowed[int(sighting.state[0, k, allowed].argmax())]]
        if state == "absent":
            continue
        fixtures[name] = None if name == "drawer" else _cell(sighting, len(NAMES) + k)
        drawer = state if name == "drawer" else drawer
        pressed |= name == "button" and state == "open"
    likelihood = sighting.count[0].log_softmax(-1)
    likelihood[[NAMES.index(name) for name in named], _NONE] -= _NAMED
    if before is None:
        likelihood[:, _TWICE] += _TWINS
    else:  # whoever was alone at first does not get a twin
        likelihood[:, _TWICE] = -float("inf")
    before = before or {}
    count = likelihood.argmax(-1).tolist()
    there = {k for k in range(len(NAMES)) if count[k] != _NONE}
    things = tuple(
        _thing(sighting, k, count[k] == _TWICE, there, before.get(NAMES[k], "")) for k in sorted(there)
    )
    over = max(there, key=lambda k: float(sighting.over[0, k]), default=None)
    pointed = over is not None and float(sighting.over[0, over]) > 0
    return Seen(fixtures, drawer, pressed, things, NAMES[over] if pointed and over is not None else "")


def _thing(sighting: Sighting, k: int, twice: bool, there: set[int], before: str) -> SeenThing:
    if twice:
        return SeenThing(NAMES[k], "", None, True)
    bases = [i for i, colour in enumerate(COLOURS) if NAMES.index(f"{colour} block") in there - {k}]
    likelihood = sighting.place[0, k].clone()
    if before:
        likelihood[PLACES.index(before)] += _STAYS
    if not bases:
        likelihood[PLACES.index("on")] = -float("inf")
    place = PLACES[int(likelihood.argmax())]
    if place == "on":
        place = f"{COLOURS[_likeliest(sighting.base[0, k], bases)]} block"
    return SeenThing(NAMES[k], place, _cell(sighting, k) if place == "table" else None)


def _likeliest(logits: Tensor, among: list[int]) -> int:
    return among[int(logits[among].argmax())]


def _cell(sighting: Sighting, query: int) -> Cell:
    return int(sighting.column[0, query].argmax()), int(sighting.row[0, query].argmax())
