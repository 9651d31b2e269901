"""What a server counts, in plain numbers; :mod:`vla.bridge.metrics` shows them to Prometheus."""

from __future__ import annotations

import bisect
import time
from collections import deque

import numpy as np

COUNTS = {
    "acts": "Chunks given.",
    "plans": "Plans given.",
    "batches": "Turns of the policy that computed at least one request.",
    "superseded": "Requests that a newer one of the same robot replaced while they waited.",
    "replayed": "Requests whose number had been heard before; dropped.",
    "malformed": "Messages that were none; dropped.",
    "revoked": "Messages of robots whose key is no longer allowed; refused.",
    "too_late": "Act requests whose deadline had passed before their turn; not computed.",
    "failed": "Requests answered with an error, those too late included.",
    "unsent": "Replies that could not be delivered, or that nobody waits for any more.",
}
"""Every counter and what it means."""

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


class Histogram:
    """How often a value fell below each bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Empty.

        Args:
            bounds: Upper bounds of the buckets, rising; the last bucket, above them all, is implied.
        """
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def mean(self) -> float:
        """Of all values; 0 before the first."""
        return self.total / max(1, sum(self.counts))


class Tally:
    """Counters since the start. One thread writes, any may read."""

    def __init__(self) -> None:
        self.began_s = time.monotonic()
        self.counts = dict.fromkeys(COUNTS, 0)
        self.latency_s = Histogram(_LATENCY_S)
        self.wait_s = Histogram(_LATENCY_S)
        self.batch = Histogram(_SIZES)
        self._recent_s: deque[float] = deque(maxlen=512)

    def act(self, waited_s: float, latency_s: float) -> None:
        """Count a chunk: seconds from receipt to the policy, and from receipt to the reply."""
        self.counts["acts"] += 1
        self.wait_s.observe(waited_s)
        self.latency_s.observe(latency_s)
        self._recent_s.append(latency_s)

    def percentile_s(self, percent: float) -> float:
        """Of the latest 512 acts' latency in seconds; 0 before the first."""
        return float(np.percentile(list(self._recent_s) or [0.0], percent))
