"""How sure a success rate is."""

from __future__ import annotations

from math import sqrt

Z_95 = 1.959963984540054
"""Standard normal quantile of 0.975."""


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson score interval of a proportion (Wilson 1927), honest for few trials and for rates near 0 or 1.

    Args:
        successes: Between 0 and ``trials``.
        trials: At least 0; without trials nothing is known and the interval is (0, 1).
        z: Standard normal quantile; the default gives 95 %.

    Returns:
        Lower and upper bound, within [0, 1].

    Raises:
        ValueError: ``successes`` is outside 0..``trials``.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes {successes} is outside 0..{trials}")
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high
