"""Things that are called by where they are or what sets them apart, not by colour and shape."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.goals.laying import GoalTable
from sim.goals.medley.wording import say
from sim.layout import CORNERS, NoRoomError
from sim.objects import COLOUR_NAMES, POOL, SHAPES
from sim.tasks.stack import STACKABLE

MARGIN_M: Final = 0.055
"""How much further left, say, something must be than whatever it is compared with; a cell has 3 cm."""
DIRECTIONS: Final = {
    "left": (1, -1, "(leftmost {s}|{s} furthest to the left|{s} on the far left)"),
    "right": (1, 1, "(rightmost {s}|{s} furthest to the right|{s} on the far right)"),
    "near": (0, 1, "(nearest {s}|frontmost {s}|{s} closest to the viewer|{s} nearest to me)"),
    "far": (0, -1, "(farthest {s}|rearmost {s}|{s} furthest at the back|{s} furthest from me)"),
}
"""Axis, sign and words of a direction, as seen in the front camera's picture."""


@dataclass(frozen=True, slots=True)
class Referent:
    """A thing that has been laid, and words that pick it out.

    Attributes:
        row: Its row.
        words: Such as "what stands on the red cube".
        avoid: Words that nothing laid later may be called by.
    """

    row: int
    words: str
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Referring:
    """A way to refer to a thing.

    Attributes:
        name: Part of template names.
        lay: Lays the thing, of one of the given shapes, and whatever its description needs.
        fixture: Fixture in which it is, or "".
        shapes: Shapes that it may have.
        moves: What may be asked of it: some of the letters c(ontainer), d(rawer), o(nto a block), h(old),
            r(each), p(ush).
    """

    name: str
    lay: Callable[[GoalTable, Sequence[str]], Referent]
    moves: str
    fixture: str = ""
    shapes: tuple[str, ...] = SHAPES


