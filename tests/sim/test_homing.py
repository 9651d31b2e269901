"""The way home: from anywhere, with whatever is in the hand, and nothing is dragged along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sim.expert import ScriptedExpert
from sim.goals.homing import LETTING_GO_M, knowing_the_way_home
from sim.objects import POOL
from sim.randomise import BASE
from sim.seeds import EVALUATION_SEED
from sim.world import START_TOOL_M, World
from vla.conformance import check_policy
from vla.contract import (
    ActionChunk,
    ActRequest,
    BatchPolicy,
    ContractError,
    Observation,
    Prefix,
    RobotSpec,
)
from vla.planner.patience import HOME


@pytest.fixture(scope="module")
def world():
    with World(32, render=False) as made:
        made.reset("pick_up", EVALUATION_SEED, BASE)
        yield made


def go_home(world: World, seconds: float = 2.5) -> None:
    policy = knowing_the_way_home(ScriptedExpert(world))
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
    policy = knowing_the_way_home(expert)
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
    check_policy(knowing_the_way_home(expert), HOME, [world.observe()])
    mine = knowing_the_way_home(expert).act(world.observe(), "pick up the ball")
    assert np.array_equal(mine.actions, expert.act(world.observe(), "").actions)


def test_a_whole_chunk_brings_it_home_as_well(world: World):
    world.reset("pick_up", EVALUATION_SEED, BASE)
    world.pose_arm(np.array((0.63, 0.3, 0.03)), 0.0)
    policy = knowing_the_way_home(ScriptedExpert(world), 16)
    for _ in range(4):
        chunk = policy.act(world.observe(), HOME)
        assert chunk.actions.shape == (16, 4)
        for row in chunk.actions:
            world.step(row)
    truth = world.truth()
    assert np.linalg.norm(truth.tool_m - START_TOOL_M) < 0.02
    assert truth.gap_m > 0.07


class Many:
    """Answers several at once, with its own rows."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec, self.asked = spec, list[int]()

    def reset(self, seed: int) -> None:
        pass

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        return self.act_batch([ActRequest(observation, instruction, prefix)])[0]

    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        self.asked.append(len(requests))
        return [
            ActionChunk(np.tile(self.spec.action_high, (2 + request.seed, 1)), self.spec.dt_s, 0.0)
            for request in requests
        ]


def test_who_answers_several_robots_still_does_but_for_those_on_their_way_home(world: World):
    inner = Many(world.spec)
    policy = knowing_the_way_home(inner)
    assert isinstance(policy, BatchPolicy)
    seen = world.observe()
    asked = [ActRequest(seen, said, seed=k) for k, said in enumerate(("open", HOME, "close", HOME))]
    assert [len(chunk.actions) for chunk in policy.act_batch(asked)] == [2, 1, 4, 1]
    assert policy.act_batch(asked[1:2])[0].start_s == seen.stamp_s
    assert inner.asked == [2]


def test_it_is_the_simulated_arms_way_and_no_others(world: World):
    other = replace(world.spec, name="so101")
    with pytest.raises(ContractError, match=r"the simulated arm's; the policy differs.*so101"):
        knowing_the_way_home(Many(other))
    with pytest.raises(ContractError, match="rows 0"):
        knowing_the_way_home(Many(world.spec), 0)
