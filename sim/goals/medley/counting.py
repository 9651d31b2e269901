"""Questions about how many there are, and whether there are any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.asking import question, yes
from sim.goals.medley.wording import PLURAL, PLURALS, say
from sim.objects import COLOUR_NAMES, SHAPES
from vla.planner.grammar import NUMBERS, Answer


def _inside(table: GoalTable) -> Drawn:
    """On the tray or in the open drawer."""
    place = table.pick(("tray", "drawer"))
    if place == "drawer":
        table.cabinet("open")
    else:
        table.maybe_cabinet()
        table.fixture("tray")
    count = table.pick((0, 1, 2, 3))
    table.some(count, place=place)
    table.one()
    table.fill()
    said = say(table, "on {p}" if place == "tray" else "in {p}", p=place)
    return Drawn({"p": said}, saying=Answer(NUMBERS[count]))


def _shape_inside(table: GoalTable) -> Drawn:
    """Only those of a shape count; others of it lie elsewhere."""
    table.maybe_cabinet()
    table.fixture("tray")
    shape = table.pick(SHAPES)
    count = table.pick((0, 1, 2)) if shape == "block" else table.pick((0, 1))
    for slot in range(count):
        table.lay(table.call((shape,)), "tray", slot)
    if table.chance(0.5):
        table.lay(table.call([other for other in SHAPES if other != shape]), "tray", count)
    table.one((shape,))
    table.fill()
    return Drawn({"s": say(table, PLURALS[shape])}, saying=Answer(NUMBERS[count]))


def _colour(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    colour = table.pick(COLOUR_NAMES)
    count = table.pick((0, 0, 1, 2, 3))
    table.some(count, colours=(colour,))
    table.one(colours=[other for other in COLOUR_NAMES if other != colour])
    table.fill(avoid=(colour,))
    return Drawn({"c": colour}, saying=Answer(NUMBERS[count]))


def _colour_there(table: GoalTable) -> Drawn:
    drawn = _colour(table)
    return Drawn(drawn.words, saying=yes(drawn.saying != Answer("none")))


def _all(table: GoalTable) -> Drawn:
    """Every movable thing."""
    table.maybe_cabinet()
    table.some(table.pick((1, 2, 3, 4)))
    table.fill()
    return Drawn(saying=Answer(NUMBERS[len(table.things)]))


def _blocks_and(table: GoalTable) -> Drawn:
    """Two shapes together."""
    table.maybe_cabinet()
    a, b = (str(shape) for shape in table.rng.permutation(SHAPES)[:2])
    counts = table.pick((0, 1, 2)), table.pick((0, 1, 2))
    table.some(counts[0], (a,))
    table.some(counts[1], (b,))
    table.fill(avoid=(a, b))
    return Drawn(
        {"a": say(table, PLURALS[a]), "b": say(table, PLURALS[b])}, saying=Answer(NUMBERS[sum(counts)])
    )


_FIRST_MORE: Final = ((1, 0), (2, 0), (2, 1), (0, 1), (0, 2), (1, 2), (1, 1), (2, 1))
_EQUALLY_MANY: Final = ((1, 1), (2, 2), (1, 1), (2, 1), (1, 2), (1, 0), (0, 2))


def _compared(table: GoalTable, choices: Sequence[tuple[int, int]]) -> tuple[dict[str, str], int]:
    """Words of two shapes, and by how much the first are more."""
    table.maybe_cabinet()
    a, b = (str(shape) for shape in table.rng.permutation(SHAPES)[:2])
    first, second = table.pick(choices)
    table.some(first, (a,))
    table.some(second, (b,))
    table.fill(avoid=(a, b))
    return {"a": say(table, PLURALS[a]), "b": say(table, PLURALS[b])}, first - second


def _more(table: GoalTable) -> Drawn:
    words, surplus = _compared(table, _FIRST_MORE)
    return Drawn(words, saying=yes(surplus > 0))


def _as_many(table: GoalTable) -> Drawn:
    words, surplus = _compared(table, _EQUALLY_MANY)
    return Drawn(words, saying=yes(surplus == 0))


def _several(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    shape = table.pick(SHAPES)
    count = table.pick((0, 1, 2, 2))
    table.some(count, (shape,))
    table.one([other for other in SHAPES if other != shape])
    table.fill(avoid=(shape,))
    return Drawn({"s": shape, "t": PLURAL[shape]}, saying=yes(count == 2))


TEMPLATES: Final = (
    question(
        "how_many_inside",
        _inside,
        "how many (things|objects) (are|lie) {p}?",
        "how many (things|objects) do you (see|count) {p}?",
        "(count|tell me the number of) the things {p}",
        "{p}: how many things?",
        "how much is {p}, in things?",
        "(say|tell me) how many things are {p}",
    ),
    question(
        "how_many_of_shape_inside",
        _shape_inside,
        "how many {s} (are|lie) on the tray?",
        "how many {s} does the tray (hold|carry)?",
        "on the tray, how many {s} are there?",
        "(count|tell me the number of) the {s} on the tray",
        "how many of the {s} have been put on the tray?",
        "(say|tell me) how many {s} the tray holds",
    ),
    question(
        "how_many_of_colour",
        _colour,
        "how many {c} (things|objects) (are there|do you see)?",
        "how many things are {c}?",
        "of how many things is the colour {c}?",
        "(count|tell me the number of) the {c} things",
        "how often do you see the colour {c}?",
        "(say|tell me) how many things are {c}",
    ),
    question(
        "any_of_colour",
        _colour_there,
        "(is there|do you see) (anything|any thing) {c}?",
        "is anything {c}?",
        "are there {c} things?",
        "is any of these things {c}?",
        "(say|tell me) whether something is {c}",
        "can you find something {c} here?",
    ),
    question(
        "how_many_in_all",
        _all,
        "how many (things|objects) (are there|do you see) in all?",
        "how many things could be moved?",
        "(count|tell me the number of) all the things",
        "how many blocks, balls, stars and cylinders are there altogether?",
        "what do you get when you count all things?",
        "(say|tell me) how many things are here in total",
    ),
    question(
        "how_many_of_two_shapes",
        _blocks_and,
        "how many {a} and {b} are there (together|in all)?",
        "how many things are {a} or {b}?",
        "{a} and {b} together: how many?",
        "(count|tell me the number of) {a} and {b} taken together",
        "if you count the {a} and the {b}, how many do you get?",
        "(say|tell me) how many {a} plus {b} you see",
    ),
    question(
        "are_there_more",
        _more,
        "are there more {a} than {b}?",
        "do you see more {a} than {b}?",
        "do the {a} outnumber the {b}?",
        "(say|tell me) whether there are more {a} than {b}",
        "is the number of {a} greater than that of {b}?",
        "are the {b} fewer than the {a}?",
    ),
    question(
        "are_there_as_many",
        _as_many,
        "are there as many {a} as {b}?",
        "do you see equally many {a} and {b}?",
        "is the number of {a} the same as that of {b}?",
        "(say|tell me) whether there are as many {a} as {b}",
        "could each of the {a} get one of the {b}, with none left over?",
        "do the {a} and the {b} come out equal when counted?",
    ),
    question(
        "more_than_one",
        _several,
        "is there more than one {s}?",
        "are there (two|several) {t}?",
        "do you see at least two {t}?",
        "(say|tell me) whether there are several {t}",
        "can you see two {t}?",
        "would you find a second {s} here?",
    ),
)
"""Questions of number."""
