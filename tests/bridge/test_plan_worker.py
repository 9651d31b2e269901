"""A planner that remembers what it has seen keeps the robots apart that it plans for."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import pytest

from vla.bridge.client import BridgeClient
from vla.bridge.plan_worker import PlanWorker
from vla.bridge.remote import RemotePlanner
from vla.contract import Observation, Plan, RobotSpec


class Remembering:
    """Plans with how often it has been asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.children: list[Remembering] = []

    def separate(self) -> Remembering:
        self.children.append(Remembering())
        return self.children[-1]

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        self.asked += 1
        return Plan(
            goal, ("press the button",) * self.asked, 0, ("active",) + ("pending",) * (self.asked - 1)
        )


@pytest.fixture
def seen(spec: RobotSpec) -> Observation:
    images = {name: np.zeros((*size, 3), np.uint8) for name, size in spec.cameras.items()}
    return Observation(images, np.zeros(len(spec.state), np.float32), 0.0)


def test_each_robot_has_a_planner_of_its_own(spec: RobotSpec, policy, serve, seen: Observation) -> None:
    planner = Remembering()
    address = serve(policy, planner).endpoint
    with ExitStack() as stack:
        clients = [stack.enter_context(BridgeClient(address, spec, timeout_s=5.0)) for _ in range(2)]
        for client in clients:
            client.hello()
        one, two = map(RemotePlanner, clients)
        plans = [robot.plan("press it", seen, None) for robot in (one, two, one, one, two)]
    assert [len(plan.steps) for plan in plans] == [1, 1, 2, 3, 2]
    assert planner.asked == 0
    assert [child.asked for child in planner.children] == [3, 2]


def test_whoever_has_not_asked_for_longest_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vla.bridge.plan_worker._MOST_OWN", 2)
    planner = Remembering()
    worker = PlanWorker(planner, None)  # pyright: ignore[reportArgumentType]
    first, second = worker._planner_of("a"), worker._planner_of("b")
    assert worker._planner_of("a") is first
    worker._planner_of("c")
    assert worker._planner_of("a") is first
    assert worker._planner_of("b") is not second
