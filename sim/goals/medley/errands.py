"""One thing, called by where it is or what sets it apart, goes somewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.referring import (
    REFERRINGS,
    Referent,
    Referring,
    apart,
    at_an_end,
    column,
    free_colours,
    in_corner,
)
from sim.goals.medley.wording import GRASPING, PUT, closing, into, say, taught, whither
from sim.layout import CORNERS, NoRoomError
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.desire import Drawer, Held, In, On, Over

_HOLD: Final = (
    "(pick up|grasp|grab|lift|take hold of|raise) {x}",
    "i (want|need) {x} in the (gripper|fingers|claw)",
    "(hold|keep) {x} in the air",
    "{x} (should|has to|must) be (lifted|grasped|picked up)",
    "(lift|raise) {x} and (keep|hold) it",
    "(close the fingers|close the gripper) around {x} and lift",
)
_REACH: Final = (
    "(reach|point at|touch|hover over|show me|indicate) {x}",
    "(move|bring|guide) the (gripper|hand|arm|claw) (over|above) {x}",
    "(where is {x}? point at it|{x}: point at it)",
    "(stop|wait|stay) above {x}",
    "the (hand|gripper) (should|must) be (above|over) {x}",
    "(aim at|go right above|head for) {x}",
)
_PUSH: Final = (
    "(push|slide|shove|move|drag) {x} {d}",
    "{x} (goes|belongs|has to go) {d}",
    "(without lifting it, push|push, do not carry,) {x} {d}",
    "i (want|would like) {x} pushed {d}",
    "(sweep|scoot|nudge) {x} over the table {d}",
    "{x} (must|should) be (pushed|moved) {d}",
)
_ONTO: Final = (
    "(stack|put|place|set) {x} {d}",
    "{x} (goes|belongs|should stand) {d}",
    "(take|get) {x} and (stack|put|balance) it {d}",
    "i (want|would like) {x} to stand {d}",
    "(make sure|see to it) that {x} stands {d}",
    "(use|take) {x} as a hat: it goes {d}",
)


def _stand(table: GoalTable, how: Referring, *more: str) -> None:
    """Stand what a referent and its destination need; the cabinet first."""
    if how.fixture == "drawer":
        table.cabinet("open")
    elif "drawer" in more:
        table.cabinet()
    else:
        table.maybe_cabinet()
    for name in (how.fixture, *more):
        if name not in ("", "drawer"):
            table.fixture(name)


def to_container(how: Referring, table: GoalTable) -> Drawn:
    """Into the bowl or onto the tray."""
    place = table.pick([place for place in ("bowl", "tray") if place != how.fixture])
    _stand(table, how, place)
    found = how.lay(table, how.shapes)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words, **whither(table, place)}, (In(found.row, place),))


def to_drawer(how: Referring, table: GoalTable) -> Drawn:
    """Into the drawer, which in half of the scenes shall be closed then."""
    _stand(table, how, "drawer")
    found = how.lay(table, how.shapes)
    table.fill(avoid=found.avoid)
    close = table.chance(0.5)
    words = {"x": found.words, **whither(table, "drawer"), "e": closing(table) if close else ""}
    return Drawn(words, (In(found.row, "drawer"), *([Drawer("closed")] if close else [])))


def onto_block(how: Referring, table: GoalTable) -> Drawn:
    """Onto a block that is called by its name."""
    _stand(table, how)
    found = how.lay(table, [shape for shape in STACKABLE if shape in how.shapes])
    if "block" in found.avoid:
        raise NoRoomError
    base = table.one(("block",), free_colours(found.avoid))
    table.fill(avoid=found.avoid)
    words = {"x": found.words, "d": say(table, "on (top of|) {y}", y=table.name(base))}
    return Drawn(words, (On(found.row, base),))


def to_hold(how: Referring, table: GoalTable) -> Drawn:
    """Into the hand."""
    _stand(table, how)
    found = how.lay(table, how.shapes)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words}, (Held(found.row),))


def to_reach(how: Referring, table: GoalTable) -> Drawn:
    """Only to be pointed at."""
    _stand(table, how)
    found = how.lay(table, how.shapes)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words}, (Over(found.row),))


def to_push(how: Referring, table: GoalTable) -> Drawn:
    """Over the table to the zone or a corner."""
    table.maybe_cabinet()
    place = table.pick(("zone", *table.corners))
    if place == "zone":
        table.fixture("zone")
    else:
        table.reserve(*CORNERS[place], 0.05)
    found = how.lay(table, PUSHABLE)
    table.lane(found.row, place)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words, "d": into(table, place)}, (In(found.row, place),))


def _onto(lay_base: Callable[[GoalTable], Referent], table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    base = lay_base(table)
    shapes = [shape for shape in STACKABLE if shape not in base.avoid]
    row = table.one(shapes, free_colours(base.avoid))
    table.fill(avoid=base.avoid)
    return Drawn({"x": table.name(row), "d": f"on {base.words}"}, (On(row, base.row),))


def _tower(table: GoalTable) -> Referent:
    rows = column(table, 2, ("block",))
    return Referent(
        rows[-1], say(table, "(top of|) the (tower|stack|pile)", "the tower of {n} blocks", n="two")
    )


def _end(table: GoalTable) -> Referent:
    return at_an_end(table, ("block",))


def _colour(table: GoalTable) -> Referent:
    row = table.one(("block",))
    colour = table.name(row).split()[0]
    return Referent(row, say(table, "the (only|) {c} (thing|object|one)", c=colour), (colour,))


def _only(table: GoalTable) -> Referent:
    row = table.one(("block",))
    return Referent(row, say(table, "the (only|single|one) (block|cube|brick)"), ("block",))


def _in_corner(table: GoalTable) -> Referent:
    return in_corner(table, ("block",))


def _two_ends(table: GoalTable) -> Drawn:
    """The block at one end on the one at the other end."""
    table.maybe_cabinet()
    rows = table.some(table.pick((2, 3)), ("block",))
    first, last = table.pick((("left", "right"), ("right", "left"), ("near", "far"), ("far", "near")))
    found = apart(table, rows, first)
    table.fill(avoid=("block",))
    words = {
        "left": "(leftmost|far left)", "right": "(rightmost|far right)",
        "near": "(nearest|frontmost)", "far": "(farthest|rearmost)",
    }  # fmt: skip
    said = {
        "x": say(table, f"the {words[first]} block"),
        "d": say(table, f"on (top of|) the {words[last]} (block|one)"),
    }
    return Drawn(said, (On(found[0], found[-1]),))


def _wordings(how: Referring, move: str) -> list[str]:
    """What carries a tower is never said to be grasped, not even on its way."""
    said = [*_MOVES[move][3]]
    if move in "cd" and how.name not in ("foot", "under"):
        said.append(GRASPING)
    return [f"{wording}{{e}}" for wording in said] if move == "d" else said


_MOVES: Final = {
    "c": ("to_container", "gather", to_container, PUT),
    "d": ("to_drawer", "fetch", to_drawer, PUT),
    "o": ("onto_block", "tower", onto_block, _ONTO),
    "h": ("to_hold", "uncover", to_hold, _HOLD),
    "r": ("to_reach", "uncover", to_reach, _REACH),
    "p": ("to_push", "sort", to_push, _PUSH),
}
_BASES: Final = {
    "tower": _tower, "end": _end, "colour": _colour, "only": _only, "corner": _in_corner,
}  # fmt: skip

TEMPLATES: Final = (
    *(
        taught(
            f"{how.name}_{_MOVES[move][0]}",
            _MOVES[move][1],
            partial(_MOVES[move][2], how),
            _wordings(how, move),
        )
        for how in REFERRINGS
        for move in how.moves
    ),
    *(taught(f"onto_{name}", "tower", partial(_onto, lay), _ONTO) for name, lay in _BASES.items()),
    taught("one_end_onto_the_other", "tower", _two_ends, _ONTO),
)
"""Every referent with every move that it allows, and what goes on what is referred to."""
