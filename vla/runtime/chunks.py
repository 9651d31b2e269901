"""Which action is due now, and whether it is time to ask for more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.contract import ActionChunk


class ChunkBuffer:
    """Holds the newest chunk and consumes it by time.

    Ask ahead: a new chunk is wanted once ``replan_s`` of the current one has been consumed, so that it can
    arrive before the current one runs out. The newest observation wins: a chunk that starts before the
    current one is not taken.
    """

    def __init__(self, replan_s: float, half_period_s: float = 0.0) -> None:
        """An empty buffer.

        Args:
            replan_s: Age of the current chunk at which the next one is wanted, in seconds, > 0.
            half_period_s: Half the control period: the row due nearest to now is taken, so that jitter of
                less than this neither repeats nor skips a row.

        Raises:
            ValueError: ``replan_s`` is not above 0.
        """
        if not replan_s > 0:
            raise ValueError(f"replan_s is {replan_s}, must be > 0")
        self._replan_s = replan_s
        self._half_period_s = half_period_s
        self._chunk: ActionChunk | None = None

    def put(self, chunk: ActionChunk) -> bool:
        """Take ``chunk`` unless it starts before the current one; True when taken."""
        if self._chunk is not None and chunk.start_s < self._chunk.start_s:
            return False
        self._chunk = chunk
        return True

    def clear(self) -> None:
        """Forget the current chunk: the caller holds until the next one."""
        self._chunk = None

    def at(self, now_s: float) -> NDArray[np.float32] | None:
        """The row due at ``now_s``, shape (A,); None when there is none, and the caller holds."""
        return None if self._chunk is None else self._chunk.at(now_s + self._half_period_s)

    def wants(self, now_s: float) -> bool:
        """True when it is time to ask for a chunk: none is due, or ``replan_s`` has been consumed."""
        if self._chunk is None or self.at(now_s) is None:
            return True
        return now_s - self._chunk.start_s >= self._replan_s - self._half_period_s
