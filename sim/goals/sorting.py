"""Goals of sorting: corners, containers, by colour and by shape."""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.goals.symbols import names_of
from sim.layout import CORNERS
from sim.tasks.push import PUSHABLE
from vla.planner.desire import In, Sorted
from vla.planner.symbols import name_order

_PLURAL = {"block": "blocks", "cylinder": "cylinders", "ball": "balls", "star": "stars"}


def _corners(table: GoalTable) -> Drawn:
    """Two or three blocks of different colours; now and then one is in a corner already."""
    table.maybe_cabinet()
    free = list(table.corners)
    count = 2 if len(free) == 2 else table.pick((2, 3))
    rows: list[int] = []
    if table.chance(0.25):
        corner = free.pop(int(table.rng.integers(len(free))))
        rows.append(table.lay(table.call(("block",)), corner))
    for corner in free:
        table.reserve(*CORNERS[corner], 0.05)
    loose = table.some(count - len(rows), ("block",))
    for row, corner in zip(name_order(loose, names_of(table)), free, strict=False):
        table.lane(row, corner)
    table.fill(avoid=("block",))
    return Drawn(desire=(Sorted((*rows, *loose)),))


def _corners_but(table: GoalTable) -> Drawn:
    """Two or three blocks of different colours, of which one stays where it lies."""
    table.maybe_cabinet()
    free = list(table.corners)
    for corner in free:
        table.reserve(*CORNERS[corner], 0.05)
    spared, *loose = table.some(table.pick((2, 3)), ("block",))
    for row, corner in zip(name_order(loose, names_of(table)), free, strict=False):
        table.lane(row, corner)
    table.fill(avoid=("block",))
    return Drawn({"x": table.name(spared)}, (Sorted(tuple(loose)),))


def _two_corners(table: GoalTable) -> Drawn:
    """Each of two things to a corner of its own."""
    table.maybe_cabinet()
    places = [str(p) for p in table.rng.permutation(table.corners)[:2]]
    for corner in places:
        table.reserve(*CORNERS[corner], 0.05)
    rows = table.some(2, PUSHABLE)
    for row, corner in zip(rows, places, strict=True):
        table.lane(row, corner)
    table.fill()
    words = {"x": table.name(rows[0]), "y": table.name(rows[1]), "p": places[0], "q": places[1]}
    return Drawn(words, tuple(In(row, place) for row, place in zip(rows, places, strict=True)))


def _zone_and_corner(table: GoalTable) -> Drawn:
    """One thing to the zone, one to a corner."""
    table.fixture("zone")
    corner = table.pick(table.corners)
    table.reserve(*CORNERS[corner], 0.05)
    x, y = table.some(2, PUSHABLE)
    table.lane(x, "zone")
    table.lane(y, corner)
    table.fill()
    return Drawn({"x": table.name(x), "y": table.name(y), "p": corner}, (In(x, "zone"), In(y, corner)))


def _colours_apart(table: GoalTable) -> Drawn:
    """The one thing of a colour in the bowl, the one or two of another on the tray."""
    table.maybe_cabinet()
    table.fixture("bowl")
    table.fixture("tray")
    first, second = table.pick(("red", "blue", "orange", "white")), table.pick(("green", "yellow", "purple"))
    x = table.one(colours=(first,))
    rest = table.some(table.pick((1, 2)), colours=(second,))
    table.fill(avoid=(first, second))
    return Drawn({"a": first, "b": second}, (In(x, "bowl"), *_on_tray(table, rest)))


def _shapes_apart(table: GoalTable) -> Drawn:
    """The one thing of a shape in the bowl, all of another on the tray."""
    table.maybe_cabinet()
    table.fixture("bowl")
    table.fixture("tray")
    first, second = (str(shape) for shape in table.rng.permutation(("ball", "star", "cylinder", "block"))[:2])
    x = table.one((first,))
    rest = table.some(table.pick((1, 2)), (second,))
    table.fill(avoid=(first, second))
    words = {"a": first, "b": _PLURAL[second]}
    return Drawn(words, (In(x, "bowl"), *_on_tray(table, rest)))


