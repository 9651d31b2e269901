"""D7: a server that is killed and started again is found again, and the arm waits for its proof of life."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from arm import DT_S, check_steps, moving_s, stands_by_s

SLACK_S = DT_S + 0.05


@dataclass(frozen=True)
class Cycle:
    """One death and what came after, on the loop's clock."""

    killed_s: float
    stands_s: float
    restarted_s: float
    running_s: float
    session: str
    files: int
    threads: int


def cycles(street, count: int, seen: list[Cycle]) -> Iterator[None]:
    """Kill at any moment; start anew once the arm has stood for long enough to have lost its trust."""
    dice = random.Random(count)
    for _ in range(count):
        yield from street.until(lambda: street.now.state == "running")
        end_s = street.clock.now_s() + dice.uniform(0.0, 0.4)
        yield from street.until(lambda end_s=end_s: street.clock.now_s() >= end_s)
        killed_s = street.clock.now_s()
        street.kill()
        yield from street.until(lambda: street.now.state == "engaging")
        stands_s = stands_by_s(killed_s, street.ends_s(killed_s)) + street.late_s(killed_s) + SLACK_S
        restarted_s = street.clock.now_s()
        street.restart()
        yield from street.until(lambda: street.now.state == "running")
        files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
        session = street.sessions[-1]
        seen.append(Cycle(killed_s, stands_s, restarted_s, street.now.now_s, session, files, threads))
    yield from street.until(lambda: street.row() is not None)


@pytest.mark.parametrize("count", [8, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_a_server_may_be_killed_and_started_again_and_again(street, count: int) -> None:
    seen: list[Cycle] = []
    street.play(cycles(street, count, seen))
    check_steps(street.driver.written)
    moved_s = moving_s(street.driver.written)
    for one in seen:
        assert not ((moved_s > one.stands_s) & (moved_s < one.running_s)).any(), one
        assert one.running_s >= one.restarted_s + street.proof_s, one
        assert ((moved_s >= one.running_s) & (moved_s < one.running_s + 10 * DT_S)).any(), one
    assert len({one.session for one in seen}) == count
    assert np.ptp([one.files for one in seen]) <= 1
    assert np.ptp([one.threads for one in seen]) <= 1
