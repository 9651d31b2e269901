"""Several deeds in a given order, in any order, and after or before one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.goals.medley.deeds import ANYWHEN, LAST, Deed, deed, stand
from sim.goals.medley.wording import PLURALS, called, into, listed, ordered, say, taught
from sim.objects import SHAPES
from vla.planner.desire import Drawer, In, Pressed

_APART: Final = ({"drawer", "slide"}, {"zone", "corner"}, {"stack", "unstack"})
"""Deeds that get in each other's way."""


def _chosen(table: GoalTable, count: int, last: Sequence[str] = LAST) -> list[str]:
    """Kinds of deeds that leave each other alone."""
    while True:
        kinds = [str(kind) for kind in table.rng.permutation(ANYWHEN)[:count]]
        if last and table.chance(0.3):
            kinds[-1] = table.pick(last)
        if not any(pair <= set(kinds) for pair in _APART):
            return kinds


def _laid(table: GoalTable, kinds: Sequence[str]) -> list[Deed]:
    if not {"drawer", "slide"} & set(kinds):
        table.maybe_cabinet()
    stand(table, kinds)
    deeds = [deed(table, kind) for kind in kinds]
    table.fill()
    return deeds


def _in_order(count: int, table: GoalTable) -> Drawn:
    deeds = _laid(table, _chosen(table, count))
    words = dict(zip("abcd", (one.order for one in deeds), strict=False))
    return Drawn(words, tuple(one.atom for one in deeds), ordered=True)


def _turned(table: GoalTable) -> Drawn:
    """What is said first is done last, and the other way round."""
    first, second = _laid(table, _chosen(table, 2))
    words = {"a": first.order, "b": second.order, "x": first.doing, "y": second.doing}
    return Drawn(words, (first.atom, second.atom), ordered=True)


def _together(table: GoalTable) -> Drawn:
    """In any order."""
    first, second = _laid(table, _chosen(table, 2, ()))
    return Drawn({"a": first.order, "b": second.order}, (first.atom, second.atom))


def _set_and(first: bool, table: GoalTable) -> Drawn:
    """Two of a shape on the tray, and before or after that something else."""
    kind = table.pick(("slide", "button", "bowl"))
    if kind != "slide":
        table.maybe_cabinet()
    stand(table, (kind, "tray"))
    shape = table.pick(SHAPES)
    rows = table.some(2, (shape,))
    other = deed(table, kind, [one for one in SHAPES if one != shape])
    table.fill(avoid=(shape,))
    words = say(table, f"(put|place|gather) (all|both|the two) {PLURALS[shape]} {into(table, 'tray')}")
    doing = say(table, f"(putting|placing|gathering) (all|both) {PLURALS[shape]} {into(table, 'tray')}")
    gathered = tuple(In(row, "tray") for row in ordered(table, rows))
    if first:
        said = {"a": words, "b": other.order, "x": doing, "y": other.doing}
        return Drawn(said, (*gathered, other.atom))
    said = {"a": other.order, "b": words, "x": other.doing, "y": doing}
    return Drawn(said, (other.atom, *gathered))


def _press_between(table: GoalTable) -> Drawn:
    """The button is pressed between two deeds."""
    kinds = _chosen(table, 2, ())
    if "button" in kinds:
        kinds[kinds.index("button")] = "bowl" if "bowl" not in kinds else "tray"
    stand(table, [*kinds, "button"])
    a, b = (deed(table, kind) for kind in kinds)
    table.fill()
    return Drawn(
        {"a": a.order, "b": b.order, "x": a.doing, "y": b.doing}, (a.atom, Pressed(), b.atom), ordered=True
    )


def _then_close(table: GoalTable) -> Drawn:
    """Something goes in the drawer and something elsewhere; in the end the drawer is closed."""
    place = table.pick(("bowl", "tray"))
    table.cabinet()
    table.fixture(place)
    x, y = table.some(2)
    table.fill()
    words = {"x": table.name(x), "y": table.name(y), "d": into(table, "drawer"), "e": into(table, place)}
    return Drawn(words, (In(x, "drawer"), In(y, place), Drawer("closed")))


def _instead(table: GoalTable) -> Drawn:
    """What is in the drawer comes out, and something else goes in."""
    table.cabinet()
    x, y = table.one(place="drawer"), table.one()
    table.fill()
    return Drawn({"x": table.name(x), "y": table.name(y)}, (In(x, "table"), In(y, "drawer")), ordered=True)


def _one_by_one(table: GoalTable) -> Drawn:
    """Three things go on the tray in the order in which they are said."""
    table.maybe_cabinet()
    table.fixture("tray")
    rows = table.some(3)
    table.fill()
    names = [called(table, row) for row in rows]
    words = {"l": listed(names), "a": names[0], "b": names[1], "c": names[2]}
    return Drawn(words, tuple(In(row, "tray") for row in rows), ordered=True)


