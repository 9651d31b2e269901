"""Laws of the last gate before the motors. What must hold for any stream is in test_limits_machine.py."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vla.contract import Axis, ContractError, RobotSpec
from vla.runtime.limits import ActionLimiter, position_of

LAW = settings(max_examples=30, deadline=None)
_AXES = (
    Axis("tool_x", "m", 0.2, 0.7, 0.5, 4.0),
    Axis("tool_y", "m", -0.4, 0.4, 0.5, 1.0),
    Axis("gripper_gap", "m", 0.0, 0.08, 0.2),
    Axis("free", "rad", -3.0, 3.0, 0.0, 5.0),
)
SPEC = RobotSpec("tiny", _AXES, _AXES, {}, 20.0)
DT = SPEC.dt_s
A = np.array([axis.max_acceleration for axis in _AXES])
_DELTAS = tuple(replace(axis, low=-0.03, high=0.03) for axis in _AXES)
DELTA = RobotSpec("tiny", _DELTAS, _AXES, {}, 20.0, "delta_tool")
ROWS = hnp.arrays(np.float32, (4,), elements=st.floats(-1e6, 1e6, width=32))
SHARES = hnp.arrays(np.float32, (4,), elements=st.floats(0, 1, width=32))
SEEDS = st.integers(0, 2**32 - 1)


def legal(share: np.ndarray) -> np.ndarray:
    inside = SPEC.action_low + share * (SPEC.action_high - SPEC.action_low)
    return np.clip(inside, SPEC.action_low, SPEC.action_high).astype(np.float32)


MIDDLE = legal(np.full(4, 0.5, np.float32))


def started(position: np.ndarray = MIDDLE, spec: RobotSpec = SPEC) -> ActionLimiter:
    limiter = ActionLimiter(spec)
    limiter.start(position)
    return limiter


def drive(limiter: ActionLimiter, action: np.ndarray, ticks: int) -> np.ndarray:
    return np.array([limiter.apply(action) for _ in range(ticks)])


@LAW
@given(goal=SHARES, start=SHARES)
def test_a_legal_goal_is_reached_exactly_and_never_overshot(goal: np.ndarray, start: np.ndarray) -> None:
    target, reference, limiter = legal(goal), legal(start), started(legal(start))
    for _ in range(200):
        command = limiter.apply(target)
        assert (np.abs(target - command) <= np.abs(target - reference)).all()
        reference = command
    assert np.array_equal(reference, target)
    assert limiter.at_rest


@LAW
@given(goal=SHARES, start=SHARES, seed=SEEDS)
def test_under_jitter_a_goal_is_overshot_by_an_eighth_at_most(
    goal: np.ndarray, start: np.ndarray, seed: int
) -> None:
    target, limiter = legal(goal), started(legal(start))
    ahead = np.sign(target - legal(start))
    for elapsed_s in DT * np.random.default_rng(seed).uniform(0.1, 1.5, 120):
        over = ahead * (limiter.apply(target, elapsed_s).astype(float) - target)
        assert (over <= A * DT**2 / 8 + 1e-6).all()


@LAW
@given(steps=hnp.arrays(np.float32, (30, 4), elements=st.floats(-1, 1, width=32)))
def test_motions_slower_than_half_an_acceleration_step_are_followed_exactly(steps: np.ndarray) -> None:
    slow = np.minimum(SPEC.action_max_step, np.where(A > 0, A * DT**2 / 2, np.inf))
    slow = np.minimum(slow, [1.0, 1.0, 1.0, 0.01]) * (1 - 1e-4)
    limiter, position = started(), MIDDLE
    for step in steps:
        position = np.clip(position + step * slow, SPEC.action_low, SPEC.action_high).astype(np.float32)
        assert np.array_equal(limiter.apply(position), position)


def test_a_steady_motion_up_to_a_whole_acceleration_step_is_followed_exactly() -> None:
    limiter, position = started(legal(np.zeros(4, np.float32))), legal(np.zeros(4, np.float32)).astype(float)
    for _ in range(10):
        position = position + [0.0099, 0.0024, 0.0079, 0.0124]
        assert np.array_equal(limiter.apply(position.astype(np.float32)), position.astype(np.float32))


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("early", [0.1, 0.5, 0.9, 1.0])
def test_every_wall_is_reached_and_none_is_passed(axis: int, side: int, early: float) -> None:
    """Ticks come early just where braking has to begin."""
    wall = (SPEC.action_low if side < 0 else SPEC.action_high)[axis]
    target = MIDDLE.copy()
    target[axis] = wall + side * 9.0
    for punctual in range(24):
        limiter = started()
        commands = drive(limiter, target, punctual)
        hurried = [limiter.apply(target, early * DT) for _ in range(20)]
        rest = drive(limiter, target, 60)
        reached = np.concatenate([commands.reshape(-1, 4), hurried, rest])[:, axis]
        assert (side * reached <= side * wall).all()
        assert reached[-1] == wall


@LAW
@given(row=SHARES, outside=ROWS)
def test_a_position_outside_comes_back_at_the_legal_rate(row: np.ndarray, outside: np.ndarray) -> None:
    slack = np.spacing(np.abs(outside)) * 2 + 1e-7
    before, limiter = outside.astype(float), started(outside)
    for k in range(1, 4):
        command = limiter.apply(legal(row))
        step = np.abs(command.astype(float) - before)
        assert (step <= SPEC.action_max_step * (1 + 1e-5) + slack).all()
        assert (step <= np.where(A > 0, k * A * DT**2, np.inf) * (1 + 1e-5) + slack).all()
        before = command.astype(float)


def test_limits_that_were_tightened_are_entered_and_then_kept() -> None:
    target = SPEC.action_high
    limiter = started((SPEC.action_high + np.float32(0.02)).astype(np.float32))
    excess = np.maximum(drive(limiter, target, 100) - SPEC.action_high, 0)
    assert (np.diff(excess, axis=0) <= 1e-7).all()
    assert not excess[-1].any()


def test_a_late_tick_goes_no_further_and_an_early_one_proportionally_less() -> None:
    far = MIDDLE + np.float32(0.2)
    punctual, late, early = (started() for _ in range(3))
    step = punctual.apply(far) - MIDDLE
    assert np.array_equal(late.apply(far, 50 * DT) - MIDDLE, step)
    assert np.array_equal(started().apply(far, DT) - MIDDLE, step)
    # From rest, in half the time, with three quarters of the change of rate: the middles lie that near.
    bound = np.where(A > 0, A * DT * 0.75, np.inf)
    rate = np.abs(early.apply(far, DT / 2) - MIDDLE) / (DT / 2)
    assert (rate <= np.minimum(bound, SPEC.action_max_step / DT) * (1 + 1e-5)).all()


@pytest.mark.parametrize("elapsed_s", [0.0, 1e-6, -1.0, math.nan])
@pytest.mark.parametrize("spec", [SPEC, DELTA])
def test_in_no_time_nothing_moves(elapsed_s: float, spec: RobotSpec) -> None:
    limiter = started(spec=spec)
    before = limiter.apply(spec.action_high)
    for verb in (limiter.apply, lambda _, elapsed_s: limiter.brake(elapsed_s)):
        again = verb(spec.action_low, elapsed_s)
        assert np.array_equal(again, np.zeros(4) if spec is DELTA else before)


@pytest.mark.parametrize("elapsed_s", [None, 0.3 * DT])
def test_braking_stands_within_rate_over_acceleration(elapsed_s: float | None) -> None:
    limiter = started(legal(np.zeros(4, np.float32)))
    fast = (np.diff(drive(limiter, SPEC.action_high, 8), axis=0)[-1] / DT)[:2]
    assert (fast > 0.3).all()
    step_s = elapsed_s or DT
    ticks = int(np.ceil((fast / A[:2]).max() / step_s)) + 1
    commands = np.array([limiter.brake(elapsed_s) for _ in range(ticks + 20)])
    assert np.array_equal(commands[ticks, :2], commands[-1, :2])
    assert limiter.at_rest
    assert not np.array_equal(commands[0], commands[-1])
    assert np.array_equal(limiter.apply(commands[-1]), commands[-1])


def test_braking_ends_in_the_same_place_however_its_ticks_come() -> None:
    """Then all axes together go along one curve, the one that was admitted to the tool's box."""
    ends = []
    for elapsed_s in (None, 0.3 * DT, 0.77 * DT):
        limiter = started(legal(np.zeros(4, np.float32)))
        before = drive(limiter, SPEC.action_high, 12)[-1]
        ends.append([limiter.brake(elapsed_s) for _ in range(60)][-1])
        assert (ends[-1][[0, 1, 3]] > before[[0, 1, 3]] + 0.01).all()
    assert np.ptp(ends, axis=0).max() < 1e-6


