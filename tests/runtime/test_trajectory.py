"""Laws of smooth motion that the limits alone do not state."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.contract import Axis, ContractError, RobotSpec
from vla.runtime.limits import ActionLimiter

pytest.importorskip("ruckig")

LAW = settings(max_examples=30, deadline=None)
_AXES = (
    Axis("joint", "rad", -1.0, 2.0, 2.0, 10.0, 200.0),
    Axis("gripper_gap", "m", 0.0, 0.08, 0.4, 8.0, 320.0),
)
SPEC = RobotSpec("smooth", _AXES, _AXES, {}, 50.0, "absolute_joint")
DT = SPEC.dt_s
TARGETS = st.tuples(st.floats(-1.0, 2.0, width=32), st.floats(0.0, np.float32(0.08).item(), width=32))


def started(*position: float, spec: RobotSpec = SPEC) -> ActionLimiter:
    limiter = ActionLimiter(spec, smooth=True)
    limiter.start(np.array(position, np.float32))
    return limiter


@LAW
@given(start=TARGETS, goal=TARGETS, seed=st.integers(0, 2**32 - 1))
def test_a_goal_is_reached_and_never_overshot_whatever_the_ticks(
    start: tuple[float, float], goal: tuple[float, float], seed: int
) -> None:
    limiter, target = started(*start), np.array(goal, np.float32)
    reference = np.array(start, np.float32)
    for share in np.random.default_rng(seed).uniform(0.2, 1.5, 250):
        command = limiter.apply(target, share * DT)
        assert (np.abs(target - command) <= np.abs(target - reference) + 1e-6).all()
        reference = command
    assert np.allclose(reference, target, atol=1e-6)
    assert limiter.at_rest


def test_braking_ends_in_the_same_place_however_its_ticks_come() -> None:
    ends = []
    for elapsed_s in (None, 0.3 * DT, 0.77 * DT):
        limiter = started(-1.0, 0.0)
        before = [limiter.apply(SPEC.action_high) for _ in range(20)][-1]
        commands = [limiter.brake(elapsed_s) for _ in range(120)]
        assert limiter.at_rest
        assert np.array_equal(commands[-1], commands[-2])
        assert commands[-1][0] > before[0] + 0.1
        ends.append(commands[-1])
    assert np.ptp(ends, axis=0).max() < 1e-6


@pytest.mark.parametrize("turn", range(1, 40))
def test_turning_back_at_any_tick_stays_inside(turn: int) -> None:
    limiter = started(1.0, 0.04)
    commands = [limiter.apply(SPEC.action_high) for _ in range(turn)]
    commands += [limiter.apply(SPEC.action_low) for _ in range(100)]
    assert (np.array(commands) <= SPEC.action_high).all()
    assert np.allclose(commands[-1], SPEC.action_low, atol=1e-6)


def test_a_leap_by_somebody_else_is_stopped_at_the_legal_rate_and_undone() -> None:
    limiter = started(1.0, 0.04)
    limiter.apply(SPEC.action_high)
    limiter.sent(np.array([1.9, 0.04], np.float32))
    positions = np.array([1.9] + [float(limiter.apply(SPEC.action_high)[0]) for _ in range(100)])
    rates = np.concatenate([[2.0], np.diff(positions) / DT])
    assert (np.abs(np.diff(rates)) <= 10.0 * DT * (1 + 1e-3)).all()
    assert positions.max() < 1.9 + 2.0**2 / (2 * 10.0) + 2.0 * 10.0 / 200.0
    assert positions[-1] == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("missing", ["max_rate", "max_acceleration", "max_jerk"])
def test_every_limit_is_needed(missing: str) -> None:
    spec = replace(SPEC, action=(replace(_AXES[0], **{missing: 0.0}), _AXES[1]))
    with pytest.raises(ContractError, match="'joint' needs max_rate, max_acceleration and max_jerk"):
        ActionLimiter(spec, smooth=True)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruckig", None)
    monkeypatch.delitem(sys.modules, "vla.runtime.trajectory", raising=False)
    with pytest.raises(ContractError, match=r"pip install 'handily\[otg\]'"):
        ActionLimiter(SPEC, smooth=True)
    ActionLimiter(SPEC)
