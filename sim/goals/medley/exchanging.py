"""Things that change places or take the place of others."""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.referring import column
from sim.goals.medley.wording import taught, whither
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.desire import Drawer, In, On

_T: Final = "(tower|stack|pile)"


def _reverse_three(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    low, middle, high = column(table, 3, ("block",))
    table.fill()
    return Drawn({}, (On(middle, high), On(low, middle), In(high, "table")))


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


TEMPLATES: Final = (
    taught(
        "reverse_three",
        "swap",
        _reverse_three,
        f"(rebuild|build) the {_T} of three the other way round",
        f"(turn|put) the whole {_T} in the opposite order",
        f"what is highest in the {_T} of three shall be lowest and the other way round",
        f"the order of the three blocks of the {_T} (should|must) be turned round",
        f"invert the {_T}: its top becomes its foot",
        f"build the same {_T} again, from the top downwards",
    ),
    taught(
        "tops_swapped",
        "swap",
        _tops_swapped,
        "(swap|exchange|switch) {x} and {y}, which stand on blocks",
        "let the two things on {a} and {b} trade places",
        "what stands on {a} should stand on {b} and the other way round",
        "{x} goes over to {b} and {y} to {a}",
        "(move|put) {x} on {b} and {y} on {a}",
        "the two towers should (swap|exchange|trade) their tops",
    ),
    taught(
        "top_and_bowl_swapped",
        "swap",
        _top_and_bowl,
        "(swap|exchange|switch) what stands on {z} and what is in the bowl",
        "{x} goes in the bowl and {y} on {z} in its place",
        "let {y} in the bowl and {x} on {z} (trade|change) places",
        "(trade|switch) {x}, which is on {z}, for {y} in the bowl",
        "(put|place) {y} on {z} and {x} in the bowl",
        "in place of {y} the bowl should hold {x}, and {z} should carry {y}",
    ),
    taught(
        "swap_with_drawer_and_close",
        "swap",
        _swap_and_close,
        "(swap|exchange) {x} in the drawer and {y} in {p}, then close the drawer",
        "{x} and {y} (trade|change) places between the drawer and {p}; close up afterwards",
        "what is in the drawer goes to {p}, what is in {p} goes in the drawer, which is closed then",
        "let the drawer and {p} (swap|exchange) their things and (shut|close) the drawer",
        "(switch|swap) {y} for {x} in the drawer and (shut|close) it",
        "the drawer takes {y}, {p} takes {x}; leave the drawer closed",
    ),
    taught(
        "replaced_in_bowl",
        "swap",
        _replaced,
        "(replace|exchange) {x} in the bowl by {y}; {x} goes {d}",
        "{y} (goes|belongs) in the bowl, and {x}, which is there, {d}",
        "put {x} {d} and {y} in the bowl in its place",
        "make room in the bowl for {y}: {x} goes {d}",
        "the bowl should hold {y} instead of {x}, put that {d}",
        "i want {y} in the bowl and {x} {l}",
    ),
    taught(
        "zone_and_bowl",
        "sort",
        _pushed_pair,
        "(push|slide) {x} into the zone and put {y} in the bowl",
        "{x} goes in the zone, {y} in the bowl",
        "(put|drop) {y} in the bowl; {x} (belongs|goes) in the zone",
        "i want {x} in the zone and {y} in the bowl",
        "the zone is where {x} goes and the bowl where {y} goes",
        "(store|place) {y} in the bowl and shove {x} to the zone",
    ),
)
"""Changing places."""
