"""The soak's policy server: ``python -m vla.bench.soak.server ANNOUNCEMENT ENDPOINT SWITCH CONTROL_HZ``.

Its policy keeps the arm moving at all times, as a function of the observation alone, and fails as its switch
says.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vla.bench.soak.arm import CHUNK_S, arm_spec
from vla.bench.soak.schedule import HANG
from vla.bench.soak.switch import Switch
from vla.bridge.process import announce, stop_when_orphaned
from vla.bridge.server import PolicyServer
from vla.contract import ActionChunk, Observation, Policy, Prefix, RobotSpec
from vla.runtime.clock import MonotonicClock
from vla.runtime.faults import parse_faults
from vla.runtime.faulty_model import FaultyPolicy

_LOOK_S = 0.02
_SHARE, _TURNS_PER_S = 0.8, 0.15


class Sway:
    """Every joint swings through most of its range, each at a phase of its own: some joint always moves."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        count = len(spec.action)
        self._middle = (spec.action_low + spec.action_high) / 2
        self._reach = _SHARE * (spec.action_high - spec.action_low) / 2
        self._phase = 2 * np.pi * np.arange(count) / (2 * count)

    def reset(self, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """Where the swing is at each row's time; peak speed 0.75 of the range's half per second."""
        rows = round(CHUNK_S * self.spec.control_hz)
        at_s = observation.stamp_s + self.spec.dt_s * np.arange(rows)
        angle = 2 * np.pi * _TURNS_PER_S * at_s[:, None] + self._phase
        swing = self._middle + self._reach * np.sin(angle)
        return ActionChunk(swing.astype(np.float32), self.spec.dt_s, observation.stamp_s)


class SwitchedPolicy:
    """A :class:`~vla.contract.Policy` around another, with the faults that a switch names."""

    def __init__(self, policy: Policy, switch: Switch) -> None:
        self._inner, self._switch = policy, switch
        self._word, self._policy = "", policy

    @property
    def spec(self) -> RobotSpec:
        """The inner policy's."""
        return self._inner.spec

    def reset(self, seed: int) -> None:
        """Reset the inner policy."""
        self._policy.reset(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """The inner policy's chunk, falsified, or none for as long as the switch says so.

        Raises:
            ModelFault: the switch wants it.
        """
        while (word := self._switch.read()) == HANG:
            time.sleep(_LOOK_S)
        if word != self._word:
            self._word, self._policy = word, self._inner
            if word:
                self._policy = FaultyPolicy(self._inner, parse_faults(word), MonotonicClock())
        return self._policy.act(observation, instruction, prefix)


def main(words: Sequence[str]) -> None:
    """Serve until told to end, or orphaned."""
    announcement, endpoint, switch, control_hz = words
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop_when_orphaned(stop)
    policy = SwitchedPolicy(Sway(arm_spec(float(control_hz))), Switch(Path(switch)))
    with PolicyServer(policy, endpoint=endpoint, model_id="sway") as server:
        announce(server.endpoint, Path(announcement))
        server.serve(stop)


if __name__ == "__main__":
    main(sys.argv[1:])
