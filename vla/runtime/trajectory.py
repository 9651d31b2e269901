"""Commands without jerks: an online trajectory generator in front of the driver."""

from __future__ import annotations

import numpy as np

from vla.contract import ContractError
from vla.runtime.braking import Vector
from vla.runtime.motion import MotionLimits
from vla.runtime.workspace import ToolBox

try:
    from ruckig import (
        ControlInterface,
        InputParameter,
        Result,
        Ruckig,
        RuckigError,
        Synchronization,
        Trajectory,
    )
except ImportError as error:
    raise ContractError("smooth motion needs Ruckig; install it with: pip install 'handily[otg]'") from error

_GRAIN = 1e-8
"""How exactly Ruckig ends where it should."""


def turning_way(rate: Vector, acceleration: Vector, jerk: Vector) -> Vector:
    """Signed way of a jerk-limited stop until its rate passes through zero; 0 where it does so only at the end.

    It passes early when the acceleration, which has to fade at ``jerk``, undoes more than the rate:
    acceleration^2 / (2 jerk) > |rate|, the two having opposite signs.
    """
    speed, braking = np.abs(rate), -acceleration * np.sign(rate)
    excess = braking**2 - 2.0 * jerk * speed
    time_s = (braking - np.sqrt(np.maximum(excess, 0.0))) / jerk
    way = speed * time_s - braking * time_s**2 / 2.0 + jerk * time_s**3 / 6.0
    return np.where((braking > 0.0) & (excess > 0.0), np.copysign(way, rate), 0.0)


class SmoothMotion:
    """Keeps position, rate, acceleration and jerk, and the tool's box, at every write.

    Each write replans the fastest motion to rest at the target (Ruckig, Berscheid and Kroeger, RSS 2021) and
    goes along it for as long as the step lasts. Ruckig itself knows no walls. So a step is taken only together
    with the stop from the state it leads to, when that stop ends inside; otherwise the stop that came with
    the step before is continued, which ends inside by induction, however long the steps are.

    The motion is a continuous one of which writes are samples: divided differences of the commands are means of
    its derivatives, and so within its limits.
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
        return self._position

    @property
    def at_rest(self) -> bool:
        return not (self._rate.any() or self._acceleration.any())

    def start(self, position: Vector) -> None:
        self._before, self._step_s = position, self._limits.dt_s
        self._be(position, self._rest, self._rest)

    def towards(self, target: Vector, step_s: float) -> None:
        self._plan.control_interface = ControlInterface.Position
        self._plan.target_position, self._plan.target_velocity = target, self._rest
        self._take(step_s)

    def at_rate(self, rate: Vector, step_s: float) -> None:
        self._plan.control_interface = ControlInterface.Velocity
        self._plan.target_velocity = np.clip(rate, -self._limits.rate, self._limits.rate)
        self._take(step_s)

    def stop(self, step_s: float) -> None:
        self._before, self._step_s = self._position, step_s
        self._stopped_s += step_s
        stopped = self._stopped_s >= self._stop.duration
        position, rate, acceleration = map(np.array, self._stop.at_time(self._stopped_s))
        self._position = position
        self._rate, self._acceleration = (self._rest, self._rest) if stopped else (rate, acceleration)

    def put(self, position: Vector) -> None:
        # What acceleration the arm has now is nobody's knowledge; it brakes or goes on from none.
        self._be(position, (position - self._before) / self._step_s, self._rest)

    def _be(self, position: Vector, rate: Vector, acceleration: Vector) -> None:
        stop = self._stop_from(position, rate, acceleration)
        if (
            stop is None
        ):  # Ruckig cannot brake from there, for example from a rate of 1e30: it stands at once.
            rate = acceleration = self._rest
            stop = self._stop_from(position, rate, acceleration) or Trajectory(len(rate))
        self._position, self._rate, self._acceleration = position, rate, acceleration
        self._stop, self._stopped_s = stop, 0.0

    def _take(self, step_s: float) -> None:
        """Go along the fastest motion for ``step_s`` when one can still stop inside after it."""
        here = self._position
        motion = self._solve(here, self._rate, self._acceleration)
        if motion is None:
            return self.stop(step_s)
        position, rate, acceleration = map(np.array, motion.at_time(step_s))
        if step_s >= motion.duration and self._plan.control_interface == ControlInterface.Position:
            rate, acceleration = self._rest, self._rest
        stop = self._stop_from(position, rate, acceleration)
        if stop is None or not self._inside(here, stop):
            return self.stop(step_s)
        self._before, self._step_s = here, step_s
        self._position = self._cut(position, here)
        self._rate, self._acceleration = rate, acceleration
        self._stop, self._stopped_s = stop, 0.0
        return None

    def _cut(self, position: Vector, here: Vector) -> Vector:
        low, high = np.minimum(self._limits.low, here), np.maximum(self._limits.high, here)
        return np.minimum(np.maximum(position, low), high)

    def _stop_from(self, position: Vector, rate: Vector, acceleration: Vector) -> Trajectory | None:
        plan = self._plan
        kept = plan.control_interface, plan.target_velocity
        plan.control_interface, plan.target_velocity = ControlInterface.Velocity, self._rest
        stop = self._solve(position, rate, acceleration)
        plan.control_interface, plan.target_velocity = kept
        return stop

    def _solve(self, position: Vector, rate: Vector, acceleration: Vector) -> Trajectory | None:
        plan, motion = self._plan, Trajectory(len(self._rest))
        plan.current_position, plan.current_velocity = position, rate
        plan.current_acceleration = acceleration
        try:
            result = self._generator.calculate(plan, motion)
        except RuckigError:
            return None
        return motion if result in (Result.Working, Result.Finished) else None

    def _inside(self, here: Vector, stop: Trajectory) -> bool:
        """True when ``stop`` stays inside, or comes no further out than ``here``.

        It turns where its rate passes through zero and rests where it ends. (Ruckig's own position_extrema
        count a target position that a stop does not have.)
        """
        low = np.minimum(self._limits.low, here) - _GRAIN
        high = np.maximum(self._limits.high, here) + _GRAIN
        start, rate, acceleration = map(np.array, stop.at_time(0.0))
        turn = start + turning_way(rate, acceleration, self._limits.jerk)
        end = np.array(stop.at_time(stop.duration)[0])
        points = np.array([start, turn, end])
        if not ((points >= low) & (points <= high)).all():
            return False
        if self._box is None:
            return True
        every_s = self._limits.dt_s / 2.0
        count = 1 + int(np.ceil(stop.duration / every_s))
        return self._box.admits(here, np.array([stop.at_time(i * every_s)[0] for i in range(count)]))
