"""The last gate before the motors: limits from the spec, and a refusal of what is not a motion at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.contract import ActionChunk, RobotSpec


class ActionLimiter:
    """Keeps commands inside a spec's position and rate limits.

    Finite values that reach too far are cut to the nearest legal value, since learned policies overshoot by
    millimetres. Values that are not finite carry no intention: a chunk that holds one is refused whole,
    because a clamp would turn it into a limit, which is a motion nobody asked for.
    """

    def __init__(self, spec: RobotSpec) -> None:
        self._spec = spec
        self._low = spec.action_low
        self._high = spec.action_high
        self._max_step = spec.action_max_step
        self._is_delta = spec.semantics == "delta_tool"

    def refusal(self, chunk: ActionChunk) -> str | None:
        """Why ``chunk`` must not be used, in one line; None when it may be."""
        actions = chunk.actions
        width = len(self._spec.action)
        if actions.dtype != np.float32 or actions.ndim != 2 or len(actions) < 1 or actions.shape[1] != width:
            return f"actions are {actions.dtype} {actions.shape}, expected float32 (T >= 1, {width})"
        if not (np.isfinite(chunk.dt_s) and chunk.dt_s > 0 and np.isfinite(chunk.start_s)):
            return f"dt_s {chunk.dt_s} and start_s {chunk.start_s} must be finite, dt_s > 0"
        bad = np.argwhere(~np.isfinite(actions))
        if len(bad):
            row, column = bad[0]
            name = self._spec.action[column].name
            return f"action {name!r} row {row} is {actions[row, column]}, not a finite number"
        return None

    def apply(self, action: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
        """The nearest legal command to ``action``.

        Args:
            action: Shape (A,), finite.
            reference: What was really sent last, shape (A,); with delta semantics it is ignored, since a
                delta is itself a change per period.

        Returns:
            A new float32 array of shape (A,): within one period's ``max_rate`` of the reference, and inside
            the position limits whenever the reference is. A reference outside moves back at the legal rate.
        """
        origin = np.zeros_like(reference) if self._is_delta else reference
        inside = np.clip(action, self._low, self._high)
        return np.clip(inside, origin - self._max_step, origin + self._max_step).astype(np.float32)
