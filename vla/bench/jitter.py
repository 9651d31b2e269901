"""How late a control loop's ticks begin, in a process of its own, idle and with every core busy.

``python -m vla.bench.jitter HZ SECONDS PRIORITY`` prints one JSON object; :func:`measure` runs it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from vla.bridge.link import LocalLink
from vla.contract import ActionChunk, Axis, Observation, Prefix, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.clock import MonotonicClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.scheduling import request_realtime
from vla.runtime.supervisor import EngageSettings

_HOG = "while True: pass"


@dataclass(frozen=True, slots=True)
class Jitter:
    """Lateness of a loop's ticks against their deadlines.

    Attributes:
        control_hz: Rate of the loop.
        busy: Whether every core had another process to run.
        scheduling: What the operating system granted, in words.
        ticks: Ticks carried out.
        missed: Ticks skipped because one before them was too late.
        p50_s, p99_s, max_s: Lateness in seconds.
        late_s: Every tick's lateness, for a plot.
    """

    control_hz: float
    busy: bool
    scheduling: str
    ticks: int
    missed: int
    p50_s: float
    p99_s: float
    max_s: float
    late_s: tuple[float, ...]


class _Ramp:
    """A policy of two joints that costs nothing."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        self._rows = np.zeros((16, len(spec.action)), np.float32)

    def reset(self, seed: int) -> None:
        pass

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        return ActionChunk(self._rows, self.spec.dt_s, observation.stamp_s)


def run_loop(control_hz: float, seconds: float) -> tuple[list[float], int]:
    """Run a loop over the mock driver in this process; returns each tick's lateness and the missed ticks."""
    axes = tuple(Axis(f"joint_{i}", "rad", -1.0, 1.0, 1.0) for i in range(7))
    spec = RobotSpec("bench", axes, axes, {}, control_hz, "absolute_joint")
    starts_s: list[float] = []
    periods: list[int] = []

    def note(report: TickReport) -> None:
        starts_s.append(report.now_s)
        periods.append(report.missed_ticks + 1)

    settings = LoopSettings(timeout_s=seconds, engage=EngageSettings(proof_s=0.0))
    clock = MonotonicClock()
    loop = ControlLoop(MockDriver(spec, clock), LocalLink(_Ramp(spec)), clock, settings, [note])
    missed = loop.run("hold").health.missed_ticks
    number = np.cumsum(periods) - periods[0]
    # The first tick fixes the grid; nothing is earlier than its deadline, so the least lateness is none.
    late_s = np.array(starts_s) - number / control_hz
    return [float(late) for late in late_s - late_s.min()], missed


@contextmanager
def hogs(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep ``count`` cores busy with pure Python, each in a process of its own; yields the processes."""
    running = [subprocess.Popen([sys.executable, "-c", _HOG]) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def measure(control_hz: float, seconds: float, busy_cores: int, priority: int) -> Jitter:
    """Run the loop in a child process.

    Args:
        control_hz: Rate of the loop.
        seconds: How long.
        busy_cores: Cores kept busy meanwhile; 0 means none.
        priority: Of ``SCHED_FIFO``; 0 asks for nothing.

    Raises:
        subprocess.CalledProcessError: the child failed.
    """
    command = [sys.executable, "-m", "vla.bench.jitter"]
    with hogs(busy_cores):
        done = subprocess.run(
            [*command, str(control_hz), str(seconds), str(priority)],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 120,
        )
    told = json.loads(done.stdout)
    late_s = np.array(told["late_s"])
    return Jitter(
        control_hz=control_hz,
        busy=busy_cores > 0,
        scheduling=told["scheduling"],
        ticks=len(late_s),
        missed=told["missed"],
        p50_s=float(np.percentile(late_s, 50)),
        p99_s=float(np.percentile(late_s, 99)),
        max_s=float(late_s.max()),
        late_s=tuple(told["late_s"]),
    )


def main(words: Sequence[str]) -> None:
    """The child's part."""
    control_hz, seconds, priority = float(words[0]), float(words[1]), int(words[2])
    granted = request_realtime(priority)
    late_s, missed = run_loop(control_hz, seconds)
    scheduling = granted.policy if granted.memory != "locked" else f"{granted.policy}, memory locked"
    sys.stdout.write(json.dumps({"late_s": late_s, "missed": missed, "scheduling": scheduling}))


if __name__ == "__main__":
    main(sys.argv[1:])
