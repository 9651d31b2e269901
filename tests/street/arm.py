"""The arm at one end of the street, and what the policy at the other end wants of it.

Imported by tests and by the programs that they start.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.contract import ActionChunk, Axis, Observation, Prefix, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.clock import Clock

ROWS = 16
AXES = (
    Axis("tool_x", "m", -0.5, 0.5, max_rate=1.0, max_acceleration=5.0),
    Axis("gripper_gap", "m", 0.0, 0.08, max_rate=0.2, max_acceleration=1.0),
)
SPEC = RobotSpec("street", AXES, AXES, {"front": (8, 6)}, 20.0)
DT_S = SPEC.dt_s
CHUNK_S = ROWS * DT_S
BRAKING_S = max(axis.max_rate / axis.max_acceleration for axis in AXES)
"""v / a: how long any axis takes to stand, from the highest legal rate."""

Writes = list[tuple[float, NDArray[np.float32]]]
"""When the driver was told something, and what."""


class Wave:
    """Wants the arm to swing for ever, at nearly its highest rates; a function of time alone."""

    spec = SPEC

    def reset(self, seed: int) -> None:
        del seed

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        at_s = observation.stamp_s + np.arange(ROWS) * DT_S
        rows = np.stack([0.45 * _swing(at_s / 0.95), 0.04 + 0.035 * _swing(at_s / 0.74)], axis=1)
        return ActionChunk(rows.astype(np.float32), DT_S, observation.stamp_s)


def _swing(phase: NDArray[Any]) -> NDArray[Any]:
    """From -1 to 1 and back at a constant rate, in 1 each way."""
    return 2 * np.abs((phase % 2) - 1) - 1


class Logbook(MockDriver):
    """Notes what it is told and when, before any limit of its own; a hold is being told to be where it is."""

    def __init__(self, spec: RobotSpec, clock: Clock) -> None:
        super().__init__(spec, clock)
        self._now_s = clock.now_s
        self.written: Writes = []

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        self.note(action)
        return super().write(action)

    def hold(self) -> NDArray[np.float32]:
        held = super().hold()
        self.note(held)
        return held

    def note(self, command: NDArray[np.float32]) -> None:
        """The motors' side."""
        self.written.append((self._now_s(), command.copy()))


def stands_by_s(struck_s: float, ends_s: float) -> float:
    """M4: the chunk is carried out to its end, then the arm brakes at its limit.

    Args:
        struck_s: When the model side fell silent.
        ends_s: When the last chunk ends.
    """
    return max(struck_s, ends_s) + BRAKING_S


def moving_s(written: Writes) -> NDArray[np.float64]:
    """When the writes came that changed the command."""
    values = np.array([sent for _, sent in written])
    changed = (np.diff(values, axis=0) != 0).any(axis=1)
    return np.array([at_s for at_s, _ in written[1:]])[changed]


def check_steps(written: Writes, spec: RobotSpec = SPEC) -> None:
    """No write leaves the limits, nor goes further than one period at the highest rate."""
    values = np.array([sent for _, sent in written], np.float64)
    assert (values >= spec.action_low).all()
    assert (values <= spec.action_high).all()
    assert (np.abs(np.diff(values, axis=0)) <= spec.action_max_step * (1 + 1e-5) + 1e-7).all()


def check_motion(written: Writes, spec: RobotSpec = SPEC) -> None:
    """As :func:`check_steps`, and the acceleration: exact, so for a clock that stands still during a tick.

    The rate is the first divided difference of the positions, the acceleration the second; no write counts
    for more than one period.
    """
    check_steps(written, spec)
    x = np.array([sent for _, sent in written], np.float64)
    h = np.minimum(np.diff([at_s for at_s, _ in written]), spec.dt_s)
    apart = h > 0
    x, h = np.concatenate([x[:1], x[1:][apart]]), h[apart][:, None]
    v = np.diff(x, axis=0) / h
    rounding = np.spacing(np.abs(x).max(axis=0).astype(np.float32)).astype(float) / h
    change = np.abs(np.diff(v, axis=0))
    most = np.array([axis.max_acceleration or np.inf for axis in spec.action]) * (h[1:] + h[:-1]) / 2
    broken = np.argwhere(change > most * (1 + 1e-6) + 2 * (rounding[1:] + rounding[:-1]))
    assert not len(broken), f"acceleration at write and axis {broken[:4].tolist()}"