def by_colour(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The only thing of its colour."""
    row = table.one(shapes)
    colour = table.name(row).split()[0]
    if sum(name.startswith(colour) for name in map(table.name, table.things)) > 1:
        raise NoRoomError
    return Referent(row, say(table, "the (only|) {c} (thing|object|item|one)", c=colour), (colour,))


def by_shape(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The only thing of its shape."""
    shape = table.pick(shapes)
    if any(POOL[row] == shape for row in table.things):
        raise NoRoomError
    pattern = {"block": "(block|cube|brick)", "cylinder": "(cylinder|can|tube)", "ball": "(ball|sphere)"}
    words = say(table, f"the (only|single|one|) {pattern.get(shape, 'star')}")
    return Referent(table.one((shape,)), words, (shape,))


def _inside(place: str) -> Callable[[GoalTable, Sequence[str]], Referent]:
    preposition = "on" if place == "tray" else "in"

    def lay(table: GoalTable, shapes: Sequence[str]) -> Referent:
        patterns = (f"what (is|lies) {preposition} {{p}}", f"the (thing|object|item) {preposition} {{p}}")
        return Referent(table.one(shapes, place=place), say(table, *patterns, p=place))

    return lay


def in_corner(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The thing in one of the corners."""
    corner = table.pick(table.corners)
    table.reserve(*CORNERS[corner], 0.05)
    row = table.one(shapes, place=corner)
    return Referent(row, say(table, "(the thing|the object|what is|what stands|the one) in {p}", p=corner))


def column(table: GoalTable, count: int, top: Sequence[str] = STACKABLE) -> list[int]:
    """A tower, from below."""
    rows = [table.one(("block",))]
    for height in range(1, count):
        rows.append(table.stacked(rows[-1], top if height == count - 1 else ("block",)))
    return rows


_TOWER = "(tower|tower|stack|pile)"


def top_of_tower(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The uppermost thing of the only tower."""
    row = column(table, table.pick((2, 3)), [shape for shape in STACKABLE if shape in shapes])[-1]
    patterns = (
        f"the (topmost|uppermost|highest|top) (thing|part|object) of the {_TOWER}",
        f"what (stands|sits|is) on top of the {_TOWER}",
        f"the (top|tip) of the {_TOWER}",
    )
    return Referent(row, say(table, *patterns))


def middle_of_tower(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The middle thing of a tower of three."""
    patterns = (
        f"the (middle|second) (thing|block|part) of the {_TOWER}",
        f"(what is|the block) in the middle of the {_TOWER}",
    )
    return Referent(column(table, 3)[1], say(table, *patterns))


def foot_of_tower(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The lowest thing of a tower. It must not be asked to be grasped: that is held out."""
    patterns = (
        f"the (lowest|bottom|undermost) (thing|block|part) of the {_TOWER}",
        f"(the foot|the base|the lower end) of the {_TOWER}",
    )
    return Referent(column(table, table.pick((2, 3)))[0], say(table, *patterns))


def standing_on(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The thing on a block that is called by its name."""
    base = table.one(("block",))
    row = table.stacked(base, [shape for shape in STACKABLE if shape in shapes])
    patterns = ("(what|whatever) (stands|sits|is) on {y}", "the (thing|object) (on|on top of) {y}")
    return Referent(row, say(table, *patterns, y=table.name(base)))


def standing_under(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The block that carries something that is called by its name."""
    base = table.one(("block",))
    name = table.name(table.stacked(base))
    return Referent(base, say(table, "(what|the block that) {y} stands on", "the block under {y}", y=name))


def apart(table: GoalTable, rows: Sequence[int], direction: str) -> list[int]:
    """Rows from the one that is furthest in a direction to the other end.

    Raises:
        NoRoomError: two of them are too close to tell.
    """
    axis, sign, _ = DIRECTIONS[direction]
    at = {row: sign * table.things[row].position_m[axis] for row in rows}
    found = sorted(rows, key=lambda row: -at[row])
    if any(at[a] - at[b] < MARGIN_M for a, b in itertools.pairwise(found)):
        raise NoRoomError
    return found


def at_an_end(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The leftmost, nearest, ... of two or three things of a shape."""
    shape = table.pick(shapes)
    if any(POOL[row] == shape for row in table.things):
        raise NoRoomError
    rows = table.some(table.pick((2, 3)) if shape == "block" else 2, (shape,))
    direction = table.pick(tuple(DIRECTIONS))
    row = apart(table, rows, direction)[0]
    return Referent(row, say(table, f"the {DIRECTIONS[direction][2]}", s=shape), (shape,))


def beside(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """Of two things of a shape the one that is on the named side of a third."""
    shape = table.pick(shapes)
    if any(POOL[row] == shape for row in table.things):
        raise NoRoomError
    landmark = table.one([other for other in SHAPES if other != shape])
    a, b = table.some(2, (shape,))
    direction = table.pick(tuple(DIRECTIONS))
    row, between, _ = apart(table, (a, landmark, b), direction)
    if between != landmark:
        raise NoRoomError
    side = {
        "left": "(left of|to the left of)", "right": "(right of|to the right of)",
        "near": "in front of", "far": "behind",
    }[direction]  # fmt: skip
    words = say(table, f"the {{s}} (that is|standing|) {side} {{y}}", s=shape, y=table.name(landmark))
    return Referent(row, words, (shape,))


def the_other(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """The second of two things of a shape, the first of which is called by its name."""
    shape = table.pick(shapes)
    if any(POOL[row] == shape for row in table.things):
        raise NoRoomError
    row, spared = table.some(2, (shape,))
    patterns = (
        "the {s} that is not {c}",
        "the other {s} instead of {y}",
        "the {s} of another colour than {c}",
        "not {y} but the other {s}",
    )
    colour = table.name(spared).split()[0]
    return Referent(row, say(table, *patterns, s=shape, c=colour, y=table.name(spared)), (shape,))


def nearest_to(table: GoalTable, shapes: Sequence[str]) -> Referent:
    """Of two things of a shape the one that is clearly closer to a third."""
    shape = table.pick(shapes)
    if any(POOL[row] == shape for row in table.things):
        raise NoRoomError
    landmark = table.one([other for other in SHAPES if other != shape])
    rows = table.some(2, (shape,))
    spot = np.array(table.things[landmark].position_m)
    near, far = sorted(rows, key=lambda row: float(np.linalg.norm(spot - table.things[row].position_m)))
    gap_m = np.linalg.norm(spot - table.things[far].position_m) - np.linalg.norm(
        spot - table.things[near].position_m
    )
    if gap_m < 1.5 * MARGIN_M:
        raise NoRoomError
    words = say(
        table, "the {s} (nearest|closest|next) to {y}", "the {s} (beside|next to) {y}",
        s=shape, y=table.name(landmark),
    )  # fmt: skip
    return Referent(near, words, (shape,))


def free_colours(avoid: Sequence[str]) -> list[str]:
    """Colours that things laid later may have."""
    return [colour for colour in COLOUR_NAMES if colour not in avoid]


REFERRINGS: Final = (
    Referring("colour", by_colour, "cdohrp"),
    Referring("shape", by_shape, "cdorp"),
    Referring("bowl", _inside("bowl"), "cdohr", "bowl"),
    Referring("tray", _inside("tray"), "cdohr", "tray"),
    Referring("zone", _inside("zone"), "cdohr", "zone"),
    Referring("corner", in_corner, "cdohr"),
    Referring("drawer", _inside("drawer"), "ch", "drawer"),
    Referring("top", top_of_tower, "cdohr", shapes=("block", "cylinder", "star")),
    Referring("middle", middle_of_tower, "cdhr", shapes=("block",)),
    Referring("foot", foot_of_tower, "cdr", shapes=("block",)),
    Referring("cover", standing_on, "cdoh", shapes=("block", "cylinder", "star")),
    Referring("under", standing_under, "cdr", shapes=("block",)),
    Referring("end", at_an_end, "cdohrp"),
    Referring("beside", beside, "cdohr"),
    Referring("other", the_other, "cdhr", shapes=("cylinder", "ball", "star")),
    Referring("nearest", nearest_to, "cdoh"),
)


def referring_named(name: str) -> Referring:
    """The way to refer of that name.

    Raises:
        ValueError: there is none; the message lists the choices.
    """
    for how in REFERRINGS:
        if how.name == name:
            return how
    raise ValueError(f"way to refer {name!r} is not one of {', '.join(how.name for how in REFERRINGS)}")
