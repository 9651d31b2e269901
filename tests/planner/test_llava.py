"""The planner that looks: what is confirmed by looks changes the plan, what is done is ticked off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import tiny_planner
from numpy.typing import NDArray

from vla.conformance import check_planner
from vla.contract import ContractError, Observation, Plan, Planner, SuccessDetector
from vla.models.talking import CAMERAS, Look, TalkingLlava
from vla.models.vlm import AllowedNext
from vla.models.words import goal_words, question_words
from vla.planner.grammar import MAX_STEPS, allowed_next, parse, saying_of
from vla.planner.llava import LlavaPlanner

GOAL = "put the red block in the drawer and close it"
OPEN, PUT, CLOSE = "open the drawer", "put the red block in the drawer", "close the drawer"
ALL, REST, LAST = f"{OPEN}; {PUT}; {CLOSE}.", f"{PUT}; {CLOSE}.", f"{CLOSE}."


class Script:
    """Sees a number, and says one thing after the other, the last one for ever."""

    def __init__(self, *replies: str, yes: float = 0.0, no: float = 0.0) -> None:
        self._replies, self._odds = list(replies), (yes, no)
        self.asked: list[str] = []
        self.looks = 0

    def look(self, pictures: Sequence[NDArray[np.uint8]]) -> Look:
        self.looks += 1
        return Look(f"bowl {int(pictures[0].max())} 0 .", None)  # pyright: ignore[reportArgumentType]

    def say(self, look: Look, words: str, allowed: AllowedNext | None = None) -> str:
        assert allowed is allowed_next
        self.asked.append(words)
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]

    def weigh(self, look: Look, words: str, choices: Sequence[str]) -> NDArray[np.float64]:
        self.asked.append(words)
        assert tuple(choices) == ("yes", "no")
        return np.array(self._odds)


def planner(*replies: str, looks: int = 2) -> tuple[LlavaPlanner, Script]:
    script = Script(*replies)
    return LlavaPlanner(cast(TalkingLlava, script), looks), script


def seen(value: int = 0) -> Observation:
    images = {name: np.full((8, 8, 3), value, np.uint8) for name in CAMERAS}
    return Observation(images, np.zeros(3, np.float32), 0.0)


def test_a_tiny_model_is_a_planner_and_a_detector() -> None:
    made = LlavaPlanner(tiny_planner.talking())
    assert isinstance(made, Planner)
    assert isinstance(made, SuccessDetector)
    for seed in range(2):
        images = dict(zip(CAMERAS, tiny_planner.pictures(seed), strict=True))
        observation = replace(seen(), images=images)
        for goal in (GOAL, "is the bowl empty?", "[end] [says] answer : yes . [end]"):
            check_planner(made, goal, observation)
        assert 0 < made.success(observation, PUT) < 1


def test_the_first_plan_is_what_the_first_look_says() -> None:
    made, script = planner(ALL)
    plan = made.plan(GOAL, seen(5), None)
    assert (plan.steps, plan.index, plan.kind) == ((OPEN, PUT, CLOSE), 0, "steps")
    assert plan.seen == "bowl 5 0 ."
    assert script.asked == [goal_words(GOAL)]


def test_a_change_counts_when_as_many_looks_in_a_row_agree() -> None:
    made, _ = planner(ALL, REST, ALL, REST, REST)
    first = made.plan(GOAL, seen(), None)
    rumour = made.plan(GOAL, seen(1), first)
    assert (rumour.steps, rumour.index, rumour.seen) == (first.steps, 0, "bowl 1 0 .")
    assert rumour.note == f"looks as if: {REST}"
    denied = made.plan(GOAL, seen(2), rumour)
    assert denied == replace(first, seen="bowl 2 0 .")
    once = made.plan(GOAL, seen(3), denied)
    assert once.index == 0  # the denial in between starts the count anew
    twice = made.plan(GOAL, seen(4), once)
    assert (twice.steps, twice.index) == ((OPEN, PUT, CLOSE), 1)
    assert twice.status == ("done", "active", "pending")


def test_one_look_is_enough_where_one_is_asked_for() -> None:
    made, _ = planner(ALL, REST, LAST, "done.", looks=1)
    plan, counts = None, []
    for _ in range(4):
        plan = made.plan(GOAL, seen(), plan)
        counts.append((plan.index, plan.instruction))
    assert counts == [(0, OPEN), (1, PUT), (2, CLOSE), (3, None)]
    with pytest.raises(ContractError, match="looks 0 must be at least 1"):
        planner(ALL, looks=0)


def test_different_rumours_do_not_add_up() -> None:
    made, _ = planner(ALL, REST, LAST, REST, LAST)
    plan = made.plan(GOAL, seen(), None)
    for _ in range(4):
        plan = made.plan(GOAL, seen(), plan)
        assert plan.index == 0


def test_a_new_run_forgets_the_rumours_of_the_last_one() -> None:
    made, _ = planner(ALL, REST, ALL, REST)
    made.plan(GOAL, seen(), made.plan(GOAL, seen(), None))
    assert made.plan(GOAL, seen(), made.plan(GOAL, seen(), None)).index == 0


def test_what_was_done_is_told_and_no_more_of_it_than_a_plan_has() -> None:
    made, script = planner(LAST)
    made.plan(GOAL, seen(), Plan(GOAL, (OPEN, PUT, CLOSE), 2, ("done", "done", "active")))
    assert script.asked[-1] == goal_words(GOAL, (OPEN, PUT))
    made.plan("another goal", seen(), Plan(GOAL, (OPEN, PUT), 1, ("done", "active")))
    assert script.asked[-1] == goal_words("another goal")
    many = (*(OPEN, CLOSE) * MAX_STEPS, PUT)
    done = Plan(GOAL, many, len(many) - 1, ("done",) * (len(many) - 1) + ("active",))
    made.plan(GOAL, seen(), done)
    assert script.asked[-1] == goal_words(GOAL, (OPEN, CLOSE) * (MAX_STEPS // 2))


@pytest.mark.parametrize("text", ["cannot: because there is no red block.", "answer: in the bowl."])
def test_a_refusal_and_an_answer_stand_until_looks_agree_on_something_else(text: str) -> None:
    made, _ = planner(text, ALL, text, ALL, ALL)
    first = made.plan(GOAL, seen(), None)
    assert (first.steps, saying_of(first)) == ((), parse(text))
    plan = first
    for _ in range(3):
        plan = made.plan(GOAL, seen(), plan)
        assert plan == first
    assert made.plan(GOAL, seen(), plan).steps == (OPEN, PUT, CLOSE)


def test_a_sentence_cut_off_leaves_the_plan_as_it_was() -> None:
    made, _ = planner("put the")
    old = Plan(GOAL, (OPEN, PUT), 1, ("done", "active"))
    assert made.plan(GOAL, seen(3), old) == replace(old, seen="bowl 3 0 .")
    with pytest.raises(ContractError, match=f"no plan for {GOAL!r}"):
        made.plan(GOAL, seen(), None)


def test_what_cannot_be_planned_for_is_refused() -> None:
    made, _ = planner(ALL)
    with pytest.raises(ContractError, match="holds no words"):
        made.plan(" \n", seen(), None)
    front = replace(seen(), images={"front": seen().images["front"]})
    with pytest.raises(ContractError, match=r"camera 'wrist' is missing; the observation has \['front'\]"):
        made.plan(GOAL, front, None)
    with pytest.raises(ContractError, match="asked at once"):
        LlavaPlanner(tiny_planner.talking()).plan("put it in the bowl and " * 300, seen(), None)


def test_success_is_the_share_of_yes() -> None:
    script = Script(ALL, yes=np.log(0.3), no=np.log(0.1))
    made = LlavaPlanner(cast(TalkingLlava, script))
    assert made.success(seen(), PUT) == pytest.approx(0.75)
    assert script.asked == [question_words(f"is it done: {PUT}?")]
    for yes, no, share in ((-1e9, 0.0, 0.0), (0.0, -1e9, 1.0)):
        script = Script(ALL, yes=yes, no=no)
        assert LlavaPlanner(cast(TalkingLlava, script)).success(seen(), PUT) == pytest.approx(share)


def test_the_same_pictures_are_looked_at_once_and_few_are_kept() -> None:
    made, script = planner(ALL)
    for value in (1, 1, 2, 1):
        made.plan(GOAL, seen(value), None)
        made.success(seen(value), PUT)
    assert script.looks == 2
    for value in range(3, 9):
        made.plan(GOAL, seen(value), None)
    made.plan(GOAL, seen(1), None)
    assert script.looks == 2 + 6 + 1
