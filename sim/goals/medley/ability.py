"""Questions about whether something is so, is there, fits or can be done at all."""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.asking import question, yes
from sim.goals.medley.wording import say
from sim.tasks.push import PUSHABLE
from sim.tasks.stack import STACKABLE
from vla.planner.grammar import Answer


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


TEMPLATES: Final = (
    question(
        "is_empty",
        _empty,
        "is {p} empty?",
        "is there nothing in {p}?",
        "is {p} free?",
        "(say|tell me) whether {p} is empty",
        "would you call {p} empty?",
        "is it true that {p} holds nothing?",
    ),
    question(
        "holds_anything",
        _holds_anything,
        "is (anything|something) in {p}?",
        "does {p} hold (anything|something)?",
        "has (anything|something) been put in {p}?",
        "(say|tell me) whether something is in {p}",
        "is {p} in use?",
        "would you find something in {p}?",
    ),
    question(
        "is_there_room",
        _room,
        "is there room for {x} in {p}?",
        "does {x} still fit in {p}?",
        "can {x} go in {p}?",
        "is there a free place in {p} for {x}?",
        "(say|tell me) whether {p} has room for {x}",
        "has {p} got room left for {x}?",
    ),
    question(
        "is_it_in",
        _is_in,
        "is {x} {p}?",
        "does {x} lie {p}?",
        "would you find {x} {p}?",
        "(say|tell me) whether {x} is {p}",
        "has somebody put {x} {p}?",
        "is it true that {x} is {p}?",
    ),
    question(
        "is_drawer_closed",
        _closed,
        "is the drawer (closed|shut)?",
        "does the drawer need no more (closing|shutting)?",
        "has the drawer been (closed|shut)?",
        "(say|tell me) whether the drawer is (closed|shut)",
        "is it true that the drawer is shut?",
        "do you see a closed drawer?",
    ),
    question(
        "is_fixture_there",
        _fixture_there,
        "is there {w}?",
        "do you see {w}?",
        "can you find {w} here?",
        "(say|tell me) whether there is {w}",
        "does this table have {w}?",
        "has somebody brought {w}?",
    ),
    question(
        "can_it_stand_there",
        _can_stand,
        "can {x} stand on {y}?",
        "could you stack {x} on {y}?",
        "would {x} (stay|hold) on {y}?",
        "(say|tell me) whether {x} can stand on {y}",
        "is it possible to put {x} on top of {y}?",
        "can {y} carry {x}?",
    ),
    question(
        "can_it_be_pushed",
        _can_be_pushed,
        "can {x} be (pushed|slid) over the table?",
        "could you push {x} somewhere without losing it?",
        "does {x} stay where it is pushed?",
        "(say|tell me) whether {x} can be pushed",
        "is {x} a thing that one can push?",
        "is it possible to slide {x} into a corner?",
    ),
    question(
        "can_it_be_moved",
        _can_be_moved,
        "can {x} be (moved|lifted)?",
        "could you carry {x} away?",
        "is it possible to (move|lift) {x}?",
        "(say|tell me) whether {x} can be moved",
        "is {x} a thing that you can move?",
        "would you be able to lift {x}?",
    ),
)
"""Questions of room and ability."""
