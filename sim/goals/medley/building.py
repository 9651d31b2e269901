"""Towers in given and in any order, taken apart and built on."""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.referring import column
from sim.goals.medley.wording import called, listed, taught
from sim.tasks.stack import STACKABLE
from vla.planner.desire import Clear, In, On, Pressed, Tower

_T: Final = "(tower|stack|pile)"


def _named_any_order(table: GoalTable) -> Drawn:
    """Two or three blocks by name; one more block stays out of it."""
    rows = table.some(table.pick((2, 3)), ("block",))
    table.one(("block",))
    table.fill(avoid=("block",))
    return Drawn({"l": listed([called(table, row) for row in rows])}, (Tower(tuple(rows)),))


def _from_the_top(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    z, y, x = table.one(("block",)), table.one(("block",)), table.one(STACKABLE)
    table.fill()
    return Drawn({"x": table.name(x), "y": table.name(y), "z": table.name(z)}, (On(y, z), On(x, y)))


def _between(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    below, above = column(table, 2)
    middle = table.one(("block",))
    table.fill()
    words = {"x": table.name(middle), "y": table.name(below), "z": table.name(above)}
    return Drawn(words, (On(middle, below), On(above, middle)))


def _in_the_zone(table: GoalTable) -> Drawn:
    """The foot is pushed into the zone first."""
    table.maybe_cabinet()
    table.fixture("zone")
    foot = table.one(("block",))
    table.lane(foot, "zone")
    top = table.one(STACKABLE)
    table.fill()
    return Drawn({"x": table.name(top), "y": table.name(foot)}, (In(foot, "zone"), On(top, foot)))


def _and_press(table: GoalTable) -> Drawn:
    table.fixture("button")
    base, top = table.one(("block",)), table.one(STACKABLE)
    table.fill()
    return Drawn({"x": table.name(top), "y": table.name(base)}, (On(top, base), Pressed()), ordered=True)


def _top_down(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    rows = column(table, 3 if table.chance(0.6) else 2)
    table.fill()
    return Drawn({}, (In(rows[-1], "table"),))


def _two_towers(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    a, c = table.some(2, ("block",))
    b, d = table.some(2, STACKABLE)
    table.fill()
    words = {"a": table.name(a), "b": table.name(b), "c": table.name(c), "d": table.name(d)}
    return Drawn(words, (On(b, a), On(d, c)))


def _other_top(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    rows = column(table, table.pick((2, 3)))
    new = table.one(STACKABLE)
    table.fill()
    return Drawn({"x": table.name(new)}, (In(rows[-1], "table"), On(new, rows[-2])))


def _both_free(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    (a, _), (b, _) = column(table, 2), column(table, 2)
    table.fill()
    return Drawn({"x": table.name(a), "y": table.name(b)}, (Clear(a), Clear(b)))


TEMPLATES: Final = (
    taught(
        "named_tower_any_order",
        "tower",
        _named_any_order,
        f"(build|make) a {_T} (of|from|out of) {{l}}, (the order does not matter|in any order)",
        "(stack|pile) up {l}, whichever way",
        f"{{l}} (should|shall) become one {_T}, in whatever order",
        f"i want one {_T} of {{l}}; which one is lowest (does not matter|is up to you)",
        f"(use|take) {{l}} for a {_T}, any order will do",
        f"let {{l}} form a single {_T}",
    ),
    taught(
        "tower_from_the_top",
        "tower",
        _from_the_top,
        f"(build|make) a {_T} that reads {{x}}, {{y}}, {{z}} from above",
        f"a {_T} with {{x}} above {{y}} and {{y}} above {{z}}",
        "{z} carries {y} and {y} carries {x}: build that",
        f"i want a {_T} of three: {{x}} highest, {{z}} lowest, {{y}} between them",
        "{y} goes on {z}, and {x} goes on {y}",
        "(put|place) {x} on {y} after putting {y} on {z}",
    ),
    taught(
        "put_between",
        "tower",
        _between,
        "(put|place|slip) {x} between {y} and {z}",
        "{x} (goes|belongs) between {z} and {y}",
        f"(insert|get) {{x}} into the {_T} between {{y}} and {{z}}",
        "{x} should stand on {y} and carry {z}",
        "i want {z} on {x} and {x} on {y}",
        f"make {{x}} the middle of the {_T}: {{y}} stays below it, {{z}} comes on top of it",
    ),
    taught(
        "tower_in_zone",
        "tower",
        _in_the_zone,
        "(push|slide) {y} into the (zone|marked square) and (put|stack) {x} on it",
        f"(build|make) a {_T} in the zone: {{y}} below, {{x}} on top",
        "{y} goes in the zone and {x} on top of {y}",
        "in the (zone|marked square) there should be {y} with {x} on it",
        "{x} (belongs|goes) on {y}, which must be in the zone",
        "(move|bring) {y} to the zone; it carries {x} in the end",
    ),
    taught(
        "tower_then_press",
        "sequence",
        _and_press,
        "(stack|put) {x} on {y}, then (press|push) the button",
        "press the button after stacking {x} on {y}",
        f"build a {_T} of {{y}} and {{x}}, {{x}} on top, and then hit the button",
        "before pressing the button put {x} on {y}",
        "once {x} stands on {y}, (press|push) the button",
        "the button is to be pressed, but {x} has to stand on {y} first",
    ),
    taught(
        "top_down",
        "tower",
        _top_down,
        f"(take|get|lift) the (topmost|uppermost) thing off the {_T}",
        f"make the {_T} lower by one",
        f"(remove|take away) the top of the {_T} and put it on the table",
        f"the {_T} has one thing too many: take it down",
        f"what is highest in the {_T} should stand on the table",
        f"put the (highest|top) part of the {_T} down on the table",
    ),
    taught(
        "two_towers",
        "tower",
        _two_towers,
        "(build|make) two (towers|stacks): {b} on {a} and {d} on {c}",
        "(put|stack) {b} on {a} and {d} on {c}",
        "{a} (should carry|is to carry) {b}, and {c} {d}",
        "{b} goes on {a}, {d} on {c}",
        "i want {d} to stand on {c} and {b} on {a}",
        "two pairs: {a} with {b} on top, {c} with {d} on top",
    ),
    taught(
        "other_top",
        "tower",
        _other_top,
        f"(replace|exchange) the top of the {_T} by {{x}}",
        f"take the top off the {_T} and put {{x}} there instead",
        f"{{x}} should be the top of the {_T} in place of what is there now",
        f"(swap|trade) the topmost thing of the {_T} for {{x}}",
        f"the {_T} needs another top: {{x}}",
        f"instead of its top the {_T} should have {{x}}",
    ),
    taught(
        "both_free",
        "uncover",
        _both_free,
        "(clear|free) the tops of {x} and {y}",
        "nothing (should|may) stand on {x} or {y}",
        "take down what stands on {x} and what stands on {y}",
        "{x} and {y} (should|must) both be free on top",
        "neither {x} nor {y} (should|may) carry anything",
        "(remove|lift off) the things on {x} and on {y}",
    ),
)
"""Building."""