def test_braking_where_acceleration_is_unlimited_is_standing_still() -> None:
    spec = replace(SPEC, action=tuple(replace(axis, max_acceleration=0.0) for axis in _AXES))
    limiter = started(spec=spec)
    last = drive(limiter, SPEC.action_high, 3)[-1]
    assert limiter.at_rest
    assert np.array_equal(limiter.brake(), last)
    assert limiter.at_rest


def test_deltas_end_in_zeros() -> None:
    limiter = started(spec=DELTA)
    drive(limiter, DELTA.action_high, 8)
    commands = np.array([limiter.brake() for _ in range(40)])
    assert commands[0].any()
    assert not commands[-1].any()
    assert limiter.at_rest


@LAW
@given(row=ROWS, second=ROWS)
def test_deltas_are_limited_by_rate_acceleration_and_their_own_range(
    row: np.ndarray, second: np.ndarray
) -> None:
    limiter = started(spec=DELTA)
    first = limiter.apply(row).astype(float)
    change = limiter.apply(second) - first
    for delta, times in ((first, 1), (first + change, 1)):
        assert (np.abs(delta) <= np.minimum(DELTA.action_max_step, 0.03) * times * (1 + 1e-5)).all()
    bound = np.where(A > 0, A * DT**2, np.inf) * (1 + 1e-5) + 1e-8
    assert (np.abs(first) <= bound).all()
    assert (np.abs(change) <= bound).all()


