"""A program that forks one robot process per line of its input, and pipes what each writes to its output.

The other end of the pipe plays the motors. A record is when (s, on the system's monotonic clock), then the
command; a robot's first record is its process id in place of the time, and its last, written when the process
has been reaped, is not a number.
"""

from __future__ import annotations

import math
import os
import struct
import sys
import time

import numpy as np
from arm import SPEC, Logbook, Wave
from numpy.typing import NDArray

from vla.bridge.link import LocalLink
from vla.runtime.clock import MonotonicClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.supervisor import EngageSettings

RECORD = struct.Struct(f"<d{len(SPEC.action)}f")


class PipedDriver(Logbook):
    """Its motors are at the other end of a pipe."""

    def note(self, command: NDArray[np.float32]) -> None:
        tell(time.monotonic(), command)


def tell(first: float, command: NDArray[np.float32]) -> None:
    """One record, whole or not at all: it is far below what a pipe takes at once."""
    os.write(sys.stdout.fileno(), RECORD.pack(first, *command.tolist()))


def main() -> None:
    nothing = np.zeros(len(SPEC.action), np.float32)
    for _ in sys.stdin:
        robot = os.fork()
        if not robot:
            tell(os.getpid(), nothing)
            clock = MonotonicClock()
            settings = LoopSettings(timeout_s=600.0, engage=EngageSettings(proof_s=0.0))
            ControlLoop(PipedDriver(SPEC, clock), LocalLink(Wave()), clock, settings).run("go")
            os._exit(0)
        os.waitpid(robot, 0)
        tell(math.nan, nothing)


if __name__ == "__main__":
    main()
