"""Moments are what they are called, by the physical predicates of the tasks, and near misses are near."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sim.goals.judge import find
from sim.goals.moments import FAMILIES, LAID, lay_moment
from sim.goals.world import GoalWorld, query_of
from sim.layout import CORNERS
from sim.objects import ROW
from sim.seeds import EVALUATION_SEED

NEVER_NEARLY = ("unstack", "take_out")
DONE = ("just done", "done before")


@pytest.fixture(scope="module")
def world() -> Iterator[GoalWorld]:
    with GoalWorld(32, render=False) as world:
        yield world


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tasks_own_predicates_agree(world: GoalWorld, family: str):
    for k, case in enumerate(LAID):
        moment = lay_moment(world, family, case, EVALUATION_SEED + k)
        state, truth = world.symbols(), world.truth()
        first, *more = moment.questions
        nearly = "not yet" if case == "almost" and family in NEVER_NEARLY else case
        assert (first.family, first.case, first.done) == (family, nearly, case in DONE)
        assert all((q.case, q.done) == ("another", False) for q in more)
        assert not more or case in DONE
        for question in moment.questions:
            query = query_of(find(question.instruction, state), truth)
            assert query.family == question.family
            assert world.judge(query) == question.done, question
        assert len({q.instruction for q in moment.questions}) == len(moment.questions)


def test_a_moment_is_a_function_of_its_seed(world: GoalWorld):
    def laid(seed: int):
        return (
            lay_moment(world, "put_in", "just done", seed),
            world.proprioception().tobytes(),
            world.data.qpos.copy(),
        )

    first, second, other = laid(EVALUATION_SEED), laid(EVALUATION_SEED), laid(EVALUATION_SEED + 1)
    assert first[:2] == second[:2]
    assert np.array_equal(first[2], second[2])
    assert first[1] != other[1]


def test_what_is_nearly_done_is_near(world: GoalWorld):
    for seed in range(EVALUATION_SEED, EVALUATION_SEED + 5):
        lay_moment(world, "open_drawer", "almost", seed)
        assert world.symbols().drawer == "ajar"
        moment = lay_moment(world, "put_in", "almost", seed)
        act, at = find(moment.questions[0].instruction, world.symbols()), world.truth().position_m
        goal = CORNERS[act.place] if act.place in CORNERS else at[ROW[act.place], :2]
        assert np.hypot(*(at[act.row, :2] - goal)) < 0.16
        moment = lay_moment(world, "stack", "almost", seed)
        act, at = find(moment.questions[0].instruction, world.symbols()), world.truth().position_m
        assert np.hypot(*(at[act.row] - at[act.base])[:2]) < 0.09
        moment = lay_moment(world, "pick_up", "almost", seed)
        act, truth = find(moment.questions[0].instruction, world.symbols()), world.truth()
        assert np.linalg.norm(truth.position_m[act.row] - truth.tool_m) < 0.03


def test_who_has_just_done_it_is_still_there_and_has_let_go(world: GoalWorld):
    for seed in range(EVALUATION_SEED, EVALUATION_SEED + 3):
        moment = lay_moment(world, "put_in", "just done", seed)
        act, truth = find(moment.questions[0].instruction, world.symbols()), world.truth()
        assert np.hypot(*(truth.position_m[act.row] - truth.tool_m)[:2]) < 0.1
        assert truth.held < 0
        assert truth.tool_m[2] > 0.08


def test_a_mistake_names_the_choices(world: GoalWorld):
    with pytest.raises(ValueError, match=r"family 'fly' is not one of .*put_in"):
        lay_moment(world, "fly", "just done", EVALUATION_SEED)
    with pytest.raises(ValueError, match="case 'another' is not one of just done"):
        lay_moment(world, "put_in", "another", EVALUATION_SEED)
