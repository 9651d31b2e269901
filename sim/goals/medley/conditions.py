"""Conditions that only eyes can check, and what follows from them.

"More of these than of those" never decides about the button or the drawer: that is held out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.deeds import ANYWHEN, LAST, PLAIN, deed, stand
from sim.goals.medley.referring import DIRECTIONS, apart, column
from sim.goals.medley.wording import PLURALS, bare, say, taught
from sim.layout import CORNERS, NoRoomError
from sim.objects import COLOUR_NAMES, POOL, SHAPES


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a table that has been laid for it.

    Attributes:
        words: A main clause, such as "the red cube is in the bowl".
        holds: Whether it is so.
        shapes: Shapes of which more may be laid without changing that.
        colours: Colours of which more may be laid without changing that.
        absent: A name that nothing may have, or "".
    """

    words: str
    holds: bool
    shapes: tuple[str, ...] = SHAPES
    colours: tuple[str, ...] = COLOUR_NAMES
    absent: str = ""


def _drawer_open(table: GoalTable) -> Condition:
    state = table.pick(("open", "closed"))
    is_open = bool(table.drawer_open_m)
    word = say(table, "(open|pulled out)" if state == "open" else "(closed|shut)")
    return Condition(f"the drawer is {word}", is_open == (state == "open"))


def _on_another(table: GoalTable) -> Condition:
    holds = table.chance(0.5)
    base = table.one(("block",))
    row = table.stacked(base) if holds else table.one(("block", "cylinder", "star"))
    words = ("{x} (is|stands|sits) on {y}", "{y} carries {x}", "{y} is under {x}")
    return Condition(say(table, *words, x=table.name(row), y=table.name(base)), holds)


def _covered(table: GoalTable) -> Condition:
    covered, asked = table.chance(0.5), table.chance(0.5)
    base = table.one(("block",))
    if covered:
        table.stacked(base)
    words = (
        "(something|anything) (is|stands) on {x}" if asked else "(nothing stands on {x}|{x} is free on top)"
    )
    return Condition(say(table, words, x=table.name(base)), covered == asked)


def _in_container(place: str, table: GoalTable) -> Condition:
    """Of two things one may be in there."""
    holds = table.chance(0.5)
    row = table.one(place=place if holds else "table")
    table.one()
    words = f"{{x}} (is|lies) {'on' if place == 'tray' else 'in'} {{p}}"
    return Condition(say(table, words, x=table.name(row), p=place), holds)


def _empty(place: str, table: GoalTable) -> Condition:
    empty, asked = table.chance(0.5), table.chance(0.5)
    if not empty:
        table.one(place=place)
    table.one()
    preposition = "on" if place == "tray" else "in"
    words = (
        f"({{p}} is empty|nothing is {preposition} {{p}}|there is nothing {preposition} {{p}})" if asked
        else f"({{p}} is not empty|something is {preposition} {{p}}|there is something {preposition} {{p}})"
    )  # fmt: skip
    return Condition(say(table, words, p=place), empty == asked)


def _in_corner(table: GoalTable) -> Condition:
    holds = table.chance(0.5)
    corner = table.pick(table.corners)
    table.reserve(*CORNERS[corner], 0.05)
    row = table.one(place=corner if holds else "table")
    return Condition(say(table, "{x} (is|stands) in {p}", x=table.name(row), p=corner), holds)


def _there(table: GoalTable) -> Condition:
    name, there, asked = table.call(), table.chance(0.5), table.chance(0.6)
    if there:
        table.lay(name)
    else:
        table.one()
    patterns = (
        "(there is a {n}|you see a {n}|you find a {n}|you see {x}|a {n} is there)" if asked
        else "(there is no {n}|you see no {n}|{x} is missing|{x} is not there)"
    )  # fmt: skip
    words = re.sub(r"\ba orange", "an orange", say(table, patterns, n=bare(table, name), x=name))
    return Condition(words, there == asked, absent="" if there else name)


