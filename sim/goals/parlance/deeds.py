"""Ways of wishing for one thing: imperatives, which may follow one another, and statements of what should be.

Slots: ``{x}`` whom it is done to, ``{p}`` where to, with its preposition, ``{q}`` that place by its name,
``{y}`` the other thing. ``[goes/go]`` depends on whether ``{x}`` is one thing or several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

IMPERATIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "put": ("(put|place|lay|set) {x} {p}", "(move|bring|carry|take) {x} {p}", "get {x} {p}"),
    "put zone": ("(push|slide|shove|move) {x} {p}",),
    "put corner": ("(push|slide|shove|move) {x} {p}",),
    "put drawer": ("(store|stow|keep) {x} {p}", "(put|pack|tuck) {x} away {p}"),
    "put table": ("(put|set|lay) {x} (down|) {p}",),
    "fetch": (
        "take {x} out of the drawer",
        "(get|fetch|bring|remove) {x} from the drawer",
        "(bring|fetch|get|hand) me {x} from the drawer",
    ),
    "fetch to": (
        "take {x} out of the drawer and put [it/them] {p}",
        "(move|bring|carry|transfer) {x} from the drawer {p}",
    ),
    "off": ("take {x} off {y}", "(take|lift|get) {x} down from {y}", "remove {x} from {y}"),
    "empty": ("empty the drawer", "(clear|unload) the drawer", "take everything out of the drawer"),
    "stack": (
        "(stack|put|place|set) {x} on (top of|) {y}",
        "balance {x} on {y}",
        "build a tower of {y} and, on it, {x}",
    ),
    "tower": (
        "build a (tower|stack): {z} at the bottom, {y} in the middle and {x} on top",
        "(stack|pile) {z}, {y} and {x}, from the bottom up",
    ),
    "swap": (
        "swap {x} and {y}",
        "(exchange|switch) {x} (and|with) {y}",
        "let {x} and {y} (trade|change|swap) places",
    ),
    "hold": (
        "(pick up|grasp|grab|lift|hold) {x}",
        "(get|take) hold of {x}",
        "take {x} in the (hand|gripper)",
    ),
    "reach": (
        "(reach|touch|point at|go to|hover over) {x}",
        "move the (gripper|hand|arm) (over|above|to) {x}",
    ),
    "clear": ("(clear|free|uncover) the top of {x}", "take (off|away) (what|whatever) is on {x}"),
    "pile": ("(build|make) a (tower|stack|pile) (of|from|out of) {x}", "(stack|pile) up {x}"),
    "sort": ("sort {x} into the corners by colour", "push {x} into corners, one colour per corner"),
    "open": ("(open|pull open) the drawer", "pull the drawer open"),
    "close": ("(close|shut) the drawer", "push the drawer (shut|closed)"),
    "press": ("(press|push|hit|click) the button",),
    "flip": ("turn the (tower|stack|pile) upside down", "reverse the (tower|stack|pile)"),
    "undo": ("take the (tower|stack|pile) apart", "(dismantle|unstack) the (tower|stack|pile)"),
    "tidy": ("tidy up", "(tidy|clear|clean up) the table"),
}

STATEMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "put": ("{x} [goes/go] {p}", "{x} (should|must) be {p}", "{x} [belongs/belong] {p}", "i want {x} {p}"),
    "fetch": ("i need {x} from the drawer", "{x} should come out of the drawer"),
    "fetch to": ("{x}, which [is/are] in the drawer, [belongs/belong] {p}",),
    "off": ("{x} should not be on {y} any more",),
    "empty": ("the drawer should be empty", "nothing should be in the drawer"),
    "stack": ("{x} (goes|belongs) on {y}", "{y} should carry {x}"),
    "tower": ("{y} goes on {z} and {x} on {y}",),
    "swap": ("{x} and {y} should trade places", "{x} should be where {y} is and the other way round"),
    "hold": ("i want {x} in the (gripper|hand)", "how (do you|would you|to) (grasp|pick up) {x}?"),
    "reach": ("the (gripper|hand) should be over {x}",),
    "clear": ("nothing should be on {x}", "{x} should be free on top"),
    "pile": ("{x} should stand on one another", "i want a tower of {x}"),
    "sort": ("every colour of {x} gets a corner of its own",),
    "open": ("the drawer (should|must) be open",),
    "close": ("the drawer (should|must) be (closed|shut)",),
    "press": ("the button (should|must) be pressed",),
    "flip": ("the (tower|stack) should stand the other way round",),
    "undo": ("the (tower|stack) should be gone",),
    "tidy": ("the table should be tidy", "this is a mess, do something about it"),
}
