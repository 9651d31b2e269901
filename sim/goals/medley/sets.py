"""Several things at once: sets by shape, colour, place and side, lists of names, and sets with exceptions.

An exception never meets the tray where the set is the blocks or everything: that is held out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.referring import DIRECTIONS, apart, column
from sim.goals.medley.wording import (
    PLURALS,
    PUT_ALL,
    called,
    closing,
    listed,
    ordered,
    say,
    taught,
    whither,
)
from sim.objects import SHAPES
from vla.planner.desire import Drawer, In

_COLOURS: Final = ("red", "green", "blue", "yellow", "orange", "purple", "cyan", "white")
_THINGS: Final = "(things|objects|items|ones)"
_BUT: Final = "(except|but not|but|apart from|other than|save for|leaving out|without)"


@dataclass(frozen=True, slots=True)
class Group:
    """Things that have been laid, and words for all of them.

    Attributes:
        rows: Their rows.
        words: A plural, such as "all the red things".
        avoid: Words that nothing laid later may be called by.
    """

    rows: Sequence[int]
    words: str
    avoid: tuple[str, ...] = ()


def _named_two(table: GoalTable) -> Group:
    rows = table.some(2)
    words = listed([called(table, row) for row in rows])
    return Group(rows, f"{table.pick(('', 'both '))}{words}")


def _named_three(table: GoalTable) -> Group:
    rows = table.some(3)
    return Group(rows, listed([called(table, row) for row in rows]))


def _colour(table: GoalTable) -> Group:
    colour = table.pick(_COLOURS)
    rows = table.some(table.pick((2, 3)), colours=(colour,))
    patterns = (f"(all|all the|the) {{c}} {_THINGS}", "all (things|objects) that are {c}")
    return Group(rows, say(table, *patterns, c=colour), (colour,))


def _two_shapes(table: GoalTable) -> Group:
    a, b = (str(shape) for shape in table.rng.permutation(SHAPES)[:2])
    counts = table.pick(((1, 1), (1, 2), (2, 1)))
    rows = [*table.some(counts[0], (a,)), *table.some(counts[1], (b,))]
    words = say(table, f"(all|all the|the) {PLURALS[a]} and (all|all the|the) {PLURALS[b]}")
    return Group(rows, words, (a, b))


def _two_colours(table: GoalTable) -> Group:
    a, b = (str(colour) for colour in table.rng.permutation(_COLOURS)[:2])
    counts = table.pick(((1, 1), (1, 2), (2, 1)))
    rows = [*table.some(counts[0], colours=(a,)), *table.some(counts[1], colours=(b,))]
    patterns = ("all (things|objects) that are {a} or {b}", f"(all|the) {{a}} and {{b}} {_THINGS}")
    return Group(rows, say(table, *patterns, a=a, b=b), (a, b))


def _shape_and_one(table: GoalTable) -> Group:
    shape = table.pick(SHAPES)
    rows = table.some(2, (shape,))
    one = table.one([other for other in SHAPES if other != shape])
    words = say(
        table, f"(both|all|the two) {PLURALS[shape]} (and|as well as|together with) {{y}}", y=table.name(one)
    )
    return Group([*rows, one], words, (shape,))


def _colour_and_one(table: GoalTable) -> Group:
    colour = table.pick(_COLOURS)
    rows = table.some(2, colours=(colour,))
    one = table.one(colours=[other for other in _COLOURS if other != colour])
    words = say(table, f"(both|the two) {{c}} {_THINGS} (and|as well as) {{y}}", c=colour, y=table.name(one))
    return Group([*rows, one], words, (colour,))


def _at_an_end(table: GoalTable) -> Group:
    """The two blocks that are furthest left, say."""
    rows = table.some(table.pick((3, 4)), ("block",))
    direction = table.pick(tuple(DIRECTIONS))
    word = {
        "left": "leftmost", "right": "rightmost",
        "near": "(nearest|frontmost)", "far": "(farthest|rearmost)",
    }[direction]  # fmt: skip
    words = say(table, f"the two {word} {PLURALS['block']}", f"the two {PLURALS['block']} that are {word}")
    return Group(apart(table, rows, direction)[:2], words, ("block",))


def _tower(table: GoalTable) -> Group:
    rows = column(table, table.pick((2, 3)))[::-1]
    words = say(
        table,
        "all (parts|things) of the (tower|stack|pile)",
        "the things that (make|form) the (tower|stack)",
        "the whole (tower|stack|pile), piece by piece",
    )
    return Group(rows, words)


def _both(table: GoalTable) -> Group:
    shape = table.pick(SHAPES)
    return Group(table.some(2, (shape,)), say(table, f"(both|the two|all) {PLURALS[shape]}"), (shape,))


def _shape_but(shapes: Sequence[str], table: GoalTable) -> Group:
    """All of a shape except one, or except those of a colour."""
    shape = table.pick(shapes)
    spared, *rows = table.some(table.pick((2, 3, 4)) if shape == "block" else 2, (shape,))
    colour = table.name(spared).split()[0]
    patterns = (
        f"(all|all the|the) {PLURALS[shape]} {_BUT} {{x}}",
        f"(all|all the|the) {PLURALS[shape]} {_BUT} the {{c}} one",
        f"all {PLURALS[shape]} that are not {{c}}",
    )
    return Group(rows, say(table, *patterns, x=table.name(spared), c=colour), (shape,))


def _colour_but(table: GoalTable) -> Group:
    """All of a colour except the one of a shape."""
    colour = table.pick(_COLOURS)
    spared, *rows = table.some(table.pick((2, 3)), colours=(colour,))
    shape = table.name(spared).split()[1]
    if shape in [table.name(row).split()[1] for row in rows]:
        return _colour_but_named(table, colour, spared, rows)
    words = say(table, f"(all|all the|the) {{c}} {_THINGS} {_BUT} the {{s}}", c=colour, s=shape)
    return Group(rows, words, (colour,))


def _colour_but_named(table: GoalTable, colour: str, spared: int, rows: list[int]) -> Group:
    words = say(table, f"(all|the) {{c}} {_THINGS} {_BUT} {{x}}", c=colour, x=table.name(spared))
    return Group(rows, words, (colour,))


def _all_but(table: GoalTable) -> Group:
    spared, *rows = table.some(table.pick((2, 3, 4)))
    patterns = (f"all (things|objects) {_BUT} {{x}}", "all (things|objects) with the exception of {x}")
    return Group(rows, say(table, *patterns, x=table.name(spared)), SHAPES)


def _all_but_shape(table: GoalTable) -> Group:
    shape = table.pick(SHAPES)
    table.some(table.pick((1, 2)), (shape,))
    rows = table.some(table.pick((1, 2, 3)), [other for other in SHAPES if other != shape])
    words = say(
        table, f"all (things|objects) {_BUT} the {PLURALS[shape]}", f"all that are no {PLURALS[shape]}"
    )
    return Group(rows, words, SHAPES)


def _all_but_colour(table: GoalTable) -> Group:
    colour = table.pick(_COLOURS)
    table.some(table.pick((1, 2)), colours=(colour,))
    rows = table.some(table.pick((1, 2, 3)), colours=[other for other in _COLOURS if other != colour])
    patterns = (f"all (things|objects) {_BUT} the {{c}} ones", "all (things|objects) that are not {c}")
    return Group(rows, say(table, *patterns, c=colour), SHAPES)


_ROUND: Final = ("cylinder", "ball", "star")
_GROUPS: Final[dict[str, tuple[Callable[[GoalTable], Group], str]]] = {
    "two": (_named_two, "d"),
    "three": (_named_three, "td"),
    "colour_set": (_colour, "d"),
    "two_shapes": (_two_shapes, "td"),
    "two_colours": (_two_colours, "td"),
    "shape_and_one": (_shape_and_one, "td"),
    "colour_and_one": (_colour_and_one, "td"),
    "ends": (_at_an_end, "td"),
    "tower": (_tower, "td"),
    "both": (_both, "s"),
    "shape_but": (partial(_shape_but, SHAPES), "ds"),
    "round_but": (partial(_shape_but, _ROUND), "t"),
    "colour_but": (_colour_but, "td"),
    "all_but": (_all_but, "d"),
    "all_but_shape": (_all_but_shape, "d"),
    "all_but_colour": (_all_but_colour, "d"),
}
"""Ways to mean several things, and where they may go: t(ray), d(rawer), s(hut drawer: closed in the end)."""


def _to(lay: Callable[[GoalTable], Group], move: str, table: GoalTable) -> Drawn:
    if move == "t":
        table.maybe_cabinet()
        table.fixture("tray")
    else:
        table.cabinet()
    group = lay(table)
    without = ("bowl", "tray") if set(SHAPES) <= set(group.avoid) else ()
    table.fill(avoid=group.avoid, without=without)
    place = "tray" if move == "t" else "drawer"
    close = move == "s" or (move == "d" and table.chance(0.35))
    words = {"x": group.words, **whither(table, place), "e": closing(table) if close else ""}
    rows = group.rows if lay is _tower else ordered(table, group.rows)
    return Drawn(words, (*(In(row, place) for row in rows), *([Drawer("closed")] if close else [])))


_SAID: Final = [f"{wording}{{e}}" for wording in PUT_ALL]
_PLACE: Final = {"t": "to_tray", "d": "to_drawer", "s": "to_closed_drawer"}

TEMPLATES: Final = tuple(
    taught(
        f"{name}_{_PLACE[move]}",
        "tidy" if name.startswith("all_but") else "gather",
        partial(_to, lay, move),
        _SAID,
    )
    for name, (lay, moves) in _GROUPS.items()
    for move in moves
)
"""Every set with every place that it may go to."""
