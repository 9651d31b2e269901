"""Braking in discrete time: how fast an axis may be so that it can still stop where it must.

A command is a position per write. Between two writes the arm moves at the mean rate v = change / step, and
the acceleration is the change of v over the time between the middles of the two steps, which is the second
divided difference of the positions. An axis that brakes at the rate a from a step of mean rate v and length h
follows

    x(t) = x + V t - a t^2 / 2   up to   x + V^2 / (2 a),   with V = max(0, |v| - a h / 2),

whatever the lengths of the steps that sample it: the second divided difference of a parabola is its
curvature. So V is the speed at the end of the step as far as braking is concerned, and V^2 / (2 a) the way
still needed.

Two bounds on the next step's rate follow; ``room`` is the way left before it.

* :func:`wall_rate`, for what must never be passed. The step h and the braking after it fit into the room when
  v h + (v - a h / 2)^2 / (2 a) <= room, that is (v + a h / 2)^2 <= 2 a room: Torricelli's rate less half a
  step's braking. It leaves the next step feasible however early or late it comes.
* :func:`arrival_rate`, for a target, where being exact counts. With steps of the nominal length dt only,
  v, v - a dt, v - 2 a dt, ... need D(v) = a dt^2 (n + 1) (n / 2 + f) with v = (n + f) a dt. D is convex,
  piecewise linear, and D(v) - D(v - a dt) = v dt, so D(v) <= room stays true; up to a dt the target is
  reached in one step. Under jitter it may be passed by up to a dt^2 / 8.

The continuous formula v <= -a dt / 2 + sqrt((a dt / 2)^2 + 2 a room) is neither: it asks for the way
v dt / 2 + v^2 / (2 a), which is (f - f^2) / 2 <= 1/8 of a dt^2 less than D(v), and overruns by as much.

All arrays have one entry per axis, in the axis's unit, s and their quotients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

UNLIMITED = 1e30
"""An acceleration that never binds, and that these formulas survive where infinity would give 0 x inf."""


def arrival_rate(distance: Vector, acceleration: Vector, dt_s: float) -> Vector:
    """The largest rate from which steps of ``dt_s`` end exactly ``distance`` (>= 0) away."""
    speed = acceleration * dt_s
    ways = distance / (speed * dt_s)
    whole = np.floor((np.sqrt(1.0 + 8.0 * ways) - 1.0) / 2.0)
    return (ways / (whole + 1.0) + whole / 2.0) * speed


def wall_rate(room: Vector, acceleration: Vector, step_s: float) -> Vector:
    """The largest rate of a step of ``step_s`` after which braking ends within ``room``, whatever its steps.

    Args:
        room: Way to the wall; at or behind it (<= 0) the rate is 0.
        acceleration: What braking may use, > 0.
        step_s: Length of the step, > 0.
    """
    room = np.maximum(room, 0.0)
    half = acceleration * (step_s / 2.0)
    return np.minimum(room / step_s, np.maximum(np.sqrt(2.0 * acceleration * room) - half, half))


def end_rate(rate: Vector, acceleration: Vector, step_s: float) -> Vector:
    """What is left of a step's mean ``rate`` at its end when braking has begun in its middle; signed."""
    speed = np.abs(rate) - acceleration * (step_s / 2.0)
    # Below a billionth of one step's braking it is rounding, and the axis rests.
    return np.where(speed > 1e-9 * acceleration * step_s, np.copysign(speed, rate), 0.0)


def braking_way(end: Vector, acceleration: Vector, after_s: float) -> Vector:
    """Signed way of an axis that has braked from ``end`` (:func:`end_rate`) for ``after_s``."""
    time_s = np.minimum(after_s, np.abs(end) / acceleration)
    return end * time_s - np.copysign(acceleration * time_s**2 / 2.0, end)
