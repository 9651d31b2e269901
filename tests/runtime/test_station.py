"""Operators over real sockets: one commands, all may watch, anyone may stop."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq

from vla.bridge.errors import BridgeError
from vla.bridge.link import LocalLink
from vla.drivers.mock import MockDriver
from vla.runtime.clock import MonotonicClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.operator import Operator
from vla.runtime.station import RobotStation
from vla.runtime.supervisor import EngageSettings


@contextmanager
def serving(spec: Any, policy: Any, lease_s: float = 5.0) -> Iterator[tuple[str, MockDriver]]:
    driver, stop = MockDriver(spec, MonotonicClock()), threading.Event()
    station = RobotStation(lease_s=lease_s, facts={"scheduling": "ordinary"})
    settings = LoopSettings(timeout_s=60.0, engage=EngageSettings(proof_s=0.1))
    loop = ControlLoop(driver, LocalLink(policy), None, settings, [station])
    told = threading.Thread(
        target=station.serve,
        args=(loop, stop, lambda *_: None, lambda goal, seed, result: {"goal": goal, "seed": seed}),
    )
    told.start()
    try:
        yield station.endpoint, driver
    finally:
        stop.set()
        told.join(10)
        assert not told.is_alive()


def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_one_commands_and_others_watch(spec, policy) -> None:
    with serving(spec, policy) as (where, driver), Operator(where) as ann, Operator(where) as bob:
        assert bob.observe()["state"] == "disengaged"
        with pytest.raises(BridgeError, match="nobody holds the lease"):
            bob.run("go")
        ann.take("ann")
        with pytest.raises(BridgeError, match="'ann' holds the lease"):
            bob.take("bob")
        number = ann.run("go", seed=3)
        with pytest.raises(BridgeError, match="'go' is being carried out"):
            ann.run("something else")
        seen = until(lambda: (s := bob.observe())["state"] == "running" and s)
        assert (seen["holder"], seen["goal"], seen["facts"]) == ("ann", "go", {"scheduling": "ordinary"})
        for command in (bob.stop, bob.resume, bob.reset):
            with pytest.raises(BridgeError, match="not its holder's"):
                command()
        ann.stop()
        last = until(lambda: ann.observe()["last"])
        assert (last["run"], last["reason"], last["goal"], last["seed"]) == (number, "stopped", "go", 3)
        assert driver.read().state[0] > 0
        ann.release(successor="bob")
        with pytest.raises(BridgeError, match="kept for 'bob'"):
            ann.take("ann")
        bob.take("bob")


def test_anyone_may_stop_and_a_reset_does_not_move(spec, policy) -> None:
    with serving(spec, policy) as (where, driver), Operator(where) as ann, Operator(where) as bob:
        ann.take("ann")
        ann.run("go")
        until(lambda: ann.observe()["state"] == "running")
        bob.emergency_stop("a hand in the way")
        last = until(lambda: ann.observe()["last"])
        assert (last["reason"], last["detail"]) == ("emergency_stop", "a hand in the way")
        at = driver.read().state.copy()
        with pytest.raises(BridgeError, match="emergency_stop: a hand in the way"):
            ann.run("go on")
        ann.reset()
        assert ann.observe()["state"] == "disengaged"
        time.sleep(0.2)
        assert (driver.read().state == at).all()
        ann.run("go on")
        until(lambda: ann.observe()["state"] == "running")


def test_a_vanished_operator_means_standing_still(spec, policy) -> None:
    with serving(spec, policy, lease_s=0.5) as (where, driver), Operator(where) as bob:
        with Operator(where) as ann:
            ann.take("ann")
            ann.run("go")
            until(lambda: ann.observe()["state"] == "running")
        last = until(lambda: bob.observe()["last"])
        assert last["reason"] == "stopped"
        at = driver.read().state.copy()
        time.sleep(0.2)
        assert (driver.read().state == at).all()
        assert bob.observe()["holder"] is None


@pytest.mark.parametrize(
    "junk",
    [
        [b""], [b"{"], [b"[]"], [b"null"], [b"1e999"], [b"{}"], [b'{"seq": "1"}'], [b"\xff\xfe"],
        [b"[" * 10_000], [b"{}", b"{}"], [b'{"seq": 1, "verb": "run"}'], [b'{"seq": 1, "verb": ["run"]}'],
        [b'{"seq": 1, "verb": "kill"}'], [b'{"seq": 1, "verb": "take", "name": 3}'],
        [b'{"seq": 1, "verb": "observe", "token": "\\ud800"}'],
        [b'{"seq": 1, "verb": "take", "name": "\\ud800"}'],
    ],
)  # fmt: skip
def test_junk_changes_nothing(spec, policy, junk: list[bytes]) -> None:
    with serving(spec, policy) as (where, _), Operator(where) as ann:
        context = zmq.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.linger = 0
        stranger.connect(where)
        stranger.send_multipart(junk)
        if stranger.poll(200):
            assert json.loads(stranger.recv())["ok"] is False
        context.destroy(linger=0)
        assert ann.observe()["holder"] is None
        ann.take("ann")
