"""A policy server as a program, for tests with two processes: ``tiny_server.py PATH [fail | ENDPOINT]``."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import numpy as np

from vla.bridge.process import announce, stop_when_orphaned
from vla.bridge.server import PolicyServer
from vla.contract import ActionChunk, Axis, Observation, Prefix, RobotSpec

_AXES = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
SPEC = RobotSpec("tiny", _AXES, _AXES, {"front": (8, 6), "arm": (4, 4)}, 20.0)


class RampPolicy:
    """Moves the first axis towards its upper limit."""

    spec = SPEC

    def reset(self, seed: int) -> None:
        del seed

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        del instruction
        rows = np.tile(observation.state, (16, 1)).astype(np.float32)
        rows[:, 0] = np.minimum(0.5, observation.state[0] + 0.01 * np.arange(16))
        return ActionChunk(rows, 0.05, observation.stamp_s)


def main() -> None:
    if sys.argv[2:] == ["fail"]:
        sys.exit("no checkpoint of that name")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop_when_orphaned(stop, period_s=0.05)
    endpoint = sys.argv[2] if sys.argv[2:] else "tcp://127.0.0.1:0"
    with PolicyServer(RampPolicy(), endpoint=endpoint, model_id="ramp") as server:
        announce(server.endpoint, Path(sys.argv[1]))
        server.serve(stop)


if __name__ == "__main__":
    main()