def _any_of_colour(table: GoalTable) -> Condition:
    colour, there = table.pick(COLOUR_NAMES), table.chance(0.5)
    others = tuple(other for other in COLOUR_NAMES if other != colour)
    table.one(colours=(colour,) if there else others)
    words = ("(there is any {c} object|there is something {c}|anything here is {c}|you see some {c} thing)",)
    return Condition(say(table, *words, c=colour), there, colours=others)


def _more(table: GoalTable) -> Condition:
    a, b = (str(shape) for shape in table.rng.permutation(SHAPES)[:2])
    first, second = table.pick(((2, 1), (1, 2), (1, 0), (0, 1), (2, 0), (0, 2)))
    table.some(first, (a,))
    table.some(second, (b,))
    patterns = (
        f"there are more {PLURALS[a]} than {PLURALS[b]}",
        f"(the|) {PLURALS[a]} outnumber the {PLURALS[b]}",
        f"you (see|count) more {PLURALS[a]} than {PLURALS[b]}",
    )
    rest = tuple(shape for shape in SHAPES if shape not in (a, b))
    return Condition(say(table, *patterns), first > second, rest)


def _several(table: GoalTable) -> Condition:
    shape = table.pick(SHAPES)
    count = table.pick((0, 1, 2, 2))
    table.some(count, (shape,))
    patterns = (
        f"there are (two|at least two|several) {PLURALS[shape]}",
        f"there is more than one {shape}",
    )
    return Condition(say(table, *patterns), count == 2, tuple(other for other in SHAPES if other != shape))


def _beside(table: GoalTable) -> Condition:
    x, y = table.some(2)
    direction = table.pick(tuple(DIRECTIONS))
    holds = apart(table, (x, y), direction)[0] == x
    side = {"left": "(left|to the left) of", "right": "(right|to the right) of",
            "near": "(in front of|nearer than)", "far": "(behind|further away than)"}[direction]  # fmt: skip
    return Condition(say(table, f"{{x}} (is|stands) {side} {{y}}", x=table.name(x), y=table.name(y)), holds)


def _same_colour(table: GoalTable) -> Condition:
    x = table.one()
    colour = table.name(x).split()[0]
    same = table.chance(0.5)
    y = table.one(colours=(colour,) if same else [other for other in COLOUR_NAMES if other != colour])
    shapes = [POOL[x], POOL[y]]
    if shapes[0] == shapes[1]:
        raise NoRoomError
    words = say(
        table, "the {a} and the {b} (have the same colour|are of one colour)", a=shapes[0], b=shapes[1]
    )
    return Condition(words, same, tuple(shape for shape in SHAPES if shape not in shapes))


def _height(table: GoalTable) -> Condition:
    count, asked = table.pick((2, 3)), table.pick(("two", "three"))
    column(table, count)
    patterns = (
        "the (tower|stack|pile) (has {n} parts|is {n} high|is made of {n} things)",
        "{n} things (make|form) the (tower|stack|pile)",
    )
    return Condition(say(table, *patterns, n=asked), (count == 3) == (asked == "three"))


