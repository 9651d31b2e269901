"""Time, injected: the control loop never asks the operating system itself."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock that can be slept on."""

    def now_s(self) -> float:
        """Seconds since an arbitrary instant; never goes back."""
        ...

    def sleep_until(self, deadline_s: float) -> None:
        """Return no earlier than ``deadline_s`` on this clock; at once when that has passed."""
        ...


class MonotonicClock:
    """The operating system's monotonic clock."""

    def now_s(self) -> float:
        """``time.monotonic()``."""
        return time.monotonic()

    def sleep_until(self, deadline_s: float) -> None:
        """Sleep the remaining time; early wake-ups sleep again."""
        while (left_s := deadline_s - time.monotonic()) > 0:
            time.sleep(left_s)


class SimulatedClock:
    """A clock that moves only when slept on or advanced: tests and faster-than-real-time simulation."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now_s(self) -> float:
        """The simulated time in seconds."""
        return self._now_s

    def sleep_until(self, deadline_s: float) -> None:
        """Jump to ``deadline_s``; nothing happens when it has passed."""
        self._now_s = max(self._now_s, deadline_s)

    def advance(self, step_s: float) -> None:
        """Let ``step_s`` >= 0 seconds pass.

        Raises:
            ValueError: ``step_s`` is negative or not a number.
        """
        if not step_s >= 0:
            raise ValueError(f"step_s is {step_s}, a monotonic clock needs >= 0")
        self._now_s += step_s
