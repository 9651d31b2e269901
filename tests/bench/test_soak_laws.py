"""The soak's judges: each passes a good log, and fails the smallest bad one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vla.bench.soak.arm import CALLS, CHUNK_S, HOLD, WRITE, arm_spec, braking_ticks
from vla.bench.soak.laws import (
    first_motion_s,
    last_motion_s,
    limit_breaches,
    promised_stillness_s,
    recording_breaches,
    stillness,
)
from vla.runtime.limits import ActionLimiter
from vla.runtime.recording import Recording

SPEC = arm_spec(25.0)
DT_S = SPEC.dt_s
START_S = 1000.0
COUNT = 200


def log(positions: NDArray[Any], times_s: NDArray[Any] | None = None) -> NDArray[Any]:
    """Writes of these positions, shape (N, 3), each 0.3 ms after its reading; the first call takes hold."""
    calls = np.zeros(len(positions), CALLS)
    calls["call_s"] = START_S + DT_S * np.arange(len(calls)) if times_s is None else times_s
    calls["read_s"] = calls["call_s"] - 3e-4
    calls["stamp_s"] = calls["read_s"] - 1e-4
    calls["kind"], calls["seen"] = WRITE, True
    calls["asked"] = calls["sent"] = calls["state"] = positions
    calls["kind"][0], calls["seen"][0], calls["asked"][0] = HOLD, False, np.nan
    return calls


def limited(wish: NDArray[Any], times_s: NDArray[Any]) -> NDArray[np.float32]:
    """What a limiter makes of a wish, shape (N, 3), when it is told these times."""
    limiter = ActionLimiter(SPEC)
    limiter.start(wish[0].astype(np.float32))
    rows = [wish[0].astype(np.float32)]
    for row, step_s in zip(wish[1:], np.diff(times_s), strict=True):
        rows.append(limiter.apply(row.astype(np.float32), float(step_s)))
    return np.array(rows)


@pytest.fixture
def swing() -> NDArray[Any]:
    """All three joints, back and forth in leaps that the limiter has turned into motion."""
    times_s = START_S + DT_S * np.arange(COUNT)
    wish = 0.9 * np.sign(np.sin(1.5 * times_s[:, None] + np.arange(3)))
    return log(limited(wish, times_s))


@pytest.fixture
def sine() -> NDArray[Any]:
    """All three joints, smoothly and far within the limits."""
    times_s = START_S + DT_S * np.arange(COUNT)
    return log((0.3 * np.sin(times_s[:, None] + np.arange(3))).astype(np.float32))


def test_motion_at_the_limits_is_legal(swing, sine) -> None:
    speeds = np.abs(np.diff(swing["sent"], axis=0)) / DT_S
    assert speeds.max() > 0.99
    assert limit_breaches(swing, SPEC) == limit_breaches(sine, SPEC) == []


@pytest.mark.parametrize("jitter_s", [0.0, 0.002, 0.02])
def test_motion_is_legal_whatever_the_timing_when_the_limiter_knows_it(jitter_s: float) -> None:
    rng = np.random.default_rng(0)
    times_s = START_S + DT_S * np.arange(COUNT) + rng.uniform(0, jitter_s, COUNT)
    times_s[COUNT // 2 :] += 3.3 * DT_S  # a late tick
    wish = 0.9 * np.sign(np.sin(1.5 * times_s[:, None] + np.arange(3)))
    told_s = times_s - rng.uniform(0, 3e-4, COUNT)  # somewhere between the reading and the call
    assert limit_breaches(log(limited(wish, told_s), times_s), SPEC) == []


def test_a_limiter_that_is_told_other_times_is_found_out() -> None:
    times_s = START_S + DT_S * np.arange(COUNT)
    late_s = times_s.copy()
    late_s[110] += 0.01  # the call came late, the limiter thinks it did not
    wish = np.tile(np.linspace(-1, 1, COUNT)[:, None] * 10, (1, 3)).clip(-0.9, 0.9)
    calls = log(limited(wish, times_s), late_s)
    assert [line for line in limit_breaches(calls, SPEC) if "rate" in line]


def test_each_limit_is_watched(sine) -> None:
    for axis in range(3):
        beyond = sine.copy()
        beyond["asked"][100:, axis] += 1.0 - beyond["asked"][100:, axis].max() + 1e-6
        assert f"position of joint_{axis}" in " ".join(limit_breaches(beyond, SPEC))
        fast = sine.copy()
        fast["asked"][101:, axis] += 1.05 * DT_S
        assert f"call 101: rate of joint_{axis}" in limit_breaches(fast, SPEC)
        hard = sine.copy()
        hard["asked"][101:, axis] += 1.3 * 8.0 * DT_S**2
        assert f"call 101: acceleration of joint_{axis}" in limit_breaches(hard, SPEC)


def test_a_command_that_failed_is_judged_and_not_made_up_for(swing) -> None:
    failed = swing.copy()
    failed["failed"][60], failed["sent"][60] = True, np.nan
    # The next one goes on as if it had arrived: two steps at once.
    assert any(line.startswith("call 61: rate") for line in limit_breaches(failed, SPEC))
    failed["asked"][60] += 0.1
    assert any(line.startswith("call 60: rate") for line in limit_breaches(failed, SPEC))


def test_to_hold_while_in_motion_is_to_brake_too_hard(swing) -> None:
    assert any("call 60: acceleration" in line for line in limit_breaches(rests(swing, 60, 61), SPEC))


def rests(calls: NDArray[Any], first: int, upto: int) -> NDArray[Any]:
    """The same log, except that the arm holds from ``first`` on, and goes on from there at ``upto``."""
    calls = calls.copy()
    calls["kind"][first:upto], calls["asked"][first:upto] = HOLD, np.nan
    calls["sent"][first:upto] = calls["sent"][first - 1]
    return calls


BEGAN = 50
ALLOWED = round(CHUNK_S / DT_S) + 2 + braking_ticks(SPEC)
"""The first call after that at which a silence begins that must not move: a chunk, the row and the tick that
were under way, and the braking."""


def judged(calls: NDArray[Any], upto: int = 150, lasts_s: float = CHUNK_S):
    times_s = calls["call_s"]
    return stillness(calls, SPEC, times_s[BEGAN] + 1e-3, times_s[upto] - 1e-3, lasts_s)


def test_an_arm_that_stands_in_time_kept_its_promise(sine) -> None:
    good = judged(rests(sine, BEGAN + ALLOWED, 150))
    assert good.late_moves == 0
    assert good.still_after_s <= promised_stillness_s(SPEC)


def test_one_command_too_many_is_a_missed_hold(sine) -> None:
    assert judged(rests(sine, BEGAN + ALLOWED + 1, 150)).late_moves == 1


def test_a_twitch_in_the_middle_of_a_silence_is_a_missed_hold(sine) -> None:
    calls = rests(sine, BEGAN + ALLOWED, 150)
    calls["kind"][120], calls["asked"][120] = WRITE, calls["sent"][120] + np.float32(1e-6)
    calls["sent"][120:150] = calls["asked"][120]
    assert judged(calls).late_moves == 1
    assert judged(calls, upto=119).late_moves == 0


def test_after_a_stop_there_is_braking_and_nothing_else(sine) -> None:
    assert judged(rests(sine, BEGAN + 2 + braking_ticks(SPEC), COUNT), lasts_s=0.0).late_moves == 0
    assert judged(rests(sine, BEGAN + 3 + braking_ticks(SPEC), COUNT), lasts_s=0.0).late_moves == 1


def test_late_ticks_brake_in_as_many_commands(sine) -> None:
    times_s = sine["call_s"].copy()
    times_s[BEGAN + 22 :] += 0.5 * np.arange(COUNT - BEGAN - 22)
    late = rests(log(sine["sent"], times_s), BEGAN + ALLOWED, 150)
    assert judged(late).late_moves == 0


def test_motion_is_found_where_it_is(sine) -> None:
    calls = rests(sine, 80, 120)
    assert last_motion_s(calls[:110]) == calls["call_s"][79]
    assert first_motion_s(calls, calls["call_s"][90]) == calls["call_s"][120]
    assert first_motion_s(calls, calls["call_s"][-1]) == np.inf
    assert last_motion_s(calls[:0]) == -np.inf


def recorded(calls: NDArray[Any]) -> Recording:
    """What the recorder should have made of ``calls``, none of which failed."""
    ticks = calls[1:-1]
    count = len(ticks)
    return Recording(
        spec=SPEC,
        goal="sway",
        images={name: np.zeros((count, *size, 3), np.uint8) for name, size in SPEC.cameras.items()},
        state=ticks["state"].copy(),
        sent=ticks["sent"].copy(),
        time_s=ticks["call_s"] - ticks["call_s"][0],
        stamp_s=ticks["stamp_s"] - ticks["call_s"][0],
        chunk_age_s=np.zeros(count),
        held=np.zeros(count, bool),
        robot_state=("running",) * count,
        instructions=("sway",) * count,
        success=None,
        interrupted=False,
        reason="stopped",
        model="sway",
        facts={},
    )


def test_a_recording_that_holds_every_tick_is_whole(sine) -> None:
    assert recording_breaches(sine, SPEC, recorded(sine)) == []


@pytest.mark.parametrize("gone", [0, 90, COUNT - 3])
def test_a_tick_that_is_missing_in_a_recording_is_lost(sine, gone: int) -> None:
    whole = recorded(sine)
    kept = np.arange(COUNT - 2) != gone
    cut = {name: getattr(whole, name)[kept] for name in ("state", "sent", "time_s", "stamp_s", "held")}
    images = {name: images[kept] for name, images in whole.images.items()}
    assert "ticks were carried out" in recording_breaches(sine, SPEC, replace(whole, **cut, images=images))[0]


@pytest.mark.parametrize(("field", "words"), [("sent", "what was sent"), ("state", "the state")])
def test_one_other_number_in_a_recording_is_found(sine, field: str, words: str) -> None:
    whole = recorded(sine)
    values = getattr(whole, field).copy()
    values[90, 2] = np.nextafter(values[90, 2], np.float32(9))
    assert recording_breaches(sine, SPEC, replace(whole, **{field: values})) == [
        f"{words} differs at 1 ticks"
    ]


def test_a_tick_recorded_twice_in_place_of_its_neighbour_and_a_lost_picture_are_found(sine) -> None:
    whole = recorded(sine)
    stamps_s = whole.stamp_s.copy()
    stamps_s[90] = stamps_s[89]
    assert "the time differs at 1 ticks" in recording_breaches(sine, SPEC, replace(whole, stamp_s=stamps_s))
    fewer = {**whole.images, "wrist": whole.images["wrist"][:-1]}
    assert "camera 'wrist'" in recording_breaches(sine, SPEC, replace(whole, images=fewer))[0]


def test_a_tick_without_a_reading_and_one_that_failed_are_recorded_as_they_were(sine) -> None:
    calls = sine.copy()
    calls["seen"][70] = False
    whole = recorded(calls)
    kept = np.arange(COUNT - 2) != 69
    cut = {name: getattr(whole, name)[kept] for name in ("state", "sent", "time_s", "stamp_s", "held")}
    images = {name: images[kept] for name, images in whole.images.items()}
    assert recording_breaches(calls, SPEC, replace(whole, **cut, images=images)) == []
    calls = sine.copy()
    calls["failed"][70], calls["sent"][70] = True, np.nan
    whole = recorded(calls)
    whole.sent[69] = whole.sent[68]  # the arm was left where it was
    assert recording_breaches(calls, SPEC, whole) == []
