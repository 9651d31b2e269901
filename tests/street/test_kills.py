"""M6, as far as software can keep it: a robot process that is killed moves the arm one legal step at most.

The motors are played by another process, which knows nothing but what came down the pipe.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from arm import DT_S, Writes, check_steps, moving_s
from robots import RECORD

Read = Callable[[], tuple[float, np.ndarray]]


@pytest.fixture
def robots() -> Iterator[tuple[IO[bytes], Read]]:
    """Where to ask for the next robot, and its motors' next record."""
    command = [sys.executable, str(Path(__file__).with_name("robots.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        pipe = program.stdout

        def read() -> tuple[float, np.ndarray]:
            data = b""
            while len(data) < RECORD.size:
                more = pipe.read(RECORD.size - len(data))
                assert more, "the robots' program has ended"
                data += more
            first, *command = RECORD.unpack(data)
            return first, np.array(command, np.float32)

        yield program.stdin, read
        program.stdin.close()


def one_life(ask: IO[bytes], read: Read, lasts_s: float) -> tuple[Writes, float]:
    """A robot from its birth to its death; what its motors were told, and when it was killed."""
    ask.write(b"\n")
    pid = int(read()[0])
    time.sleep(lasts_s)
    os.kill(pid, signal.SIGKILL)
    killed_s = time.monotonic()
    written: Writes = []
    while not math.isnan((record := read())[0]):
        written.append(record)
    return written, killed_s


@pytest.mark.parametrize(
    "kills", [30, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_a_killed_robot_moves_one_legal_step_at_most(robots, kills: int) -> None:
    dice, (ask, read) = random.Random(kills), robots
    moved = 0
    for _ in range(kills):
        written, killed_s = one_life(ask, read, dice.uniform(0.0, 8 * DT_S))
        after = [at_s for at_s, _ in written if at_s > killed_s]
        assert len(after) <= 1, f"{len(after)} writes after death"
        if written:
            check_steps(written)  # so the last one, the only that may still be on its way, is one step
            moved += len(moving_s(written)) > 0
    assert moved > kills / 3, "the arm should have been on its way"
