"""Whatever is said there is a table for it, and a judge who goes by the simulator's truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from sim.goals.world import GoalWorld, OraclePlanner
from sim.judges import GoalJudge, InstructionJudge, NoJudge, SayingJudge
from sim.reading import UnreadableError
from sim.request import RequestError
from sim.stage import SCENES, Stage, check_words, stage
from vla.contract import ContractError, Plan
from vla.planner.grammar import Answer, Refusal, plan_of

Set = Callable[..., Stage]


@pytest.fixture
def staged() -> Iterator[Set]:
    made: list[Stage] = []

    def lay(sentence: str, scene: str = "auto", seed: int = 0) -> Stage:
        made.append(stage(sentence, scene, seed, image_size=16, render=False))
        return made[-1]

    yield lay
    for one in made:
        one.world.close()


SUITS = {
    "put the red block in the bowl": ("instructions", InstructionJudge),
    "could you put the red block in the bowl?": ("instructions", InstructionJudge),
    "open the drawer, then put the blue block in it": ("instructions", InstructionJudge),
    "pick up the block left of the bowl": ("instructions", InstructionJudge),
    "stack the green block on the yellow block": ("instructions", InstructionJudge),
    "stack the red ball on the blue block": ("ball_on_block", SayingJudge),
    "sort the blocks into corners by colour": ("sort_corners", GoalJudge),
    "take the green block out of the drawer": ("fetch", GoalJudge),
    "build a tower: the red block at the bottom, the blue block in the middle and the green star on top": (
        "tower_three",
        GoalJudge,
    ),
    "how to grasp the blue block?": ("grasp_covered", GoalJudge),
    "how many stars do you see?": ("how_many", SayingJudge),
    "peel the red block": ("unknown_skill", SayingJudge),
    "make me a coffee": ("ordinary", SayingJudge),
    "smash the red block": ("unknown_skill", SayingJudge),
    "what time is it?": ("ordinary", NoJudge),
    "stack the red block on the red block": ("ordinary", SayingJudge),
}


@pytest.mark.parametrize("sentence", SUITS)
def test_a_sentence_gets_the_scene_that_suits_it(staged: Set, sentence: str):
    made = staged(sentence)
    assert (made.scene, type(made.judge)) == SUITS[sentence]
    assert made.judge.success in (False, None)


@pytest.mark.parametrize("sentence", ["take the green block out of the drawer", "make me a coffee"])
def test_the_name_of_a_scene_that_was_found_lays_the_same_scene(staged: Set, sentence: str):
    first = staged(sentence, seed=4)
    again, other = staged(sentence, first.scene, seed=4), staged(sentence, seed=5)
    assert np.array_equal(first.world.entities(), again.world.entities())
    assert not np.array_equal(first.world.entities(), other.world.entities())


def test_any_scene_can_be_laid_whatever_is_said(staged: Set):
    missing = staged("put the cyan ball in the bowl", "missing_object")
    assert isinstance(missing.world, GoalWorld)
    assert missing.world.goal.saying == Refusal("missing", "cyan ball")
    assert isinstance(staged("press the button", "if_open_close_else_press").judge, InstructionJudge)
    assert isinstance(staged("press the button", "missing_button").judge, SayingJudge)
    assert isinstance(staged("pick up the red block", "missing_button", seed=1).judge, SayingJudge)
    assert isinstance(staged("how many stars do you see?", "tidy_table").judge, NoJudge)


def test_what_cannot_be_laid_is_refused_by_name(staged: Set):
    with pytest.raises(
        ContractError, match="scene 'drawer' is not one of auto, instructions, ordinary, sort"
    ):
        staged("open the drawer", "drawer")
    with pytest.raises(UnreadableError, match="coffee"):
        staged("make me a coffee", "instructions")
    with pytest.raises(RequestError, match=r"scene=tower_two.*red ball"):
        staged("stack the red ball on the blue block", "tower_two")
    with pytest.raises(ContractError, match="no words"):
        staged("!")
    assert "fetch" in SCENES


@pytest.mark.parametrize("sentence", ["xyzzy", "asdf the qwer", "the and"])
def test_nonsense_is_answered_with_what_could_be_said(sentence: str):
    with pytest.raises(ContractError, match=r"press the button.*how many stars"):
        check_words(sentence)


@pytest.mark.parametrize("sentence", [*SUITS, "Colour?", "tidy up"])
def test_words_that_mean_something_pass(sentence: str):
    check_words(sentence)


def test_experts_fulfil_a_goal_and_the_judge_sees_it(staged: Set):
    made = staged("put the white star and the red block on the tray")
    world, judge = made.world, made.judge
    assert isinstance(world, GoalWorld)
    assert (made.scene, judge.words, judge.success) == ("gather_two", "0 of 2 so", False)
    plan = OraclePlanner(world).plan(world.goal.text, world.observe(), None)
    judge.hear(plan)
    assert world.carry_out_all(plan.steps)
    for _ in range(4):
        judge.look()
    assert (judge.words, judge.reached, judge.success) == ("2 of 2 so", True, True)
    judge.hear(plan_of(plan.goal, Refusal("unknown")))
    assert judge.success is False


def test_what_is_so_already_must_be_left_alone(staged: Set):
    sentence = "get the red block onto the tray"
    made = next(
        one for seed in range(20) if "already" in (one := staged(sentence, "onto_tray", seed)).judge.words
    )
    assert not made.judge.reached
    assert made.judge.success
    _nudge(made)
    assert not made.judge.success


def _nudge(made: Stage) -> None:
    """Shift everything that can move, by 2 cm."""
    world: Any = made.world
    for row in np.flatnonzero(world._present[: len(world._objects)]):
        world.data.joint(f"object_{row}").qpos[0] += 0.02
    world.hold()


def said(sentence: str, saying: Refusal | Answer) -> Plan:
    return plan_of(sentence, saying)


def test_a_question_is_answered_rightly_and_nothing_moves(staged: Set):
    sentence = "how many stars do you see?"
    made = staged(sentence)
    world, judge = made.world, made.judge
    assert isinstance(world, GoalWorld)
    right = world.goal.saying
    assert isinstance(right, Answer)
    assert judge.success is False
    for saying, success in ((right, True), (Answer("nine"), False), (Refusal("unknown"), False)):
        judge.hear(said(sentence, saying))
        assert judge.success is success
    assert judge.words == "nothing has moved, but that is not so"
    judge.hear(said(sentence, right))
    assert judge.success is True
    assert judge.words == "nothing has moved"
    _nudge(made)
    judge.look()
    assert judge.words.startswith("something has moved")
    assert judge.success is False


def test_what_nobody_understands_may_be_refused_for_any_reason_and_no_answer_will_do(staged: Set):
    judge = staged("make me a coffee").judge
    for saying, success in (
        (Refusal("unknown"), True),
        (Refusal("missing", "bowl"), True),
        (Answer("no"), False),
    ):
        judge.hear(said("make me a coffee", saying))
        assert judge.success is success
    judge.hear(Plan("make me a coffee", ("make me a coffee",), 0, ("active",)))
    assert judge.success is False
