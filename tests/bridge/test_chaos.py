"""The bridge over a bad network, with a bad server: late is noticed, wrong is never taken, and all heals."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest

from vla.bridge.authority import ClientSecurity, ServerSecurity
from vla.bridge.chaos import ChaosProxy, Faults
from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError
from vla.bridge.keys import KeyStore
from vla.bridge.process import ServerProcess
from vla.bridge.server import PolicyServer
from vla.bridge.settings import ServerSettings
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Policy, RobotSpec

TINY = Path(__file__).with_name("tiny_server.py")
PATIENCE_S = 30.0
"""For what must happen in the end, on a busy machine."""
HEARTBEAT_S = 1.0
"""Long: where a connection shall outlive a stall, a busy machine must not break it."""


class Robot:
    """Asks question after question, and judges every chunk that the client accepts."""

    def __init__(self, endpoint: str, policy: Policy, security: ClientSecurity | None = None) -> None:
        """Ask at ``endpoint``, where ``policy``, or one that acts as it does, should be."""
        self._policy = policy
        self._asked = 0
        self.right = self.wrong = self.missed = self.refused = 0
        self.client = BridgeClient(endpoint, policy.spec, heartbeat_s=HEARTBEAT_S, security=security)

    def ask(self, within_s: float) -> bool:
        """One question; True when its own answer came in time."""
        self._asked += 1
        observation = sample_observation(self._policy.spec, self._asked, float(self._asked))
        began = time.monotonic()
        reply = self.client.wait(self.client.request_act(observation, "go"), within_s)
        assert time.monotonic() - began < within_s + 2.0, "the client blocked"
        if reply is None:
            self.missed += 1
        elif isinstance(reply.value, BridgeError):
            self.refused += 1
        else:
            assert isinstance(reply.value, ActionChunk)
            wanted = self._policy.act(observation, "go")
            same = reply.value.start_s == wanted.start_s and np.array_equal(
                reply.value.actions, wanted.actions
            )
            self.right, self.wrong = self.right + same, self.wrong + (not same)
            return same
        return False

    def greet(self) -> bool:
        """Whether the server welcomed a new session, said hello to by hand."""
        try:
            self.client.hello()
        except BridgeError:
            return False
        return True

    def comes_back(self, within_s: float = 2.0) -> bool:
        """Whether the client has found its server again, by itself."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            self.client.poll(0.02)
            if self.client.connected:
                return True
        return False

    def recover(self) -> None:
        """Go on until an answer comes."""
        deadline = time.monotonic() + PATIENCE_S
        while not (self.comes_back() and self.ask(1.0)):
            assert time.monotonic() < deadline, "no recovery"


class Scene:
    """A server in a thread, the proxy before it, and a robot that has been greeted."""

    def __init__(self, policy: Policy, keys: KeyStore | None, stack: ExitStack) -> None:
        mine = theirs = None
        self.secure = keys is not None
        if keys is not None:
            theirs = ServerSecurity(keys.pair("server"), keys.allow_list)
            mine = ClientSecurity(keys.pair("arm"), theirs.public)
        settings = ServerSettings(heartbeat_s=HEARTBEAT_S)
        self.server = stack.enter_context(
            PolicyServer(policy, model_id="echo", settings=settings, security=theirs)
        )
        stop = threading.Event()
        self.thread = threading.Thread(target=self.server.serve, args=(stop,))
        self.thread.start()
        stack.callback(self.thread.join)
        stack.callback(stop.set)
        self.proxy = stack.enter_context(ChaosProxy(self.server.endpoint, seed=5))
        self.robot = Robot(self.proxy.endpoint, policy, mine)
        stack.callback(lambda: self.robot.client.close())
        assert self.robot.greet()
        assert self.robot.ask(PATIENCE_S)


@pytest.fixture(params=["in the open", "with keys"])
def scene(request, tmp_path: Path, policy) -> Iterator[Scene]:
    keys = None
    if request.param == "with keys":
        keys = KeyStore(tmp_path / "keys")
        keys.new("server")
        keys.new("arm")
        keys.allow(keys.folder / "arm.public")
    with ExitStack() as stack:
        yield Scene(policy, keys, stack)


BOTH = ("up", "down")


@pytest.mark.parametrize("direction", BOTH)
def test_flipped_bytes_crash_nobody_and_with_keys_are_never_taken_for_an_answer(
    scene: Scene, direction
) -> None:
    scene.proxy.set(direction, Faults(flip=0.001))
    robot = scene.robot
    until = time.monotonic() + 0.8
    while time.monotonic() < until or not scene.proxy.counters()[f"{direction}_flips"]:
        if not robot.ask(0.1):
            robot.recover()
    if scene.secure:
        # In the open only TCP's checksum guards the bytes, and the proxy flips them behind its back.
        assert robot.wrong == 0
    assert robot.missed + robot.refused > 0
    scene.proxy.clear()
    robot.recover()
    assert scene.thread.is_alive()


def test_pure_noise_crashes_nobody(scene: Scene) -> None:
    for direction in BOTH:
        scene.proxy.set(direction, Faults(flip=0.5))
    for _ in range(3):
        assert not scene.robot.ask(0.05)
        scene.robot.comes_back(0.1)
    scene.proxy.clear()
    scene.robot.recover()
    assert scene.robot.wrong == 0
    assert scene.thread.is_alive()


