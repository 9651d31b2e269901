"""How several things are named at once: all of a kind, all but some, any of them, and lists.

``{s}`` and ``{p}`` are the noun for one and for several, ``{c}`` a colour; ``{x}``, ``{y}``, ``{a}``, ``{b}``
and ``{c}`` (in lists) are phrases.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim.goals.wordlists import extended

_EVERY: Final = (
    *("all the {p}", "all {p}", "every {s}", "each {s}", "the {p}") * 3,
    "every one of the {p}",
    "all of the {p}",
    "each of the {p}",
    "each one of the {p}",
    "every single {s}",
    "each and every {s}",
    "every last {s}",
    "all (these|those) {p}",
    "all of (these|those) {p}",
    "(these|those) {p}",
    "any and all {p}",
    "whatever {p} there are",
    "all {p} (there are|you see|you can see|you find)",
    "all the {p} (there are|you see|you can see|you find)",
    "every {s} (there is|you see|you can see|you find)",
    "the {p}, all of them,",
    "the {p}, every one of them,",
    "the (whole|entire) (lot|set|bunch) of {p}",
    "all (my|your|our) {p}",
    "all existing {p}",
)
_EVERYTHING: Final = (
    *("everything",) * 6,
    *("all things", "all the things", "every object", "all objects", "all the objects", "every thing") * 2,
    "the lot",
    "the whole lot",
    "all of it",
    "all (items|pieces|toys)",
    "all the (items|pieces|toys|stuff)",
    "all of the (things|objects|items)",
    "(each|every) item",
    "each object",
    "each thing",
    "every single (thing|object|item)",
    "each and every (thing|object|item)",
    "every last (thing|object|item)",
    "everything (there is|you see|you can see|you find)",
    "whatever (there is|you see|you can see|you find)",
    "all (there is|you see|that there is|that you see)",
    "anything and everything",
    "all (these|those) (things|objects)",
    "the (things|objects), all of them,",
    "the whole (collection|bunch)",
    "all of them",
    "simply everything",
    "one and all",
    "the things",
    "the objects",
)
_EVERY_COLOURED: Final = (
    *("everything {c}", "every {c} thing", "all the {c} things", "all {c} things", "the {c} things") * 2,
    "everything that is {c}",
    "everything which is {c}",
    "everything (coloured|in) {c}",
    "everything of {c} colour",
    "all that is {c}",
    "whatever is {c}",
    "anything {c}",
    "anything that is {c}",
    "all (the|) {c} (objects|items|pieces)",
    "every {c} (object|item|piece|one)",
    "each {c} (thing|object|item|piece|one)",
    "each and every {c} (thing|object|item)",
    "every single {c} (thing|object|item)",
    "all (the|) {c} ones",
    "the {c} (ones|objects|items|pieces)",
    "(all|) the {c} stuff",
    "all things {c}",
    "all (things|objects) (that|which) are {c}",
    "whatever {c} (things|objects) there are",
)
_ANY: Final = (
    *("a {s}", "any {s}", "some {s}", "one of the {p}", "one {s}") * 2,
    "any one of the {p}",
    "any of the {p}",
    "some {s} or other",
    "whichever {s} you like",
    "just any {s}",
    "any old {s}",
    "a {s} of your choice",
    "a {s}, no matter which,",
    "one {s}, any one,",
    "some {s}, i do not care which,",
)
_BUT: Final = (
    *("{x} (but|except|except for) {y}",) * 4,
    "{x} (but not|only not|just not) {y}",
    "{x}, (only not|but not|just not) {y},",
    "{x} (other than|apart from|aside from|save|save for) {y}",
    "{x} with the exception of {y}",
    "{x}, with the exception of {y},",
    "{x} bar {y}",
    "{x}, {y} excepted,",
    "{x} excepting {y}",
    "{x}, excluding {y},",
    "{x} excluding {y}",
    "{x} without {y}",
    "{x} minus {y}",
    "{x}, not counting {y},",
    "{x} leaving out {y}",
    "{x}, leaving out {y},",
    "leaving out {y}, {x}",
    "with the exception of {y}, {x}",
    "except for {y}, {x}",
    "{x}, though not {y},",
    "{x}, sparing {y},",
    "{x} barring {y}",
    "{x} and not {y}",
    "{x}, omitting {y},",
)
_LISTS: Final = (
    *("{a} and {b}",) * 12,
    *("{a} as well as {b}", "both {a} and {b}") * 2,
    "{a} together with {b}",
    "{a} along with {b}",
    "{a}, {b}",
    "{a}, and {b}",
    "{a} and also {b}",
    "{a} plus {b}",
    "{a} & {b}",
    "{a} in addition to {b}",
    "{a}, and {b} too,",
    "{a}, and {b} as well,",
    "{a} and likewise {b}",
    "{a} and {b}, both of them,",
    "not only {a} but also {b}",
    "{a} and, besides, {b}",
    "{a}, also {b},",
)
LONG_LISTS: Final = (
    *("{a}, {b} and {c}", "{a}, {b}, and {c}") * 3,
    "{a} and {b} and {c}",
    "{a} as well as {b} and {c}",
    "{a}, {b} as well as {c}",
    "{a}, {b}, {c}",
    "{a} and {b} plus {c}",
    "{a} plus {b} plus {c}",
    "{a} together with {b} and {c}",
    "{a}, {b} and also {c}",
    "{a}, {b} and likewise {c}",
    "{a} and {b}, and {c} too,",
    "{a} along with {b} and {c}",
    "{a}, also {b}, and {c}",
)

_ALL: Final = extended(
    {
        "every": _EVERY,
        "everything": _EVERYTHING,
        "every_coloured": _EVERY_COLOURED,
        "any": _ANY,
        "but": _BUT,
        "lists": _LISTS,
    },
    Path(__file__).with_name("groups.txt"),
    own=2,
)
EVERY: Final = _ALL["every"]
EVERYTHING: Final = _ALL["everything"]
EVERY_COLOURED: Final = _ALL["every_coloured"]
ANY: Final = _ALL["any"]
"""One of several, left to whoever does it."""
BUT: Final = _ALL["but"]
LISTS: Final = _ALL["lists"]
