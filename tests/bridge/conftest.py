"""A tiny robot, policies of numpy, and a server in a thread on a real loopback socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import pytest
import zmq

from vla.bridge import wire
from vla.bridge.client import BridgeClient
from vla.bridge.payload import pack_chunk
from vla.bridge.schema import Schema
from vla.bridge.server import PolicyServer
from vla.bridge.wire import Message
from vla.contract import (
    ActionChunk,
    ActRequest,
    Axis,
    Observation,
    Plan,
    Planner,
    Policy,
    Prefix,
    RobotSpec,
)

Serve = Callable[..., PolicyServer]


class EchoPolicy:
    """Every row is the state; waits for its gate; "explode" raises, "nonsense" is too wide."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        self.seeds: list[int] = []
        self.stamps: list[float] = []
        self.gate = threading.Event()
        self.gate.set()

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.stamps.append(observation.stamp_s)
        self.gate.wait(10)
        if instruction == "explode":
            raise ZeroDivisionError("first line in /home/someone/secret.py\nsecond line")
        width = 7 if instruction == "nonsense" else len(self.spec.action)
        return ActionChunk(np.resize(observation.state, (5, width)), 0.05, observation.stamp_s)


class BatchEcho(EchoPolicy):
    """The same for several robots; it keeps what it was asked, batch by batch."""

    def __init__(self, spec: RobotSpec) -> None:
        super().__init__(spec)
        self.batches: list[list[ActRequest]] = []

    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        self.batches.append(list(requests))
        return [self.act(request.observation, request.instruction) for request in requests]


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
            raise KeyError("no such goal in /home/someone/secret.py")
        steps = tuple(goal.split(","))
        index = 0 if previous is None else previous.index + 1
        status = ("done",) * index + ("pending",) * (len(steps) - index)
        return Plan(goal, steps, index, status, "as asked")  # pyright: ignore[reportArgumentType]


class Puppet:
    """A server whose every frame is the test's choice."""

    def __init__(self, spec: RobotSpec, endpoint: str = "tcp://127.0.0.1:0") -> None:
        self.spec = spec
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.identity = b""

    def hear(self) -> Message:
        """The next request; goodbyes of clients that have gone are passed over."""
        while True:
            assert self.socket.poll(5000), "nothing was asked"
            self.identity, *frames = self.socket.recv_multipart()
            message = wire.decode(frames)
            if message.verb != "goodbye":
                return message

    def say(self, message: Message) -> None:
        self.socket.send_multipart([self.identity, *wire.encode(message)])

    def chunk(self, request: Message, **changes: object) -> Message:
        actions = np.zeros((3, len(self.spec.action)), np.float32)
        body, frames = pack_chunk(ActionChunk(actions, 0.05, request.seq), self.spec)
        fields = {
            "verb": "act",
            "session": request.session,
            "seq": request.seq,
            "body": body,
            "arrays": frames,
        }
        return Message(**(fields | changes))  # pyright: ignore[reportArgumentType]

    def welcome(self, **changes: object) -> Message:
        request = self.hear()
        assert request.verb == "hello"
        body = {
            "spec": self.spec.to_dict(),
            "model_id": "puppet",
            "normalisation": "",
            "schema": Schema(self.spec, "puppet", images=request.body["images"]).digest(),
            "plans": False,
        }
        self.say(Message("hello", request.session, request.seq, body | changes))
        return request

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits for something that another thread or process brings about."""

    def wait(condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline_s, "it did not come about"
            time.sleep(0.002)

    return wait


@pytest.fixture
def spec() -> RobotSpec:
    axes = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
    return RobotSpec("tiny", axes, axes, {"front": (8, 6), "arm": (4, 4)}, 20.0)


@pytest.fixture
def policy(spec: RobotSpec) -> Iterator[EchoPolicy]:
    made = EchoPolicy(spec)
    yield made
    made.gate.set()


@pytest.fixture
def batch_policy(spec: RobotSpec) -> Iterator[BatchEcho]:
    made = BatchEcho(spec)
    yield made
    made.gate.set()


@pytest.fixture
def planner() -> Iterator[GatedPlanner]:
    made = GatedPlanner()
    yield made
    made.gate.set()


@pytest.fixture
def serve(policy: EchoPolicy, batch_policy: BatchEcho, planner: GatedPlanner) -> Iterator[Serve]:
    """Serves what it is given in a thread; everything ends with the test."""
    with ExitStack() as stack:

        def start(policy: Policy, planner: Planner | None = None, **options: object) -> PolicyServer:
            options = {"model_id": "echo"} | options
            server = stack.enter_context(PolicyServer(policy, planner, **options))  # pyright: ignore[reportArgumentType]
            stop = threading.Event()
            thread = threading.Thread(target=server.serve, args=(stop,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(stop.set)
            return server

        yield start
        for gate in (policy.gate, batch_policy.gate, planner.gate):
            gate.set()


@pytest.fixture
def client(
    spec: RobotSpec, policy: EchoPolicy, planner: GatedPlanner, serve: Serve
) -> Iterator[BridgeClient]:
    """Connected, after the handshake."""
    with BridgeClient(serve(policy, planner).endpoint, spec, timeout_s=5.0) as connected:
        connected.hello()
        yield connected


@pytest.fixture
def puppet(spec: RobotSpec) -> Iterator[Puppet]:
    made = Puppet(spec)
    yield made
    made.close()


@pytest.fixture
def puppeted(puppet: Puppet, spec: RobotSpec) -> Iterator[BridgeClient]:
    """A client whose server is the puppet, after the handshake."""
    with BridgeClient(puppet.endpoint, spec, timeout_s=5.0) as client:
        greeter = threading.Thread(target=puppet.welcome)
        greeter.start()
        client.hello()
        greeter.join()
        yield client
