"""A tiny robot, a policy of numpy, and a server in a thread on a real loopback socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from vla.bridge.client import BridgeClient
from vla.bridge.server import PolicyServer
from vla.contract import ActionChunk, Axis, Observation, Plan, Planner, Policy, Prefix, RobotSpec

Serve = Callable[..., str]


class EchoPolicy:
    """Every row is the state; the instruction "explode" raises, "nonsense" gives the wrong width."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        self.seeds: list[int] = []

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        if instruction == "explode":
            raise ZeroDivisionError("first line\nsecond line")
        width = 7 if instruction == "nonsense" else len(self.spec.action)
        return ActionChunk(np.resize(observation.state, (5, width)), 0.05, observation.stamp_s)


class GatedPlanner:
    """Splits at commas, and waits for its gate before every answer."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        self.asked += 1
        self.gate.wait(10)
        if goal == "explode":
            raise KeyError("no such goal")
        steps = tuple(goal.split(","))
        index = 0 if previous is None else previous.index + 1
        status = ("done",) * index + ("pending",) * (len(steps) - index)
        return Plan(goal, steps, index, status, "as asked")  # pyright: ignore[reportArgumentType]


@pytest.fixture
def spec() -> RobotSpec:
    axes = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
    return RobotSpec("tiny", axes, axes, {"front": (8, 6), "arm": (4, 4)}, 20.0)


@pytest.fixture
def policy(spec: RobotSpec) -> EchoPolicy:
    return EchoPolicy(spec)


@pytest.fixture
def planner() -> GatedPlanner:
    return GatedPlanner()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves what it is given in a thread and returns the endpoint; everything ends with the test."""
    with ExitStack() as stack:

        def start(policy: Policy, planner: Planner | None = None) -> str:
            server = stack.enter_context(PolicyServer(policy, planner, model_id="echo"))
            stop = threading.Event()
            thread = threading.Thread(target=server.serve, args=(stop,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(stop.set)
            return server.endpoint

        yield start


@pytest.fixture
def client(
    spec: RobotSpec, policy: EchoPolicy, planner: GatedPlanner, serve: Serve
) -> Iterator[BridgeClient]:
    """Connected, after the handshake."""
    with BridgeClient(serve(policy, planner), spec, timeout_s=5.0) as connected:
        connected.hello()
        yield connected
        planner.gate.set()
