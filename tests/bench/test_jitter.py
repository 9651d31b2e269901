"""What the jitter benchmark says is about the loop it ran."""

from __future__ import annotations

import time

import numpy as np
import pytest

from vla.bench import jitter
from vla.bench.jitter import hogs, measure, run_loop


def test_lateness_is_counted_against_a_grid_of_deadlines() -> None:
    late_s, missed = run_loop(100.0, 0.5)
    assert len(late_s) + missed == pytest.approx(50, abs=2)
    assert min(late_s) == 0
    # No tick begins more than half a period late: a later one would have been skipped.
    assert np.median(late_s) < 0.01


def test_a_stall_shows_up_as_lateness_and_missed_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    act = jitter._Ramp.act
    stalled: list[int] = []

    def stall(self: jitter._Ramp, *seen: object):
        stalled.append(1)
        if len(stalled) == 3:
            time.sleep(0.2)
        return act(self, *seen)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(jitter._Ramp, "act", stall)
    late_s, missed = run_loop(100.0, 0.6)
    assert missed >= 10
    assert len(late_s) <= 60 - missed + 2


def test_a_child_is_measured_and_the_hogs_end() -> None:
    one = measure(50.0, 0.3, busy_cores=1, priority=0)
    assert (one.control_hz, one.busy, one.scheduling) == (50.0, True, "ordinary")
    assert one.ticks + one.missed == pytest.approx(15, abs=2)
    assert 0 <= one.p50_s <= one.p99_s <= one.max_s
    with hogs(2) as processes:
        assert [process.poll() for process in processes] == [None, None]
    assert all(process.returncode is not None for process in processes)
