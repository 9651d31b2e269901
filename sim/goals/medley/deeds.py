"""Single deeds as clauses, to be put behind conditions and one after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sim.goals.laying import GoalTable
from sim.goals.medley.wording import into, say
from sim.layout import CORNERS, NoRoomError
from sim.objects import COLOUR_NAMES, SHAPES
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.desire import Atom, Drawer, Held, In, On, Over, Pressed


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed that has not been done yet.

    Attributes:
        order: Such as "put the red cube in the bowl".
        doing: Such as "putting the red cube in the bowl".
        atom: What is true when it is done.
    """

    order: str
    doing: str
    atom: Atom


_VERBS: Final = {
    "bowl": (("put", "putting"), ("place", "placing"), ("drop", "dropping")),
    "tray": (("put", "putting"), ("place", "placing"), ("lay", "laying")),
    "drawer": (("put", "putting"), ("store", "storing"), ("stow", "stowing")),
    "open": (("open", "opening"), ("pull open", "pulling open")),
    "closed": (("close", "closing"), ("shut", "shutting")),
    "button": (("press", "pressing"), ("push", "pushing"), ("hit", "hitting")),
    "stack": (("stack", "stacking"), ("put", "putting"), ("place", "placing")),
    "zone": (("push", "pushing"), ("slide", "sliding")),
    "corner": (("push", "pushing"), ("slide", "sliding")),
    "unstack": (("take", "taking"), ("lift", "lifting"), ("remove", "removing")),
    "hold": (("pick up", "picking up"), ("grasp", "grasping"), ("lift", "lifting")),
    "reach": (("point at", "pointing at"), ("reach for", "reaching for"), ("hover over", "hovering over")),
}
ANYWHEN: Final = ("bowl", "tray", "drawer", "slide", "button", "stack", "zone", "corner", "unstack")
"""Deeds that others may follow."""
LAST: Final = ("hold", "reach")
"""Deeds that nothing may follow: they last only as long as the hand stays."""
PLAIN: Final = ("bowl", "tray", "drawer", "hold", "reach")
"""Deeds with one thing, which may have any shape."""


def stand(table: GoalTable, kinds: Iterable[str]) -> None:
    """Stand the fixtures of some deeds on an empty table."""
    kinds = set(kinds)
    if kinds & {"drawer", "slide"} and "drawer" not in table.fixtures:
        table.cabinet()
    for name in ("bowl", "tray", "zone", "button"):
        if name in kinds:
            table.fixture(name)


def deed(
    table: GoalTable, kind: str, shapes: Sequence[str] = SHAPES, colours: Sequence[str] = COLOUR_NAMES
) -> Deed:
    """Lay what a deed needs, once the fixtures stand.

    Args:
        table: The table.
        kind: One of :data:`ANYWHEN` or :data:`LAST`.
        shapes: Shapes that things laid for it may have.
        colours: Colours that they may have.

    Raises:
        NoRoomError: no room, or nothing of these shapes and colours can do that.
    """
    if kind == "slide":
        state = "closed" if table.drawer_open_m else "open"
        return _worded(table, state, "the drawer", Drawer(state))
    if kind == "button":
        return _worded(table, kind, say(table, "{p}", p="button"), Pressed())
    if kind in ("stack", "unstack"):
        return _stacked(table, kind, colours)
    able = PUSHABLE if kind in ("zone", "corner") else shapes
    allowed = [shape for shape in able if shape in shapes]
    if not allowed:
        raise NoRoomError
    if kind in PLAIN:
        row = table.one(allowed, colours)
        x = table.name(row)
        if kind in LAST:
            return _worded(table, kind, say(table, "{x}", x=x), Held(row) if kind == "hold" else Over(row))
        return _worded(table, kind, say(table, f"{{x}} {into(table, kind)}", x=x), In(row, kind))
    place = table.pick(table.corners) if kind == "corner" else kind
    if kind == "corner":
        table.reserve(*CORNERS[place], 0.05)
    row = table.one(allowed, colours)
    table.lane(row, place)
    return _worded(table, kind, say(table, f"{{x}} {into(table, place)}", x=table.name(row)), In(row, place))


def _stacked(table: GoalTable, kind: str, colours: Sequence[str]) -> Deed:
    base = table.one(("block",), colours)
    if kind == "stack":
        top, pattern, atom = table.one(STACKABLE, colours), "{x} (on|on|on top of) {y}", On
        words = say(table, pattern, x=table.name(top), y=table.name(base))
        return _worded(table, kind, words, atom(top, base))
    top = table.stacked(base)
    if table.name(top).split()[0] not in colours:
        raise NoRoomError
    words = say(table, "{x} (off|from) {y}", x=table.name(top), y=table.name(base))
    return _worded(table, kind, words, In(top, "table"))


def _worded(table: GoalTable, kind: str, rest: str, atom: Atom) -> Deed:
    order, doing = table.pick(_VERBS[kind])
    return Deed(f"{order} {rest}", f"{doing} {rest}", atom)
