"""Which action is due now, when to ask for more, and what the next chunk must go on from.

Four ways of carrying out chunks, by name:

* ``rtc``: real-time chunking. Ask ahead; the new chunk goes on from the rows that will have been carried out
  when it arrives (arXiv 2506.07339, arXiv 2512.05964). What the policy does with them is its own affair.
* ``asynchronous``: ask ahead, and change over to the new chunk wherever it then is.
* ``synchronous``: carry out some rows, stand still, ask, wait, go on with row 0.
* ``ensemble``: ask at every tick and average what all chunks say of now (arXiv 2304.13705).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vla.contract import ActionChunk, ContractError, Prefix

EXECUTIONS = ("rtc", "asynchronous", "synchronous", "ensemble")
_DELAYS = 10
_ENSEMBLE_DECAY = 0.01


class ChunkBuffer:
    """Holds the newest chunk and consumes it by time: ``asynchronous``, and the ground the others stand on.

    A new chunk is wanted once ``replan_s`` of the current one has been consumed, or earlier when answers take
    so long that the current one would run out. The newest observation wins: a chunk that starts before the
    current one is not taken.

    Attributes:
        waits: True when the arm stands still until the answer comes, so that no answer is too late.
    """

    waits = False

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
        self._taken = -1
        self._delays_s: deque[float] = deque(maxlen=_DELAYS)

    def put(self, chunk: ActionChunk) -> bool:
        """Take ``chunk`` unless it starts before the current one; True when taken."""
        if self._chunk is not None and chunk.start_s < self._chunk.start_s:
            return False
        self._chunk, self._taken = chunk, -1
        return True

    def clear(self) -> None:
        """Forget the current chunk: the caller holds until the next one."""
        self._chunk = None

    def delayed(self, delay_s: float) -> None:
        """An answer came ``delay_s`` after it had been asked for; the last ten set what is expected."""
        self._delays_s.append(delay_s)

    @property
    def delay_s(self) -> float:
        """How long the next answer may take: the worst of the last ten; 0 before the first."""
        return max(self._delays_s, default=0.0)

    def age_s(self, now_s: float) -> float | None:
        """Seconds since the current chunk's observation; None when there is no chunk."""
        return None if self._chunk is None else now_s - self._chunk.start_s

    def at(self, now_s: float) -> NDArray[np.float32] | None:
        """The row due at ``now_s``, shape (A,); None when there is none, and the caller holds."""
        return None if self._chunk is None else self._chunk.at(now_s + self._half_period_s)

    def take(self, now_s: float) -> NDArray[np.float32] | None:
        """As :meth:`at`, to be carried out: no row before the last, nor that one again.

        That goes without saying as long as stamps are no closer together than half a period. Rows that last
        for several periods are due in each of them.
        """
        action = self.at(now_s)
        if action is None or self._chunk is None:
            return None
        row = _row(self._chunk, now_s + self._half_period_s)
        once = self._chunk.dt_s <= 2 * self._half_period_s * (1 + 1e-6)
        if row < self._taken + once:
            return None
        self._taken = row
        return action

    def wants(self, now_s: float) -> bool:
        """True when it is time to ask for a chunk."""
        if self._chunk is None or self.at(now_s) is None:
            return True
        lasts_s = len(self._chunk.actions) * self._chunk.dt_s
        # Real-time chunking's s = max(d, s_min), as far as the chunk lasts for d more rows.
        age_s = min(max(self._replan_s, self.delay_s), lasts_s - self.delay_s)
        return now_s - self._chunk.start_s >= age_s - self._half_period_s

    def prefix(self, now_s: float) -> Prefix | None:
        """What a chunk asked for at ``now_s`` must go on from; None when it is free."""
        return None


