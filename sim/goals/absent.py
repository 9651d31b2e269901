"""Goals about things that are not there, or not just one: the right thing is to say so, and not to move."""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.objects import SHAPES
from sim.tasks.stack import STACKABLE
from vla.planner.grammar import Refusal

_PLURAL = {"block": "blocks", "cylinder": "cylinders", "ball": "balls", "star": "stars"}


def _missing(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    table.one()
    name = table.call()
    table.fill(avoid=(name,))
    return Drawn({"x": name, "p": place}, saying=Refusal("missing", name))


def _missing_in_tower(table: GoalTable) -> Drawn:
    """One of the three is not there."""
    z, y = (table.name(row) for row in table.some(2, ("block",)))
    x = table.call(STACKABLE)
    table.fill(avoid=(x,))
    return Drawn({"x": x, "y": y, "z": z}, saying=Refusal("missing", x))


def _missing_fixture(table: GoalTable) -> Drawn:
    place = table.pick(("bowl", "tray"))
    row = table.one()
    table.fill(without=(place,))
    return Drawn({"x": table.name(row), "p": place}, saying=Refusal("missing", place))


def _missing_drawer(table: GoalTable) -> Drawn:
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row)}, saying=Refusal("missing", "drawer"))


def _missing_button(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.one()
    table.fill(without=("button",))
    return Drawn({}, saying=Refusal("missing", "button"))


def _missing_shape(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("tray")
    shape = table.pick(SHAPES)
    table.one([other for other in SHAPES if other != shape])
    table.fill(avoid=(shape,))
    return Drawn({"s": _PLURAL[shape]}, saying=Refusal("missing", shape))


def _ambiguous(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("tray")
    row = table.one()
    table.twin(row)
    table.fill()
    return Drawn({"x": table.name(row)}, saying=Refusal("ambiguous", table.name(row)))


def _ambiguous_shape(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("bowl")
    shape = table.pick(SHAPES)
    table.some(2, (shape,))
    table.fill()
    return Drawn({"s": shape}, saying=Refusal("ambiguous", shape))


TEMPLATES = (
    Template(
        "missing_object",
        "infeasible",
        (
            "(put|place|drop) {x} (in|into) {p}",
            "{x} (goes|belongs|should be) in {p}",
            "(grasp|grab|pick up|lift|hold) {x}",
            "(push|slide|move) {x} to the front left corner",
        ),
        ("get {x} into {p}", "take {x} in the hand", "see that {x} ends up in {p}"),
        _missing,
    ),
    Template(
        "missing_in_tower",
        "infeasible",
        (
            "build a (tower|stack): {z} at the bottom, {y} in the middle and {x} on top",
            "(stack|put) {y} on {z} and {x} on {y}",
            "(put|place) {x} on the tower of {z} and {y}",
        ),
        ("from top to bottom the tower should be {x}, {y}, {z}", "pile up {z}, on that {y} and on that {x}"),
        _missing_in_tower,
    ),
    Template(
        "missing_container",
        "infeasible",
        (
            "(put|place|drop) {x} (in|into) {p}",
            "{x} (goes|belongs|should be) in {p}",
            "(move|bring|carry) {x} to {p}",
        ),
        ("get {x} into {p}", "see that {x} ends up in {p}"),
        _missing_fixture,
    ),
    Template(
        "missing_drawer",
        "infeasible",
        (
            "(open|close|shut) the drawer",
            "(put|store|stow) {x} (in|into|inside) the drawer",
            "(bring|fetch) me {x} from the drawer",
        ),
        ("the drawer should be open", "the drawer is where {x} has to be"),
        _missing_drawer,
    ),
    Template(
        "missing_button",
        "infeasible",
        ("(press|push|hit|click) the button", "(give the button a push|push down the button)"),
        ("the button has to be pressed", "press on the button"),
        _missing_button,
    ),
    Template(
        "missing_shape",
        "infeasible",
        (
            "(put|place) all (the|of the) {s} (in|on) the tray",
            "(gather|collect) the {s} on the tray",
            "(all|all the) {s} (go|belong) on the tray",
        ),
        ("i want to see all {s} on the tray", "load the tray with the {s}"),
        _missing_shape,
    ),
    Template(
        "ambiguous_object",
        "infeasible",
        (
            "(put|place) {x} on the tray",
            "(grasp|grab|pick up|lift) {x}",
            "{x} (goes|belongs|should be) on the tray",
        ),
        ("get {x} onto the tray", "take {x} in the hand"),
        _ambiguous,
    ),
    Template(
        "ambiguous_shape",
        "infeasible",
        ("(pick up|grasp|lift|take) the {s}", "(put|drop) the {s} in the bowl"),
        ("get the {s} into the bowl", "take the {s} in the hand"),
        _ambiguous_shape,
    ),
)