def _drawer_and_tray(table: GoalTable) -> Drawn:
    """All of one shape in the drawer, which may be closed, and all of another on the tray."""
    table.cabinet()
    table.fixture("tray")
    first, second = (str(shape) for shape in table.rng.permutation(("ball", "star", "cylinder"))[:2])
    away, rest = table.some(1, (first,)), table.some(table.pick((1, 2)), (second,))
    table.fill(avoid=(first, second))
    words = {"a": _PLURAL[first], "b": _PLURAL[second]}
    return Drawn(words, (*(In(row, "drawer") for row in away), *_on_tray(table, rest)))


def _on_tray(table: GoalTable, rows: list[int]) -> list[In]:
    return [In(row, "tray") for row in name_order(rows, names_of(table))]


TEMPLATES = (
    Template(
        "sort_corners",
        "sort",
        (
            "sort the (blocks|cubes|bricks) into (corners|the corners) by colour",
            "sort the (blocks|cubes) by colour into the corners",
            "(put|push|bring) each (block|cube) into a corner of its own, one colour per corner",
            "(every colour|each colour of block) gets its own corner: sort the blocks",
            "separate the blocks by colour, (each in a corner|one corner each)",
        ),
        (
            "sort all the blocks by their colour, a corner for each",
            "spread the blocks over the corners by colour",
        ),
        _corners,
    ),
    Template(
        "sort_all_but",
        "sort",
        (
            "sort the (blocks|cubes) into the corners by colour, (but not|except) {x}",
            "(every block|each block) but {x} goes to a corner, one colour per corner",
        ),
        (),
        _corners_but,
        held_out=True,
    ),
    Template(
        "sort_two_corners",
        "sort",
        (
            "(push|move|bring) {x} to {p} and {y} to {q}",
            "{x} (goes|belongs) in {p} and {y} in {q}",
            "(sort these|sort them): {x} to {p}, {y} to {q}",
        ),
        ("{x} should end up in {p}, {y} in {q}", "bring {y} to {q} and also {x} to {p}"),
        _two_corners,
    ),
    Template(
        "sort_zone_corner",
        "sort",
        (
            "(push|move|slide) {x} into the zone and {y} to {p}",
            "{x} (goes|belongs) in the (zone|marked square), {y} in {p}",
            "(bring|get) {y} to {p} and {x} to the (zone|marked square)",
        ),
        ("the zone is for {x}, {p} for {y}", "have {x} in the zone and {y} in {p}"),
        _zone_and_corner,
    ),
    Template(
        "sort_colours_apart",
        "sort",
        (
            "(put|place) what is {a} in the bowl and what is {b} on the tray",
            "sort by colour: {a} (in|into) the bowl, {b} (on|onto) the tray",
            "{a} things go in the bowl, {b} things on the tray",
            "(everything|all that is) {a} belongs in the bowl, (everything|all that is) {b} on the tray",
        ),
        (
            "the bowl is for {a} things and the tray for {b} ones",
            "divide by colour: bowl for {a}, tray for {b}",
        ),
        _colours_apart,
    ),
    Template(
        "sort_shapes_apart",
        "sort",
        (
            "(put|place) the {a} in the bowl and all the {b} on the tray",
            "sort by shape: the {a} (in|into) the bowl, the {b} (on|onto) the tray",
            "the {a} (goes|belongs) in the bowl, the {b} on the tray",
        ),
        (
            "i want the {a} in the bowl and every one of the {b} on the tray",
            "the bowl for the {a}, the tray for the {b}",
        ),
        _shapes_apart,
    ),
    Template(
        "sort_drawer_tray",
        "sort",
        (
            "(put|place|sort) the {a} (in|into) the drawer and the {b} (on|onto) the tray",
            "{a} (go|belong) in the drawer, {b} on the tray",
            "all {a} (in|into) the drawer, all {b} on the tray",
        ),
        (
            "the drawer takes the {a} and the tray takes the {b}",
            "store the {a} in the drawer but the {b} on the tray",
        ),
        _drawer_and_tray,
    ),
)
