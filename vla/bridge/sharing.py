"""One policy behind several servers: one call at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vla.bridge.errors import BridgeError
from vla.contract import ActionChunk, ActRequest, BatchPolicy, Observation, Policy, Prefix, RobotSpec


def share(policy: Policy, patience_s: float = 5.0) -> Policy:
    """``policy`` for use from several threads; a :class:`~vla.contract.BatchPolicy` stays one.

    Args:
        policy: Called by one thread at a time, in no promised order.
        patience_s: Whoever has waited so long for its turn gets a :class:`BridgeError` of code
            ``policy_failed``: a call that hangs takes one thread with it, not all.
    """
    if isinstance(policy, BatchPolicy):
        return _SharedBatchPolicy(policy, patience_s)
    return _SharedPolicy(policy, patience_s)


class _SharedPolicy:
    def __init__(self, policy: Policy, patience_s: float) -> None:
        self._policy = policy
        self._patience_s = patience_s
        self._lock = threading.Lock()

    @property
    def spec(self) -> RobotSpec:
        return self._policy.spec

    def reset(self, seed: int) -> None:
        with self._turn():
            self._policy.reset(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        with self._turn():
            return self._policy.act(observation, instruction, prefix)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._patience_s):
            raise BridgeError("policy_failed", f"busy with another call for more than {self._patience_s:g} s")
        try:
            yield
        finally:
            self._lock.release()


class _SharedBatchPolicy(_SharedPolicy):
    def __init__(self, policy: BatchPolicy, patience_s: float) -> None:
        super().__init__(policy, patience_s)
        self._batch = policy

    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        with self._turn():
            return self._batch.act_batch(requests)
