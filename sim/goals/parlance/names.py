"""What people call things, colours, places and several of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SHAPES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "block": (
        ("block", "blocks"),
        ("block", "blocks"),
        ("block", "blocks"),
        ("cube", "cubes"),
        ("box", "boxes"),
        ("brick", "bricks"),
    ),
    "cylinder": (("cylinder", "cylinders"), ("cylinder", "cylinders"), ("can", "cans"), ("tube", "tubes")),
    "ball": (("ball", "balls"), ("ball", "balls"), ("sphere", "spheres")),
    "star": (("star", "stars"), ("star", "stars"), ("star shape", "star shapes")),
    "thing": (("thing", "things"), ("object", "objects"), ("item", "items"), ("one", "ones")),
}
"""Shape to its names, each for one and for several."""

FIXTURES: Final[Mapping[str, tuple[str, ...]]] = {
    "bowl": ("bowl", "bowl", "bowl", "dish"),
    "tray": ("tray", "tray", "tray", "metal tray", "plate"),
    "drawer": ("drawer",),
    "zone": ("zone", "zone", "square", "marked square", "target zone", "target area"),
    "button": ("button", "button", "push button"),
    "table": ("table", "table", "table top"),
    "hand": ("hand", "gripper"),
    "front left": (
        "front left corner",
        "front left corner of the table",
        "left front corner",
        "near left corner",
    ),
    "front right": (
        "front right corner",
        "front right corner of the table",
        "right front corner",
        "near right corner",
    ),
    "back left": ("back left corner", "back left corner of the table", "left back corner", "far left corner"),
    "back right": (
        "back right corner",
        "back right corner of the table",
        "right back corner",
        "far right corner",
    ),
}
"""Fixture or place to its names, without an article."""

INTO: Final[Mapping[str, tuple[str, ...]]] = {
    "bowl": ("in {q}", "into {q}", "inside {q}", "in {q}", "to {q}"),
    "tray": ("on {q}", "onto {q}", "on {q}", "to {q}", "on top of {q}"),
    "drawer": ("in {q}", "into {q}", "inside {q}"),
    "zone": ("in {q}", "into {q}", "to {q}", "onto {q}"),
    "table": ("on {q}", "onto {q}", "down on {q}", "back on {q}"),
    "corner": ("in {q}", "into {q}", "to {q}"),
}
"""How a place is named as where something goes; ``{q}`` is the place with its article."""

LYING: Final[Mapping[str, tuple[str, ...]]] = {
    "bowl": ("in {q}", "inside {q}"),
    "tray": ("on {q}",),
    "drawer": ("in {q}", "inside {q}"),
    "zone": ("in {q}", "inside {q}"),
    "table": ("on {q}",),
    "hand": ("in the (gripper|hand|fingers)", "in your (gripper|hand)"),
    "corner": ("in {q}", "at {q}"),
}
"""How a place is named as where something is."""

THE: Final = ("the", "the", "the", "the", "that", "this")
TRAITS: Final[Mapping[str, tuple[str, ...]]] = {
    "inside": (
        "{n} {l}",
        "{n} {l}",
        "{n} that [is/are] {l}",
        "{n} which [lies/lie] {l}",
        "{n} lying {l}",
    ),
    "stacked": ("{n} (of|in) the (tower|stack|pile)", "{n} that [is/are] part of the (tower|stack|pile)"),
    "leftmost": ("leftmost {n}", "{n} furthest (to the|on the) left", "{n} on the far left"),
    "rightmost": ("rightmost {n}", "{n} furthest (to the|on the) right", "{n} on the far right"),
    "nearest": (
        "{n} nearest to (me|the camera|the viewer)",
        "{n} closest to (me|the camera)",
        "{n} furthest to the front",
    ),
    "farthest": (
        "{n} farthest from (me|the camera|the viewer)",
        "{n} furthest (away|back)",
        "{n} furthest to the back",
    ),
    "topmost": ("topmost {n}", "{n} on top of the (tower|stack|pile)", "top {n} of the (tower|stack|pile)"),
    "middle": ("{n} in the middle of the (tower|stack|pile)", "middle {n} of the (tower|stack|pile)"),
    "lowest": (
        "lowest {n}",
        "{n} at the (bottom|foot) of the (tower|stack|pile)",
        "bottom {n} of the (tower|stack|pile)",
    ),
    "upon": ("{n} on (top of|) {o}", "{n} that [stands/stand] on {o}", "{n} that {o} carries"),
    "beneath": ("{n} (under|below|beneath) {o}", "{n} that [carries/carry] {o}", "{n} that {o} stands on"),
    "left of": ("{n} (left|to the left) of {o}",),
    "right of": ("{n} (right|to the right) of {o}",),
    "closest to": ("{n} (closest|nearest) to {o}", "{n} right next to {o}"),
    "coloured like": ("{n} with the colour of {o}", "{n} of the same colour as {o}"),
}
"""Trait to phrases; ``{n}`` is the noun, ``{l}`` a place, ``{o}`` another thing."""

WHATEVER: Final[Mapping[str, tuple[str, ...]]] = {
    "inside": ("what is {l}", "whatever is {l}", "what lies {l}", "the contents of {q}", "what you find {l}"),
    "upon": ("what is on {o}", "what stands on {o}", "whatever {o} carries", "what is on top of {o}"),
    "beneath": ("what is under {o}", "what carries {o}", "what {o} stands on"),
}
"""Instead of a thing with a trait, where there is no noun."""

EVERY: Final = (
    "all the {p}",
    "all {p}",
    "every {s}",
    "each {s}",
    "every one of the {p}",
    "the {p}",
    "all of the {p}",
)
EVERYTHING: Final = (
    "everything",
    "all things",
    "all the things",
    "every object",
    "all objects",
    "the lot",
    "all of it",
)
EVERY_COLOURED: Final = (
    "everything {c}",
    "all that is {c}",
    "whatever is {c}",
    "every {c} thing",
    "all the {c} things",
    "the {c} things",
)
ANY: Final = ("a {s}", "any {s}", "some {s}", "one of the {p}")
BUT: Final = (
    "{x} (but|except|except for|other than|apart from|save) {y}",
    "{x}, (only not|but not|just not) {y},",
)
LISTS: Final = (
    "{a} and {b}",
    "{a} and {b}",
    "{a} as well as {b}",
    "both {a} and {b}",
    "{a} together with {b}",
    "{a}, {b}",
)
LONG_LISTS: Final = ("{a}, {b} and {c}", "{a} and {b} and {c}", "{a} as well as {b} and {c}")
