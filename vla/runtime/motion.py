"""How a command may change from one write to the next: position, rate and acceleration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vla.contract import Axis, ContractError, RobotSpec
from vla.runtime.braking import UNLIMITED, Vector, arrival_rate, braking_way, end_rate, wall_rate
from vla.runtime.workspace import ToolBox

_TOOL = ("tool_x", "tool_y", "tool_z")
_SHARES = (1.0, 0.5, 0.25)


@dataclass(frozen=True, slots=True)
class MotionLimits:
    """A spec's limits as arrays, one entry per action axis, in the axis's unit.

    Attributes:
        low: Walls of the commanded position; -inf where there is none.
        high: Likewise; inf where there is none.
        rate: Largest rate; inf where unlimited.
        acceleration: Largest acceleration; :data:`~vla.runtime.braking.UNLIMITED` where unlimited.
        jerk: Largest jerk; inf where unlimited. Only a smooth motion keeps it.
        dt_s: The control period.
    """

    low: Vector
    high: Vector
    rate: Vector
    acceleration: Vector
    jerk: Vector
    dt_s: float

    @classmethod
    def of(cls, spec: RobotSpec, in_box: bool) -> Self:
        """The limits in ``spec``.

        The walls are the limits of the action axes. With delta semantics those limit the change instead, and
        the walls are the limits of the state axes of the same names; without one there is no wall.

        Args:
            spec: The robot.
            in_box: Narrow the walls of the axes tool_x, tool_y and tool_z to ``spec.workspace``.

        Raises:
            ContractError: an axis that the workspace speaks of is missing, or has no room inside it.
        """
        axes: Sequence[Axis | None] = spec.action
        if spec.semantics == "delta_tool":
            state = {axis.name: axis for axis in spec.state}
            axes = [state.get(axis.name) for axis in spec.action]
        low = np.array([axis.low if axis else -np.inf for axis in axes], np.float32)
        high = np.array([axis.high if axis else np.inf for axis in axes], np.float32)
        if in_box and spec.workspace is not None:
            _narrow(spec, low, high)
        return cls(
            low=low.astype(np.float64),
            high=high.astype(np.float64),
            rate=np.array([axis.max_rate or np.inf for axis in spec.action]),
            acceleration=np.array([axis.max_acceleration or UNLIMITED for axis in spec.action]),
            jerk=np.array([axis.max_jerk or np.inf for axis in spec.action]),
            dt_s=spec.dt_s,
        )

    def rate_between(self, before: Vector, after: Vector, step_s: float) -> Vector:
        """The rate of a step, or the largest legal one, shape (A,)."""
        return np.minimum(np.maximum((after - before) / step_s, -self.rate), self.rate)


def _narrow(spec: RobotSpec, low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
    names = [axis.name for axis in spec.action]
    for name, (least, most) in zip(_TOOL, spec.workspace or (), strict=True):
        if name not in names:
            raise ContractError(
                f"the workspace of {spec.name!r} needs an action axis {name!r}, or the arm's kinematics "
                f"(tool_of); action axes are {names}"
            )
        i = names.index(name)
        low[i], high[i] = max(low[i], _not_below(least)), min(high[i], -_not_below(-most))
        if not low[i] < high[i]:
            raise ContractError(f"axis {name!r} has no room inside the workspace {(least, most)}")


def _not_below(value: float) -> np.float32:
    """The smallest float32 that is not below ``value``."""
    nearest = np.float32(value)
    return nearest if float(nearest) >= value else np.nextafter(nearest, np.float32(np.inf))


class Motion(Protocol):
    """A commanded motion that is continued write by write."""

    @property
    def position(self) -> Vector:
        """The commanded position, shape (A,)."""
        ...

    @property
    def at_rest(self) -> bool:
        """True when the next write need not move."""
        ...

    def start(self, position: Vector) -> None:
        """Rest at ``position``, shape (A,)."""
        ...

    def towards(self, target: Vector, step_s: float) -> None:
        """One step towards resting at ``target``, shape (A,)."""
        ...

    def at_rate(self, rate: Vector, step_s: float) -> None:
        """One step at ``rate``, shape (A,), or as near to it as is legal."""
        ...

    def stop(self, step_s: float) -> None:
        """One step of braking at the legal rate."""
        ...

    def put(self, position: Vector) -> None:
        """The last step really ended at ``position``, shape (A,).

        Where that is news, the axis is taken to have the rate that leads there, or the largest legal one: an
        arm does not go faster, and to brake from a leap would mean to fly on.
        """
        ...


class SteppedMotion:
    """Keeps position, rate and acceleration, and the tool's box, at every write. Jerk is not limited.

    With :mod:`vla.runtime.braking`: the rate and the acceleration are the first and second divided
    differences of the commands. In a state that no legal motion leads to, because a limit was tightened or
    something else was sent, the acceleration has the last word: the axis brakes, and comes back inside at a
    legal rate.
    """

    def __init__(self, limits: MotionLimits, box: ToolBox | None) -> None:
        self._limits = limits
        self._box = box
        # How far float32 lets a driver's arithmetic stray from ours at a wall.
        reach = np.maximum(np.abs(limits.low), np.abs(limits.high))
        self._grain = np.where(np.isfinite(reach), 1e-6 * reach, 0.0)
        self.start(np.zeros_like(limits.low))

    @property
    def position(self) -> Vector:
        return self._position

    @property
    def at_rest(self) -> bool:
        return not end_rate(self._rate, self._limits.acceleration, self._step_s).any()

    def start(self, position: Vector) -> None:
        self._position = self._before = position
        self._rate = np.zeros_like(position)
        self._step_s = self._limits.dt_s

    def towards(self, target: Vector, step_s: float) -> None:
        way = target - self._position
        rate = arrival_rate(np.abs(way), self._limits.acceleration, self._limits.dt_s)
        self.at_rate(np.copysign(rate, way), step_s)
        near = np.abs(target - self._position) <= 1e-12 * (1.0 + np.abs(target))
        self._position = np.where(near, target, self._position)  # a rate times a time misses it by a rounding

    def at_rate(self, rate: Vector, step_s: float) -> None:
        limits, here = self._limits, self._position
        up = wall_rate(limits.high - here, limits.acceleration, step_s)
        down = wall_rate(here - limits.low, limits.acceleration, step_s)
        change = limits.acceleration * ((self._step_s + step_s) / 2.0)
        rate = np.minimum(np.maximum(rate, -np.minimum(down, limits.rate)), np.minimum(up, limits.rate))
        rate = np.minimum(np.maximum(rate, self._rate - change), self._rate + change)
        self._move(rate if self._box is None else self._inside(rate, step_s, self._box), step_s)

    def stop(self, step_s: float) -> None:
        self._move(self._braking(step_s), step_s)

    def put(self, position: Vector) -> None:
        leap = self._limits.rate_between(self._before, position, self._step_s)
        self._rate = np.where(position == self._position, self._rate, leap)
        self._position = position

    def _braking(self, step_s: float) -> Vector:
        end = end_rate(self._rate, self._limits.acceleration, self._step_s)
        return braking_way(end, self._limits.acceleration, step_s) / step_s

    def _inside(self, rate: Vector, step_s: float, box: ToolBox) -> Vector:
        """``rate``, or what of it the box admits; braking was admitted with the step before."""
        braking = self._braking(step_s)
        for share in _SHARES:
            tried = braking + share * (rate - braking)
            if box.admits(self._position, self._path(tried, step_s)):
                return tried
        return braking

    def _path(self, rate: Vector, step_s: float) -> NDArray[np.float64]:
        """Where a step at ``rate`` ends, and the braking after it twice per period, shape (N, A)."""
        acceleration, every_s = self._limits.acceleration, self._limits.dt_s / 2.0
        end = end_rate(rate, acceleration, step_s)
        count = 1 + int(np.ceil((np.abs(end) / acceleration).max() / every_s))
        ways = [braking_way(end, acceleration, i * every_s) for i in range(count)]
        return self._position + rate * step_s + np.array(ways)

    def _move(self, rate: Vector, step_s: float) -> None:
        limits, here = self._limits, self._position + rate * step_s
        low = np.where(here >= limits.low - self._grain, limits.low, -np.inf)
        high = np.where(here <= limits.high + self._grain, limits.high, np.inf)
        self._before, self._position = self._position, np.minimum(np.maximum(here, low), high)
        self._rate, self._step_s = rate, step_s
