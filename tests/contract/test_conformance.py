"""Every check accepts a good implementation and refuses each way of being a bad one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla.conformance import ConformanceError, check_driver, check_planner, check_policy, sample_observation
from vla.contract import ActionChunk, Axis, Plan, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock

_AXES = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
SPEC = RobotSpec("tiny", _AXES, _AXES, {"front": (8, 6)}, 20.0)


class Good:
    """Stays where it is, give or take a seeded millimetre."""

    spec = SPEC

    def reset(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, observation, instruction, prefix=None) -> ActionChunk:
        noise = self.rng.uniform(-0.001, 0.001, (4, 2))
        rows = np.clip(observation.state + noise, SPEC.action_low, SPEC.action_high)
        return ActionChunk(rows.astype(np.float32), 0.05, observation.stamp_s)


class Forgetful(Good):
    rng = np.random.default_rng(0)

    def reset(self, seed: int) -> None:
        pass


class Nan(Good):
    def act(self, observation, instruction, prefix=None):
        return replace(
            super().act(observation, instruction, prefix), actions=np.full((4, 2), np.nan, np.float32)
        )


class Far(Good):
    def act(self, observation, instruction, prefix=None):
        return replace(
            super().act(observation, instruction, prefix), actions=np.full((4, 2), 0.4, np.float32)
        )


class Wide(Good):
    def act(self, observation, instruction, prefix=None):
        return replace(super().act(observation, instruction, prefix), actions=np.zeros((4, 3), np.float32))


class Late(Good):
    def act(self, observation, instruction, prefix=None):
        return replace(super().act(observation, instruction, prefix), start_s=observation.stamp_s + 0.1)


class Reusing(Good):
    kept = np.zeros((4, 2), np.float32)

    def act(self, observation, instruction, prefix=None):
        self.kept[:] = super().act(observation, instruction, prefix).actions
        return ActionChunk(self.kept, 0.05, observation.stamp_s)


class Grabby(Good):
    """Writes into the prefix it was lent."""

    def act(self, observation, instruction, prefix=None):
        if prefix is not None:
            prefix.actions[:] = 0
        return super().act(observation, instruction, prefix)


class Batched(Good):
    def act_batch(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        self.reset(request.seed)
        return self.act(request.observation, request.instruction, request.prefix)


class Mixing(Batched):
    """One generator for the whole batch: what a robot gets depends on who asks before it."""

    def act_batch(self, requests):
        self.reset(requests[0].seed)
        return [self.act(r.observation, r.instruction, r.prefix) for r in requests]


class Losing(Batched):
    def act_batch(self, requests):
        return super().act_batch(requests)[:1]


class Meddling(Good):
    def act(self, observation, instruction, prefix=None):
        chunk = super().act(observation, instruction, prefix)
        observation.state[0] += 0.01
        return chunk


def test_a_good_policy_passes() -> None:
    check_policy(Good(), "go")
    check_policy(Batched(), "go")


@pytest.mark.parametrize("kind", [Forgetful, Nan, Far, Wide, Late, Reusing, Grabby, Mixing, Losing])
def test_a_bad_policy_is_caught(kind: type[Good]) -> None:
    with pytest.raises(ConformanceError):
        check_policy(kind(), "go")


def test_a_policy_that_writes_into_its_inputs_is_caught() -> None:
    writable = sample_observation(SPEC)
    writable = replace(writable, state=np.zeros(2, np.float32))
    with pytest.raises(ConformanceError, match="changed the observation"):
        check_policy(Meddling(), "go", [writable])
    with pytest.raises(ValueError, match="read-only"):
        check_policy(Meddling(), "go")


def planner(make):
    class Made:
        def plan(self, goal, observation, previous):
            return make(goal, previous)

    return Made()


@pytest.mark.parametrize(
    "make",
    [
        lambda goal, _: Plan(goal, (goal,), 0, ("active",)),
        lambda goal, _: Plan(goal, (), 0, (), "it is so already"),
        lambda goal, _: Plan(goal, (), 0, (), "because there is no drawer", "cannot"),
    ],
)
def test_a_good_planner_passes(make) -> None:
    check_planner(planner(make), "go", sample_observation(SPEC))


@pytest.mark.parametrize(
    "make",
    [
        lambda goal, previous: Plan("another", (goal,), 0, ("active",)),
        lambda goal, previous: Plan(goal, (), 0, ()),
        lambda goal, previous: Plan(goal, (" ",), 0, ("active",)),
        lambda goal, previous: Plan(goal, (goal, goal), 1, ("active", "active")),
        lambda goal, previous: Plan(goal, (str(np.random.default_rng().random()),), 0, ("active",)),
        lambda goal, previous: Plan(goal, (goal,), 0, ("active",), seen="a block\na bowl"),
        lambda goal, previous: None,
    ],
)
def test_a_bad_planner_is_caught(make) -> None:
    with pytest.raises(ConformanceError):
        check_planner(planner(make), "go", sample_observation(SPEC))


class Unlimited(MockDriver):
    def write(self, action):
        super().write(action)
        return action.copy()


class NanTaker(MockDriver):
    def write(self, action):
        return super().write(np.nan_to_num(action))


class Blind(MockDriver):
    def read(self):
        return replace(super().read(), images={})


class Backwards(MockDriver):
    past = 0.0

    def read(self):
        self.past -= 1.0
        return replace(super().read(), stamp_s=self.past)


class Deaf(MockDriver):
    def write(self, action):
        super().write(action)
        return super().hold() * np.float32(0.9)


class Restless(MockDriver):
    def read(self):
        sensed = super().read()
        return replace(sensed, state=sensed.state + np.float32(np.random.default_rng().uniform(0, 1e-3)))


class Defacing(MockDriver):
    def write(self, action):
        sent = super().write(action)
        action += 1
        return sent


def test_a_good_driver_passes() -> None:
    check_driver(lambda: MockDriver(SPEC, SimulatedClock()))


@pytest.mark.parametrize("kind", [Unlimited, NanTaker, Blind, Backwards, Deaf, Restless, Defacing])
def test_a_bad_driver_is_caught(kind: type[MockDriver]) -> None:
    with pytest.raises(ConformanceError):
        check_driver(lambda: kind(SPEC, SimulatedClock()))
