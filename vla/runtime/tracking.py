"""Whether the arm is where it was told to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.contract import RobotSpec


class TrackingMonitor:
    """Compares what was commanded with what is sensed, on the axes that are both.

    Grippers are left out: fingers that close on a thing never reach their goal. So are deltas, which command
    no place.
    """

    def __init__(self, spec: RobotSpec, share: float, patience_s: float) -> None:
        """Watch a robot.

        Args:
            spec: The robot.
            share: How far an axis may be from its command, over its range; 0 turns the monitor off.
            patience_s: For how long it may be further.
        """
        names = [axis.name for axis in spec.state]
        watched = share > 0 and spec.semantics != "delta_tool"
        self._pairs = [
            (a, names.index(axis.name))
            for a, axis in enumerate(spec.action)
            if watched and axis.name in names and not axis.name.startswith("gripper_")
        ]
        self._action = [a for a, _ in self._pairs]
        self._state = [s for _, s in self._pairs]
        self._spec = spec
        self._allowed = share * (spec.action_high - spec.action_low)[self._action]
        self._patience_s = patience_s
        self._off_since_s: float | None = None

    def fault(
        self, state: NDArray[np.float32], command: NDArray[np.float32], now_s: float, at_once: bool = False
    ) -> str | None:
        """Why the arm must stop, in one line, or None.

        Args:
            state: Sensed, shape (S,).
            command: What was really sent last, shape (A,).
            now_s: On the loop's clock.
            at_once: Without patience, as before the first motion.
        """
        if not self._pairs:
            return None
        off = np.abs(state[self._state] - command[self._action])
        if not (off > self._allowed).any():
            self._off_since_s = None
            return None
        if self._off_since_s is None:
            self._off_since_s = now_s
        if not at_once and now_s - self._off_since_s <= self._patience_s:
            return None
        worst = int(np.argmax(off / self._allowed))
        axis = self._spec.action[self._action[worst]]
        return (
            f"{axis.name} is {off[worst]:.3g} {axis.unit} from where it was told to be, "
            f"more than {self._allowed[worst]:.3g}"
        )
