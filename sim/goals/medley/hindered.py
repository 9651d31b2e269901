"""Everything is there, and yet it cannot be done: it rolls, it is full, blocked, fixed, or elsewhere.

Each table bears out one reason only. What holds nothing is part of a tower of three; two things of which one
shall stand on a ball or a star are held out.
"""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.asking import (
    ANY,
    BOTH_OUT,
    FIXED,
    FIXED_SWAP,
    OUT,
    PUSHED,
    STACKED,
    THREE,
    TWO,
    refusal,
)
from sim.goals.medley.deeds import deed, stand
from sim.goals.medley.referring import REFERRINGS
from sim.goals.medley.wording import GRASPING, PLURALS, PUT, PUT_ALL, called, into, listed, say, whither
from sim.layout import CORNERS
from sim.objects import COLOUR_NAMES, SHAPES
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.grammar import Refusal


def _tower_in_tower(table: GoalTable) -> Drawn:
    """Something that nothing holds on is the foot or the middle of a tower of three."""
    table.maybe_cabinet()
    at_foot = table.chance(0.5)
    bad = table.one(("ball", "star", "cylinder") if at_foot else ("star", "cylinder"))
    good, top = table.one(("block",)), table.one(STACKABLE)
    table.fill()
    z, y = (bad, good) if at_foot else (good, bad)
    words = {"x": table.name(top), "y": table.name(y), "z": table.name(z)}
    return Drawn(words, saying=Refusal("unstable", table.name(bad)))


def _rolls_on_top(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    z, y = table.some(2, ("block",))
    ball = table.one(("ball",))
    table.fill()
    words = {"x": table.name(ball), "y": table.name(y), "z": table.name(z)}
    return Drawn(words, saying=Refusal("rolls", words["x"]))


def _rolls_any_order(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    rows = [*table.some(table.pick((1, 2)), ("block",)), table.one(("ball",))]
    table.fill()
    names = [called(table, int(row)) for row in table.rng.permutation(rows)]
    return Drawn({"l": listed(names)}, saying=Refusal("rolls", table.name(rows[-1])))


def _rolls_unnamed(table: GoalTable) -> Drawn:
    """What shall go on a block is called by its place or colour, and it is a ball."""
    how = table.pick([how for how in REFERRINGS if how.name in ("colour", "shape", "bowl", "tray", "corner")])
    table.maybe_cabinet()
    if how.fixture:
        table.fixture(how.fixture)
    found = how.lay(table, ("ball",))
    base = table.one(("block",), [colour for colour in COLOUR_NAMES if colour not in found.avoid])
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words, "y": table.name(base)}, saying=Refusal("rolls", table.name(found.row)))


def _full(table: GoalTable) -> Drawn:
    """Three things are there already."""
    place = table.pick(("tray", "drawer"))
    if place == "drawer":
        table.cabinet("open")
    else:
        table.maybe_cabinet()
        table.fixture("tray")
    table.some(3, place=place)
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row), **whither(table, place)}, saying=Refusal("full", place))


def _too_many(table: GoalTable) -> Drawn:
    """Four things for three places."""
    place = table.pick(("tray", "drawer"))
    stand(table, (place,))
    draw = table.rng.random()
    if draw < 0.4:
        table.some(4, ("block",))
        words, avoid = say(table, f"(all|all the|all four|the four) {PLURALS['block']}"), ("block",)
    elif draw < 0.7:
        words, avoid = listed([called(table, row) for row in table.some(4)]), ()
    else:
        colour = table.pick(COLOUR_NAMES)
        table.some(4, colours=(colour,))
        words, avoid = say(table, "(all|all the|the four) {c} (things|objects)", c=colour), (colour,)
    table.fill(avoid=avoid)
    return Drawn({"x": words, **whither(table, place)}, saying=Refusal("full", place))


def _set_in_bowl(table: GoalTable) -> Drawn:
    """Two things for the one place in the bowl."""
    table.maybe_cabinet()
    table.fixture("bowl")
    if table.chance(0.5):
        shape = table.pick(SHAPES)
        table.some(2, (shape,))
        words, avoid = say(table, f"(all|all the|both) {PLURALS[shape]}"), (shape,)
    else:
        colour = table.pick(COLOUR_NAMES)
        table.some(2, colours=(colour,))
        words, avoid = say(table, "(all|all the|both) {c} (things|objects)", c=colour), (colour,)
    table.fill(avoid=avoid)
    return Drawn({"x": words, **whither(table, "bowl")}, saying=Refusal("full", "bowl"))