_THEN: Final = (
    "{a} and afterwards {b}",
    "{a}; only then {b}",
    "(begin|start) with this: {a}. (finish|end) with this: {b}.",
    "{a}, (later|subsequently) {b}",
    "{a} (before|and only then) you {b}",
    "one: {a}, two: {b}",
    "(start by|begin by|begin with) {x} and (then|finally) {b}",
)
_TURNED: Final = (
    "before {y}, {a}",
    "after {x}, {b}",
    "{b}, but (first|before that) {a}",
    "{b} (after|only after|right after) {x}",
    "{a} before {y}",
    "(do not start|do not begin) {y} before {x}",
    "{b} as soon as you are done with {x}",
    "once you are done with {x}, {b}",
)
_THREE: Final = (
    "{a}, afterwards {b}, and in the end {c}",
    "(begin|start) with this: {a}. (go on|continue) with this: {b}. (finish|end) with this: {c}.",
    "one: {a}, two: {b}, three: {c}",
    "{a}; then {b}; then {c}",
    "(three things|three jobs), in this order: {a}, {b}, {c}",
    "{a}. (next|now) {b}. (last|and last), {c}.",
)
_FOUR: Final = (
    "{a}, then {b}, then {c}, and finally {d}",
    "first {a}, second {b}, third {c}, fourth {d}",
    "one: {a}, two: {b}, three: {c}, four: {d}",
    "(four things|four jobs), in this order: {a}, {b}, {c}, {d}",
    "{a}. {b}. {c}. {d}.",
    "{a}; (afterwards|then) {b}; (afterwards|then) {c}; (in the end|at the end) {d}",
)
_AND: Final = (
    "{a} and {b}",
    "{a}; {b}",
    "(two things|two jobs), in any order: {a}, {b}",
    "{a} and (also|besides|moreover) {b}",
    "both of this: {a}, {b}",
    "{a} as well as this: {b}",
    "(the order does not matter|in whatever order you like): {a}, {b}",
)
_BETWEEN: Final = (
    "{a}, press the button, then {b}",
    "(press|push) the button after {x} and before {y}",
    "first {a}, second press the button, third {b}",
    "{a}; afterwards (push|press|hit) the button; in the end {b}",
    "after {x} (press|push) the button, and then {b}",
    "{b}, but before that {a} and then press the button",
)
_CLOSE: Final = (
    "put {x} {d}, {y} {e} and close the drawer",
    "{x} goes {d} and {y} {e}; the drawer (must|should) be closed in the end",
    "(put|place) {y} {e} and {x} {d}, then (shut|close) the drawer",
    "(store|stow) {x} {d}, place {y} {e}, and leave the drawer shut",
    "{y} belongs {e}, {x} {d}, and the drawer (shut|closed)",
    "place {x} {d} and {y} {e}; when all that is done the drawer (must|has to) be shut",
)
_INSTEAD: Final = (
    "take {x} out of the drawer, then put {y} in",
    "(remove|take) {x} from the drawer and after that (store|put) {y} in it",
    "first {x} comes out of the drawer, then {y} goes in",
    "before putting {y} in the drawer, take {x} out",
    "after taking {x} out of the drawer put {y} into it",
    "(empty the drawer of {x}|get {x} from the drawer) and only then (stow|store) {y} there",
)
_ONE_BY_ONE: Final = (
    "put {l} on the tray, in this order",
    "one by one {l} go on the tray",
    "first {a}, then {b}, then {c}: that is how they go on the tray",
    "on the tray, one after another: {l}",
    "place {c} on the tray after {b}, and {b} after {a}, which is the first on it",
    "lay {a} on the tray, next {b}, last {c}",
)


def _sequence(name: str, lay: Callable[[GoalTable], Drawn], said: Sequence[str]) -> Template:
    return taught(name, "sequence", lay, said)


TEMPLATES: Final = (
    _sequence("mixed_then", _turned, _THEN),
    _sequence("mixed_turned", _turned, _TURNED),
    _sequence("mixed_three", partial(_in_order, 3), _THREE),
    _sequence("mixed_four", partial(_in_order, 4), _FOUR),
    _sequence("mixed_together", _together, _AND),
    _sequence("press_between", _press_between, _BETWEEN),
    _sequence("set_then_deed", partial(_set_and, True), (*_AND[:3], *_THEN[:4])),
    _sequence("deed_then_set", partial(_set_and, False), (*_AND[:3], *_THEN[:4])),
    _sequence("drawer_and_place_close", _then_close, _CLOSE),
    _sequence("drawer_instead", _instead, _INSTEAD),
    _sequence("one_by_one_on_tray", _one_by_one, _ONE_BY_ONE),
)
"""Sequences of deeds that are described in other goals one by one."""
