"""One policy behind several threads: never two calls at once, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from vla.bridge.errors import BridgeError
from vla.bridge.sharing import share
from vla.conformance import check_policy, sample_observation
from vla.contract import ActionChunk, ActRequest, Axis, BatchPolicy, Observation, Prefix, RobotSpec

AXES = (Axis("x", "m", -1.0, 1.0),)
SPEC = RobotSpec("tiny", AXES, AXES, {}, 20.0)


class Jealous:
    """Raises when it is called by two at once; "wait" waits for the gate."""

    spec = SPEC

    def __init__(self) -> None:
        self.alone = threading.Lock()
        self.waiting, self.gate = threading.Event(), threading.Event()

    def reset(self, seed: int) -> None: ...

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        if not self.alone.acquire(blocking=False):
            raise RuntimeError("two at once")
        if instruction == "wait":
            self.waiting.set()
            self.gate.wait(30)
        time.sleep(0.001)
        self.alone.release()
        return ActionChunk(observation.state[None], 0.05, observation.stamp_s)


class JealousBatch(Jealous):
    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        return [self.act(r.observation, r.instruction, r.prefix) for r in requests]


@pytest.mark.parametrize("policy", [Jealous(), JealousBatch()])
def test_it_is_the_policy_it_was(policy: Jealous) -> None:
    shared = share(policy)
    assert isinstance(shared, BatchPolicy) == isinstance(policy, BatchPolicy)
    check_policy(shared, "go")


def test_two_calls_are_never_under_way_at_once() -> None:
    shared, failed = share(JealousBatch(), 30.0), list[BaseException]()
    assert isinstance(shared, BatchPolicy)

    def ask(batched: bool) -> None:
        try:
            for _ in range(20):
                sensed = sample_observation(SPEC)
                if batched:
                    shared.act_batch([ActRequest(sensed, "go")] * 2)
                else:
                    shared.act(sensed, "go")
        except RuntimeError as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(i % 2 == 0,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_call_that_hangs_takes_one_thread_not_all() -> None:
    policy = Jealous()
    shared = share(policy, patience_s=0.1)
    hanging = threading.Thread(target=shared.act, args=(sample_observation(SPEC), "wait"))
    hanging.start()
    assert policy.waiting.wait(10)
    for call in (lambda: shared.act(sample_observation(SPEC), "go"), lambda: shared.reset(0)):
        with pytest.raises(BridgeError, match=r"policy_failed: busy .* 0\.1 s"):
            call()
    policy.gate.set()
    hanging.join()
    assert np.isfinite(shared.act(sample_observation(SPEC), "go").actions).all()
