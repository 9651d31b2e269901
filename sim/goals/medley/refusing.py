"""What cannot be done, in other combinations: one clause of two, one thing of three, a set, a thing out of sight.

Each table bears out one reason only. An ambiguous shape is asked to be reached, pushed or put in the drawer,
and what holds nothing is part of a tower of three: the other ways are held out.
"""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.deeds import deed, stand
from sim.goals.medley.referring import REFERRINGS
from sim.goals.medley.wording import PLURALS, called, into, listed, say, taught, whither
from sim.layout import CORNERS
from sim.objects import COLOUR_NAMES, SHAPES
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.grammar import Refusal


def missing_far(table: GoalTable) -> Drawn:
    """The thing is asked to be where it would never be without being there."""
    table.cabinet()
    table.fixture("zone")
    table.one()
    name = table.call(PUSHABLE)
    table.fill(avoid=(name,))
    return Drawn({"x": name, "p": table.pick(("zone", "back left"))}, saying=Refusal("missing", name))


def missing_base(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    row = table.one(STACKABLE)
    name = table.call(("block",))
    table.fill(avoid=(name,))
    return Drawn({"x": table.name(row), "y": name}, saying=Refusal("missing", name))


def missing_second(table: GoalTable) -> Drawn:
    """The first clause can be done, the second one not."""
    kinds = [str(kind) for kind in table.rng.permutation(("bowl", "tray", "drawer", "button"))[:2]]
    if kinds[1] == "button":
        kinds.reverse()
    if "drawer" not in kinds:
        table.maybe_cabinet()
    stand(table, kinds)
    first = deed(table, kinds[0])
    name = table.call()
    table.fill(avoid=(name,))
    bad = say(table, f"(put|place) {{x}} {into(table, kinds[1])}", x=name)
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("missing", name))


def missing_set(table: GoalTable) -> Drawn:
    """Of a colour and shape together; the colour and the shape alone may be there."""
    place = table.pick(("tray", "drawer"))
    stand(table, (place,))
    name = table.call()
    colour, shape = name.split()
    table.one((shape,), [other for other in COLOUR_NAMES if other != colour])
    table.fill(avoid=(name,))
    words = say(table, f"(all|all the|both|the) {{c}} {PLURALS[shape]}", c=colour)
    return Drawn({"x": words, **whither(table, place)}, saying=Refusal("missing", name))


def missing_shape(table: GoalTable) -> Drawn:
    """All of a shape to the drawer, or the only one of it to the bowl."""
    table.cabinet()
    shape = table.pick(SHAPES)
    table.one([other for other in SHAPES if other != shape])
    table.fill(avoid=(shape,))
    words = say(table, f"(all|all the|both|the) {PLURALS[shape]}")
    return Drawn({"x": words, **whither(table, "drawer")}, saying=Refusal("missing", shape))


def missing_place(table: GoalTable) -> Drawn:
    """Two things, or all of a colour, to a container that is not there."""
    place = table.pick(("tray", "drawer"))
    if place == "tray":
        table.maybe_cabinet()
    colour = table.pick(COLOUR_NAMES)
    if table.chance(0.5):
        words = listed([called(table, row) for row in table.some(2)])
        colour = ""
    else:
        table.some(2, colours=(colour,))
        words = say(table, "(all|the|both) {c} things", c=colour)
    table.fill(avoid=(colour,), without=(place,))
    return Drawn({"x": words, **whither(table, place)}, saying=Refusal("missing", place))


