"""The soak's robot: ``python -m vla.bench.soak.robot ANNOUNCEMENT SERVER SWITCH FOLDER CONTROL_HZ``.

Front desk, control loop, bridge client and recorder, as ``handily robot`` puts them together, around a driver
that logs. A process of its own, so that its memory, files and threads are its alone. The seed of a run is the
number of its episode.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vla.bench.soak.arm import LoggedDriver, SwitchedDriver, arm_spec
from vla.bench.soak.residue import residue, settle
from vla.bench.soak.switch import Switch
from vla.bridge.client import BridgeClient
from vla.bridge.process import announce, stop_when_orphaned
from vla.drivers.mock import MockDriver
from vla.runtime.asker import AskSettings
from vla.runtime.clock import MonotonicClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.recorder import RunRecorder
from vla.runtime.report import RunResult
from vla.runtime.station import RobotStation

RECORDINGS = "recordings"
_LEASE_S = 20.0  # the judge's own punctuality is not what is judged
_TIMEOUT_S = 600.0  # a run ends when the judge says so: a robot that gave up would have nothing to recover


def calls_path(folder: Path, episode: int, process: int) -> Path:
    """Where the robot with that process id logs an episode."""
    return folder / "calls" / f"{episode:04d}-{process}.bin"


def main(words: Sequence[str]) -> None:
    """Serve an operator until told to end, or orphaned."""
    announcement, server, switch, folder, control_hz = words
    root, spec, clock = Path(folder), arm_spec(float(control_hz)), MonotonicClock()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop_when_orphaned(stop)
    (root / "calls").mkdir(exist_ok=True)
    with ExitStack() as stack:
        mock = MockDriver(spec, clock)
        driver = stack.enter_context(
            LoggedDriver(SwitchedDriver(mock, Switch(Path(switch)), clock, seed=0), clock)
        )
        client = stack.enter_context(BridgeClient(server, spec))
        client.hello()
        recorder = stack.enter_context(RunRecorder(root / RECORDINGS, spec, "sway"))
        station = RobotStation(lease_s=_LEASE_S)
        settings = LoopSettings(timeout_s=_TIMEOUT_S, ask=AskSettings(lost_s=_TIMEOUT_S))
        loop = ControlLoop(driver, client, clock, settings, [station, recorder])

        def begin(goal: str, seed: int) -> None:
            path = calls_path(root, seed, os.getpid())
            recorder.begin_episode(goal, {"seed": seed, "calls": path.name})
            driver.begin(path)

        def finish(goal: str, seed: int, result: RunResult) -> dict[str, Any]:
            driver.end()
            recorder.end_episode(result.reason, None, result.detail)
            settle()
            return {"residue": asdict(residue()), "recorder": recorder.error or ""}

        announce(station.endpoint, Path(announcement))
        station.serve(loop, stop, begin, finish)


if __name__ == "__main__":
    main(sys.argv[1:])
