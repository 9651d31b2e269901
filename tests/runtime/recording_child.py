"""Records runs of a mock robot, for tests that kill it: ``python recording_child.py ROOT RUNS [SLEEP_S]``.

Every run is the same motion, so whatever is left of one must begin like any other. Prints ``ended KEY`` after
each run and ``committed KEY`` when the encoder has said so.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from vla.bridge.link import LocalLink
from vla.contract import ActionChunk, Axis, Observation, Prefix, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.recorder import RunRecorder
from vla.runtime.report import TickReport

_AXES = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
SPEC = RobotSpec("tiny", _AXES, _AXES, {"front": (32, 48), "arm": (16, 16)}, 20.0)
TICKS = 30


class Wave:
    """There and back again, by the clock alone."""

    spec = SPEC

    def reset(self, seed: int) -> None:
        del seed

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        del instruction, prefix
        times_s = observation.stamp_s + SPEC.dt_s * np.arange(8)
        rows = np.stack([0.3 * np.sin(2 * times_s), 0.04 + 0.03 * np.cos(3 * times_s)], 1)
        return ActionChunk(rows.astype(np.float32), SPEC.dt_s, observation.stamp_s)


def play(on_tick) -> None:
    """One run of ``TICKS`` ticks."""
    clock = SimulatedClock()
    settings = LoopSettings("lockstep", timeout_s=TICKS * SPEC.dt_s - 1e-6)
    ControlLoop(MockDriver(SPEC, clock), LocalLink(Wave()), clock, settings, [on_tick]).run("wave")


def main(root: Path, runs: int, sleep_s: float) -> None:
    told: set[int] = set()

    def tell(recorder: RunRecorder) -> None:
        for key in recorder.episodes.keys() - told:
            told.add(key)
            print("committed", key, flush=True)  # noqa: T201

    def slowly(report: TickReport) -> None:
        del report
        time.sleep(sleep_s)

    with RunRecorder(root, SPEC, "wave") as recorder:
        for _ in range(runs):
            key = recorder.begin_episode("wave", {"seed": 0})

            def both(report: TickReport) -> None:
                recorder(report)
                slowly(report)

            play(both)
            recorder.end_episode("timeout", success=True)
            print("ended", key, flush=True)  # noqa: T201
            tell(recorder)
    tell(recorder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
