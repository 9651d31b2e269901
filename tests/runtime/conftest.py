"""A tiny robot and links whose answers and delays the test chooses, on a simulated clock."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vla.bridge.errors import BridgeError
from vla.bridge.link import Reply
from vla.contract import ActionChunk, Axis, Observation, Plan, Prefix, RobotSpec
from vla.runtime.clock import SimulatedClock


class RampPolicy:
    """Row k is the present position plus k small steps along the first axis; "left" goes down."""

    def __init__(self, spec: RobotSpec, rows: int = 16, step: float = 0.01) -> None:
        self.spec = spec
        self.rows = rows
        self.step = step
        self.heard: list[str] = []

    def reset(self, seed: int) -> None:
        del seed
        self.heard.clear()

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.heard.append(instruction)
        step = -self.step if "left" in instruction else self.step
        rows = np.tile(observation.state, (self.rows, 1)).astype(np.float32)
        rows[:, 0] = np.clip(observation.state[0] + step * np.arange(self.rows), -0.5, 0.5)
        return ActionChunk(rows, self.spec.dt_s, observation.stamp_s)


class DelayedLink:
    """Answers ``delay_s`` of simulated time after being asked; ``answer`` may be replaced to misbehave."""

    def __init__(self, policy: RampPolicy, clock: SimulatedClock, delay_s: float) -> None:
        self.policy = policy
        self.clock = clock
        self.delay_s = delay_s
        self.spec = policy.spec
        self.plans = False
        self.dropped_replies = 0
        self.silent_from_s = float("inf")
        self.answer = policy.act
        self.plan_answer = lambda goal, observation, previous: Plan(goal, (goal,), 0, ("active",))
        self.plan_delay_s = delay_s
        self.asked_s: list[float] = []
        self._numbers = itertools.count(1)
        self._due: list[tuple[float, Reply]] = []

    def reset(self, seed: int) -> None:
        self.policy.reset(seed)
        self._due.clear()

    def request_act(
        self, observation: Observation, instruction: str, prefix: Prefix | None = None, within_s: float = 0.0
    ) -> int:
        self.asked_s.append(self.clock.now_s())
        return self._ask("act", self.delay_s, self.answer(observation, instruction))

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        return self._ask("plan", self.plan_delay_s, self.plan_answer(goal, observation, previous))

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        now_s = self.clock.now_s()
        ready = [reply for due_s, reply in self._due if due_s <= now_s + 1e-9]
        self._due = [(due_s, reply) for due_s, reply in self._due if due_s > now_s + 1e-9]
        return ready

    def _ask(self, verb: str, delay_s: float, value: ActionChunk | Plan | BridgeError) -> int:
        seq = next(self._numbers)
        self._due = [(due_s, reply) for due_s, reply in self._due if reply.verb != verb]
        if self.clock.now_s() < self.silent_from_s:
            self._due.append((self.clock.now_s() + delay_s, Reply(verb, seq, value, delay_s)))
        return seq


@pytest.fixture
def spec() -> RobotSpec:
    axes = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
    return RobotSpec("tiny", axes, axes, {"front": (8, 6)}, 20.0)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def policy(spec: RobotSpec) -> RampPolicy:
    return RampPolicy(spec)


@pytest.fixture
def link(policy: RampPolicy, clock: SimulatedClock) -> DelayedLink:
    return DelayedLink(policy, clock, delay_s=0.12)
