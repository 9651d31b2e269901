"""Laws of the last gate before the motors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vla.contract import ActionChunk, Axis, RobotSpec
from vla.runtime.limits import ActionLimiter

_AXES = (
    Axis("tool_x", "m", 0.2, 0.7, 0.5),
    Axis("tool_y", "m", -0.4, 0.4, 0.5),
    Axis("gripper_gap", "m", 0.0, 0.08, 0.2),
    Axis("free", "rad", -3.0, 3.0),
)
SPEC = RobotSpec("tiny", _AXES, _AXES, {}, 20.0)
DELTA = replace(SPEC, semantics="delta_tool")
ROWS = hnp.arrays(np.float32, (4,), elements=st.floats(-1e6, 1e6, width=32))
SHARES = hnp.arrays(np.float32, (4,), elements=st.floats(0, 1, width=32))


def legal(share: np.ndarray) -> np.ndarray:
    inside = SPEC.action_low + share * (SPEC.action_high - SPEC.action_low)
    return np.clip(inside, SPEC.action_low, SPEC.action_high).astype(np.float32)


@given(rows=st.lists(ROWS, min_size=1, max_size=30), start=SHARES)
def test_no_command_sequence_leaves_position_or_rate_limits(
    rows: list[np.ndarray], start: np.ndarray
) -> None:
    limiter, reference = ActionLimiter(SPEC), legal(start)
    for row in rows:
        sent = limiter.apply(row, reference)
        assert sent.dtype == np.float32
        assert (sent >= SPEC.action_low).all()
        assert (sent <= SPEC.action_high).all()
        assert (np.abs(sent - reference) <= SPEC.action_max_step * (1 + 1e-5) + 1e-7).all()
        reference = sent


@given(goal=SHARES, start=SHARES)
def test_a_legal_goal_is_reached_exactly_and_never_overshot(goal: np.ndarray, start: np.ndarray) -> None:
    limiter, target, reference = ActionLimiter(SPEC), legal(goal), legal(start)
    for _ in range(100):
        sent = limiter.apply(target, reference)
        assert (np.abs(target - sent) <= np.abs(target - reference)).all()
        reference = sent
    assert np.array_equal(reference, target)


@given(row=SHARES, reference=ROWS)
def test_a_reference_outside_comes_back_at_the_legal_rate(row: np.ndarray, reference: np.ndarray) -> None:
    sent = ActionLimiter(SPEC).apply(legal(row), reference)
    slack = np.spacing(np.abs(reference)) + 1e-7
    assert (np.abs(sent - reference) <= SPEC.action_max_step * (1 + 1e-5) + slack).all()


@given(row=ROWS, reference=ROWS)
def test_deltas_are_limited_by_themselves_alone(row: np.ndarray, reference: np.ndarray) -> None:
    limiter = ActionLimiter(DELTA)
    sent = limiter.apply(row, reference)
    assert np.array_equal(sent, limiter.apply(row, np.zeros_like(reference)))
    assert (np.abs(sent) <= DELTA.action_max_step * (1 + 1e-5)).all()


@given(row=ROWS, reference=ROWS)
def test_inputs_are_not_changed(row: np.ndarray, reference: np.ndarray) -> None:
    copies = row.copy(), reference.copy()
    ActionLimiter(SPEC).apply(row, reference)
    assert np.array_equal(row, copies[0])
    assert np.array_equal(reference, copies[1])


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_one_poisoned_cell_anywhere_refuses_the_whole_chunk(poison: float) -> None:
    limiter, rows = ActionLimiter(SPEC), 16
    good = np.tile(legal(np.full(4, 0.5, np.float32)), (rows, 1))
    assert limiter.refusal(ActionChunk(good, 0.05, 0.0)) is None
    for row in range(rows):
        for column in range(4):
            actions = good.copy()
            actions[row, column] = poison
            refusal = limiter.refusal(ActionChunk(actions, 0.05, 0.0))
            assert refusal is not None
            assert repr(SPEC.action[column].name) in refusal
            assert f"row {row} " in refusal


@pytest.mark.parametrize(
    "chunk",
    [
        ActionChunk(np.zeros((16, 4), np.float64), 0.05, 0.0),  # pyright: ignore[reportArgumentType]
        ActionChunk(np.zeros((16, 3), np.float32), 0.05, 0.0),
        ActionChunk(np.zeros((4,), np.float32), 0.05, 0.0),
        ActionChunk(np.zeros((0, 4), np.float32), 0.05, 0.0),
        ActionChunk(np.zeros((16, 4), np.float32), 0.0, 0.0),
        ActionChunk(np.zeros((16, 4), np.float32), math.nan, 0.0),
        ActionChunk(np.zeros((16, 4), np.float32), 0.05, math.inf),
    ],
)
def test_shape_dtype_and_times_are_judged(chunk: ActionChunk) -> None:
    assert ActionLimiter(SPEC).refusal(chunk) is not None


def test_finite_values_out_of_range_are_not_refused_but_cut() -> None:
    limiter = ActionLimiter(SPEC)
    far = np.full((1, 4), 9.0, np.float32)
    assert limiter.refusal(ActionChunk(far, 0.05, 0.0)) is None
    assert np.array_equal(limiter.apply(far[0], SPEC.action_high), SPEC.action_high)
