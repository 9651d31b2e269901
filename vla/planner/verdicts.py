"""Verdicts of a detector of success, counted, and how sure the shares are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from vla.wilson import wilson_interval


@dataclass(frozen=True, slots=True)
class Portion:
    """``count`` of ``of``, with 95 % Wilson bounds; nothing is known of nothing: 0 to 1."""

    count: int
    of: int

    @property
    def rate(self) -> float:
        """The share; NaN of nothing."""
        return self.count / self.of if self.of else float("nan")

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper."""
        return wilson_interval(self.count, self.of)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: counts, the rate and its bounds to four digits; no rate of nothing."""
        low, high = self.bounds
        rate = round(self.rate, 4) if self.of else None
        return {
            "count": self.count,
            "of": self.of,
            "rate": rate,
            "low": round(low, 4),
            "high": round(high, 4),
        }


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts at one threshold, counted.

    Attributes:
        hits: Done, and said so.
        false_alarms: Not done, and said to be.
        misses: Done, and not noticed.
        rejections: Not done, and said so.
    """

    hits: int
    false_alarms: int
    misses: int
    rejections: int

    @property
    def precision(self) -> Portion:
        """Of what was said to be done, what was."""
        return Portion(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> Portion:
        """Of what was done, what was noticed."""
        return Portion(self.hits, self.hits + self.misses)

    @property
    def rejection(self) -> Portion:
        """Of what was not done, what was not said to be."""
        return Portion(self.rejections, self.rejections + self.false_alarms)

    @property
    def balanced(self) -> tuple[float, float, float]:
        """Mean of recall and rejection, with 95 % bounds.

        The two intervals are combined as those of independent quantities (MOVER, Zou & Donner 2008, after
        Newcombe 1998).
        """
        parts = (self.recall, self.rejection)
        below = sqrt(sum((p.rate - p.bounds[0]) ** 2 for p in parts)) / 2
        above = sqrt(sum((p.bounds[1] - p.rate) ** 2 for p in parts)) / 2
        rate = sum(p.rate for p in parts) / 2
        return rate, max(0.0, rate - below), min(1.0, rate + above)


def numbers(verdicts: Verdicts) -> dict[str, Any]:
    """Counts and shares with their bounds; None where there is nothing to share."""
    shares = {name: getattr(verdicts, name) for name in ("precision", "recall", "rejection")}
    known = {name: [share.rate, *share.bounds] if share.of else None for name, share in shares.items()}
    both = verdicts.recall.of and verdicts.rejection.of
    return asdict(verdicts) | known | {"balanced_accuracy": list(verdicts.balanced) if both else None}


def cell(share: Portion) -> str:
    """In percent, with its bounds, such as ``"93.1 (91.0-94.7)"``; ``"-"`` of nothing."""
    return _percent(share.rate, *share.bounds) if share.of else "-"


def cells(verdicts: Verdicts) -> tuple[str, str, str, str]:
    """Precision, recall, rejection and balanced accuracy, as :func:`cell` writes them."""
    both = verdicts.recall.of and verdicts.rejection.of
    return (
        cell(verdicts.precision),
        cell(verdicts.recall),
        cell(verdicts.rejection),
        _percent(*verdicts.balanced) if both else "-",
    )


def _percent(rate: float, low: float, high: float) -> str:
    return f"{100 * rate:.1f} ({100 * low:.1f}-{100 * high:.1f})"
