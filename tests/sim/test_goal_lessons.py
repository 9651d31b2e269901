"""A lesson is a function of its template and seed; its reply is right; nothing in it is kept for tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import sim.goals.lessons as lessons
from sim.goals import TEMPLATES, draw
from sim.goals.goal import Goal, Template
from sim.goals.judge import judge
from sim.goals.lessons import lesson, pictured_lesson
from sim.goals.medley import MEDLEY
from sim.goals.oracle import oracle
from sim.goals.school import subject
from sim.goals.world import GoalWorld
from sim.objects import HELD_OUT_PAIRS
from sim.randomise import Randomise
from sim.truth import Truth
from vla.dataset.lessons import LessonText
from vla.planner.grammar import Instructions, format_saying, parse, plan_of
from vla.planner.seen import format_seen, parse_seen
from vla.planner.symbols import Symbols

SEED = 250_000
TAUGHT = [template for template in TEMPLATES.values() if not template.held_out]
State = tuple[Goal, Symbols, Truth]


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> list[State]:
    """Goal, state and truth of each lesson that is made."""
    found: list[State] = []
    made = lessons._lesson

    def watched(
        situation: lessons._Situation, state: Symbols, truth: Truth, seed: int, talk: int
    ) -> LessonText:
        lesson = made(situation, state, truth, seed, talk)
        found.append((situation.goal, state, truth))
        return lesson

    monkeypatch.setattr(lessons, "_lesson", watched)
    return found


COURSE = tuple(subject(k) for k in range(2 * len(MEDLEY)))
"""Everything that is taught, some of it more often."""


def course() -> Iterator[tuple[Template, int]]:
    yield from ((template, SEED + k) for k, template in enumerate(COURSE))


def test_the_same_template_and_seed_give_the_same_lesson() -> None:
    for k, template in enumerate(COURSE[::7]):
        assert lesson(template, SEED + k, talk=2) == lesson(template, SEED + k, talk=2)
    assert len({lesson(TEMPLATES["tidy_table"], SEED + k).seen for k in range(10)}) == 10


def test_the_reply_is_the_oracles_and_the_judge_finds_no_fault(states: list[State]) -> None:
    judged = 0
    for template, seed in course():
        found = lesson(template, seed)
        goal, state, _ = states[-1]
        assert found.reply == format_saying(oracle(goal, state))
        assert (found.goal, found.template, found.seed) == (goal.text, template.name, seed)
        if not goal.ordered:  # what came first does not show any more
            judged += 1
            verdict = judge(goal, state, plan_of(goal.text, parse(found.reply)))
            assert verdict.valid, (found, verdict.why)
    assert judged > 200


def test_what_is_told_of_a_lesson_is_its_state_and_hides_what_the_drawer_hides(states: list[State]) -> None:
    hidden = 0
    for template, seed in course():
        found = lesson(template, seed)
        goal, state, truth = states[-1]
        assert found.seen == format_seen(lessons.seen_of(state, truth))
        told = {thing.name for thing in parse_seen(found.seen).things}
        closed = state.drawer == "closed"
        away = {goal.names[row] for row in goal.names if state.ground(row) == "drawer" and closed}
        hidden += len(away)
        assert not away & told
        talked = " ".join(f"{question} {answer}" for question, answer in found.turns)
        assert not any(name in talked for name in away)
    assert hidden > 10


def test_lessons_are_about_all_stages_of_a_plan(states: list[State]) -> None:
    found = [lesson(template, SEED + k) for template in TAUGHT for k in range(3)]
    fresh = [not one.history for one in found]
    assert 0.4 < np.mean(fresh) < 0.9
    assert any(one.reply == "done." for one in found)
    assert any("hand over" in one.seen for one in found)
    assert any(re.search(r" hand [;.]", one.seen) for one in found)
    assert any(one.history and "put " in one.reply for one in found)
    assert {parse(one.reply).__class__.__name__ for one in found} == {"Instructions", "Refusal", "Answer"}
    for one in found:
        assert all(isinstance(parse(f"{step}."), Instructions) for step in one.history)


def test_nothing_kept_for_tests_is_taught() -> None:
    assert not any(template.held_out for template in COURSE)
    held_out = {template.name for template in TEMPLATES.values() if template.held_out}
    assert len(held_out) == 10
    assert not held_out & {template.name for template in COURSE}
    assert not any(template.test for template in MEDLEY)
    pairs = {" ".join(pair) for pair in HELD_OUT_PAIRS}
    for template in TAUGHT:
        for k in range(3):
            found = lesson(template, SEED + k, talk=2)
            assert found == lesson(replace(template, test=("never say this",)), SEED + k, talk=2)
            assert found.goal == draw(template, SEED + k, Randomise(paraphrase="train"))[0].text
            assert not {thing.name for thing in parse_seen(found.seen).things} & pairs


@pytest.fixture(scope="module")
def world() -> Iterator[GoalWorld]:
    with GoalWorld(32) as made:
        yield made


def test_a_pictured_lesson_is_the_same_lesson_again_and_leaves_the_world_there(world: GoalWorld) -> None:
    for name in ("tidy_onto_tray", "fetch_close", "tower_three", "press"):
        found, picture = pictured_lesson(world, TEMPLATES[name], SEED, talk=2)
        shown = world.pictures()
        other, _ = pictured_lesson(world, TEMPLATES["where_is"], SEED + 1)
        again, same = pictured_lesson(world, TEMPLATES[name], SEED, talk=2)
        assert found == again
        assert other != again
        for camera, image in picture.images.items():
            assert image.shape == (32, 32, 3)
            assert np.array_equal(image, shown[camera])
            assert np.array_equal(image, same.images[camera])
        assert np.array_equal(picture.points, same.points, equal_nan=True)


@pytest.mark.parametrize("name", ["tidy_onto_tray", "gather_two", "onto_tray"])
def test_what_has_been_put_down_lies_there(
    world: GoalWorld, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ball on the tray's rim takes a while to settle; until then it would count as lying on the table."""
    monkeypatch.setattr(lessons, "_UPSET_SHARE", 0.0)
    monkeypatch.setattr(lessons, "_FRESH_SHARE", 0.0)
    monkeypatch.setattr(lessons, "_IN_HAND_SHARE", 0.0)
    put = 0
    for k in range(8):
        found, _ = pictured_lesson(world, TEMPLATES[name], SEED + k)
        told = {thing.name: thing.place for thing in parse_seen(found.seen).things}
        for step in found.history:
            if match := re.fullmatch(r"put the (\w+ \w+) (?:on|onto) the tray", step):
                put += 1
                assert told[match[1]] == "tray", found
    assert put > 3


def test_what_should_be_in_the_hand_is(world: GoalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "_IN_HAND_SHARE", 1.0)
    monkeypatch.setattr(lessons, "_FRESH_SHARE", 1.0)
    held = 0
    for k in range(6):
        found, _ = pictured_lesson(world, TEMPLATES["store_close"], SEED + k)
        places = [thing.place for thing in parse_seen(found.seen).things]
        held += "hand" in places
    assert held >= 2
