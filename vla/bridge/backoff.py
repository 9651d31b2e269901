"""How long to leave alone somebody who does not answer."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Exponential, and jittered so that robots that lost one server do not come back in step."""

    def __init__(
        self, first_s: float = 0.05, longest_s: float = 2.0, jitter: Callable[[], float] = random.random
    ) -> None:
        """At its beginning.

        Args:
            first_s: The first delay, in seconds.
            longest_s: No delay is longer.
            jitter: Uniform in 0..1; each delay is between half of its nominal length and all of it.
        """
        self._first_s, self._longest_s, self._jitter = first_s, longest_s, jitter
        self._failures = 0

    def next_s(self) -> float:
        """The next delay in seconds; its nominal length doubles from call to call."""
        nominal_s = min(self._longest_s, self._first_s * 2 ** min(self._failures, 32))
        self._failures += 1
        return nominal_s * (0.5 + 0.5 * self._jitter())

    def reset(self) -> None:
        """Begin again: somebody answered."""
        self._failures = 0
