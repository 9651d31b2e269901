"""Goals of one instruction, or of none where all is so already.

What cannot be done is asked for in the same words: a planner must not learn to refuse by a sentence's sound.
"""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.layout import CORNERS
from sim.objects import SHAPES
from sim.tasks.push import PUSHABLE
from vla.planner.desire import Drawer, Held, In, On, Pressed


def _press(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("button")
    table.fill()
    return Drawn({}, (Pressed(),))


def _open(table: GoalTable) -> Drawn:
    table.cabinet()
    table.fill()
    return Drawn({}, (Drawer("open"),))


def _close(table: GoalTable) -> Drawn:
    table.cabinet()
    table.fill()
    return Drawn({}, (Drawer("closed"),))


def _to_corner(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    corner = table.pick(table.corners)
    table.reserve(*CORNERS[corner], 0.05)
    row = table.one(PUSHABLE)
    table.lane(row, corner)
    table.fill()
    return Drawn({"x": table.name(row), "p": corner}, (In(row, corner),))


def _shape(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    shape = table.pick(SHAPES)
    row = table.one((shape,))
    table.fill(avoid=(shape,))
    return Drawn({"s": shape}, (Held(row),))


def _already_there(table: GoalTable) -> Drawn:
    """In half of the scenes it is there already."""
    table.maybe_cabinet()
    table.fixture("tray")
    row = table.one(place="tray" if table.chance(0.5) else "table")
    table.fill()
    return Drawn({"x": table.name(row)}, (In(row, "tray"),))


def _already_stacked(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    base = table.one(("block",))
    row = table.stacked(base) if table.chance(0.5) else table.one(("block", "star", "cylinder"))
    table.fill()
    return Drawn({"x": table.name(row), "y": table.name(base)}, (On(row, base),))


TEMPLATES = (
    Template(
        "press",
        "single",
        ("(press|push|hit|click) the button", "(give the button a push|push down the button)"),
        ("the button has to be pressed", "press on the button"),
        _press,
    ),
    Template(
        "open_drawer",
        "single",
        ("(open|pull open) the drawer", "(slide|pull) the drawer open"),
        ("the drawer should be open", "have the drawer opened"),
        _open,
    ),
    Template(
        "close_drawer",
        "single",
        ("(close|shut|push shut) the drawer", "push the drawer (closed|shut|in)"),
        ("the drawer should be closed", "have the drawer shut"),
        _close,
    ),
    Template(
        "push_to_corner",
        "single",
        ("(push|move|slide|bring) {x} to {p}", "{x} (goes|belongs) in {p}"),
        ("{x} should end up in {p}", "slide {x} along until it is in {p}"),
        _to_corner,
    ),
    Template(
        "pick_shape",
        "single",
        ("(pick up|grasp|lift|take) the {s}",),
        ("hold the {s} up", "have the {s} in the hand"),
        _shape,
    ),
    Template(
        "onto_tray",
        "single",
        ("(put|place) {x} on the tray", "{x} (goes|belongs|should be) on the tray"),
        ("get {x} onto the tray", "see to {x} being on the tray"),
        _already_there,
    ),
    Template(
        "onto_block",
        "single",
        ("(stack|put|place) {x} on (top of|) {y}", "{x} (goes|belongs) on {y}"),
        ("see that {x} is on {y}", "{y} should carry {x}"),
        _already_stacked,
    ),
)
