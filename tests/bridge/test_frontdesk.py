"""How foreign clients' questions reach the policy: one at a time, bounded, each with its own noise."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from vla.bridge.errors import BridgeError
from vla.bridge.frontdesk import FrontDesk, LoopThread, Visit, check_address, max_request_bytes, same_key
from vla.conformance import sample_observation
from vla.contract import ActionChunk, ActRequest, Axis, ContractError, Observation, Prefix, RobotSpec

AXES = (Axis("x", "m", -1.0, 1.0),)
SPEC = RobotSpec("tiny", AXES, AXES, {"front": (4, 4)}, 20.0)
SENSED = sample_observation(SPEC)


class Gated:
    """Waits for its gate before every answer; one state for all."""

    spec = SPEC

    def __init__(self) -> None:
        self.gate, self.busy = threading.Event(), threading.Event()
        self.seeds: list[int] = []
        self.asked = 0

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.asked += 1
        self.busy.set()
        self.gate.wait(30)
        return ActionChunk(observation.state[None], 0.05, observation.stamp_s)


class Drawn(Gated):
    """Its one number is the seed's."""

    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        return [
            ActionChunk(np.random.default_rng(r.seed).uniform(-1, 1, (1, 1)).astype(np.float32), 0.05, 0.0)
            for r in requests
        ]


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread("test")
    yield thread
    thread.close()
    thread.close()


def ask(loop: LoopThread, desk: FrontDesk, visit: Visit) -> float:
    chunk, _ = loop.run(desk.act(visit, SENSED, "go"))
    return float(chunk.actions[0, 0])


def ask_when_there_is_room(loop: LoopThread, desk: FrontDesk) -> None:
    while True:
        try:
            ask(loop, desk, Visit())
            return
        except BridgeError as error:
            if "waiting already" not in str(error):
                raise


def test_each_visit_has_its_own_stream_of_noise(loop: LoopThread) -> None:
    policy = Drawn()
    desk, one, other = FrontDesk(policy, 20.0), Visit(), Visit()
    first = [ask(loop, desk, one) for _ in range(3)]
    assert len(set(first)) == 3
    loop.run(desk.reset(other, 5))
    theirs = [ask(loop, desk, other) for _ in range(3)]
    assert not set(theirs) & set(first)
    loop.run(desk.reset(one, 0))
    assert [ask(loop, desk, one) for _ in range(3)] == first
    assert policy.seeds == []
    desk.close()


def test_a_policy_without_batches_is_reset_itself(loop: LoopThread) -> None:
    policy = Gated()
    policy.gate.set()
    desk = FrontDesk(policy, 20.0)
    loop.run(desk.reset(Visit(), 5))
    assert policy.seeds == [5]
    desk.close()


def test_what_waits_is_bounded_and_what_was_given_up_is_not_carried_out(loop: LoopThread) -> None:
    policy = Gated()
    desk = FrontDesk(policy, 2.0)

    async def crowd() -> list[str]:
        first = asyncio.ensure_future(desk.act(Visit(), SENSED, "go"))
        await asyncio.to_thread(policy.busy.wait, 20)
        waiting = [asyncio.ensure_future(desk.act(Visit(), SENSED, "go")) for _ in range(8)]
        await asyncio.sleep(0)
        with pytest.raises(BridgeError, match="8 calls are waiting already"):
            await desk.act(Visit(), SENSED, "go")
        return [str(x) for x in await asyncio.gather(first, *waiting, return_exceptions=True)]

    assert set(loop.run(crowd())) == {"policy_failed: no answer within 2 s"}
    policy.gate.set()
    ask_when_there_is_room(loop, desk)
    assert policy.asked == 2
    desk.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    check_address(host, 0, None)


@pytest.mark.parametrize(
    ("host", "port", "key", "says"),
    [
        ("0.0.0.0", 0, None, "not loopback"),
        ("*", 0, None, "not loopback"),
        ("localhost.example", 0, None, "not loopback"),
        ("", 0, None, "not loopback"),
        ("127.0.0.1", 0, "", "empty key"),
        ("127.0.0.1", -1, None, "port -1"),
        ("127.0.0.1", 65536, None, "port 65536"),
    ],
)
def test_other_addresses_are_refused(host: str, port: int, key: str | None, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        check_address(host, port, key)


def test_only_the_same_text_is_the_key() -> None:
    assert same_key("s\u00e9same", "s\u00e9same")
    for wrong in ("", "s\u00e9sam", "s\u00e9same ", "S\u00e9same", None, b"s\xc3\xa9same", 3, "\ud800"):
        assert not same_key(wrong, "s\u00e9same")
    assert not same_key("\ud800", "?")


def test_the_longest_request_follows_from_the_spec() -> None:
    wide = RobotSpec("wide", AXES, AXES, {"front": (400, 400), "wrist": (400, 400)}, 20.0)
    assert 2 * 3 * 400 * 400 < max_request_bytes(wide) < 3 * 2 * 3 * 400 * 400
    assert max_request_bytes(SPEC) < 100_000
