"""The way home: from anywhere, with whatever is in the hand, and nothing is dragged along."""

from __future__ import annotations

import numpy as np
import pytest

from sim.expert import ScriptedExpert
from sim.goals.homing import LETTING_GO_M, Homing
from sim.objects import POOL
from sim.randomise import BASE
from sim.seeds import EVALUATION_SEED
from sim.world import START_TOOL_M, World
from vla.conformance import check_policy
from vla.planner.patience import HOME


@pytest.fixture(scope="module")
def world():
    with World(32, render=False) as made:
        made.reset("pick_up", EVALUATION_SEED, BASE)
        yield made


def go_home(world: World, seconds: float = 2.5) -> None:
    policy = Homing(ScriptedExpert(world))
    for _ in range(round(seconds / world.spec.dt_s)):
        world.step(policy.act(world.observe(), HOME).actions[0])


@pytest.mark.parametrize("tool_m", [(0.63, 0.3, 0.03), (0.35, -0.3, 0.2), (0.7, 0.0, 0.4)])
def test_it_gets_there_in_time_with_open_fingers(world: World, tool_m: tuple[float, float, float]):
    world.reset("pick_up", EVALUATION_SEED, BASE)
    world.pose_arm(np.array(tool_m), 0.0)
    go_home(world)
    truth = world.truth()
    assert np.linalg.norm(truth.tool_m - START_TOOL_M) < 0.02
    assert truth.gap_m > 0.07


def test_what_is_held_is_let_go_low_where_it_is(world: World):
    world.reset("pick_up", EVALUATION_SEED, BASE)
    expert, row = ScriptedExpert(world), world.scenario.queries[0].target
    before = world.truth().position_m[row]
    while not world.success():
        world.step(expert.act(world.observe(), "").actions[0])
    assert world.truth().held == row
    highest_m = 0.0
    policy = Homing(expert)
    for _ in range(60):
        world.step(policy.act(world.observe(), HOME).actions[0])
        truth = world.truth()
        if truth.held != row:
            highest_m = max(highest_m, truth.position_m[row, 2])
    after = world.truth().position_m[: len(POOL)]
    assert highest_m < LETTING_GO_M + 0.02
    assert np.linalg.norm(after[row, :2] - before[:2]) < 0.05
    assert np.linalg.norm(world.truth().tool_m - START_TOOL_M) < 0.02


def test_it_is_a_policy_and_other_words_are_the_inner_policys(world: World):
    world.reset("pick_up", EVALUATION_SEED, BASE)
    expert = ScriptedExpert(world)
    check_policy(Homing(expert), HOME, [world.observe()])
    mine = Homing(expert).act(world.observe(), "pick up the ball")
    assert np.array_equal(mine.actions, expert.act(world.observe(), "").actions)