def _bowl_taken_second(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("bowl")
    kind = table.pick(("tray", "button"))
    table.fixture(kind)
    table.one(place="bowl")
    first = deed(table, kind)
    row = table.one()
    table.fill()
    bad = say(table, f"(put|place|drop) {{x}} {into(table, 'bowl')}", x=table.name(row))
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("full", "bowl"))


def _not_in_drawer(table: GoalTable) -> Drawn:
    """It should go from the open drawer to somewhere, and is not in there."""
    table.cabinet("open")
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    row = table.one()
    if table.chance(0.5):
        table.one(place="drawer")
    table.fill()
    return Drawn(
        {"x": table.name(row), **whither(table, place)}, saying=Refusal("elsewhere", table.name(row))
    )


def _one_not_in_drawer(table: GoalTable) -> Drawn:
    """Of two things that should come out one is not in there."""
    table.cabinet("open")
    there, row = table.one(place="drawer"), table.one()
    table.fill()
    pair = [table.name(there), table.name(row)]
    pair = pair if table.chance(0.5) else pair[::-1]
    return Drawn({"x": pair[0], "y": pair[1]}, saying=Refusal("elsewhere", table.name(row)))


def _corner(table: GoalTable) -> str:
    """Block a corner, with the cabinet or a thing."""
    if table.chance(0.5):
        table.cabinet()
        return table.pick([corner for corner in CORNERS if corner not in table.corners])
    corner = table.pick(tuple(CORNERS))
    table.one(place=corner)
    return corner


def _blocked_second(table: GoalTable) -> Drawn:
    corner = _corner(table)
    kind = table.pick(("bowl", "tray", "button"))
    table.fixture(kind)
    first = deed(table, kind)
    row = table.one(PUSHABLE)
    table.fill()
    bad = say(table, "(push|slide) {x} (to|into) {p}", x=table.name(row), p=corner)
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("blocked", corner))


def _blocked_unnamed(table: GoalTable) -> Drawn:
    """What shall be pushed is called by its colour, its shape or its side."""
    corner = _corner(table)
    how = table.pick([how for how in REFERRINGS if "p" in how.moves])
    found = how.lay(table, PUSHABLE)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words, "p": corner}, saying=Refusal("blocked", corner))


def _fixed(table: GoalTable) -> Drawn:
    """A fixture to the drawer, the tray or a corner."""
    what = table.pick(("bowl", "tray", "button", "zone"))
    place = table.pick([place for place in ("tray", "drawer", "back left", "front left") if place != what])
    stand(table, (place, what))
    if place in CORNERS:
        table.reserve(*CORNERS[place], 0.05)
    table.one()
    table.fill()
    return Drawn({"p": what, "d": into(table, place)}, saying=Refusal("fixed", what))


def _fixed_swapped(table: GoalTable) -> Drawn:
    what = table.pick(("bowl", "tray", "button"))
    table.maybe_cabinet()
    table.fixture(what)
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row), "p": what}, saying=Refusal("fixed", what))


def _fixed_second(table: GoalTable) -> Drawn:
    what, kind = table.pick((("bowl", "tray"), ("tray", "bowl"), ("button", "tray"), ("button", "bowl")))
    table.maybe_cabinet()
    table.fixture(what)
    table.fixture(kind)
    first = deed(table, kind)
    table.fill()
    bad = say(table, "(lift|pick up|grasp|carry away) {p}", p=what)
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("fixed", what))


TEMPLATES: Final = (
    refusal("tower_on_nothing", _tower_in_tower, THREE),
    refusal("rolls_on_top", _rolls_on_top, THREE),
    refusal("rolls_any_order", _rolls_any_order, ANY),
    refusal("rolls_unnamed", _rolls_unnamed, STACKED),
    refusal("full_with_three", _full, (*PUT, GRASPING)),
    refusal("too_many", _too_many, PUT_ALL),
    refusal("set_in_bowl", _set_in_bowl, PUT_ALL),
    refusal("bowl_taken_second", _bowl_taken_second, TWO),
    refusal("not_in_drawer_to", _not_in_drawer, OUT),
    refusal("one_not_in_drawer", _one_not_in_drawer, BOTH_OUT),
    refusal("blocked_second", _blocked_second, TWO),
    refusal("blocked_unnamed", _blocked_unnamed, PUSHED),
    refusal("fixed_moved", _fixed, FIXED),
    refusal("fixed_swapped", _fixed_swapped, FIXED_SWAP),
    refusal("fixed_second", _fixed_second, TWO),
)
"""All the other reasons but ignorance."""
