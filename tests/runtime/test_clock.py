from __future__ import annotations

import pytest

from vla.runtime.clock import MonotonicClock, SimulatedClock


def test_sleeping_never_ends_early() -> None:
    clock = MonotonicClock()
    for pause_s in (0.0, 0.001, 0.02):
        deadline_s = clock.now_s() + pause_s
        clock.sleep_until(deadline_s)
        assert clock.now_s() >= deadline_s


def test_a_deadline_that_has_passed_costs_nothing() -> None:
    clock = MonotonicClock()
    before = clock.now_s()
    clock.sleep_until(before - 10)
    assert clock.now_s() - before < 0.5


def test_simulated_time_moves_only_forward() -> None:
    clock = SimulatedClock(5.0)
    clock.sleep_until(7.0)
    clock.sleep_until(6.0)
    assert clock.now_s() == 7.0
    clock.advance(0.5)
    assert clock.now_s() == 7.5
    for bad in (-0.1, float("nan")):
        with pytest.raises(ValueError, match="step_s"):
            clock.advance(bad)
