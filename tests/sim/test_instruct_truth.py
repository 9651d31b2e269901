"""Every answer is true of its scene: each type is judged again here, from the words alone, by other means."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from sim.goals import TEMPLATES, Goal, draw
from sim.goals.judge import judge
from sim.goals.model import Act, ImpossibleError, applied
from sim.goals.symbols import nominal_truth, symbols_of
from sim.instruct import TYPES, Turn, turns
from sim.instruct.scoring import canonical
from sim.instruct.tables import LIVED_IN
from sim.layout import CORNERS
from sim.objects import COLOUR_NAMES, ROW, SHAPES
from sim.randomise import Split
from sim.reading import read_wish
from vla.contract import Plan, StepStatus
from vla.planner.desire import Held, In, On
from vla.planner.grammar import NUMBERS
from vla.planner.symbols import CAPACITY, Symbols

SCENES = 500
FIXTURES = ("bowl", "tray", "zone", "drawer", "button")
NAME = re.compile(rf"\b(?:{'|'.join(COLOUR_NAMES)}) (?:{'|'.join(SHAPES)})\b")
MARK = re.compile(rf"{NAME.pattern}|\b(?:bowl|tray|button)\b")


@dataclass(frozen=True)
class Case:
    """A turn about a scene, with the words spelled one way."""

    state: Symbols
    at: Mapping[str, tuple[float, float]]
    question: str
    answer: str

    @property
    def rows(self) -> list[int]:
        """Rows of the things that the question names, in order."""
        return [self.row(name) for name in NAME.findall(self.question)]

    @property
    def said(self) -> list[str]:
        """Names in the answer, in order."""
        return NAME.findall(self.answer)

    @property
    def yes(self) -> bool:
        word = re.split(r"[ ,.]", self.answer)[0]
        assert word in ("yes", "no"), self
        return word == "yes"

    @property
    def number(self) -> int:
        return NUMBERS.index(re.split(r"[ ,.]", self.answer)[0])

    @property
    def names(self) -> list[str]:
        """What can be seen."""
        shut = self.state.drawer != "open"
        return [n for r, n in self.state.names.items() if not (shut and self.state.ground(r) == "drawer")]

    @property
    def place(self) -> str:
        """The fixture or corner in the question that no name explains."""
        found = [p for p in (*CORNERS, *FIXTURES) if re.search(rf"\b{p}\b", self.question)]
        assert len(found) == 1, self
        return found[0]

    def row(self, name: str) -> int:
        found = [row for row, called in self.state.names.items() if called == name]
        assert len(found) == 1, (name, self)
        return found[0]

    def word(self, words: tuple[str, ...]) -> str:
        found = [w for w in words if re.search(rf"\b{w}s?\b", self.question)]
        assert len(found) == 1, (words, self)
        return found[0]

    def inside(self, place: str) -> list[str]:
        return [self.state.names[row] for row, at in self.state.where.items() if at == place]

    def phrase(self, row: int) -> str:
        at = self.state.where[row]
        if isinstance(at, int):
            return f"on the {self.state.names[at]}"
        if at in CORNERS:
            return f"in the {at} corner"
        return f"{'on' if at in ('tray', 'table') else 'in'} the {at}"

    def possible(self, act: Act) -> bool:
        try:
            applied(act, self.state)
        except ImpossibleError:
            return False
        return True


def side_of(text: str) -> tuple[int, int]:
    """(axis, sign) of the only relation in a text: larger x is nearer, larger y further right."""
    kinds = {"left": (1, -1), "right": (1, 1), "front|before|near|closer|closest|nearest": (0, 1),
             "behind|back|farther|further away|furthest from|furthest in": (0, -1)}  # fmt: skip
    found = [side for words, side in kinds.items() if re.search(rf"\b(?:{words})", text)]
    assert len(found) == 1, text
    return found[0]


def offset(case: Case, x: str, y: str) -> float:
    axis, sign = side_of(re.sub(NAME, "", case.question))
    return sign * (case.at[x][axis] - case.at[y][axis])


def relation(case: Case) -> bool:
    x, y = MARK.findall(case.question)
    away = offset(case, x, y)
    return abs(away) >= 0.05 and (away > 0) == case.yes


def beside(case: Case) -> bool:
    (mark,) = MARK.findall(case.question)
    there = {n for n in case.names if n != mark and offset(case, n, mark) > 0}
    return there == set(case.said)


def which_side(case: Case) -> bool:
    marks = MARK.findall(case.question)
    x, y = marks if case.question.startswith("is ") else marks[::-1]
    return ("left" if case.at[x][1] < case.at[y][1] else "right") == case.answer


def outermost(case: Case) -> bool:
    axis, sign = side_of(case.question.replace("leftmost", "left").replace("rightmost", "right"))
    return max(case.names, key=lambda n: sign * case.at[n][axis]) == case.said[0]


def nearest(case: Case) -> bool:
    (mark,) = MARK.findall(case.question)
    others = [n for n in case.names if n != mark]
    return min(others, key=lambda n: np.hypot(*np.subtract(case.at[n], case.at[mark]))) == case.said[0]


def has_been_done(case: Case) -> bool:
    asks = r"(?:is|has) (?:it|this|that)(?: been)? (?:done|finished|so|carried out)"
    step = re.sub(rf"^{asks}: |: {asks}\?$|\?$", "", case.question)
    wish, state = read_wish(step), case.state
    row = case.row(f"{wish.target.colour} {wish.target.shape}") if wish.target else -1
    base = case.row(f"{wish.base.colour} {wish.base.shape}") if wish.base else -1
    act = Act(wish.family, row, wish.place, base)
    match act.family:
        case "open_drawer" | "close_drawer":
            holds = state.drawer == ("open" if act.family == "open_drawer" else "closed")
        case "press_button":
            holds = state.pressed
        case "pick_up":
            holds = state.where[act.row] == "hand"
        case "reach":
            holds = state.over == act.row
        case "stack":
            holds = state.where[act.row] == act.base
        case "unstack" | "take_out":
            holds = state.where[act.row] in ("table", "zone", *CORNERS)
        case _:
            holds = state.where[act.row] == (act.place or "drawer")
    return holds == case.yes


def plan_is_right(case: Case, desire: tuple[Held | In | On, ...]) -> bool:
    steps = tuple(re.sub(r"^first ", "", case.answer.rstrip(".")).split(", then "))
    goal = Goal("", "", "", 0, case.state.names, desire, None, False)
    status: list[StepStatus] = ["pending"] * len(steps)
    plan = Plan("", steps, 0, tuple(status))
    return judge(goal, case.state, plan).valid


def sentences(case: Case) -> bool:
    """A detailed description: all things in their places, all fixtures in their state."""
    found = Counter(NAME.findall(" ".join(re.findall(r"(?:^|\. )(?:there is )?the (\w+ \w+)", case.answer))))
    for name, place in re.findall(rf"the ({NAME.pattern}) is ((?:in|on) the [a-z ]+)", case.answer):
        if place != case.phrase(case.row(name)):
            return False
    for name, side in re.findall(rf"the ({NAME.pattern}) is on the table, ([a-z ]+)", case.answer):
        y = case.at[name][1]
        if side != ("on the left" if y < -0.1 else "on the right" if y > 0.1 else "in the middle"):
            return False
    empty = {
        name
        for name in ("bowl", "tray", "zone")
        if re.search(rf"the {name} is [^.]*(?<!not )empty", case.answer)
    }
    right = all(not case.inside(name) for name in empty)
    drawer = "drawer" not in case.state.fixtures or f"the drawer is {case.state.drawer}" in case.answer
    fixtures = all(f"the {name} is" in case.answer for name in case.state.fixtures)
    return right and drawer and fixtures and found == Counter(case.names)


def by_place(case: Case) -> bool:
    found = {
        name: place
        for place, who in re.findall(r"((?:on|in) the [a-z ]+?) (?:is|are) (the [^.]*)\.", case.answer)
        for name in NAME.findall(who)
    }
    return found == {name: case.phrase(case.row(name)) for name in case.names}


def in_order(case: Case, axis: int, sign: int) -> bool:
    return case.said == sorted(case.names, key=lambda n: sign * case.at[n][axis])


def stack_act(case: Case) -> Act:
    return Act("stack", case.rows[0], base=case.rows[1])


def put_act(case: Case) -> Act:
    return Act("put_in_drawer" if case.place == "drawer" else "put_in", case.rows[0], case.place)


def pushed(case: Case) -> bool:
    return case.possible(Act("push", case.rows[0], case.place)) == case.yes


def of(case: Case, shape: str) -> list[str]:
    return [n for n in case.names if n.endswith(shape)]


def in_the_way(case: Case) -> list[str]:
    return [case.state.names[r] for r in reversed(case.state.column(case.rows[0])[1:])]


def counts_more(case: Case) -> bool:
    first, second = re.findall(rf"\b({'|'.join(SHAPES)})s\b", case.question)
    return (len(of(case, first)) > len(of(case, second))) == case.yes


def after_removal(case: Case) -> bool:
    top, low = case.rows[::-1] if case.question.startswith("would") else case.rows
    return (case.state.moved(top, "table").on(low) < 0) == case.yes


JUDGES: dict[str, Callable[[Case], bool]] = {
    "there": lambda c: (NAME.findall(c.question)[0] in c.names) == c.yes,
    "there_shape": lambda c: bool(of(c, c.word(SHAPES))) == c.yes,
    "there_colour": lambda c: any(n.startswith(c.word(COLOUR_NAMES)) for n in c.names) == c.yes,
    "there_fixture": lambda c: (c.place in c.state.fixtures) == c.yes,
    "fixtures": lambda c: set(re.findall("|".join(FIXTURES), c.answer)) == c.state.fixtures,
    "colour": lambda c: of(c, c.word(SHAPES)) == [f"{c.answer} {c.word(SHAPES)}"],
    "shape": lambda c: (
        [n for n in c.names if n.startswith(c.word(COLOUR_NAMES))] == [f"{c.word(COLOUR_NAMES)} {c.answer}"]
    ),
    "colours": lambda c: {n.split()[0] for n in of(c, c.word(SHAPES))} == set(re.split(", | and ", c.answer)),
    "count_shape": lambda c: len(of(c, c.word(SHAPES))) == c.number,
    "count_colour": lambda c: sum(n.startswith(c.word(COLOUR_NAMES)) for n in c.names) == c.number,
    "count_all": lambda c: len(c.names) == c.number,
    "count_in": lambda c: len(c.inside(c.place)) == c.number,
    "count_except": lambda c: (
        len([n for n in of(c, c.word(SHAPES)) if not n.startswith(c.word(COLOUR_NAMES))]) == c.number
    ),
    "besides": lambda c: set(c.inside(c.place)) - {c.state.names[c.rows[0]]} == set(c.said),
    "same_colour": lambda c: (
        {n for n in c.names if n.split()[0] == c.state.colour(c.rows[0])} - {c.state.names[c.rows[0]]}
        == set(c.said)
    ),
    "same_shape": lambda c: set(of(c, c.state.shape(c.rows[0]))) - {c.state.names[c.rows[0]]} == set(c.said),
    "alike_colour": lambda c: (len({c.state.colour(r) for r in c.rows}) == 1) == c.yes,
    "alike_shape": lambda c: (len({c.state.shape(r) for r in c.rows}) == 1) == c.yes,
    "where": lambda c: c.phrase(c.rows[0]) == c.answer,
    "there_at": lambda c: (
        bool(re.search(rf"\b{c.phrase(c.row(NAME.findall(c.question)[0]))}\b", c.question)) == c.yes
    ),
    "on": lambda c: c.said == [c.state.names[r] for r, at in c.state.where.items() if at == c.rows[0]],
    "under": lambda c: (
        c.phrase(c.rows[0]).removeprefix("on ").removeprefix("in ") == c.answer
        or (c.answer == "the table" and c.state.where[c.rows[0]] in CORNERS)
    ),
    "contents": lambda c: set(c.inside(c.place)) == set(c.said),
    "contents_held_out": lambda c: set(c.inside(c.place)) == set(c.said),
    "hand": lambda c: set(c.inside("hand")) == set(c.said),
    "drawer_open": lambda c: (c.state.drawer == "open") == c.yes,
    "drawer_state": lambda c: c.state.drawer == c.answer,
    "pressed": lambda c: c.state.pressed == c.yes,
    "empty": lambda c: (not c.inside(c.place)) == c.yes,
    "fits": lambda c: (len(c.inside(c.place)) < CAPACITY[c.place]) == c.yes,
    "left_right": relation,
    "front_behind": relation,
    "which_side": which_side,
    "nearer": lambda c: max(NAME.findall(c.question), key=lambda n: c.at[n][0]) == c.said[0],
    "all_beside": beside,
    "outermost": outermost,
    "nearest": nearest,
    "free": lambda c: c.possible(Act("pick_up", c.rows[0])) == c.yes,
    "in_the_way": lambda c: in_the_way(c) == c.said,
    "done": has_been_done,
    "brief": lambda c: (
        Counter(c.said) == Counter(c.names)
        and set(re.findall(rf"\b(?:{'|'.join(FIXTURES)})\b", c.answer)) == c.state.fixtures
    ),
    "detailed": sentences,
    "from_left": lambda c: in_order(c, 1, 1),
    "from_front": lambda c: in_order(c, 0, -1),
    "by_place": by_place,
    "why_not_grasp": lambda c: (
        c.state.where[c.rows[0]] == "drawer" if "drawer" in c.answer else in_the_way(c)[-1] == c.said[0]
    ),
    "how_to_grasp": lambda c: plan_is_right(c, (Held(c.rows[0]),)),
    "how_to_put": lambda c: plan_is_right(c, (In(c.rows[0], c.place),)),
    "how_to_stack": lambda c: plan_is_right(c, (On(*c.rows),)),
    "may_stack": lambda c: c.possible(stack_act(c)) == c.yes,
    "may_put": lambda c: c.possible(put_act(c)) == c.yes,
    "may_push": pushed,
    "room": lambda c: CAPACITY[c.place] - len(c.inside(c.place)) == c.number,
    "then_on_top": lambda c: (
        applied(stack_act(c), c.state).column(c.state.foot(c.rows[1]))[-1] == c.row(c.said[0])
    ),
    "then_free": after_removal,
    "then_count": lambda c: (
        len(c.inside(c.place)) == CAPACITY[c.place]
        if "cannot" in c.answer
        else len(applied(put_act(c), c.state).inside(c.place)) == c.number
        if c.possible(put_act(c))
        else len(c.inside(c.place)) + 1 == c.number
    ),
    "more": counts_more,
    "missing": lambda c: set(of(c, c.word(SHAPES))) - set(c.inside("tray")) == set(c.said),
    "tower": lambda c: len(c.state.column(c.state.foot(c.rows[0]))) == c.number,
    "drawer_known": lambda c: (c.state.drawer == "open") == c.yes,
}


def scene(seed: int) -> tuple[Symbols, dict[str, tuple[float, float]]]:
    """A table of a goal or of none, perhaps with something in the hand, or something else changed."""
    rng = np.random.default_rng(seed)
    template = LIVED_IN if seed % 2 else list(TEMPLATES.values())[int(rng.integers(len(TEMPLATES)))]
    goal, table = draw(template, seed)
    truth = nominal_truth(table)
    state = symbols_of(truth, goal.names)
    at = {
        name: (float(truth.position_m[row, 0]), float(truth.position_m[row, 1]))
        for row, name in goal.names.items()
    }
    for name in state.fixtures:
        x, y, _ = truth.position_m[ROW[name]]
        at[name] = (float(x), float(y))
    free = [row for row in state.names if state.on(row) < 0 and state.where[row] != "drawer"]
    match int(rng.integers(5)):
        case 0 if free:
            state = state.moved(free[0], "hand")
        case 1 if "button" in state.fixtures:
            state = applied(Act("press_button"), state)
        case 2 if free:
            state = applied(Act("reach", free[0]), state)
        case 3 if "drawer" in state.fixtures:
            state = applied(Act("close_drawer"), state)
    return state, at


@cache
def talks(split: Split) -> tuple[tuple[Turn, Symbols, tuple[tuple[str, tuple[float, float]], ...]], ...]:
    found: list[tuple[Turn, Symbols, tuple[tuple[str, tuple[float, float]], ...]]] = []
    for seed in range(SCENES):
        state, at = scene(seed)
        rng = np.random.default_rng([seed, 1])
        found += [(turn, state, tuple(at.items())) for turn in turns(state, at, rng, 14, split)]
    return tuple(found)


def test_every_type_is_judged():
    assert set(JUDGES) == set(TYPES)


@pytest.mark.parametrize("name", [n for n, q in TYPES.items() if q.train])
def test_answers_are_true(name: str):
    found = [(turn, state, at) for turn, state, at in talks("train") if turn.type == name]
    assert len(found) >= 10, name
    for turn, state, at in found:
        case = Case(state, dict(at), canonical(turn.question), canonical(turn.answer))
        assert JUDGES[name](case), (turn, state)


def test_answers_about_held_out_contents_are_true():
    found = [talk for talk in talks("test") if talk[0].type == "contents_held_out"]
    assert len(found) >= 10
    for turn, state, at in found:
        case = Case(state, dict(at), canonical(turn.question), canonical(turn.answer))
        assert JUDGES[turn.type](case), (turn, state)


def test_a_wrong_answer_would_be_noticed():
    """The judges are no yes-men: answers swapped within a type are mostly refused."""
    refused = total = 0
    for name in ("there", "colour", "where", "left_right", "free", "may_stack", "tower", "done", "room"):
        found = [(turn, state, at) for turn, state, at in talks("train") if turn.type == name]
        for (turn, state, at), (other, *_) in itertools.pairwise(found):
            if other.answer.split(",")[0] != turn.answer.split(",")[0]:
                case = Case(state, dict(at), canonical(turn.question), canonical(other.answer))
                try:
                    right = JUDGES[name](case)
                except AssertionError:
                    right = False
                refused, total = refused + (not right), total + 1
    assert refused / total > 0.9