class RealTimeBuffer(ChunkBuffer):
    """``rtc``: hands out the rest of the current chunk, and how much of it is as good as carried out."""

    def prefix(self, now_s: float) -> Prefix | None:
        """The rows from the one due at ``now_s`` on; as many are frozen as an answer may take."""
        chunk = self._chunk
        if chunk is None or self.at(now_s) is None:
            return None
        rows = chunk.actions[_row(chunk, now_s + self._half_period_s) :]
        return Prefix(rows, min(math.ceil(self.delay_s / chunk.dt_s - 1e-6), len(rows)))


class SynchronousBuffer(ChunkBuffer):
    """``synchronous``: row 0 is due when it is first looked for, and no row after ``replan_s``."""

    waits = True

    def __init__(self, replan_s: float, half_period_s: float = 0.0) -> None:
        super().__init__(replan_s, half_period_s)
        self._sensed_s = -math.inf
        self._fresh = False

    def put(self, chunk: ActionChunk) -> bool:
        """As :meth:`ChunkBuffer.put`."""
        if chunk.start_s < self._sensed_s:
            return False
        self._chunk, self._sensed_s, self._fresh, self._taken = chunk, chunk.start_s, True, -1
        return True

    def at(self, now_s: float) -> NDArray[np.float32] | None:
        """As :meth:`ChunkBuffer.at`, counted from the first call after the chunk came."""
        if self._chunk is not None and self._fresh:
            self._chunk, self._fresh = replace(self._chunk, start_s=now_s), False
        consumed = self._chunk is not None and now_s - self._chunk.start_s >= (
            self._replan_s - self._half_period_s
        )
        return None if consumed else super().at(now_s)

    def wants(self, now_s: float) -> bool:
        """True when the arm has nothing left to do."""
        return not self._fresh and self.at(now_s) is None


class EnsembleBuffer(ChunkBuffer):
    """``ensemble``: the mean of what all chunks say of now, older ones weighing slightly more."""

    def __init__(self, replan_s: float, half_period_s: float = 0.0) -> None:
        super().__init__(replan_s, half_period_s)
        self._chunks: list[ActionChunk] = []

    def put(self, chunk: ActionChunk) -> bool:
        """As :meth:`ChunkBuffer.put`."""
        taken = super().put(chunk)
        if taken:
            self._chunks.append(chunk)
        return taken

    def clear(self) -> None:
        """Forget every chunk."""
        super().clear()
        self._chunks.clear()

    def at(self, now_s: float) -> NDArray[np.float32] | None:
        """The weighted mean of the rows due at ``now_s``; the i-th oldest chunk weighs exp(-0.01 i)."""
        due = [(chunk, chunk.at(now_s + self._half_period_s)) for chunk in self._chunks]
        rows = [row for _, row in due if row is not None]
        if not rows:
            return None
        self._chunks = [chunk for chunk, row in due if row is not None or chunk.start_s > now_s]
        weights = np.exp(-_ENSEMBLE_DECAY * np.arange(len(rows)))
        return np.average(rows, axis=0, weights=weights).astype(np.float32)

    def take(self, now_s: float) -> NDArray[np.float32] | None:
        """As :meth:`at`: an average is no row of any chunk."""
        return self.at(now_s)

    def wants(self, now_s: float) -> bool:
        """Always."""
        return True


def _row(chunk: ActionChunk, now_s: float) -> int:
    """Which row is due, as :meth:`ActionChunk.at` counts them; it need not exist."""
    return math.floor((now_s - chunk.start_s) / chunk.dt_s + 1e-6)


def buffer_named(execution: str, replan_s: float, half_period_s: float) -> ChunkBuffer:
    """The buffer that carries out chunks in the way ``execution``, one of :data:`EXECUTIONS`.

    Raises:
        ContractError: there is no such way.
    """
    kinds: dict[str, type[ChunkBuffer]] = {
        "rtc": RealTimeBuffer,
        "asynchronous": ChunkBuffer,
        "synchronous": SynchronousBuffer,
        "ensemble": EnsembleBuffer,
    }
    if execution not in kinds:
        raise ContractError(f"execution {execution!r} is not one of {', '.join(EXECUTIONS)}")
    return kinds[execution](replan_s, half_period_s)
