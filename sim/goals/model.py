"""What each instruction needs and does, in words: the judge's model of the table.

It says what the arm can do, not what a planner should: an object may go straight from the top of a stack into
the bowl. Inside the drawer a grasp is a skill of its own, so things come out of it first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sim.layout import CORNERS
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.symbols import CAPACITY, HELD, LOOSE, TABLE, Symbols

MAX_HEIGHT = 3
"""Objects in the highest tower that the arm can build."""


class ImpossibleError(ValueError):
    """An instruction cannot be carried out in this state; the message says why."""


@dataclass(frozen=True, slots=True)
class Act:
    """An instruction with its objects found.

    Attributes:
        family: Task family.
        row: The object acted on, or -1.
        place: Fixture or corner it goes to, or "".
        base: The object that it goes on or comes off, or -1.
    """

    family: str
    row: int = -1
    place: str = ""
    base: int = -1


def applied(act: Act, state: Symbols) -> Symbols:
    """The state after an instruction.

    Raises:
        ImpossibleError: something that it needs is not so.
    """
    return _EFFECTS[act.family](act, state)


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ImpossibleError(otherwise)


def _name(act: Act, state: Symbols) -> str:
    return f"the {state.names[act.row]}"


def _need_fixture(state: Symbols, name: str) -> None:
    _need(name in state.fixtures, f"there is no {name}")


def _need_free_hand(act: Act, state: Symbols) -> None:
    others = [row for row in state.inside(HELD) if row != act.row]
    _need(not others, f"the hand is full of {[state.names[row] for row in others]}")


def _need_in_reach(act: Act, state: Symbols) -> None:
    """The object can be gone to from above and is not in the drawer."""
    at = state.where[act.row]
    _need(state.on(act.row) < 0, f"something stands on {_name(act, state)}")
    _need(at != "drawer", f"{_name(act, state)} is in the drawer: it must be taken out first")
    _need(at != "gone", f"{_name(act, state)} is out of reach")


def _need_room(act: Act, state: Symbols, place: str) -> None:
    others = [row for row in state.inside(place) if row != act.row]
    _need(len(others) < CAPACITY[place], f"there is no room in {place}")


def _reach(act: Act, state: Symbols) -> Symbols:
    _need_free_hand(replace(act, row=-1), state)
    _need(state.on(act.row) < 0, f"something stands on {_name(act, state)}")
    _need(state.where[act.row] != "drawer" or state.drawer == "open", "the drawer hides it")
    return replace(state, over=act.row)


def _pick_up(act: Act, state: Symbols) -> Symbols:
    _need_free_hand(act, state)
    _need_in_reach(act, state)
    return state.moved(act.row, HELD)


def _put_in(act: Act, state: Symbols) -> Symbols:
    _need_free_hand(act, state)
    return _brought(act, state)


def _push(act: Act, state: Symbols) -> Symbols:
    _need_free_hand(replace(act, row=-1), state)
    _need(state.where[act.row] in LOOSE, f"{_name(act, state)} does not stand on the table itself")
    return _brought(act, state)


def _brought(act: Act, state: Symbols) -> Symbols:
    """To a container, the zone or a corner."""
    if act.place in CORNERS:
        blocked = act.place not in state.reachable_corners
        _need(not blocked, f"the drawer stands in the {act.place} corner")
    else:
        _need_fixture(state, act.place)
    _need_in_reach(act, state)
    rolls = act.place in LOOSE and state.shape(act.row) not in PUSHABLE
    _need(not rolls, f"{_name(act, state)} rolls away on the table")
    _need_room(act, state, act.place)
    return state.moved(act.row, act.place)


def _stack(act: Act, state: Symbols) -> Symbols:
    _need(act.row != act.base, "nothing stands on itself")
    _need_free_hand(act, state)
    _need_in_reach(act, state)
    _need(state.on(act.base) in (-1, act.row), f"something stands on the {state.names[act.base]}")
    _need(state.shape(act.row) in STACKABLE, f"{_name(act, state)} rolls off")
    _need(state.shape(act.base) == "block", f"nothing holds on the {state.names[act.base]}")
    _need(state.ground(act.base) in LOOSE, f"the {state.names[act.base]} is not on the table")
    height = len(state.column(state.foot(act.base)))
    _need(height < MAX_HEIGHT or state.where[act.row] == act.base, "the tower gets too high")
    return state.moved(act.row, act.base)


def _unstack(act: Act, state: Symbols) -> Symbols:
    _need_free_hand(act, state)
    _need_in_reach(act, state)
    at = state.where[act.row]
    _need(isinstance(at, int), f"{_name(act, state)} stands on nothing")
    _need(act.base in (-1, at), f"{_name(act, state)} does not stand there")
    return state.moved(act.row, TABLE)


def _open_drawer(act: Act, state: Symbols) -> Symbols:
    _need_fixture(state, "drawer")
    _need_free_hand(act, state)
    return replace(state, drawer="open", over=-1)


def _close_drawer(act: Act, state: Symbols) -> Symbols:
    _need_fixture(state, "drawer")
    _need_free_hand(act, state)
    return replace(state, drawer="closed", over=-1)


def _put_in_drawer(act: Act, state: Symbols) -> Symbols:
    _need_fixture(state, "drawer")
    _need(state.drawer == "open", "the drawer is closed")
    _need_free_hand(act, state)
    _need_in_reach(act, state)
    _need_room(act, state, "drawer")
    return state.moved(act.row, "drawer")


def _take_out(act: Act, state: Symbols) -> Symbols:
    _need_fixture(state, "drawer")
    _need(state.drawer == "open", "the drawer is closed")
    _need_free_hand(act, state)
    _need(state.where[act.row] == "drawer", f"{_name(act, state)} is not in the drawer")
    return state.moved(act.row, TABLE)


def _press_button(act: Act, state: Symbols) -> Symbols:
    _need_fixture(state, "button")
    _need_free_hand(act, state)
    return replace(state, pressed=True, over=-1)


_EFFECTS: Mapping[str, Callable[[Act, Symbols], Symbols]] = {
    "reach": _reach,
    "pick_up": _pick_up,
    "put_in": _put_in,
    "push": _push,
    "stack": _stack,
    "unstack": _unstack,
    "open_drawer": _open_drawer,
    "close_drawer": _close_drawer,
    "put_in_drawer": _put_in_drawer,
    "take_out": _take_out,
    "press_button": _press_button,
}
