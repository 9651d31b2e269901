"""The box that the tool of a joint robot must stay in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vla.runtime.braking import Vector

ToolOf = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From a command, shape (A,), to the tool's position in the robot's base frame, shape (3,), in m."""

_NO_MORE_M = 1e-9


class ToolBox:
    """Judges whether a path of commands keeps the tool inside a box.

    A step is admitted together with the braking that could follow it. So there is always a way to stop
    inside: the one that was admitted with the step before.
    """

    def __init__(self, box: tuple[tuple[float, float], ...], tool_of: ToolOf) -> None:
        """Take the box apart.

        Args:
            box: (low, high) in m along x, y and z of the robot's base frame.
            tool_of: The arm's forward kinematics; it is called once per point of a path.
        """
        self._low, self._high = np.array(box, np.float64).T
        self._tool_of = tool_of

    def admits(self, before: Vector, path: NDArray[np.float64]) -> bool:
        """True when the tool stays inside along ``path``, or at least comes no further out than it was.

        Between two points of the path the tool may bulge out. For a smooth path the bulge is an eighth of its
        second difference; twice that is kept free, unless the tool is outside already.

        Args:
            before: Where the arm is commanded to be, shape (A,).
            path: Commands at equal distances in time, the last one at rest, shape (N >= 1, A).
        """
        tool = np.array([self._tool_of(before), *(self._tool_of(point) for point in path)], np.float64)
        outside = np.maximum(self._low - tool, 0.0) + np.maximum(tool - self._high, 0.0)
        bends = np.abs(np.diff(tool[1:], 2, axis=0))
        margin = bends.max() / 4.0 if bends.size else 0.0
        clear = (tool[1:] >= self._low + margin) & (tool[1:] <= self._high - margin) | (outside[0] > 0.0)
        return bool(clear.all() and (np.diff(outside, axis=0) <= _NO_MORE_M).all())
