"""M2: what is not a motion is refused whole, and never becomes one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vla.contract import ActionChunk, Axis, RobotSpec
from vla.runtime.limits import ActionLimiter

ROWS, WIDTH = 50, 14
_AXES = tuple(Axis(f"joint_{i}", "rad", -1.0 - i / 10, 2.0, 2.0, 10.0) for i in range(WIDTH))
SPEC = RobotSpec("fourteen", _AXES, _AXES, {}, 50.0, "absolute_joint")


def chunk(actions: object, dt_s: float = 0.02, start_s: float = 0.0) -> ActionChunk:
    return ActionChunk(actions, dt_s, start_s)  # pyright: ignore[reportArgumentType]


def refusal(actions: object, dt_s: float = 0.02, start_s: float = 0.0) -> str | None:
    return ActionLimiter(SPEC).refusal(chunk(actions, dt_s, start_s))


def good() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 2, (ROWS, WIDTH)).astype(np.float32)


def with_cells(value: float) -> list[tuple[int, int, str | None]]:
    """The refusal of every chunk that holds ``value`` in one cell."""
    limiter, actions, told = ActionLimiter(SPEC), good(), []
    for row in range(ROWS):
        for column in range(WIDTH):
            kept, actions[row, column] = actions[row, column], value
            told.append((row, column, limiter.refusal(chunk(actions))))
            actions[row, column] = kept
    return told


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf, 1e38, -1e38])
def test_one_poisoned_cell_anywhere_refuses_the_whole_chunk(poison: float) -> None:
    for row, column, told in with_cells(poison):
        assert told is not None
        assert f"action 'joint_{column}' row {row} is " in told


@pytest.mark.parametrize("number", [-0.0, 1e-45, -1e-45, 1e-39])
def test_negative_zero_and_denormals_are_numbers(number: float) -> None:
    assert all(told is None for _, _, told in with_cells(number))
    limiter = ActionLimiter(SPEC)
    limiter.start(np.zeros(WIDTH, np.float32))
    assert np.isfinite(limiter.apply(np.full(WIDTH, number, np.float32))).all()


def test_the_last_cell_is_named_with_its_value() -> None:
    actions = good()
    actions[-1, -1] = 1e38
    told = refusal(actions)
    assert told is not None
    assert told.startswith(f"action 'joint_{WIDTH - 1}' row {ROWS - 1} is 9.99")
    assert told.endswith("far outside [-2.3, 2.0]")


def test_too_far_is_cut_and_absurdly_far_is_refused() -> None:
    far, absurd = good(), good()
    far[3, 3], absurd[3, 3] = 2000.0, 20_000.0
    assert refusal(far) is None
    assert refusal(absurd) is not None


def test_an_axis_without_limits_refuses_the_absurd_too() -> None:
    spec = replace(SPEC, action=(replace(_AXES[0], low=-math.inf, high=math.inf), *_AXES[1:]))
    limiter, actions = ActionLimiter(spec), good()
    actions[0, 0] = 1e5
    assert limiter.refusal(chunk(actions)) is None
    actions[0, 0] = 1e38
    assert limiter.refusal(chunk(actions)) is not None


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", ">f4", "int32", "int64", "uint8", "bool", "complex64", "O", "U3"]
)
def test_another_dtype_is_refused(dtype: str) -> None:
    told = refusal(np.zeros((ROWS, WIDTH), dtype))
    assert told is not None
    assert "expected float32" in told


@pytest.mark.parametrize(
    "shape",
    [
        (),
        (WIDTH,),
        (0, WIDTH),
        (ROWS, 0),
        (ROWS, WIDTH - 1),
        (ROWS, WIDTH + 1),
        (1, ROWS, WIDTH),
        (WIDTH, ROWS),
    ],
)
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    told = refusal(np.zeros(shape, np.float32))
    assert told is not None
    assert f"(T >= 1, {WIDTH})" in told


@pytest.mark.parametrize(
    ("dt_s", "start_s"),
    [
        (0.0, 0.0),
        (-0.02, 0.0),
        (math.nan, 0.0),
        (math.inf, 0.0),
        (0.02, math.nan),
        (0.02, math.inf),
        (0.02, -math.inf),
    ],
)
def test_times_that_are_no_times_are_refused(dt_s: float, start_s: float) -> None:
    assert refusal(good(), dt_s, start_s) is not None


def test_a_good_chunk_of_any_length_is_taken() -> None:
    assert refusal(good()) is None
    assert refusal(good()[:1]) is None
    assert refusal(good()[::2]) is None