def missing_zone(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    row = table.one(PUSHABLE)
    table.fill(without=("zone",))
    return Drawn({"x": table.name(row), "p": "zone"}, saying=Refusal("missing", "zone"))


def missing_swapped(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    row = table.one(place=place)
    name = table.call()
    table.fill(avoid=(name,))
    pair = [called(table, row), say(table, "{y}", y=name)]
    pair = pair if table.chance(0.5) else pair[::-1]
    return Drawn({"x": pair[0], "y": pair[1]}, saying=Refusal("missing", name))


def missing_step(table: GoalTable) -> Drawn:
    """The button or the drawer of the last step is not there."""
    what = table.pick(("button", "drawer"))
    kind = table.pick(("bowl", "tray", "stack"))
    if what == "button":
        table.maybe_cabinet()
    stand(table, (kind,))
    first = deed(table, kind)
    table.fill(without=(what,))
    bad = say(table, "(press|push|hit) the button" if what == "button" else "(open|close|shut) the drawer")
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("missing", what))


def twin(table: GoalTable) -> Drawn:
    table.cabinet()
    table.fixture("zone")
    row = table.one(("block", "star", "cylinder"))
    table.twin(row)
    table.fill()
    words = {"x": table.name(row), "p": table.pick(("zone", "back left"))}
    return Drawn(words, saying=Refusal("ambiguous", table.name(row)))


def twin_base(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    base = table.one(("block",))
    table.twin(base)
    row = table.one(STACKABLE)
    table.fill()
    return Drawn({"x": table.name(row), "y": table.name(base)}, saying=Refusal("ambiguous", table.name(base)))


def twin_second(table: GoalTable) -> Drawn:
    place = table.pick(("tray", "drawer"))
    stand(table, (place, "button"))
    row = table.one()
    table.twin(row)
    table.fill()
    bad = say(table, f"(put|place) {{x}} {into(table, place)}", x=table.name(row))
    words = {"a": "press the button", "b": bad}
    return Drawn(words, saying=Refusal("ambiguous", table.name(row)))


def shape_twice(table: GoalTable) -> Drawn:
    table.cabinet()
    table.fixture("zone")
    shape = table.pick(("block", "cylinder", "star"))
    table.some(2, (shape,))
    table.fill()
    words = {"s": shape, "p": table.pick(("zone", "back left", "front left"))}
    if words["p"] in CORNERS:
        table.reserve(*CORNERS[words["p"]], 0.05)
    return Drawn(words, saying=Refusal("ambiguous", shape))


def some_block(table: GoalTable) -> Drawn:
    """Onto "the block", where there are several."""
    table.maybe_cabinet()
    table.some(2, ("block",))
    row = table.one(("star", "cylinder"))
    table.fill()
    return Drawn({"x": table.name(row)}, saying=Refusal("ambiguous", "block"))


def tower_in_tower(table: GoalTable) -> Drawn:
    """Something that nothing holds on is the foot or the middle of a tower of three."""
    table.maybe_cabinet()
    at_foot = table.chance(0.5)
    bad = table.one(("ball", "star", "cylinder") if at_foot else ("star", "cylinder"))
    good, top = table.one(("block",)), table.one(STACKABLE)
    table.fill()
    z, y = (bad, good) if at_foot else (good, bad)
    words = {"x": table.name(top), "y": table.name(y), "z": table.name(z)}
    return Drawn(words, saying=Refusal("unstable", table.name(bad)))


def rolls_on_top(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    z, y = table.some(2, ("block",))
    ball = table.one(("ball",))
    table.fill()
    words = {"x": table.name(ball), "y": table.name(y), "z": table.name(z)}
    return Drawn(words, saying=Refusal("rolls", words["x"]))


def rolls_any_order(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    rows = [*table.some(table.pick((1, 2)), ("block",)), table.one(("ball",))]
    table.fill()
    names = [called(table, int(row)) for row in table.rng.permutation(rows)]
    return Drawn({"l": listed(names)}, saying=Refusal("rolls", table.name(rows[-1])))


def rolls_unnamed(table: GoalTable) -> Drawn:
    """What shall go on a block is called by its place or colour, and it is a ball."""
    how = table.pick([how for how in REFERRINGS if how.name in ("colour", "shape", "bowl", "tray", "corner")])
    table.maybe_cabinet()
    if how.fixture:
        table.fixture(how.fixture)
    found = how.lay(table, ("ball",))
    base = table.one(("block",), [colour for colour in COLOUR_NAMES if colour not in found.avoid])
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words, "y": table.name(base)}, saying=Refusal("rolls", table.name(found.row)))


def full(table: GoalTable) -> Drawn:
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


def too_many(table: GoalTable) -> Drawn:
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


def set_in_bowl(table: GoalTable) -> Drawn:
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


def bowl_taken_second(table: GoalTable) -> Drawn:
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


def not_in_drawer(table: GoalTable) -> Drawn:
    """It should go from the open drawer to somewhere, and is not in there."""
    table.cabinet("open")
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    row = table.one()
    if table.chance(0.5):
        table.one(place="drawer")
    table.fill()
    return Drawn({"x": table.name(row), **whither(table, place)}, saying=Refusal("elsewhere", table.name(row)))


def one_not_in_drawer(table: GoalTable) -> Drawn:
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


def blocked_second(table: GoalTable) -> Drawn:
    corner = _corner(table)
    kind = table.pick(("bowl", "tray", "button"))
    table.fixture(kind)
    first = deed(table, kind)
    row = table.one(PUSHABLE)
    table.fill()
    bad = say(table, "(push|slide) {x} (to|into) {p}", x=table.name(row), p=corner)
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("blocked", corner))


def blocked_unnamed(table: GoalTable) -> Drawn:
    """What shall be pushed is called by its colour, its shape or its side."""
    corner = _corner(table)
    how = table.pick([how for how in REFERRINGS if "p" in how.moves])
    found = how.lay(table, PUSHABLE)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words, "p": corner}, saying=Refusal("blocked", corner))


def fixed(table: GoalTable) -> Drawn:
    """A fixture to the drawer, the tray or a corner."""
    what = table.pick(("bowl", "tray", "button", "zone"))
    place = table.pick([place for place in ("tray", "drawer", "back left", "front left") if place != what])
    stand(table, (place, what))
    if place in CORNERS:
        table.reserve(*CORNERS[place], 0.05)
    table.one()
    table.fill()
    return Drawn({"p": what, "d": into(table, place)}, saying=Refusal("fixed", what))


def fixed_swapped(table: GoalTable) -> Drawn:
    what = table.pick(("bowl", "tray", "button"))
    table.maybe_cabinet()
    table.fixture(what)
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row), "p": what}, saying=Refusal("fixed", what))


def fixed_second(table: GoalTable) -> Drawn:
    what, kind = table.pick((("bowl", "tray"), ("tray", "bowl"), ("button", "tray"), ("button", "bowl")))
    table.maybe_cabinet()
    table.fixture(what)
    table.fixture(kind)
    first = deed(table, kind)
    table.fill()
    bad = say(table, "(lift|pick up|grasp|carry away) {p}", p=what)
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("fixed", what))
