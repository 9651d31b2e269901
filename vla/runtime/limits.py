"""The last gate before the motors: no chunk that is not a motion, and no step that is not legal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.contract import ActionChunk, ContractError, RobotSpec
from vla.runtime.motion import Motion, MotionLimits, SteppedMotion
from vla.runtime.workspace import ToolBox, ToolOf

_ABSURD_RANGES = 1000.0
_ABSURD_WITHOUT_RANGE = 1e6
_LEAST_STEP = 0.05
"""Of a period. A write that comes even sooner repeats the last one: float32 cannot tell rates so close by."""


class ActionLimiter:
    """Keeps commands inside a spec's limits, whatever is asked of it and whenever.

    Position, rate and acceleration hold at every write, and the tool stays in the workspace box; jerk holds,
    too, with ``smooth``. Finite values that reach too far become the nearest legal step, since learned
    policies overshoot by millimetres. Values that are not finite, or that lie a thousand ranges away, carry
    no intention: a chunk that holds one is refused whole, because a clamp would turn it into a limit, which
    is a motion nobody asked for. -0.0 and denormals are numbers like others.

    The limits hold for the exact motion, and for its float32 commands to within their rounding, half a unit
    in the last place of each position; position limits hold exactly. Time is counted between writes, up to
    one period: a late write moves no further than a punctual one, an early one proportionally less.

    With delta semantics an action is a change per period. Action limits bound the change, ``max_rate`` and
    ``max_acceleration`` bound the motion, and the limits of the state axes of the same names bound the
    position, which is the one given to :meth:`start` plus what was sent since.
    """

    def __init__(self, spec: RobotSpec, *, tool_of: ToolOf | None = None, smooth: bool = False) -> None:
        """Be ready for :meth:`start`.

        Args:
            spec: The robot. Its workspace applies to the axes tool_x, tool_y and tool_z, unless:
            tool_of: Gives the tool's position (3,) in m for a position of the action axes (A,); needed for
                the workspace of a joint robot. It is called once per half period of the braking that could
                follow, at each write.
            smooth: Limit jerk through an online trajectory generator (the extra ``handily[otg]``).

        Raises:
            ContractError: the workspace cannot be watched, or ``smooth`` lacks a limit or its extra.
        """
        self._spec = spec
        self._low, self._high = spec.action_low, spec.action_high
        self._is_delta = spec.semantics == "delta_tool"
        limits = MotionLimits.of(spec, in_box=tool_of is None)
        box = ToolBox(spec.workspace, tool_of) if tool_of is not None and spec.workspace is not None else None
        self._walls = (self._low, self._high) if self._is_delta else (limits.low, limits.high)
        self._motion = _smooth(spec, limits, box) if smooth else SteppedMotion(limits, box)
        far = _ABSURD_RANGES * (self._high.astype(np.float64) - self._low)
        limited = np.isfinite(far)
        self._least = np.where(limited, self._low - far, -_ABSURD_WITHOUT_RANGE)
        self._most = np.where(limited, self._high + far, _ABSURD_WITHOUT_RANGE)
        reach = np.maximum(np.abs(self._low), np.abs(self._high))
        # A driver repeats our float32 arithmetic in another order: that is not another command.
        self._grain = np.where(np.isfinite(reach), 1e-6 * reach, 0.0)
        self._command: NDArray[np.float32] | None = None

    @property
    def at_rest(self) -> bool:
        """True when nothing is left to brake."""
        return self._motion.at_rest

    def refusal(self, chunk: ActionChunk) -> str | None:
        """Why ``chunk`` must not be used, in one line; None when it may be."""
        actions = chunk.actions
        width = len(self._spec.action)
        if actions.dtype != np.float32 or actions.ndim != 2 or len(actions) < 1 or actions.shape[1] != width:
            return f"actions are {actions.dtype} {actions.shape}, expected float32 (T >= 1, {width})"
        if not (np.isfinite(chunk.dt_s) and chunk.dt_s > 0 and np.isfinite(chunk.start_s)):
            return f"dt_s {chunk.dt_s} and start_s {chunk.start_s} must be finite, dt_s > 0"
        # Asks what is right, not what is wrong: every comparison with NaN is false.
        bad = np.argwhere(~((actions >= self._least) & (actions <= self._most)))
        if len(bad):
            row, column = bad[0]
            axis, value = self._spec.action[column], actions[row, column]
            wrong = f"far outside [{axis.low}, {axis.high}]" if np.isfinite(value) else "not a finite number"
            return f"action {axis.name!r} row {row} is {value}, {wrong}"
        return None

    def start(self, position: NDArray[np.float32]) -> None:
        """Begin at rest.

        Args:
            position: Where the arm is commanded to be, shape (A,), in the units of the action; with delta
                semantics where its axes are (:func:`position_of`).

        Raises:
            ContractError: wrong shape, or not finite.
        """
        here = self._checked("position", position)
        self._motion.start(here)
        self._before = self._origin = self._reached = here
        self._command = np.zeros_like(self._low) if self._is_delta else here.astype(np.float32)

    def apply(self, action: NDArray[np.float32], elapsed_s: float | None = None) -> NDArray[np.float32]:
        """The next legal command towards ``action``.

        A target is reached exactly, and never overshot while ticks come at the control rate; under jitter it
        may be overshot by an eighth of ``max_acceleration`` times the period squared, and by nothing with
        ``smooth``. A row that is not finite should have been refused; here it brakes.

        Args:
            action: Shape (A,).
            elapsed_s: Time since the last write; the control period by default.

        Returns:
            A new float32 array of shape (A,).
        """
        if not np.isfinite(action).all():
            return self.brake(elapsed_s)
        if step_s := self._step_s(elapsed_s):
            inside = np.minimum(np.maximum(action.astype(np.float64), self._walls[0]), self._walls[1])
            if self._is_delta:
                self._motion.at_rate(inside * self._spec.control_hz, step_s)
            else:
                self._motion.towards(inside, step_s)
        return self._send(moved=step_s > 0)

    def brake(self, elapsed_s: float | None = None) -> NDArray[np.float32]:
        """The next command of an arm that decelerates at its limit and then rests; zeros at rest for deltas.

        Args:
            elapsed_s: As for :meth:`apply`.

        Returns:
            A new float32 array of shape (A,). From the rate v the arm stands within v / ``max_acceleration``
            and one period, at once where that is unlimited; with ``smooth`` later by what the jerk costs.
        """
        if step_s := self._step_s(elapsed_s):
            self._motion.stop(step_s)
        return self._send(moved=step_s > 0)

    def sent(self, command: NDArray[np.float32]) -> None:
        """Tell what the driver really sent for the last command; the next one goes on from there.

        Args:
            command: Shape (A,).

        Raises:
            ContractError: wrong shape, not finite, or so far outside the limits that it is no command.
        """
        real = self._checked("what was sent", command)
        if not ((real >= self._least) & (real <= self._most)).all():
            raise ContractError(f"what was sent is {command}, far outside {self._low}..{self._high}")
        strays = np.abs(real - self._started()) > self._grain
        if strays.any():
            reached = self._before + real if self._is_delta else real
            self._motion.put(np.where(strays, reached, self._motion.position))
            self._origin, self._command = reached, command.astype(np.float32)
            self._reached = self._motion.position

    def _step_s(self, elapsed_s: float | None) -> float:
        """The time to move for; 0 for none. What is not a number is no time."""
        dt_s = self._spec.dt_s
        if elapsed_s is None or elapsed_s >= dt_s:
            return dt_s
        return elapsed_s if elapsed_s >= _LEAST_STEP * dt_s else 0.0

    def _send(self, moved: bool) -> NDArray[np.float32]:
        command, here = self._started(), self._motion.position
        if self._is_delta:
            # The origin sums up what was sent: the next change makes good what rounding took from this one.
            change = np.where(here == self._reached, 0.0, here - self._origin)
            command = change.astype(np.float32)
            self._before, self._origin = self._origin, self._origin + command
        elif moved:
            command = here.astype(np.float32)
        self._command, self._reached = command, here
        return command.copy()

    def _started(self) -> NDArray[np.float32]:
        if self._command is None:
            raise ContractError("the limiter has no position yet: start(position) comes first")
        return self._command

    def _checked(self, what: str, value: NDArray[np.float32]) -> NDArray[np.float64]:
        if value.shape != self._low.shape or not np.isfinite(value).all():
            raise ContractError(f"{what} is {value}, expected {len(self._low)} finite numbers")
        return value.astype(np.float64)


def position_of(
    spec: RobotSpec, held: NDArray[np.float32], state: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What to start a limiter from: the command that holds, or with delta semantics the sensed position.

    Args:
        spec: The robot.
        held: What ``Driver.hold`` returned, shape (A,).
        state: What the robot senses, shape (S,).

    Returns:
        Shape (A,); with delta semantics 0 where no state axis has the action axis's name.
    """
    if spec.semantics != "delta_tool":
        return held
    sensed = {axis.name: value for axis, value in zip(spec.state, state, strict=True)}
    return np.array([sensed.get(axis.name, 0.0) for axis in spec.action], np.float32)


def _smooth(spec: RobotSpec, limits: MotionLimits, box: ToolBox | None) -> Motion:
    from vla.runtime.trajectory import SmoothMotion

    for axis in spec.action:
        if not (axis.max_rate and axis.max_acceleration and axis.max_jerk):
            raise ContractError(
                f"axis {axis.name!r} needs max_rate, max_acceleration and max_jerk to be smooth"
            )
    return SmoothMotion(limits, box)
