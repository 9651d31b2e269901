"""The soak's arm: arithmetic, cameras, and a log of everything that was ever asked of it.

The log is the judge's only witness. It is written by the driver, one record per call, with one system call
each: nothing gathers in memory, and what was logged survives the process.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vla.bench.soak.switch import Switch
from vla.contract import Axis, Driver, Observation, RobotSpec
from vla.runtime.clock import Clock
from vla.runtime.faults import parse_faults
from vla.runtime.faulty_driver import FaultyDriver

CHUNK_S = 0.8
"""What one answer of the policy lasts."""

HOLD, WRITE = 0, 1
_AXES = 3

CALLS = np.dtype(
    [
        ("kind", "u1"),
        ("failed", "?"),
        ("seen", "?"),
        ("read_s", "<f8"),
        ("call_s", "<f8"),
        ("stamp_s", "<f8"),
        ("state", "<f4", (_AXES,)),
        ("asked", "<f4", (_AXES,)),
        ("sent", "<f4", (_AXES,)),
    ]
)
"""One call of write or hold. ``failed``: it raised. ``seen``: a reading came since the call before, and
``stamp_s`` and ``state`` are the latest one's. ``read_s``: when the latest reading ended, good or not.
``call_s``: when the call began. Both on the monotonic clock, which all processes of a machine share.
``asked`` is not a number where it was a hold, ``sent`` where it failed."""


def arm_spec(control_hz: float) -> RobotSpec:
    """Three joints that reach full speed within an eighth of a second, and two small cameras."""
    axes = tuple(Axis(f"joint_{i}", "rad", -1.0, 1.0, 1.0, 8.0) for i in range(_AXES))
    cameras = {"front": (48, 64), "wrist": (32, 32)}
    return RobotSpec("soak", axes, axes, cameras, control_hz, "absolute_joint")


def braking_ticks(spec: RobotSpec) -> int:
    """Most commands that still move an arm which brakes from full speed: v / (a dt), rounded up."""
    return max(int(np.ceil(a.max_rate / (a.max_acceleration * spec.dt_s))) for a in spec.action)


def read_calls(path: Path) -> NDArray[Any]:
    """The records so far, of :data:`CALLS`; a torn last one is left out."""
    return np.fromfile(path, CALLS) if path.exists() else np.zeros(0, CALLS)


class LoggedDriver:
    """A :class:`~vla.contract.Driver` around another, that notes what is asked of it and what comes of it."""

    def __init__(self, driver: Driver, clock: Clock) -> None:
        self._driver, self._clock = driver, clock
        self._log: int | None = None
        self._record = np.zeros((), CALLS)

    @property
    def spec(self) -> RobotSpec:
        """The inner driver's."""
        return self._driver.spec

    def begin(self, path: Path) -> None:
        """Log into ``path``, a new file, from now on."""
        self.end()
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._record["seen"] = False
        self._record["read_s"] = self._clock.now_s()

    def end(self) -> None:
        """Log no more; twice is fine."""
        if self._log is not None:
            os.close(self._log)
        self._log = None

    def read(self) -> Observation:
        """As the inner driver."""
        try:
            seen = self._driver.read()
        finally:
            self._record["read_s"] = self._clock.now_s()
        self._record["seen"], self._record["stamp_s"] = True, seen.stamp_s
        self._record["state"] = seen.state
        return seen

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """As the inner driver."""
        return self._noted(WRITE, action)

    def hold(self) -> NDArray[np.float32]:
        """As the inner driver."""
        return self._noted(HOLD, None)

    def close(self) -> None:
        """Close the inner driver and the log; twice is fine."""
        self.end()
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _noted(self, kind: int, action: NDArray[np.float32] | None) -> NDArray[np.float32]:
        record = self._record
        record["kind"], record["failed"] = kind, True
        record["call_s"] = self._clock.now_s()
        record["asked"] = np.nan if action is None else action
        record["sent"] = np.nan
        try:
            sent = self._driver.hold() if action is None else self._driver.write(action)
            record["sent"], record["failed"] = sent, False
        finally:
            if self._log is not None:
                os.write(self._log, record.tobytes())
            record["seen"] = False
        return sent


class SwitchedDriver:
    """A :class:`~vla.contract.Driver` around another, with the faults that a switch names."""

    def __init__(self, driver: Driver, switch: Switch, clock: Clock, seed: int) -> None:
        self._inner, self._switch, self._clock, self._seed = driver, switch, clock, seed
        self._word, self._driver = "", driver

    @property
    def spec(self) -> RobotSpec:
        """The inner driver's."""
        return self._inner.spec

    def read(self) -> Observation:
        """As the inner driver, with the faults that hold."""
        return self._now().read()

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """As the inner driver, with the faults that hold."""
        return self._now().write(action)

    def hold(self) -> NDArray[np.float32]:
        """As the inner driver, with the faults that hold."""
        return self._now().hold()

    def close(self) -> None:
        """Close the inner driver; twice is fine."""
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _now(self) -> Driver:
        word = self._switch.read()
        if word != self._word:
            self._word, self._driver = word, self._inner
            if word:
                self._driver = FaultyDriver(self._inner, parse_faults(word), self._clock, self._seed)
        return self._driver
