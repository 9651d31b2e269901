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

    def __init__(self, spec: RobotSpec, smooth: bool = False) -> None:
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

    def start(self, position: NDArray[np.float32]) -> None:
        self._reference = np.zeros_like(position) if self._is_delta else position

    def sent(self, command: NDArray[np.float32]) -> None:
        if not self._is_delta:
            self._reference = command

    @property
    def at_rest(self) -> bool:
        return True

    def brake(self, elapsed_s: float | None = None) -> NDArray[np.float32]:
        return self._reference

    def apply(self, action: NDArray[np.float32], elapsed_s: float | None = None) -> NDArray[np.float32]:
        inside = np.clip(action, self._low, self._high)
        origin = self._reference
        return np.clip(inside, origin - self._max_step, origin + self._max_step).astype(np.float32)
