"""Questions: they are answered, and nothing moves."""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.objects import POOL, SHAPES
from vla.planner.grammar import NUMBERS, Answer

_PLURAL = {"block": "blocks", "cylinder": "cylinders", "ball": "balls", "star": "stars"}
_LEFT_MARGIN_M = 0.05


def _yes(holds: bool) -> Answer:
    return Answer("yes" if holds else "no")


def _open(table: GoalTable) -> Drawn:
    is_open = table.cabinet() == "open"
    table.one()
    table.fill()
    return Drawn(saying=_yes(is_open))


def _colour(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    shape = table.pick(SHAPES)
    row = table.one((shape,))
    table.fill(avoid=(shape,))
    return Drawn({"s": shape}, saying=Answer(table.name(row).split()[0]))


def _count(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    shape = table.pick(SHAPES)
    table.some(int(table.rng.integers(POOL.count(shape) + 1)), (shape,))
    others = [other for other in SHAPES if other != shape]
    table.one(others)
    table.fill(avoid=(shape,))
    count = sum(POOL[row] == shape for row in table.things)
    return Drawn({"s": _PLURAL[shape]}, saying=Answer(NUMBERS[count]))


def _where(table: GoalTable) -> Drawn:
    place = table.pick(("bowl", "tray", "drawer", "table", "zone", "block"))
    if place == "drawer":
        table.cabinet("open")
    elif place in ("bowl", "tray", "zone"):
        table.fixture(place)
    if place == "block":
        block = table.one(("block",))
        row, words = table.stacked(block), f"on the {table.name(block)}"
    else:
        row = table.one(place=place)
        words = f"{'in' if place in ('bowl', 'drawer', 'zone') else 'on'} the {place}"
    table.fill(without=("zone",))
    return Drawn({"x": table.name(row)}, saying=Answer(words))


def _there(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    name = table.call()
    there = table.chance(0.5)
    if there:
        table.lay(name)
        table.fill()
    else:
        table.one([shape for shape in SHAPES if shape != name.split()[1]])
        table.fill(avoid=(name,))
    return Drawn({"x": name}, saying=_yes(there))


def _on_top(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    block = table.one(("block",))
    words = "nothing"
    if table.chance(0.6):
        words = f"the {table.name(table.stacked(block))}"
    table.fill()
    return Drawn({"x": table.name(block)}, saying=Answer(words))


def _inside(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    words = "nothing"
    if table.chance(0.6):
        words = f"the {table.name(table.one(place=place))}"
    table.one()
    table.fill()
    return Drawn({"p": place}, saying=Answer(words))


def _left(table: GoalTable) -> Drawn:
    """As seen in the front camera's picture, where smaller y is further left."""
    table.maybe_cabinet()
    x, y = table.some(2)
    offset_m = table.things[x].position_m[1] - table.things[y].position_m[1]
    while abs(offset_m) < _LEFT_MARGIN_M:
        table.things.pop(x)
        x = table.one()
        offset_m = table.things[x].position_m[1] - table.things[y].position_m[1]
    table.fill()
    return Drawn({"x": table.name(x), "y": table.name(y)}, saying=_yes(offset_m < 0))


TEMPLATES = (
    Template(
        "is_drawer_open",
        "question",
        ("is the drawer open?", "(does the drawer stand|can you see whether the drawer is) open?"),
        ("has somebody opened the drawer?", "would you say the drawer is open?"),
        _open,
    ),
    Template(
        "what_colour",
        "question",
        ("(what|which) colour (is|has) the {s}?", "the {s}: what colour is it?"),
        ("can you tell me the colour of the {s}?", "what is the colour of the {s}?"),
        _colour,
    ),
    Template(
        "how_many",
        "question",
        ("how many {s} are (there|on the table|in sight)?", "how many {s} (do|can) you see?"),
        ("what is the number of {s}?", "could you count the {s}?"),
        _count,
    ),
    Template(
        "where_is",
        "question",
        ("where is {x}?", "where (can i find|do you see) {x}?"),
        ("in which place is {x}?", "do you know where {x} is?"),
        _where,
    ),
    Template(
        "is_there",
        "question",
        ("(is {x} there|is {x} on the table|is {x} here)?", "(do|can) you see {x}?"),
        ("does {x} exist here?", "is {x} somewhere?"),
        _there,
    ),
    Template(
        "what_is_on",
        "question",
        ("what (is|stands) on {x}?", "what is on top of {x}?", "which thing (is|stands) on {x}?"),
        ("{x} carries what?", "what do you see on {x}?"),
        _on_top,
    ),
    Template(
        "what_is_in",
        "question",
        ("what is in {p}?", "which thing (is|lies) in {p}?"),
        ("{p} holds what?", "what do you see in {p}?"),
        _inside,
        held_out=True,
    ),
    Template(
        "is_left_of",
        "question",
        ("is {x} (left|to the left) of {y}?", "(does {x} stand|do you see {x}) left of {y}?"),
        ("of {x} and {y}, is the first one further left?",),
        _left,
    ),
)
