"""What the arm's own log of calls says about the promises. Nothing here knows the control loop.

The loop reckons the time of a command somewhere between the reading before it and the call itself, and the
log knows both. So each step between two commands has a least and a greatest length, and a limit counts as
broken when no length between them would keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.bench.soak.arm import CHUNK_S, HOLD, WRITE, braking_ticks
from vla.contract import RobotSpec
from vla.runtime.recording import Recording

_LEAST_STEP_S = 1e-4
_STAMP_ERROR_S = 1e-6


@dataclass(frozen=True, slots=True)
class Stillness:
    """How an arm came to rest.

    Attributes:
        still_after_s: From the beginning of the fault to the last command that moved; 0 when none did.
        late_moves: Commands that moved although the arm had promised to stand.
    """

    still_after_s: float
    late_moves: int


def positions(calls: NDArray[Any]) -> NDArray[np.float64]:
    """Where each call left the arm, as far as is known, shape (N, A).

    A hold leaves it where the driver says, a call that failed where it was before.
    """
    told = np.where((calls["kind"] == HOLD)[:, None], calls["sent"], calls["asked"]).astype(np.float64)
    return told[_latest(~calls["failed"])]


def commands(calls: NDArray[Any]) -> NDArray[np.float64]:
    """Where each call would have brought the arm, shape (N, A), whether or not it failed."""
    written = (calls["kind"] == WRITE)[:, None]
    return np.where(written, calls["asked"].astype(np.float64), positions(calls))


def moved(calls: NDArray[Any]) -> NDArray[np.bool_]:
    """Which calls commanded another position than where the arm was left before; never the first."""
    before = positions(calls)[:-1]
    return np.concatenate([np.zeros(min(1, len(calls)), bool), (commands(calls)[1:] != before).any(axis=1)])


def last_motion_s(calls: NDArray[Any]) -> float:
    """When the last call that moved began; -inf when none did."""
    return float(calls["call_s"][moved(calls)].max(initial=-np.inf))


def first_motion_s(calls: NDArray[Any], since_s: float) -> float:
    """When the first call that moved after ``since_s`` began; inf when none did."""
    times_s = calls["call_s"][moved(calls)]
    return float(times_s[times_s > since_s].min(initial=np.inf))


def promised_stillness_s(spec: RobotSpec) -> float:
    """How long after the last answer the arm may still move, at a punctual loop.

    The chunk runs out; the arm brakes from full speed, v / a; and each of the two begins with a period.
    """
    braking_s = max(axis.max_rate / axis.max_acceleration for axis in spec.action)
    return CHUNK_S + braking_s + 2 * spec.dt_s


def stillness(
    calls: NDArray[Any], spec: RobotSpec, began_s: float, until_s: float, lasts_s: float
) -> Stillness:
    """Judge a silence.

    Braking is counted in commands and not in seconds: a tick that comes late brakes no less.

    Args:
        calls: The arm's log.
        spec: The arm.
        began_s: When the silence began.
        until_s: When it ended.
        lasts_s: What the arm may carry out after its beginning: a chunk, or nothing.
    """
    times_s = calls["call_s"]
    during = moved(calls) & (times_s > began_s) & (times_s <= until_s)
    still_after_s = float((times_s[during] - began_s).max(initial=0.0))
    # A period for the tick that was under way, another half for the row that is due next.
    rest = during[times_s > began_s + lasts_s + 1.5 * spec.dt_s]
    braking = len(rest) if rest.all() else int(rest.argmin())  # up to the first command that does not move
    return Stillness(still_after_s, int(rest.sum()) - min(braking, braking_ticks(spec)))


def limit_breaches(calls: NDArray[Any], spec: RobotSpec) -> list[str]:
    """M1: one line per command that no timing consistent with the log makes legal."""
    given, left = commands(calls), positions(calls)
    if len(given) < 2:
        return []
    low, high = spec.action_low.astype(np.float64), spec.action_high.astype(np.float64)
    rate = np.array([axis.max_rate for axis in spec.action])
    acceleration = np.array([axis.max_acceleration for axis in spec.action])
    least_s, most_s = _steps_s(calls, spec.dt_s)
    slack = float(np.spacing(np.float32(np.abs(given).max()))) / least_s[:, None]
    way, came = given[1:] - left[:-1], np.diff(left, axis=0)
    fast = np.abs(way) / most_s[:, None] > rate * (1 + 1e-6) + slack
    # The rates of neighbouring steps, at the corners of what their lengths may have been.
    after = [way[1:] / step_s[1:, None] for step_s in (least_s, most_s)]
    before = [came[:-1] / step_s[:-1, None] for step_s in (least_s, most_s)]
    changes = np.array([rate_after - rate_before for rate_after in after for rate_before in before])
    least_change = np.where(
        (changes.min(axis=0) < 0) & (changes.max(axis=0) > 0), 0.0, np.abs(changes).min(axis=0)
    )
    middle_s = ((most_s[1:] + most_s[:-1]) / 2)[:, None]
    hard = least_change > acceleration * middle_s * (1 + 1e-6) + slack[1:] + slack[:-1]
    outside = (given < low) | (given > high)
    broken = [
        *((k, a, "position") for k, a in np.argwhere(outside)),
        *((k + 1, a, "rate") for k, a in np.argwhere(fast)),
        *((k + 2, a, "acceleration") for k, a in np.argwhere(hard)),
    ]
    return [f"call {k}: {what} of {spec.action[a].name}" for k, a, what in sorted(broken)]


def recording_breaches(calls: NDArray[Any], spec: RobotSpec, recording: Recording) -> list[str]:
    """Whether a recording holds exactly the ticks in which the arm was read and sent something.

    The call before the first reading takes hold, and the last one ends the run: neither is a tick. A tick
    whose reading failed has nothing to record.
    """
    known = _latest(~calls["failed"])
    ticks = np.flatnonzero(calls["seen"][:-1])
    if len(ticks) != len(recording.sent):
        return [f"{len(ticks)} ticks were carried out, {len(recording.sent)} are recorded"]
    stamps_s = calls["stamp_s"][ticks] - calls["stamp_s"][ticks[:1]]
    recorded_s = recording.stamp_s - recording.stamp_s[:1]
    wrong = {
        "what was sent": (calls["sent"][known[ticks]] != recording.sent).any(axis=1),
        "the state": (calls["state"][ticks] != recording.state).any(axis=1),
        "the time": np.abs(stamps_s - recorded_s) > _STAMP_ERROR_S,
    }
    lines = [f"{what} differs at {int(bad.sum())} ticks" for what, bad in wrong.items() if bad.any()]
    for camera in spec.cameras:
        count = len(recording.images.get(camera, ()))
        if count != len(ticks):
            lines.append(f"camera {camera!r} has {count} pictures for {len(ticks)} ticks")
    return lines


def _latest(good: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each place, the last one up to it that is good; before the first good one, that one."""
    first = int(good.argmax()) if good.any() else 0
    return np.maximum.accumulate(np.where(good, np.arange(len(good)), first))


def _steps_s(calls: NDArray[Any], dt_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest length of the step that leads to each call but the first, shape (N - 1,).

    A step begins with the last call that did not fail. More than a period counts as a period: a late command
    goes no further than a punctual one.
    """
    called_s = calls["call_s"]
    before_s = np.concatenate([called_s[:1], called_s[:-1]])
    earliest_s = np.maximum(calls["read_s"], before_s)  # a reading before the call before says nothing
    base = _latest(~calls["failed"])[:-1]
    least_s = np.clip(earliest_s[1:] - called_s[base], _LEAST_STEP_S, dt_s)
    most_s = np.clip(called_s[1:] - earliest_s[base], _LEAST_STEP_S, dt_s)
    return least_s, most_s
