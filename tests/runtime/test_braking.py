"""The arithmetic of stopping in time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.runtime.braking import UNLIMITED, arrival_rate, braking_way, end_rate, wall_rate

LAW = settings(max_examples=60, deadline=None)
A, DT = 8.0, 0.05
UNIT = A * DT**2
ROOM = st.floats(0.0, 40.0).map(lambda units: units * UNIT)
STEPS = st.integers(0, 2**32 - 1).map(
    lambda seed: (DT * 10 ** np.random.default_rng(seed).uniform(-2.5, 0, 80)).tolist()
)


def vector(value: float) -> np.ndarray:
    return np.array([value])


def way_to_stop(rate: float, steps_s: list[float], last_s: float) -> float:
    """Way of an axis that brakes as hard as the divided differences allow, however its steps come."""
    way = 0.0
    for step_s in steps_s:
        rate = max(0.0, rate - A * (last_s + step_s) / 2)
        way, last_s = way + rate * step_s, step_s
    assert rate < 1e-9 or sum(steps_s) < rate / A + 2.0
    return way


@LAW
@given(room=ROOM)
def test_arrival_is_exact_with_nominal_steps(room: float) -> None:
    rate = float(arrival_rate(vector(room), vector(A), DT)[0])
    assert np.isclose(rate * DT + way_to_stop(rate, [DT] * 40, DT), room, rtol=1e-9, atol=1e-12)


@LAW
@given(room=ROOM, share=st.floats(0.0, 1.0))
def test_a_nearer_goal_is_never_approached_faster(room: float, share: float) -> None:
    for bound in (arrival_rate, wall_rate):
        assert bound(vector(room * share), vector(A), DT)[0] <= bound(vector(room), vector(A), DT)[0] + 1e-12


@LAW
@given(room=ROOM)
def test_a_slow_arrival_takes_one_step(room: float) -> None:
    if room <= UNIT:
        assert np.isclose(arrival_rate(vector(room), vector(A), DT)[0] * DT, room)
    if room <= UNIT / 2:
        assert np.isclose(wall_rate(vector(room), vector(A), DT)[0] * DT, room)


def test_the_continuous_formula_overruns_by_an_eighth() -> None:
    rooms = np.linspace(0.0, 5.0, 5001) * UNIT
    continuous = -A * DT / 2 + np.sqrt((A * DT / 2) ** 2 + 2 * A * rooms)
    over = [v * DT + way_to_stop(v, [DT] * 9, DT) - r for v, r in zip(continuous, rooms, strict=True)]
    assert np.isclose(max(over), UNIT / 8, rtol=1e-3)


def test_arrival_is_not_enough_for_a_wall_when_a_step_comes_early() -> None:
    rate = float(arrival_rate(vector(UNIT), vector(A), DT)[0])
    over = rate * DT + way_to_stop(rate, [DT / 2, DT], DT) - UNIT
    assert np.isclose(over, UNIT / 8)


@LAW
@given(room=ROOM, step_s=st.floats(0.001, 1.0).map(lambda share: share * DT), steps_s=STEPS)
def test_a_wall_is_never_passed_whatever_the_steps(room: float, step_s: float, steps_s: list[float]) -> None:
    rate = float(wall_rate(vector(room), vector(A), step_s)[0])
    assert rate * step_s + way_to_stop(rate, steps_s, step_s) <= room * (1 + 1e-12) + 1e-15


@LAW
@given(room=ROOM, step_s=st.floats(0.1, 1.0).map(lambda share: share * DT))
def test_the_wall_costs_no_more_than_an_eighth(room: float, step_s: float) -> None:
    rate = float(wall_rate(vector(room), vector(A), step_s)[0])
    unused = room - rate * step_s - way_to_stop(rate, [step_s] * 200, step_s)
    assert unused <= A * step_s**2 / 8 + 1e-12


@LAW
@given(room=ROOM, steps_s=STEPS)
def test_arrival_overshoots_by_an_eighth_at_most_whatever_the_steps(
    room: float, steps_s: list[float]
) -> None:
    rate = float(arrival_rate(vector(room), vector(A), DT)[0])
    for step_s in (DT, steps_s[0]):
        assert rate * step_s + way_to_stop(rate, steps_s[1:], step_s) <= room + UNIT / 8 + 1e-12


@LAW
@given(rate=st.floats(-3.0, 3.0), steps_s=STEPS)
def test_braking_follows_one_curve_whatever_the_steps(rate: float, steps_s: list[float]) -> None:
    acceleration, last_s, x, t, v = vector(A), DT, 0.0, 0.0, vector(rate)
    curve = end_rate(vector(rate), acceleration, DT)
    for step_s in steps_s:
        way = braking_way(end_rate(v, acceleration, last_s), acceleration, step_s)
        now = way / step_s
        assert abs(now - v)[0] <= A * (last_s + step_s) / 2 * (1 + 1e-6) + 1e-9
        v, last_s, x, t = now, step_s, x + way[0], t + step_s
        assert np.isclose(x, braking_way(curve, acceleration, t)[0], atol=1e-6 * UNIT + 1e-9)


def test_where_acceleration_is_unlimited_everything_happens_at_once() -> None:
    free = vector(UNLIMITED)
    assert arrival_rate(vector(0.3), free, DT)[0] * DT == 0.3
    assert wall_rate(vector(0.3), free, DT)[0] * DT == 0.3
    assert wall_rate(vector(np.inf), free, DT)[0] == np.inf
    assert end_rate(vector(5.0), free, DT)[0] == 0.0
    assert braking_way(vector(0.0), free, DT)[0] == 0.0


def test_behind_a_wall_there_is_no_room() -> None:
    assert wall_rate(vector(-1.0), vector(A), DT)[0] == 0.0
