"""Questions about towers: what is above, below and between, and how high they are."""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.asking import question, the, yes
from sim.goals.medley.referring import column
from sim.goals.medley.wording import say
from vla.planner.grammar import NUMBERS, Answer

_T: Final = "(tower|stack|pile)"


def _part(table: GoalTable) -> Drawn:
    """The lowest, the middle or the topmost thing of a tower."""
    table.maybe_cabinet()
    rows = column(table, 3)
    table.fill()
    level = table.pick((0, 1, 2))
    word = ("(lowest|undermost|bottom)", "(middle|second)", "(topmost|uppermost|highest)")[level]
    return Drawn({"w": say(table, word)}, saying=the(table, rows[level]))


def _end_of_two(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    rows = column(table, 2)
    table.fill()
    level = table.pick((0, 1))
    word = ("(lowest|lower|bottom)", "(topmost|upper|highest)")[level]
    return Drawn({"w": say(table, word)}, saying=the(table, rows[level]))


def _under(table: GoalTable) -> Drawn:
    """What something stands on, or nothing."""
    table.maybe_cabinet()
    if table.chance(0.35):
        row, answer = table.one(), Answer("nothing")
    else:
        base, row = column(table, 2)
        answer = the(table, base)
    table.fill()
    return Drawn({"x": table.name(row)}, saying=answer)


def _between(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    low, middle, high = column(table, 3)
    table.fill()
    pair = [table.name(low), table.name(high)]
    pair = pair if table.chance(0.5) else pair[::-1]
    return Drawn({"x": pair[0], "y": pair[1]}, saying=the(table, middle))


def _height(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    count = table.pick((2, 3))
    column(table, count)
    table.fill()
    return Drawn(saying=Answer(NUMBERS[count]))


def _tower_there(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    there = table.chance(0.5)
    if there:
        column(table, table.pick((2, 3)))
    else:
        table.some(2, ("block",))
    table.fill()
    return Drawn(saying=yes(there))


def _on(table: GoalTable) -> Drawn:
    """Whether one thing stands on another; a third may stand there instead."""
    table.maybe_cabinet()
    base = table.one(("block",))
    holds = table.chance(0.5)
    on_it = table.stacked(base) if holds or table.chance(0.5) else -1
    row = on_it if holds else table.one(("block", "star", "cylinder"))
    table.fill()
    return Drawn({"x": table.name(row), "y": table.name(base)}, saying=yes(holds))


def _free(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    base = table.one(("block",))
    covered = table.chance(0.5)
    if covered:
        table.stacked(base)
    table.fill()
    return Drawn({"x": table.name(base)}, saying=yes(not covered))


def _covered(table: GoalTable) -> Drawn:
    drawn = _free(table)
    return Drawn(drawn.words, saying=yes(drawn.saying == Answer("no")))


TEMPLATES: Final = (
    question(
        "part_of_tower",
        _part,
        f"(what|which thing) is the {{w}} one in the {_T}?",
        f"(what|which) is the {{w}} (thing|part) of the {_T}?",
        f"(name|tell me) the {{w}} (thing|part) of the {_T}",
        f"the {{w}} part of the {_T}: what is it?",
        f"what do you see as the {{w}} one of the {_T}?",
        f"of all things in the {_T}, which is the {{w}} one?",
    ),
    question(
        "end_of_two",
        _end_of_two,
        f"which of the two in the {_T} is the {{w}} one?",
        f"(name|tell me) the {{w}} of the two things in the {_T}",
        f"what is the {{w}} part of this {_T} of two?",
        f"the {_T} has two parts; which is the {{w}} one?",
        f"is there a {{w}} one in the {_T}, and which thing is it?",
        f"what would you call the {{w}} one of the {_T}?",
    ),
    question(
        "what_is_under",
        _under,
        "what is (under|below|beneath) {x}?",
        "what does {x} stand on?",
        "which thing (carries|supports) {x}?",
        "on which thing does {x} (stand|sit)?",
        "(tell me|say) what is under {x}",
        "{x} stands on which thing?",
    ),
    question(
        "what_is_between",
        _between,
        "what is between {x} and {y}?",
        f"which thing of the {_T} is between {{x}} and {{y}}?",
        "what (stands|sits) above the one and below the other of {x} and {y}?",
        "(name|tell me) what separates {x} from {y}",
        "{x}, {y}: what is in between?",
        "which thing is (squeezed|stuck) between {x} and {y}?",
    ),
    question(
        "height_of_tower",
        _height,
        f"how many things (make|form) the {_T}?",
        f"how many (parts|things) does the {_T} have?",
        f"how high is the {_T}, in things?",
        f"of how many things is the {_T} made?",
        f"(count|tell me the number of) the parts of the {_T}",
        f"the {_T}: how many things stand on each other there?",
    ),
    question(
        "tower_there",
        _tower_there,
        f"is there a {_T}?",
        f"(can|do) you see a {_T}?",
        "does anything stand on anything else?",
        "has somebody stacked something?",
        f"has a {_T} been built?",
        "(tell me|say) whether things are stacked here",
    ),
    question(
        "stands_on",
        _on,
        "is {x} (on|on top of) {y}?",
        "does {x} stand on {y}?",
        "does {y} carry {x}?",
        "(tell me|say) whether {x} is on {y}",
        "is it {x} that stands on {y}?",
        "is {y} under {x}?",
    ),
    question(
        "is_free",
        _free,
        "is {x} free on top?",
        "is the top of {x} (free|clear|empty)?",
        "can {x} be grasped (right away|at once|directly)?",
        "could something be (put|stacked) on {x} right now?",
        "(tell me|say) whether {x} is free on top",
        "is it true that nothing stands on {x}?",
        "is {x} within reach without clearing it first?",
    ),
    question(
        "is_covered",
        _covered,
        "is (anything|something) on {x}?",
        "does (anything|something) stand on {x}?",
        "does {x} carry (anything|something)?",
        "is {x} covered?",
        "has somebody put something on {x}?",
        "(tell me|say) whether something stands on {x}",
        "must something be taken off before {x} can be grasped?",
    ),
)
"""Questions about what stands on what."""
