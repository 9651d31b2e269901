"""Goals of building, taking apart, and swapping."""

from __future__ import annotations

import itertools

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.goals.symbols import names_of
from sim.layout import CORNERS
from sim.tasks.push import LANE_M, PUSHABLE, lanes
from sim.tasks.stack import STACKABLE
from vla.planner.desire import In, On, Tower
from vla.planner.symbols import name_order


def _two(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    base, top = table.one(("block",)), table.one(STACKABLE)
    table.fill()
    return Drawn({"x": table.name(top), "y": table.name(base)}, (On(top, base),))


def _three(table: GoalTable) -> Drawn:
    """Now and then two of them stand on each other already, rightly or not."""
    table.maybe_cabinet()
    base = table.one(("block",))
    draw = table.rng.random()
    if draw < 0.2:
        middle, top = table.stacked(base, ("block",)), table.one(STACKABLE)
    elif draw < 0.4:
        middle = table.one(("block",))
        top = table.stacked(base)
    else:
        middle, top = table.one(("block",)), table.one(STACKABLE)
    table.fill()
    words = {"x": table.name(top), "y": table.name(middle), "z": table.name(base)}
    return Drawn(words, (On(middle, base), On(top, middle)))


def _any_order(table: GoalTable) -> Drawn:
    rows = table.some(table.pick((2, 3)), ("block",))
    table.fill(avoid=("block",))
    return Drawn({}, (Tower(tuple(rows)),))


def _apart(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    column = [table.one(("block",))]
    column.append(table.stacked(column[-1], ("block",)))
    if table.chance(0.4):
        column.append(table.stacked(column[-1]))
    table.fill()
    return Drawn({}, tuple(In(row, "table") for row in reversed(column)))


def _swap_containers(table: GoalTable) -> Drawn:
    table.fixture("bowl")
    table.fixture("tray")
    x, y = table.one(place="bowl"), table.one(place="tray")
    table.fill()
    return Drawn(_named(table, x, y), (In(x, "tray"), In(y, "bowl")))


def _swap_tower(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    below = table.one(("block",))
    above = table.stacked(below, ("block",))
    table.fill()
    return Drawn(_named(table, above, below), (On(below, above), In(above, "table")))


def _swap_drawer(table: GoalTable) -> Drawn:
    table.cabinet("open")
    table.fixture("tray")
    x, y = table.one(place="drawer"), table.one(place="tray")
    table.fill()
    return Drawn(_named(table, x, y), (In(x, "tray"), In(y, "drawer")))


def _swap_zone_corner(table: GoalTable) -> Drawn:
    return _swap_pushed(table, table.pick(tuple(CORNERS)), "zone")


def _swap_corners(table: GoalTable) -> Drawn:
    first, second = (str(corner) for corner in table.rng.permutation(tuple(CORNERS))[:2])
    return _swap_pushed(table, first, second)


def _swap_pushed(table: GoalTable, mine: str, yours: str) -> Drawn:
    """Neither place can hold both, so one of the two waits in a third."""
    if yours == "zone":
        table.fixture("zone")
    stations = [table.fixtures["zone"]] if yours == "zone" else []
    stations += CORNERS.values()
    for start, goal in itertools.permutations(stations, 2):
        for point in lanes(start, goal):
            table.keep_free(float(point[0]), float(point[1]), LANE_M)
    x = table.lay(table.call(PUSHABLE), mine)
    y = table.lay(table.call(PUSHABLE), yours)
    table.fill()
    words = {**_named(table, x, y), "p": mine, "q": yours}
    return Drawn(words, (In(x, yours), In(y, mine)))


def _named(table: GoalTable, x: int, y: int) -> dict[str, str]:
    order = name_order((x, y), names_of(table))
    return {"x": table.name(order[0]), "y": table.name(order[1])}


TEMPLATES = (
    Template(
        "tower_two",
        "tower",
        (
            "build a (tower|stack) with {y} at the bottom and {x} on top",
            "(stack|put|place) {x} on (top of|) {y}",
            "(make|build) a (tower|stack) of {y} and, on it, {x}",
        ),
        ("{y} is the foot of the tower and {x} its top", "set {x} upon {y}"),
        _two,
    ),
    Template(
        "tower_three",
        "tower",
        (
            "build a (tower|stack): {z} at the bottom, {y} in the middle and {x} on top",
            "(stack|put) {y} on {z} and {x} on {y}",
            "build a (tower|stack) of {z}, {y} and {x}, in this order from (below|the bottom up)",
            "a (tower|stack) please: first {z}, then {y} on it, then {x} on top",
        ),
        ("from top to bottom the tower should be {x}, {y}, {z}", "pile up {z}, on that {y} and on that {x}"),
        _three,
    ),
    Template(
        "tower_any_order",
        "tower",
        (
            "(build|make) a (tower|stack|pile) (of|from|out of) all (the|) blocks",
            "(stack|pile) up all the blocks",
        ),
        ("all blocks should stand on one another", "use every block for a tower"),
        _any_order,
        held_out=True,
    ),
    Template(
        "tower_apart",
        "tower",
        (
            "take the (tower|stack|pile) apart",
            "(unstack|dismantle) the (tower|stack|pile)",
            "put (everything in the tower|all parts of the tower) on the table",
        ),
        ("pull down the tower piece by piece", "nothing of the pile should stand on anything else"),
        _apart,
    ),
    Template(
        "swap_containers",
        "swap",
        (
            "swap {x} and {y}",
            "(exchange|switch) {x} and {y}",
            "let {x} and {y} (swap|change|trade) places",
            "swap what is in the bowl with what is on the tray",
        ),
        ("{x} and {y} should exchange their places", "switch the places of {x} and {y}"),
        _swap_containers,
    ),
    Template(
        "swap_tower",
        "swap",
        (
            "swap the two blocks of the (tower|stack)",
            "turn the (tower|stack) upside down",
            "(exchange|swap) {x} and {y} in the (tower|stack)",
        ),
        ("what is on top of the tower should be at its bottom", "reverse the tower"),
        _swap_tower,
    ),
    Template(
        "swap_drawer",
        "swap",
        (
            "swap {x} and {y}, one is in the drawer",
            "(exchange|swap) what is in the drawer (with|for) what is on the tray",
            "let {x} and {y} (swap|trade) places: drawer and tray",
        ),
        (
            "the thing on the tray and the thing in the drawer should change places",
            "trade {x} for {y} in the drawer",
        ),
        _swap_drawer,
    ),
    Template(
        "swap_zone_corner",
        "swap",
        (
            "swap {x} and {y}: (one is in|they are in) {p} and {q}",
            "(exchange|switch) what is in {p} and what is in {q}",
            "let the things in {p} and in {q} (swap|trade) places",
        ),
        (
            "what stands in {p} and what stands in {q} should change places",
            "switch {x} and {y} between {p} and {q}",
        ),
        _swap_zone_corner,
    ),
    Template(
        "swap_corners",
        "swap",
        ("swap the things in {p} and {q}", "(exchange|switch) {x} and {y} between their corners"),
        ("each of {x} and {y} should go to the corner of the other", "let {p} and {q} trade their things"),
        _swap_corners,
        held_out=True,
    ),
)
