"""Goals of gathering: all of a kind in one place, and tidying up."""

from __future__ import annotations

from collections.abc import Iterable

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.goals.symbols import names_of
from sim.objects import COLOUR_NAMES, SHAPES
from vla.planner.desire import Drawer, In
from vla.planner.symbols import name_order

_PLURAL = {"block": "blocks", "cylinder": "cylinders", "ball": "balls", "star": "stars"}


def _all_in(table: GoalTable, rows: Iterable[int], place: str) -> tuple[In, ...]:
    return tuple(In(row, place) for row in name_order(rows, names_of(table)))


def _shape_on_tray(table: GoalTable) -> Drawn:
    """Two of a kind, or three blocks; now and then one is there already."""
    table.maybe_cabinet()
    table.fixture("tray")
    shape = table.pick(SHAPES)
    count = table.pick((2, 3)) if shape == "block" else 2
    there = table.some(int(table.chance(0.25)), (shape,), place="tray")
    rows = there + table.some(count - len(there), (shape,))
    table.fill(avoid=(shape,))
    return Drawn({"s": _PLURAL[shape]}, _all_in(table, rows, "tray"))


def _colour_on_tray(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("tray")
    colour = table.pick(COLOUR_NAMES)
    rows = table.some(2, colours=(colour,))
    table.fill(avoid=(colour,))
    return Drawn({"c": colour}, _all_in(table, rows, "tray"))


def _two_on_tray(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("tray")
    rows = table.some(2)
    table.fill()
    words = {"x": table.name(rows[0]), "y": table.name(rows[1])}
    return Drawn(words, tuple(In(row, "tray") for row in rows))


def _shape_in_drawer(table: GoalTable) -> Drawn:
    table.cabinet()
    shape = table.pick(SHAPES)
    rows = table.some(2, (shape,))
    table.fill(avoid=(shape,))
    return Drawn({"s": _PLURAL[shape]}, _all_in(table, rows, "drawer"))


def _all_but(table: GoalTable) -> Drawn:
    table.fixture("tray")
    spared, *rest = table.some(3, ("block",))
    table.fill(avoid=("block",))
    return Drawn({"x": table.name(spared)}, _all_in(table, rest, "tray"))


def _tidy_tray(table: GoalTable) -> Drawn:
    table.fixture("tray")
    there = table.some(int(table.chance(0.25)), place="tray")
    rows = table.some(table.pick((1, 2, 3)) - len(there))
    table.fill(avoid=SHAPES, without=("bowl",))
    return Drawn({}, _all_in(table, (*there, *rows), "tray"))


def _tidy_drawer(table: GoalTable) -> Drawn:
    table.cabinet()
    rows = table.some(table.pick((1, 2)))
    table.fill(avoid=SHAPES, without=("bowl", "tray"))
    return Drawn({}, (*_all_in(table, rows, "drawer"), Drawer("closed")))


def _tidy_table(table: GoalTable) -> Drawn:
    """What lies about goes on the tray, and a drawer that is open is closed."""
    table.cabinet()
    table.fixture("tray")
    rows = table.some(table.pick((0, 1, 2)) if table.drawer_open_m else table.pick((1, 2)))
    table.fill(avoid=SHAPES, without=("bowl",))
    return Drawn({}, (*_all_in(table, rows, "tray"), Drawer("closed")))


def _tidy_but(table: GoalTable) -> Drawn:
    table.fixture("tray")
    spared, *rest = table.some(table.pick((2, 3)))
    table.fill(avoid=SHAPES, without=("bowl",))
    return Drawn({"x": table.name(spared)}, _all_in(table, rest, "tray"))


TEMPLATES = (
    Template(
        "gather_shape",
        "gather",
        (
            "(put|place) all (the|of the) {s} (in|on) the tray",
            "(gather|collect) the {s} on the tray",
            "(all|all the) {s} (go|belong) on the tray",
            "(bring|move) every one of the {s} to the tray",
        ),
        ("i want to see all {s} on the tray", "load the tray with the {s}"),
        _shape_on_tray,
    ),
    Template(
        "gather_colour",
        "gather",
        (
            "(put|place) (everything|all that is) {c} on the tray",
            "(gather|collect) (the|all the) {c} things on the tray",
            "(everything|whatever is) {c} (goes|belongs) on the tray",
        ),
        ("the tray is for {c} things", "whatever has the colour {c} should be on the tray"),
        _colour_on_tray,
    ),
    Template(
        "gather_two",
        "gather",
        (
            "(put|place|lay) {x} and {y} on the tray",
            "(put|place) both {x} and {y} on the tray",
            "{x} and {y} (go|belong) on the tray",
        ),
        ("the tray should hold {x} as well as {y}", "i need {x} together with {y} on the tray"),
        _two_on_tray,
    ),
    Template(
        "gather_in_drawer",
        "gather",
        (
            "(put|place|stow) (all the|both) {s} in the drawer",
            "(all|both) {s} (go|belong) in the drawer",
            "(store|collect) the {s} in the drawer",
        ),
        ("the drawer should hold the {s}", "let the {s} all be in the drawer"),
        _shape_in_drawer,
    ),
    Template(
        "gather_all_but",
        "gather",
        (
            "(put|place) all the blocks (except|but) {x} on the tray",
            "all blocks (go|belong) on the tray, (except|only not) {x}",
        ),
        ("every block other than {x} belongs on the tray", "leave {x} but put the other blocks on the tray"),
        _all_but,
        held_out=True,
    ),
    Template(
        "tidy_onto_tray",
        "tidy",
        (
            "(tidy|clear) (everything|all things) onto the tray",
            "tidy the table: (put|place) everything on the tray",
            "(put|place|collect) (everything|all objects) on the tray",
        ),
        ("gather up whatever lies around on the tray", "all that lies about belongs on the tray"),
        _tidy_tray,
    ),
    Template(
        "tidy_into_drawer",
        "tidy",
        (
            "(put|stow) everything away in the drawer and (close|shut) it",
            "tidy the table: everything (goes|belongs) in the drawer, and close it",
            "(clear|tidy) everything into the drawer, then (close|shut) the drawer",
        ),
        ("make all things vanish in the drawer and shut it", "the closed drawer should hold everything"),
        _tidy_drawer,
    ),
    Template(
        "tidy_table",
        "tidy",
        (
            "tidy (the table|up|up the table)",
            "(clean|clear) up (the table|here)",
            "(make the table|leave the table) tidy",
        ),
        ("put the table in order", "this mess should be tidied"),
        _tidy_table,
    ),
    Template(
        "tidy_all_but",
        "tidy",
        (
            "(put|clear) everything (but|except) {x} onto the tray",
            "tidy the table, (but leave|only leave) {x} where it is: the rest goes on the tray",
        ),
        ("only {x} may stay; all else belongs on the tray", "the tray gets everything apart from {x}"),
        _tidy_but,
        held_out=True,
    ),
)
