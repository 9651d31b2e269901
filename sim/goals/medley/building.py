"""Towers in given and in any order, taken apart, built on, and things that change places."""

from __future__ import annotations

from typing import Final

from sim.goals.desire import Clear, Drawer, In, On, Pressed, Tower
from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.referring import column
from sim.goals.medley.wording import called, listed, taught, whither
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE


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


def _reverse_three(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    low, middle, high = column(table, 3, ("block",))
    table.fill()
    return Drawn({}, (On(middle, high), On(low, middle), In(high, "table")))


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


def _tops_swapped(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    (a, x), (b, y) = column(table, 2), column(table, 2)
    table.fill()
    words = {"x": table.name(x), "y": table.name(y), "a": table.name(a), "b": table.name(b)}
    return Drawn(words, (On(x, b), On(y, a)))


def _top_and_bowl(table: GoalTable) -> Drawn:
    """What stands on a block and what is in the bowl change places."""
    table.maybe_cabinet()
    table.fixture("bowl")
    base, x = column(table, 2)
    y = table.one(STACKABLE, place="bowl")
    table.fill()
    return Drawn(
        {"x": table.name(x), "y": table.name(y), "z": table.name(base)}, (In(x, "bowl"), On(y, base))
    )


def _swap_and_close(table: GoalTable) -> Drawn:
    table.cabinet("open")
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    x, y = table.one(place="drawer"), table.one(place=place)
    table.fill()
    words = {"x": table.name(x), "y": table.name(y), "p": place}
    return Drawn(words, (In(x, place), In(y, "drawer"), Drawer("closed")))


def _replaced(table: GoalTable) -> Drawn:
    """What is in the bowl makes room for something else and goes elsewhere."""
    place = table.pick(("tray", "drawer"))
    if place == "drawer":
        table.cabinet()
    else:
        table.maybe_cabinet()
        table.fixture("tray")
    table.fixture("bowl")
    x, y = table.one(place="bowl"), table.one()
    table.fill()
    words = {"x": table.name(x), "y": table.name(y), **whither(table, place)}
    return Drawn(words, (In(x, place), In(y, "bowl")))


def _both_free(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    (a, _), (b, _) = column(table, 2), column(table, 2)
    table.fill()
    return Drawn({"x": table.name(a), "y": table.name(b)}, (Clear(a), Clear(b)))


def _pushed_pair(table: GoalTable) -> Drawn:
    """One thing to the zone and one in the bowl."""
    table.maybe_cabinet()
    table.fixture("zone")
    table.fixture("bowl")
    x = table.one(PUSHABLE)
    table.lane(x, "zone")
    y = table.one()
    table.fill()
    return Drawn({"x": table.name(x), "y": table.name(y)}, (In(x, "zone"), In(y, "bowl")))


_T: Final = "(tower|stack|pile)"
TEMPLATES: Final = (
    taught(
        "named_tower_any_order", "tower", _named_any_order,
        f"(build|make) a {_T} (of|from|out of) {{l}}, (the order does not matter|in any order)",
        "(stack|pile) up {l}, whichever way", f"{{l}} (should|shall) become one {_T}, in whatever order",
        f"i want one {_T} of {{l}}; which one is lowest (does not matter|is up to you)",
        f"(use|take) {{l}} for a {_T}, any order will do", f"let {{l}} form a single {_T}",
    ),
    taught(
        "tower_from_the_top", "tower", _from_the_top,
        f"(build|make) a {_T} that reads {{x}}, {{y}}, {{z}} from above",
        f"a {_T} with {{x}} above {{y}} and {{y}} above {{z}}",
        "{z} carries {y} and {y} carries {x}: build that",
        f"i want a {_T} of three: {{x}} highest, {{z}} lowest, {{y}} between them",
        "{y} goes on {z}, and {x} goes on {y}", "(put|place) {x} on {y} after putting {y} on {z}",
    ),
    taught(
        "put_between", "tower", _between,
        "(put|place|slip) {x} between {y} and {z}", "{x} (goes|belongs) between {z} and {y}",
        f"(insert|get) {{x}} into the {_T} between {{y}} and {{z}}",
        "{x} should stand on {y} and carry {z}", "i want {z} on {x} and {x} on {y}",
        f"make {{x}} the middle of the {_T}: {{y}} stays below it, {{z}} comes on top of it",
    ),
    taught(
        "reverse_three", "swap", _reverse_three,
        f"(rebuild|build) the {_T} of three the other way round", f"(turn|put) the whole {_T} in the opposite order",
        f"what is highest in the {_T} of three shall be lowest and the other way round",
        f"the order of the three blocks of the {_T} (should|must) be turned round",
        f"invert the {_T}: its top becomes its foot", f"build the same {_T} again, from the top downwards",
    ),
    taught(
        "tower_in_zone", "tower", _in_the_zone,
        "(push|slide) {y} into the (zone|marked square) and (put|stack) {x} on it",
        f"(build|make) a {_T} in the zone: {{y}} below, {{x}} on top",
        "{y} goes in the zone and {x} on top of {y}", "in the (zone|marked square) there should be {y} with {x} on it",
        "{x} (belongs|goes) on {y}, which must be in the zone", "(move|bring) {y} to the zone; it carries {x} in the end",
    ),
    taught(
        "tower_then_press", "sequence", _and_press,
        "(stack|put) {x} on {y}, then (press|push) the button", "press the button after stacking {x} on {y}",
        f"build a {_T} of {{y}} and {{x}}, {{x}} on top, and then hit the button",
        "before pressing the button put {x} on {y}", "once {x} stands on {y}, (press|push) the button",
        "the button is to be pressed, but {x} has to stand on {y} first",
    ),
    taught(
        "top_down", "tower", _top_down,
        f"(take|get|lift) the (topmost|uppermost) thing off the {_T}", f"make the {_T} lower by one",
        f"(remove|take away) the top of the {_T} and put it on the table",
        f"the {_T} has one thing too many: take it down", f"what is highest in the {_T} should stand on the table",
        f"put the (highest|top) part of the {_T} down on the table",
    ),
    taught(
        "two_towers", "tower", _two_towers,
        "(build|make) two (towers|stacks): {b} on {a} and {d} on {c}",
        "(put|stack) {b} on {a} and {d} on {c}", "{a} (should carry|is to carry) {b}, and {c} {d}",
        "{b} goes on {a}, {d} on {c}", "i want {d} to stand on {c} and {b} on {a}",
        "two pairs: {a} with {b} on top, {c} with {d} on top",
    ),
    taught(
        "other_top", "tower", _other_top,
        f"(replace|exchange) the top of the {_T} by {{x}}", f"take the top off the {_T} and put {{x}} there instead",
        f"{{x}} should be the top of the {_T} in place of what is there now",
        f"(swap|trade) the topmost thing of the {_T} for {{x}}", f"the {_T} needs another top: {{x}}",
        f"instead of its top the {_T} should have {{x}}",
    ),
    taught(
        "tops_swapped", "swap", _tops_swapped,
        "(swap|exchange|switch) {x} and {y}, which stand on blocks", "let the two things on {a} and {b} trade places",
        "what stands on {a} should stand on {b} and the other way round", "{x} goes over to {b} and {y} to {a}",
        "(move|put) {x} on {b} and {y} on {a}", "the two towers should (swap|exchange|trade) their tops",
    ),
    taught(
        "top_and_bowl_swapped", "swap", _top_and_bowl,
        "(swap|exchange|switch) what stands on {z} and what is in the bowl",
        "{x} goes in the bowl and {y} on {z} in its place", "let {y} in the bowl and {x} on {z} (trade|change) places",
        "(trade|switch) {x}, which is on {z}, for {y} in the bowl", "(put|place) {y} on {z} and {x} in the bowl",
        "in place of {y} the bowl should hold {x}, and {z} should carry {y}",
    ),
    taught(
        "swap_with_drawer_and_close", "swap", _swap_and_close,
        "(swap|exchange) {x} in the drawer and {y} in {p}, then close the drawer",
        "{x} and {y} (trade|change) places between the drawer and {p}; close up afterwards",
        "what is in the drawer goes to {p}, what is in {p} goes in the drawer, which is closed then",
        "let the drawer and {p} (swap|exchange) their things and (shut|close) the drawer",
        "(switch|swap) {y} for {x} in the drawer and (shut|close) it",
        "the drawer takes {y}, {p} takes {x}; leave the drawer closed",
    ),
    taught(
        "replaced_in_bowl", "swap", _replaced,
        "(replace|exchange) {x} in the bowl by {y}; {x} goes {d}",
        "{y} (goes|belongs) in the bowl, and {x}, which is there, {d}", "put {x} {d} and {y} in the bowl in its place",
        "make room in the bowl for {y}: {x} goes {d}", "the bowl should hold {y} instead of {x}, put that {d}",
        "i want {y} in the bowl and {x} {l}",
    ),
    taught(
        "both_free", "uncover", _both_free,
        "(clear|free) the tops of {x} and {y}", "nothing (should|may) stand on {x} or {y}",
        "take down what stands on {x} and what stands on {y}", "{x} and {y} (should|must) both be free on top",
        "neither {x} nor {y} (should|may) carry anything",
        "(remove|lift off) the things on {x} and on {y}",
    ),
    taught(
        "zone_and_bowl", "sort", _pushed_pair,
        "(push|slide) {x} into the zone and put {y} in the bowl", "{x} goes in the zone, {y} in the bowl",
        "(put|drop) {y} in the bowl; {x} (belongs|goes) in the zone", "i want {x} in the zone and {y} in the bowl",
        "the zone is where {x} goes and the bowl where {y} goes", "(store|place) {y} in the bowl and shove {x} to the zone",
    ),
)  # fmt: skip
"""Building and changing places."""
