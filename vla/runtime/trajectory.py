"""Commands without jerks: an online trajectory generator in front of the driver."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ruckig import (
    ControlInterface,
    InputParameter,
    Result,
    Ruckig,
    RuckigError,
    Synchronization,
    Trajectory,
)

from vla.runtime.braking import Vector
from vla.runtime.motion import MotionLimits
from vla.runtime.workspace import ToolBox

_GRAIN = 1e-8
"""How exactly Ruckig ends where it should."""


State = tuple[Vector, Vector, Vector]
"""Position, rate and acceleration, shape (A,) each."""


class SmoothMotion:
    """Keeps position, rate, acceleration and jerk, and the tool's box, at every write.

    Each write replans the fastest motion to rest at the target (Ruckig; Berscheid and Kroeger, RSS 2021) and
    goes along it for as long as the step lasts. Ruckig itself knows no walls. So an axis takes a step only
    together with the stop from the state it leads to, when that stop ends inside; otherwise it continues the
    stop that came with the step before, which ends inside by induction, however long the steps are. The
    tool's box is watched in the same way, for all axes at once.

    The motion is a continuous one of which writes are samples: divided differences of the commands are means
    of its derivatives, and so within its limits.
    """

    def __init__(self, limits: MotionLimits, box: ToolBox | None) -> None:
        self._limits = limits
        self._box = box
        width = len(limits.low)
        self._generator = Ruckig(width)
        plan, self._rest = InputParameter(width), np.zeros(width)
        plan.max_velocity = limits.rate
        plan.max_acceleration = limits.acceleration
        plan.max_jerk = limits.jerk
        plan.target_acceleration = self._rest
        plan.synchronization = Synchronization.No
        self._plan = plan
        self.start(self._rest)

    @property
    def position(self) -> Vector:
        return self._state[0]

    @property
    def at_rest(self) -> bool:
        return not (self._state[1].any() or self._state[2].any())

    def start(self, position: Vector) -> None:
        self._before, self._step_s = position, self._limits.dt_s
        self._be((position, self._rest, self._rest))

    def towards(self, target: Vector, step_s: float) -> None:
        self._plan.control_interface = ControlInterface.Position
        self._plan.target_position, self._plan.target_velocity = target, self._rest
        self._take(step_s)

    def at_rate(self, rate: Vector, step_s: float) -> None:
        self._plan.control_interface = ControlInterface.Velocity
        self._plan.target_velocity = np.clip(rate, -self._limits.rate, self._limits.rate)
        self._take(step_s)

    def stop(self, step_s: float) -> None:
        self._move(self._stopping(step_s), self._stop, self._stopped_s + step_s, step_s)

    def put(self, position: Vector) -> None:
        # What acceleration the arm has now is nobody's knowledge; it brakes or goes on from none.
        here, rate, acceleration = self._state
        leap = self._limits.rate_between(self._before, position, self._step_s)
        kept = position == here
        self._be((position, np.where(kept, rate, leap), np.where(kept, acceleration, 0.0)))

    def _be(self, state: State) -> None:
        stop = self._stop_from(state)
        if stop is None:  # Ruckig fails on numbers beyond all scale: the axes stand at once
            state = (state[0], self._rest, self._rest)
            stop = Trajectory(len(self._rest))
        self._state, self._stop, self._stopped_s = state, stop, 0.0

    def _take(self, step_s: float) -> None:
        """Go along the fastest motion for ``step_s`` when one can still stop inside after it."""
        wish = self._wish(step_s)
        stop = None if wish is None else self._stop_from(wish)
        if wish is None or stop is None:
            return self.stop(step_s)
        inside = self._inside(wish, stop)
        if not inside.all():
            wish = _choose(inside, wish, self._stopping(step_s))
            stop = self._stop_from(wish)
        if stop is None or not self._boxed(stop):
            return self.stop(step_s)
        return self._move(wish, stop, 0.0, step_s)

    def _wish(self, step_s: float) -> State | None:
        motion = self._solve(self._state)
        if motion is None:
            return None
        state = _at(motion, step_s)
        arrived = motion.duration <= step_s and not any(self._plan.target_velocity)
        return (state[0], self._rest, self._rest) if arrived else state

    def _move(self, state: State, stop: Trajectory, stopped_s: float, step_s: float) -> None:
        (position, rate, acceleration), here = state, self._state[0]
        low, high = np.minimum(self._limits.low, here), np.maximum(self._limits.high, here)
        position = np.where((position < low) & (position >= low - _GRAIN), low, position)
        position = np.where((position > high) & (position <= high + _GRAIN), high, position)
        self._before, self._step_s = here, step_s
        self._state, self._stop, self._stopped_s = (position, rate, acceleration), stop, stopped_s

    def _stopping(self, step_s: float) -> State:
        """The state after ``step_s`` more of the stop that is known to end inside."""
        after_s = self._stopped_s + step_s
        if after_s < self._stop.duration:
            return _at(self._stop, after_s)
        return _at(self._stop, self._stop.duration)[0], self._rest, self._rest

    def _stop_from(self, state: State) -> Trajectory | None:
        plan = self._plan
        kept = plan.control_interface, plan.target_velocity
        plan.control_interface, plan.target_velocity = ControlInterface.Velocity, self._rest
        stop = self._solve(state)
        plan.control_interface, plan.target_velocity = kept
        return stop

    def _solve(self, state: State) -> Trajectory | None:
        plan, motion = self._plan, Trajectory(len(self._rest))
        plan.current_position, plan.current_velocity, plan.current_acceleration = state
        try:
            result = self._generator.calculate(plan, motion)
        except RuckigError:
            return None
        return motion if result in (Result.Working, Result.Finished) else None

    def _inside(self, state: State, stop: Trajectory) -> NDArray[np.bool_]:
        """Which axes stay inside while they stop, or come no further out than they are, shape (A,).

        The ends of the stop are enough. It turns back in between only when it undoes an acceleration that
        brakes too hard, and that lies nearer than the end of the stop which the axis was on before. (Ruckig's
        own position_extrema are of no use here: they count a target position that a stop does not have.)
        """
        low = np.minimum(self._limits.low, self._state[0]) - _GRAIN
        high = np.maximum(self._limits.high, self._state[0]) + _GRAIN
        points = np.array([state[0], _at(stop, stop.duration)[0]])
        return np.logical_and.reduce((points >= low) & (points <= high))

    def _boxed(self, stop: Trajectory) -> bool:
        if self._box is None:
            return True
        every_s = self._limits.dt_s / 2.0
        count = 1 + int(np.ceil(stop.duration / every_s))
        path = [_at(stop, i * every_s)[0] for i in range(count)]
        return self._box.admits(self._state[0], np.array(path))


def _at(motion: Trajectory, time_s: float) -> State:
    position, rate, acceleration = motion.at_time(time_s)
    return np.array(position), np.array(rate), np.array(acceleration)


def _choose(first: NDArray[np.bool_], one: State, other: State) -> State:
    return (
        np.where(first, one[0], other[0]),
        np.where(first, one[1], other[1]),
        np.where(first, one[2], other[2]),
    )