_NOT_DRAWER: Final = tuple(kind for kind in (*ANYWHEN, *LAST) if kind not in ("drawer", "slide"))
_ALL: Final = (*ANYWHEN, *LAST)
_SHAPED: Final = (*PLAIN, "button", "slide")
_CONDITIONS: Final[dict[str, tuple[Callable[[GoalTable], Condition], str, Sequence[str]]]] = {
    "drawer_state": (_drawer_open, "drawer", _NOT_DRAWER),
    "on_another": (_on_another, "", _ALL),
    "covered": (_covered, "", _ALL),
    "in_bowl": (partial(_in_container, "bowl"), "bowl", [kind for kind in _ALL if kind != "bowl"]),
    "on_tray": (partial(_in_container, "tray"), "tray", _ALL),
    "bowl_empty": (partial(_empty, "bowl"), "bowl", [kind for kind in _ALL if kind != "bowl"]),
    "tray_empty": (partial(_empty, "tray"), "tray", [kind for kind in _ALL if kind != "tray"]),
    "zone_empty": (partial(_empty, "zone"), "zone", [kind for kind in _ALL if kind != "zone"]),
    "in_corner": (_in_corner, "", [kind for kind in _ALL if kind != "corner"]),
    "there": (_there, "", _ALL),
    "any_of_colour": (_any_of_colour, "", _ALL),
    "more": (_more, "", PLAIN),
    "several": (_several, "", _SHAPED),
    "beside": (_beside, "", _ALL),
    "same_colour": (_same_colour, "", _SHAPED),
    "height": (_height, "", [kind for kind in _ALL if kind not in ("stack", "unstack")]),
}
"""Condition, the fixture that it speaks of, and the deeds that may depend on it."""


def _laid(table: GoalTable, name: str, count: int) -> tuple[Condition, list[tuple[str, Drawn]]]:
    """A condition, and so many deeds as words and desire."""
    lay, fixture, kinds = _CONDITIONS[name]
    chosen = [str(kind) for kind in table.rng.permutation(kinds)[:count]]
    if fixture == "drawer":
        table.cabinet()
    elif not {"drawer", "slide"} & set(chosen):
        table.maybe_cabinet()
    stand(table, [*chosen, fixture] if fixture != "drawer" else chosen)
    found = lay(table)
    deeds = [deed(table, kind, found.shapes, found.colours) for kind in chosen]
    avoid = [word for word in (*SHAPES, *COLOUR_NAMES) if word not in (*found.shapes, *found.colours)]
    table.fill(avoid=(*avoid, found.absent))
    if found.absent in map(table.name, table.things):
        raise NoRoomError
    return found, [(one.order, Drawn(desire=(one.atom,))) for one in deeds]


_IF: Final = ("if", "if", "in case", "provided that", "but only if", "when", "whenever")
_UNLESS: Final = ("unless", "unless", "except if", "but not if")


def _if(name: str, table: GoalTable) -> Drawn:
    """One deed if it is so, or unless it is so; else nothing."""
    found, [(order, done)] = _laid(table, name, 1)
    unless = table.chance(0.35)
    word = table.pick(_UNLESS if unless else _IF)
    first = "unless" if unless else word.removeprefix("but ")
    words = {"a": order, "c": found.words, "i": word, "j": first}
    return Drawn(words, done.desire if found.holds != unless else ())


def _either(name: str, table: GoalTable) -> Drawn:
    """One deed if it is so, another one if not."""
    found, [(first, one), (second, other)] = _laid(table, name, 2)
    words = {"a": first, "b": second, "c": found.words}
    return Drawn(words, one.desire if found.holds else other.desire)


_SAID_IF: Final = (
    "{a} {i} {c}",
    "{j} {c}, {a}",
    "{j} {c}: {a}",
    "{j} {c}, then {a}, (nothing else|and that is all)",
    "i want you to {a} {i} {c}",
    "{a}, {i} {c}",
    "you should {a} {i} {c}",
)
_SAID_EITHER: Final = (
    "if {c}, {a}, (otherwise|else) {b}",
    "{a} if {c}, (otherwise|else|if not) {b}",
    "{b}, unless {c}: (then|in that case) {a}",
    "(check|look|find out) whether {c}: if so, {a}, if not, {b}",
    "when {c}, {a}; (in any other case|when not) {b}",
    "depending on whether {c}, either {a} or {b}",
    "(in case|provided that) {c} you should {a}, or else {b}",
)
TEMPLATES: Final = (
    *(taught(f"{name}_if", "conditional", partial(_if, name), _SAID_IF) for name in _CONDITIONS),
    *(taught(f"{name}_either", "conditional", partial(_either, name), _SAID_EITHER) for name in _CONDITIONS),
)
"""Every condition, with one consequence and with two."""
