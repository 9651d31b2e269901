"""Questions about how many, whether there is any, whether there is room, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.goals.medley.looking import yes
from sim.goals.medley.wording import PLURAL, PLURALS, say, taught
from sim.objects import COLOUR_NAMES, SHAPES
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
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
    count = table.pick((0, 1, 2, 3))
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


def _compared(table: GoalTable) -> tuple[dict[str, str], int]:
    """Words of two shapes, and by how much the first are more."""
    table.maybe_cabinet()
    a, b = (str(shape) for shape in table.rng.permutation(SHAPES)[:2])
    counts = table.pick((0, 1, 2)), table.pick((0, 1, 2))
    table.some(counts[0], (a,))
    table.some(counts[1], (b,))
    table.fill(avoid=(a, b))
    return {"a": say(table, PLURALS[a]), "b": say(table, PLURALS[b])}, counts[0] - counts[1]


def _more(table: GoalTable) -> Drawn:
    words, surplus = _compared(table)
    return Drawn(words, saying=yes(surplus > 0))


def _as_many(table: GoalTable) -> Drawn:
    words, surplus = _compared(table)
    return Drawn(words, saying=yes(surplus == 0))


def _several(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    shape = table.pick(SHAPES)
    count = table.pick((0, 1, 2, 2))
    table.some(count, (shape,))
    table.one([other for other in SHAPES if other != shape])
    table.fill(avoid=(shape,))
    return Drawn({"s": shape, "t": PLURAL[shape]}, saying=yes(count == 2))


def _empty(table: GoalTable) -> Drawn:
    place = table.pick(("bowl", "tray", "drawer", "zone"))
    if place == "drawer":
        table.cabinet("open")
    else:
        table.maybe_cabinet()
        table.fixture(place)
    empty = table.chance(0.5)
    if not empty:
        table.one(place=place)
    table.one()
    table.fill()
    return Drawn({"p": place}, saying=yes(empty))


def _holds_anything(table: GoalTable) -> Drawn:
    drawn = _empty(table)
    return Drawn(drawn.words, saying=yes(drawn.saying == Answer("no")))


def _room(table: GoalTable) -> Drawn:
    """The bowl has room for one thing, tray and drawer for three."""
    place = table.pick(("bowl", "tray", "drawer"))
    if place == "drawer":
        table.cabinet("open")
    else:
        table.maybe_cabinet()
        table.fixture(place)
    most = 1 if place == "bowl" else 3
    count = most if table.chance(0.5) else table.pick(range(most))
    table.some(count, place=place)
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row), "p": place}, saying=yes(count < most))


def _is_in(table: GoalTable) -> Drawn:
    place = table.pick(("bowl", "tray", "drawer", "zone"))
    if place == "drawer":
        table.cabinet("open")
    else:
        table.maybe_cabinet()
        table.fixture(place)
    holds = table.chance(0.5)
    row = table.one(place=place if holds else "table")
    if not holds and table.chance(0.5):
        table.one(place=place)
    table.fill()
    said = say(table, "on {p}" if place == "tray" else "in {p}", p=place)
    return Drawn({"x": table.name(row), "p": said}, saying=yes(holds))


def _closed(table: GoalTable) -> Drawn:
    state = table.cabinet()
    table.one()
    table.fill()
    return Drawn(saying=yes(state == "closed"))


def _fixture_there(table: GoalTable) -> Drawn:
    what = table.pick(("bowl", "tray", "zone", "button"))
    table.maybe_cabinet()
    there = table.chance(0.5)
    if there:
        table.fixture(what)
    table.one()
    table.fill(without=() if there else (what,))
    return Drawn({"w": f"a {what}"}, saying=yes(there))


def _can_stand(table: GoalTable) -> Drawn:
    """Balls hold on nothing, and nothing holds on what is no block."""
    table.maybe_cabinet()
    can = table.chance(0.5)
    if can:
        base, row = table.one(("block",)), table.one(STACKABLE)
    elif table.chance(0.5):
        base, row = table.one(("block",)), table.one(("ball",))
    else:
        base, row = table.one(("ball", "star", "cylinder")), table.one()
    table.fill()
    return Drawn({"x": table.name(row), "y": table.name(base)}, saying=yes(can))


def _can_be_pushed(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    can = table.chance(0.5)
    row = table.one(PUSHABLE if can else ("ball",))
    table.fill()
    return Drawn({"x": table.name(row)}, saying=yes(can))


def _can_be_moved(table: GoalTable) -> Drawn:
    """Things can, fixtures cannot."""
    table.maybe_cabinet()
    row = table.one()
    what = table.pick(("bowl", "tray", "button"))
    table.fixture(what)
    table.fill()
    can = table.chance(0.5)
    return Drawn({"x": table.name(row) if can else what}, saying=yes(can))


def _question(name: str, lay: Callable[[GoalTable], Drawn], *said: str) -> Template:
    return taught(name, "question", lay, *said)


TEMPLATES: Final = (
    _question(
        "how_many_inside", _inside,
        "how many (things|objects) (are|lie) {p}?", "how many (things|objects) do you (see|count) {p}?",
        "(count|tell me the number of) the things {p}", "{p}: how many things?", "how much is {p}, in things?",
        "(say|tell me) how many things are {p}",
    ),
    _question(
        "how_many_of_shape_inside", _shape_inside,
        "how many {s} (are|lie) on the tray?", "how many {s} does the tray (hold|carry)?", "on the tray, how many {s} are there?",
        "(count|tell me the number of) the {s} on the tray", "how many of the {s} have been put on the tray?",
        "(say|tell me) how many {s} the tray holds",
    ),
    _question(
        "how_many_of_colour", _colour,
        "how many {c} (things|objects) (are there|do you see)?", "how many things are {c}?", "of how many things is the colour {c}?",
        "(count|tell me the number of) the {c} things", "how often do you see a {c} thing?",
        "(say|tell me) how many things are {c}",
    ),
    _question(
        "any_of_colour", _colour_there,
        "(is there|do you see) (anything|any thing) {c}?", "is anything {c}?", "are there {c} things?", "is any of these things {c}?",
        "(say|tell me) whether something is {c}", "can you find something {c} here?",
    ),
    _question(
        "how_many_in_all", _all,
        "how many (things|objects) (are there|do you see) in all?", "how many things could be moved?",
        "(count|tell me the number of) all the things", "how many blocks, balls, stars and cylinders are there altogether?",
        "what do you get when you count all things?", "(say|tell me) how many things are here in total",
    ),
    _question(
        "how_many_of_two_shapes", _blocks_and,
        "how many {a} and {b} are there (together|in all)?", "how many things are {a} or {b}?",
        "{a} and {b} together: how many?", "(count|tell me the number of) {a} and {b} taken together",
        "if you count the {a} and the {b}, how many do you get?", "(say|tell me) how many {a} plus {b} you see",
    ),
    _question(
        "are_there_more", _more,
        "are there more {a} than {b}?", "do you see more {a} than {b}?", "do the {a} outnumber the {b}?",
        "(say|tell me) whether there are more {a} than {b}", "is the number of {a} greater than that of {b}?",
        "are the {b} fewer than the {a}?",
    ),
    _question(
        "are_there_as_many", _as_many,
        "are there as many {a} as {b}?", "do you see equally many {a} and {b}?", "is the number of {a} the same as that of {b}?",
        "(say|tell me) whether there are as many {a} as {b}", "could each of the {a} get one of the {b}, with none left over?",
        "do the {a} and the {b} come out equal when counted?",
    ),
    _question(
        "more_than_one", _several,
        "is there more than one {s}?", "are there (two|several) {t}?", "do you see at least two {t}?",
        "(say|tell me) whether there are several {t}", "can you see two {t}?", "would you find a second {s} here?",
    ),
    _question(
        "is_empty", _empty,
        "is {p} empty?", "is there nothing in {p}?", "is {p} free?", "(say|tell me) whether {p} is empty",
        "would you call {p} empty?", "is it true that {p} holds nothing?",
    ),
    _question(
        "holds_anything", _holds_anything,
        "is (anything|something) in {p}?", "does {p} hold (anything|something)?", "has (anything|something) been put in {p}?",
        "(say|tell me) whether something is in {p}", "is {p} in use?", "would you find something in {p}?",
    ),
    _question(
        "is_there_room", _room,
        "is there room for {x} in {p}?", "does {x} still fit in {p}?", "can {x} go in {p}?", "is there a free place in {p} for {x}?",
        "(say|tell me) whether {p} has room for {x}", "has {p} got room left for {x}?",
    ),
    _question(
        "is_it_in", _is_in,
        "is {x} {p}?", "does {x} lie {p}?", "would you find {x} {p}?", "(say|tell me) whether {x} is {p}",
        "has somebody put {x} {p}?", "is it true that {x} is {p}?",
    ),
    _question(
        "is_drawer_closed", _closed,
        "is the drawer (closed|shut)?", "does the drawer need no more (closing|shutting)?", "has the drawer been (closed|shut)?",
        "(say|tell me) whether the drawer is (closed|shut)", "is it true that the drawer is shut?", "do you see a closed drawer?",
    ),
    _question(
        "is_fixture_there", _fixture_there,
        "is there {w}?", "do you see {w}?", "can you find {w} here?", "(say|tell me) whether there is {w}",
        "does this table have {w}?", "has somebody brought {w}?",
    ),
    _question(
        "can_it_stand_there", _can_stand,
        "can {x} stand on {y}?", "could you stack {x} on {y}?", "would {x} (stay|hold) on {y}?",
        "(say|tell me) whether {x} can stand on {y}", "is it possible to put {x} on top of {y}?", "can {y} carry {x}?",
    ),
    _question(
        "can_it_be_pushed", _can_be_pushed,
        "can {x} be (pushed|slid) over the table?", "could you push {x} somewhere without losing it?",
        "does {x} stay where it is pushed?", "(say|tell me) whether {x} can be pushed",
        "is {x} a thing that one can push?", "is it possible to slide {x} into a corner?",
    ),
    _question(
        "can_it_be_moved", _can_be_moved,
        "can {x} be (moved|lifted)?", "could you carry {x} away?", "is it possible to (move|lift) {x}?",
        "(say|tell me) whether {x} can be moved", "is {x} a thing that you can move?", "would you be able to lift {x}?",
    ),
)  # fmt: skip
"""Questions of number, room and ability."""