@pytest.mark.parametrize("scene", ["in the open"], indirect=True)
def test_duplicates_are_dropped_and_counted_at_both_ends(scene: Scene, policy) -> None:
    before = scene.server.health()
    for direction in BOTH:
        scene.proxy.set(direction, Faults(duplicate=1.0))
    for seed in range(10):
        scene.robot.client.reset(seed)
        assert scene.robot.ask(10.0)
    scene.proxy.clear()
    health = scene.robot.client.health()
    assert policy.seeds[-10:] == list(range(10))
    assert len(policy.seeds) == 11  # and one of the first question
    assert health["acts"] - before["acts"] == 10
    # Twenty requests came twice; the second act of a pair may have met the first one in the queue.
    assert sum(health[name] - before[name] for name in ("replayed", "superseded")) == 20
    # Every one of twenty answers came twice; the last one's echo may still be on its way.
    assert scene.robot.client.dropped_replies >= 19
    assert scene.robot.wrong == 0


@pytest.mark.parametrize("scene", ["with keys"], indirect=True)
def test_with_keys_a_message_cannot_even_be_replayed(scene: Scene) -> None:
    for seed in range(3):
        scene.proxy.set("up", Faults(duplicate=1.0))
        scene.robot.client.timeout_s = 0.3
        with suppress(BridgeError):  # the server hangs up on the echo, perhaps before it answers
            scene.robot.client.reset(seed)
        scene.proxy.clear()
        scene.robot.recover()
    assert scene.proxy.counters()["up_duplicates"] >= 3
    assert scene.proxy.counters()["connections"] > 3
    assert scene.robot.wrong == scene.server.health()["replayed"] == 0


@pytest.mark.parametrize("direction", BOTH)
def test_a_stall_is_a_missed_deadline_and_no_late_answer_is_taken(scene: Scene, direction) -> None:
    scene.proxy.set(direction, Faults(stall=True))
    for _ in range(4):
        assert not scene.robot.ask(0.05)
    assert scene.robot.missed == 4
    scene.proxy.clear()
    scene.robot.recover()
    assert scene.robot.wrong == 0
    assert scene.robot.client.dropped_replies >= (direction == "down")


@pytest.mark.parametrize(
    "faults",
    [Faults(delay_s=0.05), Faults(delay_s=0.01, jitter_s=0.05), Faults(throttle_bytes_per_s=20_000)],
    ids=["delay", "jitter", "throttle"],
)
def test_slow_is_slow_and_nothing_else(scene: Scene, faults: Faults) -> None:
    for direction in BOTH:
        scene.proxy.set(direction, faults)
    for _ in range(5):
        assert scene.robot.ask(PATIENCE_S)
    assert scene.robot.wrong == scene.robot.missed == 0


@pytest.mark.parametrize("direction", BOTH)
@pytest.mark.parametrize("faults", [Faults(reset=True), Faults(half_close=True)], ids=["reset", "half_close"])
def test_a_broken_connection_heals(scene: Scene, direction, faults: Faults) -> None:
    for _ in range(3):
        scene.proxy.set(direction, faults)
        assert not scene.robot.ask(0.05)
        scene.proxy.clear()
        scene.robot.recover()
    counts = scene.proxy.counters()
    assert counts["connections"] > 3
    assert counts["resets"] + counts["half_closes"] >= 3
    assert scene.robot.wrong == 0


def test_a_network_that_is_gone_for_a_while_is_waited_for(scene: Scene) -> None:
    scene.proxy.set("up", Faults(reset=True, drop_new=True))
    for _ in range(4):
        assert not scene.robot.ask(0.1)
    scene.proxy.clear()
    scene.robot.recover()
    assert scene.proxy.counters()["refused"] > 0
    assert scene.robot.wrong == 0


def test_a_hung_policy_is_a_missed_deadline(scene: Scene, policy, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, act = threading.Event(), policy.act

    def hung(observation, instruction, prefix=None):
        if threading.current_thread() is not threading.main_thread():
            gate.wait(PATIENCE_S)
        return act(observation, instruction)

    monkeypatch.setattr(policy, "act", hung)
    for _ in range(3):
        assert not scene.robot.ask(0.05)
    gate.set()
    assert scene.robot.ask(PATIENCE_S)
    assert (scene.robot.missed, scene.robot.wrong) == (3, 0)


@pytest.fixture
def ramp(monkeypatch: pytest.MonkeyPatch) -> Policy:
    """What the tiny server serves."""
    monkeypatch.syspath_prepend(str(TINY.parent))
    from tiny_server import RampPolicy

    return RampPolicy()


def test_a_frozen_server_is_missed_deadlines_and_thaws(tmp_path: Path, ramp: Policy) -> None:
    where = tmp_path / "endpoint"
    command = [sys.executable, str(TINY), str(where)]
    with ServerProcess(command, where, tmp_path / "log", 60.0) as server, ExitStack() as stack:
        robot = Robot(server.endpoint, ramp)
        stack.callback(robot.client.close)
        assert robot.greet()
        os.kill(server.pid, signal.SIGSTOP)
        stack.callback(os.kill, server.pid, signal.SIGCONT)
        for _ in range(10):
            assert not robot.ask(0.05)
        os.kill(server.pid, signal.SIGCONT)
        robot.recover()
        assert robot.missed >= 10
        assert robot.wrong == 0


def test_the_judge_knows_a_wrong_answer(spec: RobotSpec, policy, serve) -> None:
    class Liar:
        spec = policy.spec

        def reset(self, seed: int) -> None:
            del seed

        def act(self, observation, instruction, prefix=None):
            chunk = policy.act(observation, instruction)
            return ActionChunk(np.nextafter(chunk.actions, np.float32(9)), chunk.dt_s, chunk.start_s)

    robot = Robot(serve(Liar()).endpoint, policy)
    assert robot.greet()
    assert not robot.ask(PATIENCE_S)
    assert robot.wrong == 1
    robot.client.close()
