"""Conditional goals, where the eyes choose the branch; and plain sequences, where words are enough."""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.objects import SHAPES
from vla.planner.desire import Atom, Clear, Drawer, Held, In, Pressed


def _close_or_press(table: GoalTable) -> Drawn:
    is_open = table.cabinet() == "open"
    table.fixture("button")
    table.fill()
    return Drawn({}, (Drawer("closed") if is_open else Pressed(),))


def _open_or_put(table: GoalTable) -> Drawn:
    is_open = table.cabinet() == "open"
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row)}, (In(row, "drawer") if is_open else Drawer("open"),))


def _if_there(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("bowl")
    table.fixture("button")
    name = table.call()
    if not table.chance(0.5):
        table.one()
        table.fill(avoid=(name,))
        if name in [table.name(row) for row in table.things]:
            return Drawn({"x": name}, (In(next(r for r in table.things if table.name(r) == name), "bowl"),))
        return Drawn({"x": name}, (Pressed(),))
    row = table.lay(name)
    table.fill()
    return Drawn({"x": name}, (In(row, "bowl"),))


def _if_covered(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    block = table.one(("block",))
    covered = table.chance(0.5)
    if covered:
        table.stacked(block)
    table.fill()
    return Drawn({"x": table.name(block)}, (Clear(block) if covered else Held(block),))


def _if_empty(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("bowl")
    table.fixture("tray")
    full = table.chance(0.5)
    if full:
        table.one(place="bowl")
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row)}, (In(row, "tray" if full else "bowl"),))


def _unless_open(table: GoalTable) -> Drawn:
    is_open = table.cabinet() == "open"
    table.fixture("button")
    table.fill()
    return Drawn({}, () if is_open else (Pressed(),))


def _if_more(table: GoalTable) -> Drawn:
    table.cabinet("closed")
    table.fixture("button")
    first, second = (str(shape) for shape in table.rng.permutation(SHAPES)[:2])
    count = table.pick(((2, 1), (1, 2), (1, 0), (0, 1)))
    table.some(count[0], (first,))
    table.some(count[1], (second,))
    table.fill(avoid=(first, second))
    words = {"a": f"{first}s", "b": f"{second}s"}
    return Drawn(words, (Pressed() if count[0] > count[1] else Drawer("open"),))


def _sequence(table: GoalTable, length: int) -> Drawn:
    """Independent commands in the order of their naming."""
    choices = table.rng.permutation(("drawer", "button", "bowl", "tray"))[:length]
    said: dict[str, str] = {}
    desire: list[Atom] = []
    if "drawer" in choices:
        table.cabinet()
    for place in ("bowl", "tray", "button"):
        if place in choices:
            table.fixture(place)
    for slot, place in zip("abc", choices, strict=False):
        if place == "drawer":
            state = "closed" if table.drawer_open_m else "open"
            said[slot] = "close the drawer" if state == "closed" else "open the drawer"
            desire.append(Drawer(state))
        elif place == "button":
            said[slot] = "press the button"
            desire.append(Pressed())
        else:
            row = table.one()
            said[slot] = f"put the {table.name(row)} {'in' if place == 'bowl' else 'on'} the {place}"
            desire.append(In(row, str(place)))
    table.fill()
    return Drawn(said, tuple(desire), ordered=True)


def _two_in_order(table: GoalTable) -> Drawn:
    return _sequence(table, 2)


def _three_in_order(table: GoalTable) -> Drawn:
    return _sequence(table, 3)


TEMPLATES = (
    Template(
        "if_open_close_else_press",
        "conditional",
        (
            "if the drawer is open close it, otherwise press the button",
            "(close|shut) the drawer if it is open, (otherwise|else) press the button",
            "is the drawer open? then (close|shut) it. if not, press the button",
            "press the button if the drawer is (closed|shut), (otherwise|else) close the drawer",
        ),
        (
            "an open drawer you close; with a closed one you press the button",
            "should the drawer stand open, shut it, or else push the button",
        ),
        _close_or_press,
    ),
    Template(
        "if_closed_open_else_put",
        "conditional",
        (
            "if the drawer is (closed|shut) open it, (otherwise|else) put {x} in it",
            "put {x} in the drawer if it is open, (otherwise|else) just open the drawer",
        ),
        ("is the drawer closed? then open it and stop; is it open? then put {x} in it",),
        _open_or_put,
    ),
    Template(
        "if_there_put_else_press",
        "conditional",
        (
            "if (there is|you see) {x}, put it in the bowl, (otherwise|else) press the button",
            "put {x} in the bowl if (there is one|it is there), (otherwise|if not) press the button",
        ),
        (
            "press the button, unless you find {x}: that goes in the bowl",
            "in case {x} is here put it in the bowl, or else press the button",
        ),
        _if_there,
    ),
    Template(
        "if_covered_clear_else_lift",
        "conditional",
        (
            "if something (stands|is) on {x} take it off, (otherwise|else) pick up {x}",
            "pick up {x} if nothing (is|stands) on it, (otherwise|else) only clear its top",
        ),
        ("does anything stand on {x}? if so take it down, if not lift {x}",),
        _if_covered,
    ),
    Template(
        "if_empty_bowl_else_tray",
        "conditional",
        (
            "if the bowl is empty put {x} in it, (otherwise|else) put {x} on the tray",
            "put {x} in the bowl if it is empty, (otherwise|else) on the tray",
        ),
        ("{x} goes in the bowl when that is free and on the tray when it is not",),
        _if_empty,
    ),
    Template(
        "unless_open_press",
        "conditional",
        (
            "press the button unless the drawer is open",
            "if the drawer is not open, press the button",
            "only press the button if the drawer is (closed|shut)",
        ),
        (
            "as long as the drawer is not open, push the button",
            "do press the button, but not with an open drawer",
        ),
        _unless_open,
    ),
    Template(
        "if_more_press_else_open",
        "conditional",
        (
            "if there are more {a} than {b} press the button, (otherwise|else) open the drawer",
            "press the button if {a} outnumber {b}, (otherwise|else) open the drawer",
        ),
        ("more {a} than {b}? the button. if not, the drawer should be opened",),
        _if_more,
        held_out=True,
    ),
    Template(
        "two_in_order",
        "sequence",
        ("{a} and then {b}", "first {a}, then {b}", "{a}, (then|after that) {b}", "{a}. then {b}."),
        ("{a} and when that is done {b}", "{a}, next {b}"),
        _two_in_order,
    ),
    Template(
        "three_in_order",
        "sequence",
        ("first {a}, then {b} and finally {c}", "{a}, then {b}, then {c}", "{a}. {b}. {c}."),
        ("{a}, after that {b} and at last {c}", "step one: {a}. step two: {b}. step three: {c}."),
        _three_in_order,
    ),
)