@pytest.mark.parametrize("side", [-1, 1])
def test_deltas_add_up_to_positions_inside_the_state_limits(side: int) -> None:
    limiter = started(spec=DELTA)
    wall = SPEC.action_low if side < 0 else SPEC.action_high
    positions = MIDDLE + np.cumsum(drive(limiter, side * DELTA.action_high, 400).astype(float), axis=0)
    assert (side * positions <= side * wall.astype(float) + 1e-7).all()
    assert np.allclose(positions[-1], wall, atol=1e-7)


def test_what_rounding_takes_from_one_delta_the_next_makes_good() -> None:
    limiter, total = started(spec=DELTA), MIDDLE.astype(float)
    for _ in range(1000):
        for delta, share in ((0.009, 0.3), (0.009, 0.3), (0.009, 0.3), (-0.0081, 1.0)):
            total += limiter.apply(np.full(4, delta, np.float32), share * DT)
    for _ in range(400):
        total += limiter.apply(DELTA.action_high)
    assert np.allclose(total, SPEC.action_high.astype(float), rtol=0, atol=2e-9)


def test_a_delta_without_a_state_axis_of_its_name_has_no_wall() -> None:
    spec = replace(DELTA, state=_AXES[1:])
    limiter = started(position_of(spec, np.zeros(4, np.float32), MIDDLE[1:]), spec)
    travelled = drive(limiter, DELTA.action_high, 400).astype(float).sum(0)
    assert travelled[0] > 5.0
    assert travelled[1] < 0.5


def test_a_delta_limiter_starts_from_what_is_sensed_and_any_other_from_what_holds() -> None:
    held = np.arange(4, dtype=np.float32)
    assert np.array_equal(position_of(SPEC, held, MIDDLE), held)
    assert np.array_equal(position_of(DELTA, held, MIDDLE), MIDDLE)


def test_the_reference_is_what_was_really_sent() -> None:
    limiter, far = started(), legal(np.ones(4, np.float32))
    drive(limiter, far, 5)
    refused = MIDDLE + np.float32(0.01)
    limiter.apply(far)
    limiter.sent(refused)
    step = limiter.apply(far) - refused
    assert (step[2:3] <= SPEC.action_max_step[2:3] * (1 + 1e-5)).all()
    limiter = started()
    drive(limiter, far, 5)
    stuck = limiter.apply(far)
    limiter.sent(stuck)
    stands = limiter.apply(far)
    limiter.sent(stuck)  # the driver did not move: the arm is at rest there
    assert (np.abs(limiter.apply(far) - stuck) <= np.where(A > 0, A * DT**2, 1.0) * (1 + 1e-5)).all()
    assert not np.array_equal(stands, stuck)


def test_a_driver_that_repeats_the_arithmetic_in_float32_changes_nothing() -> None:
    told, silent, far = started(), started(), legal(np.ones(4, np.float32))
    for _ in range(50):
        command = told.apply(far)
        told.sent(np.nextafter(command, np.float32(0)))
        assert np.array_equal(command, silent.apply(far))


def test_a_row_that_is_not_finite_brakes() -> None:
    one, other = started(), started()
    drive(one, SPEC.action_high, 5)
    drive(other, SPEC.action_high, 5)
    row = SPEC.action_high.copy()
    row[1] = np.nan
    for _ in range(20):
        assert np.array_equal(one.apply(row), other.brake())


@LAW
@given(row=ROWS, start=ROWS)
def test_inputs_are_not_changed_nor_outputs_kept(row: np.ndarray, start: np.ndarray) -> None:
    copies = row.copy(), start.copy()
    limiter = started(start)
    first = limiter.apply(row)
    kept = first.copy()
    limiter.brake()[:] = np.nan
    assert np.array_equal(first, kept)
    assert np.isfinite(limiter.brake()).all()
    assert np.array_equal(row, copies[0])
    assert np.array_equal(start, copies[1])


def test_a_leap_counts_as_the_fastest_legal_step_and_an_absurd_one_as_none() -> None:
    limiter = started()
    limiter.apply(MIDDLE)
    limiter.sent(SPEC.action_high)
    brakes = np.array([limiter.brake() for _ in range(60)]).astype(float)
    assert (brakes[:, :2] <= SPEC.action_high[:2] + 0.5**2 / (2 * A[:2]) + 1e-6).all()
    with pytest.raises(ContractError, match=r"what was sent is .* far outside"):
        limiter.sent(np.full(4, 1e9, np.float32))


@pytest.mark.parametrize("wrong", [np.zeros(3, np.float32), np.full(4, np.nan, np.float32)])
def test_what_cannot_be_a_position_is_refused(wrong: np.ndarray) -> None:
    limiter = ActionLimiter(SPEC)
    with pytest.raises(ContractError, match=r"start\(position\) comes first"):
        limiter.apply(MIDDLE)
    with pytest.raises(ContractError, match=r"start\(position\) comes first"):
        limiter.brake()
    with pytest.raises(ContractError, match="expected 4 finite numbers"):
        limiter.start(wrong)
    with pytest.raises(ContractError, match="what was sent"):
        started().sent(wrong)
