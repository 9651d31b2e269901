"""What is asked about is not there, or there more than once: alone, in a set, in the second of two clauses.

Each table bears out one reason only. An ambiguous shape is asked to be reached, pushed or put in the drawer;
to pick it up or to put it in the bowl is held out.
"""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.asking import (
    MOVED,
    PUSHED,
    SHAPE,
    STACKED,
    SWAP,
    TWO,
    refusal,
)
from sim.goals.medley.deeds import deed, stand
from sim.goals.medley.wording import PLURALS, PUT_ALL, called, into, listed, say, whither
from sim.layout import CORNERS
from sim.objects import COLOUR_NAMES, SHAPES
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.grammar import Refusal


def _missing_far(table: GoalTable) -> Drawn:
    """The thing is asked to be where it would never be without being there."""
    table.cabinet()
    table.fixture("zone")
    table.one()
    name = table.call(PUSHABLE)
    table.fill(avoid=(name,))
    return Drawn({"x": name, "p": table.pick(("zone", "back left"))}, saying=Refusal("missing", name))


def _missing_base(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    row = table.one(STACKABLE)
    name = table.call(("block",))
    table.fill(avoid=(name,))
    return Drawn({"x": table.name(row), "y": name}, saying=Refusal("missing", name))


def _missing_second(table: GoalTable) -> Drawn:
    """The first clause can be done, the second one not."""
    kinds = [str(kind) for kind in table.rng.permutation(("bowl", "tray", "drawer", "button"))[:2]]
    if kinds[1] == "button":
        kinds.reverse()
    if "drawer" not in kinds:
        table.maybe_cabinet()
    stand(table, kinds)
    first = deed(table, kinds[0])
    table.one()
    name = table.call()
    table.fill(avoid=(name,))
    bad = say(table, f"(put|place) {{x}} {into(table, kinds[1])}", x=name)
    return Drawn({"a": first.order, "b": bad}, saying=Refusal("missing", name))


def _missing_set(table: GoalTable) -> Drawn:
    """Of a colour and shape together; the colour and the shape alone may be there."""
    place = table.pick(("tray", "drawer"))
    stand(table, (place,))
    name = table.call()
    colour, shape = name.split()
    table.one((shape,), [other for other in COLOUR_NAMES if other != colour])
    table.fill(avoid=(name,))
    words = say(table, f"(all|all the|both|the) {{c}} {PLURALS[shape]}", c=colour)
    return Drawn({"x": words, **whither(table, place)}, saying=Refusal("missing", name))


def _missing_shape(table: GoalTable) -> Drawn:
    """All of a shape to the drawer, or the only one of it to the bowl."""
    table.cabinet()
    shape = table.pick(SHAPES)
    table.one([other for other in SHAPES if other != shape])
    table.fill(avoid=(shape,))
    words = say(table, f"(all|all the|both|the) {PLURALS[shape]}")
    return Drawn({"x": words, **whither(table, "drawer")}, saying=Refusal("missing", shape))


def _missing_place(table: GoalTable) -> Drawn:
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


def _missing_zone(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    row = table.one(PUSHABLE)
    table.fill(without=("zone",))
    return Drawn({"x": table.name(row), "p": "zone"}, saying=Refusal("missing", "zone"))


def _missing_swapped(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    row = table.one(place=place)
    name = table.call()
    table.fill(avoid=(name,))
    pair = [called(table, row), say(table, "{y}", y=name)]
    pair = pair if table.chance(0.5) else pair[::-1]
    return Drawn({"x": pair[0], "y": pair[1]}, saying=Refusal("missing", name))


def _missing_step(table: GoalTable) -> Drawn:
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


def _twin(table: GoalTable) -> Drawn:
    table.cabinet()
    table.fixture("zone")
    row = table.one(("block", "star", "cylinder"))
    table.twin(row)
    table.fill()
    words = {"x": table.name(row), "p": table.pick(("zone", "back left"))}
    return Drawn(words, saying=Refusal("ambiguous", table.name(row)))


def _twin_base(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    base = table.one(("block",))
    table.twin(base)
    row = table.one(STACKABLE)
    table.fill()
    return Drawn({"x": table.name(row), "y": table.name(base)}, saying=Refusal("ambiguous", table.name(base)))


def _twin_second(table: GoalTable) -> Drawn:
    place = table.pick(("tray", "drawer"))
    stand(table, (place, "button"))
    row = table.one()
    table.twin(row)
    table.fill()
    bad = say(table, f"(put|place) {{x}} {into(table, place)}", x=table.name(row))
    words = {"a": "press the button", "b": bad}
    return Drawn(words, saying=Refusal("ambiguous", table.name(row)))


def _shape_twice(table: GoalTable) -> Drawn:
    table.cabinet()
    table.fixture("zone")
    shape = table.pick(("block", "cylinder", "star"))
    table.some(2, (shape,))
    table.fill()
    words = {"s": shape, "p": table.pick(("zone", "back left", "front left"))}
    if words["p"] in CORNERS:
        table.reserve(*CORNERS[words["p"]], 0.05)
    return Drawn(words, saying=Refusal("ambiguous", shape))


def _some_block(table: GoalTable) -> Drawn:
    """Onto "the block", where there are several."""
    table.maybe_cabinet()
    table.some(2, ("block",))
    row = table.one(("star", "cylinder"))
    table.fill()
    return Drawn({"x": table.name(row)}, saying=Refusal("ambiguous", "block"))


TEMPLATES: Final = (
    refusal("missing_moved", _missing_far, MOVED),
    refusal("missing_base", _missing_base, STACKED),
    refusal("missing_second", _missing_second, TWO),
    refusal("missing_set", _missing_set, PUT_ALL),
    refusal("missing_shape_for_drawer", _missing_shape, PUT_ALL),
    refusal("missing_place_for_set", _missing_place, PUT_ALL),
    refusal("missing_zone", _missing_zone, PUSHED),
    refusal("missing_swapped", _missing_swapped, SWAP),
    refusal("missing_step", _missing_step, TWO),
    refusal("twin_moved", _twin, MOVED),
    refusal("twin_base", _twin_base, STACKED),
    refusal("twin_second", _twin_second, TWO),
    refusal("shape_twice", _shape_twice, SHAPE),
    refusal("some_block", _some_block, [said.replace("{y}", "the block") for said in STACKED]),
)
"""Missing and ambiguous."""
