"""What an instruction brings about, and which others might be mistaken for it."""

from __future__ import annotations

from collections.abc import Iterator

from sim.goals.judge import find
from sim.goals.model import Act, ImpossibleError
from sim.goals.telling import hidden
from sim.layout import CORNERS
from sim.tasks.stack import STACKABLE
from vla.planner.desire import In
from vla.planner.grammar import STEPS, Step, step_words
from vla.planner.symbols import CAPACITY, HELD, LOOSE, Symbols

_OPPOSITE = {"open_drawer": "close_drawer", "close_drawer": "open_drawer"}
_KNOWN = frozenset(STEPS.values())


def fulfilled(act: Act, state: Symbols) -> bool:
    """Whether what an instruction brings about is so."""
    match act.family:
        case "open_drawer" | "close_drawer":
            return state.drawer == ("open" if act.family == "open_drawer" else "closed")
        case "press_button":
            return state.pressed
        case "reach":
            return state.over == act.row
        case "pick_up":
            return state.where[act.row] == HELD
        case "stack":
            return state.where[act.row] == act.base
        case "unstack" | "take_out":
            return state.where[act.row] in LOOSE
        case _:
            return In(act.row, act.place).holds(state)


def others(act: Act, state: Symbols) -> Iterator[Step]:
    """Instructions of the same kind that make sense in this state and are not fulfilled."""
    for step in _alternatives(act, state):
        if step in _KNOWN:
            try:
                other = find(step_words(step), state)
            except ImpossibleError:
                continue
            if other != act and not fulfilled(other, state):
                yield step


def _alternatives(act: Act, state: Symbols) -> Iterator[Step]:
    if act.family in _OPPOSITE:
        yield Step(_OPPOSITE[act.family])
    if act.row < 0:
        return
    seen = {row: name for row, name in state.names.items() if not hidden(row, state)}
    match act.family:
        case "stack":
            tops = [name for row, name in seen.items() if state.shape(row) in STACKABLE]
            bases = [name for row, name in seen.items() if state.shape(row) == "block"]
            yield from (Step("stack", seen[act.row], base) for base in bases if base != seen[act.row])
            yield from (Step("stack", top, seen[act.base]) for top in tops if top != seen[act.base])
        case "unstack":
            for row, name in seen.items():
                below = state.where[row]
                if isinstance(below, int):
                    yield Step("unstack", name, state.names[below])
        case "take_out":
            yield from (Step("take_out", state.names[row], "drawer") for row in state.inside("drawer"))
        case _:
            yield from (Step(act.family, name, act.place) for row, name in seen.items() if row != act.row)
            places = ("zone", *CORNERS) if act.family == "push" else ("bowl", "tray", "zone", *CORNERS)
            if act.family in ("put_in", "push"):
                there = [p for p in places if p in state.reachable_corners or p in state.fixtures]
                free = [place for place in there if len(state.inside(place)) < CAPACITY[place]]
                yield from (Step(act.family, seen[act.row], place) for place in free)
