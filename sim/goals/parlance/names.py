"""What people call things, colours and places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _both(plain: str, times: int, others: str = "") -> tuple[tuple[str, str], ...]:
    """Names for one and for several; the plain one ``times`` times, so that it stays the usual one."""
    return tuple((one, plural_of(one)) for one in (*(plain,) * times, *filter(None, others.split(", "))))


def plural_of(name: str) -> str:
    """A name for several: ``"boxes"``, ``"drawers of the cabinet"``."""
    head, of, rest = name.partition(" of ")
    return f"{head}{'es' if head.endswith(('x', 's', 'ch', 'sh')) else 's'}{of}{rest}"


def _mostly(plain: str, times: int, others: str) -> tuple[str, ...]:
    """The plain name ``times`` times, and the others."""
    return (*(plain,) * times, *others.split(", "))


SHAPES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "block": _both(
        "block",
        24,
        "cube, cube, cube, brick, brick, box, box, square block, toy block, building block, toy brick, cuboid"
        ", building brick, cubic block, cube-shaped thing, cube-shaped object, block-shaped thing, dice cube"
        ", cubic piece, blocky thing",
    ),
    "cylinder": _both(
        "cylinder",
        20,
        "can, can, tube, tube, tin, tin can, roller, drum, barrel, canister, pipe, cylinder shape"
        ", cylindrical thing, cylindrical object, cylindrical piece, cylinder-shaped thing, tube piece",
    ),
    "ball": _both(
        "ball",
        20,
        "sphere, sphere, orb, globe, marble, bead, toy ball, little ball, spherical thing, spherical object"
        ", ball-shaped thing, ball-shaped object, bouncy ball, spherical piece",
    ),
    "star": _both(
        "star",
        20,
        "star shape, star shape, starlet, little star, toy star, star piece, star-shaped thing"
        ", star-shaped object, star-shaped piece, pointy star, spiky star, starry thing",
    ),
    "thing": _both("thing", 6, "object, object, object, item, item, piece, part, toy, article, element")
    + (("one", "ones"),) * 3,
}
"""Shape to its names, each for one and for several."""

COLOURS: Final[Mapping[str, tuple[str, ...]]] = {
    "red": _mostly("red", 45, "red-coloured, bright red, crimson, scarlet, reddish"),
    "green": _mostly("green", 45, "green-coloured, bright green, emerald, grass green, greenish"),
    "blue": _mostly("blue", 45, "blue-coloured, deep blue, dark blue, royal blue, navy"),
    "yellow": _mostly("yellow", 45, "yellow-coloured, bright yellow, lemon yellow, canary yellow, yellowish"),
    "orange": _mostly("orange", 45, "orange-coloured, bright orange, tangerine, pumpkin orange"),
    "purple": _mostly("purple", 45, "purple-coloured, violet, violet, lilac, mauve"),
    "cyan": _mostly("cyan", 45, "cyan-coloured, turquoise, turquoise, light blue, aqua"),
    "white": _mostly("white", 45, "white-coloured, snow white, snowy white, plain white, pure white"),
}
"""Colour to its names, the plain one in nine cases of ten."""

COLOURED: Final = (
    *("{c} {n}",) * 36,
    "{n} that [is/are] {c}",
    "{n} which [is/are] {c}",
    "{n} in {c}",
    "{n} coloured {c}",
    "{n} of {c} colour",
)
"""How a colour goes with a noun where nothing else is said about it."""

SIZES: Final = (*("",) * 48, "little", "small")
"""What may stand before a noun and means nothing, since all things are of one size."""

FIXTURES: Final[Mapping[str, tuple[str, ...]]] = {
    "bowl": _mostly("bowl", 16, "dish, dish, basin, round bowl, open bowl, round dish"),
    "tray": _mostly("tray", 16, "metal tray, flat tray, plate, plate, platter, serving tray"),
    "drawer": _mostly("drawer", 16, "cabinet drawer, drawer of the cabinet, cabinet, sliding drawer"),
    "zone": _mostly(
        "zone",
        10,
        "square, square, marked square, target zone, target area, marked area, marked zone, goal zone, target"
        ", goal area, marking, marked spot, marked field, target square, painted square, marked patch",
    ),
    "button": _mostly("button", 16, "push button, push-button, switch, knob"),
    "table": _mostly("table", 8, "table top, tabletop, surface of the table, desk, bare table, worktop"),
    "hand": _mostly("hand", 4, "gripper, gripper, robot's hand, robot hand, claw, grippers, fingers"),
    "front left": _mostly(
        "front left corner",
        5,
        "front left corner of the table, left front corner, near left corner, left near corner"
        ", front-left corner, left corner at the front, left corner in front, front corner on the left"
        ", corner at the front left, corner on the left at the front, corner at the front on the left"
        ", near left-hand corner, near corner on the left, left-hand front corner, closer left corner"
        ", lower left corner, bottom left corner, left corner nearest to me, left front corner of the table"
        ", table's front left corner, corner in front on the left",
    ),
    "front right": _mostly(
        "front right corner",
        5,
        "front right corner of the table, right front corner, near right corner, right near corner"
        ", front-right corner, right corner at the front, right corner in front, front corner on the right"
        ", corner at the front right, corner on the right at the front, corner at the front on the right"
        ", near right-hand corner, near corner on the right, right-hand front corner, closer right corner"
        ", lower right corner, bottom right corner, right corner nearest to me"
        ", right front corner of the table, table's front right corner, corner in front on the right",
    ),
    "back left": _mostly(
        "back left corner",
        5,
        "back left corner of the table, left back corner, far left corner, left far corner, rear left corner"
        ", back-left corner, left rear corner, left corner at the back, back corner on the left"
        ", corner at the back left, corner on the left at the back, corner at the back on the left"
        ", far left-hand corner, far corner on the left, left-hand back corner, left corner in the back"
        ", upper left corner, top left corner, left corner farthest from me, left back corner of the table"
        ", table's back left corner, corner in the back on the left",
    ),
    "back right": _mostly(
        "back right corner",
        5,
        "back right corner of the table, right back corner, far right corner, right far corner"
        ", rear right corner, back-right corner, right rear corner, right corner at the back"
        ", back corner on the right, corner at the back right, corner on the right at the back"
        ", corner at the back on the right, far right-hand corner, far corner on the right"
        ", right-hand back corner, right corner in the back, upper right corner, top right corner"
        ", right corner farthest from me, right back corner of the table, table's back right corner"
        ", corner in the back on the right",
    ),
}
"""Fixture or place to its names, without an article."""

UPON: Final = ("on", "on", "on", "on top of", "on top of", "upon", "atop")
ONTO: Final = (*UPON, "onto", "onto")
"""Before a thing that something stands on, or is put on."""

INTO: Final[Mapping[str, tuple[str, ...]]] = {
    "bowl": (
        *("in {q}",) * 5,
        *("into {q}",) * 4,
        *("inside {q}", "to {q}", "inside of {q}", "down into {q}", "over into {q}", "right into {q}"),
        *("over to {q}", "within {q}", "there in {q}"),
    ),
    "tray": (
        *("on {q}",) * 5,
        *("onto {q}",) * 4,
        *("to {q}", "on top of {q}", "over to {q}", "over onto {q}", "down on {q}", "upon {q}", "on to {q}"),
        *("down onto {q}", "right onto {q}", "there on {q}"),
    ),
    "drawer": (
        *("in {q}",) * 5,
        *("into {q}",) * 4,
        *(
            "inside {q}",
            "inside of {q}",
            "down into {q}",
            "within {q}",
            "to the inside of {q}",
            "right into {q}",
        ),
        *("over into {q}", "there in {q}"),
    ),
    "zone": (
        *("in {q}",) * 3,
        *("into {q}", "into {q}", "to {q}", "to {q}", "onto {q}", "on {q}", "inside {q}", "over to {q}"),
        *("over into {q}", "within {q}", "on to {q}", "right into {q}", "all the way to {q}"),
    ),
    "table": (
        *("on {q}",) * 4,
        *("onto {q}", "onto {q}", "down on {q}", "back on {q}", "back onto {q}", "down onto {q}"),
        *("anywhere on {q}", "somewhere on {q}", "on top of {q}", "right on {q}", "on to {q}"),
    ),
    "corner": (
        *("in {q}",) * 3,
        *("into {q}", "into {q}", "to {q}", "to {q}", "over to {q}", "over into {q}", "right into {q}"),
        *("all the way into {q}", "all the way to {q}", "across to {q}", "at {q}", "there in {q}"),
    ),
}
"""How a place is named as where something goes; ``{q}`` is the place with its article."""

LYING: Final[Mapping[str, tuple[str, ...]]] = {
    "bowl": (*("in {q}",) * 6, "inside {q}", "inside {q}", "inside of {q}", "within {q}", "down in {q}"),
    "tray": (*("on {q}",) * 6, "on top of {q}", "upon {q}", "over on {q}", "there on {q}"),
    "drawer": (*("in {q}",) * 6, "inside {q}", "inside {q}", "inside of {q}", "within {q}", "down in {q}"),
    "zone": (*("in {q}",) * 4, "inside {q}", "on {q}", "within {q}", "inside of {q}", "over in {q}"),
    "table": (*("on {q}",) * 6, "on top of {q}", "right on {q}", "directly on {q}"),
    "hand": (
        "in the (gripper|hand|fingers|claw)",
        "in your (gripper|hand|fingers|grip)",
        "in the (robot's|robot) (hand|gripper)",
        "between the fingers",
        "between your fingers",
    ),
    "corner": (*("in {q}",) * 4, "at {q}", "at {q}", "over in {q}", "there in {q}", "inside {q}"),
}
"""How a place is named as where something is."""

THE: Final = (*("the",) * 44, *("that",) * 3, *("this",) * 3, "my", "your", "the one", "this here", "our")
"""In front of one thing; mostly plainly."""
OF_FIXTURES: Final = (*("the",) * 40, "that", "that", "this", "this", "my", "your", "our")
"""In front of a fixture or a place."""
