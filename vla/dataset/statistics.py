"""Statistics of a dataset: exact over every number, and over sampled pictures for video.

Every statistics dictionary has min, max, mean, std, count, q01, q10, q50, q90 and q99. For vectors they
have the feature's shape (d,); for video they are per channel, shape (3, 1, 1), of values in [0, 1].
Quantiles are those of all the data (numpy's linear rule), not an envelope of per-episode quantiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
_LONGEST_SIDE = 150
_SORTED_AT_ONCE = 4_000_000


def vector_stats(values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Statistics over the leading axis of (L, d) numbers or booleans, L >= 1; each result is (d,)."""
    numbers = values.astype(np.float64)
    stats: dict[str, NDArray[Any]] = {
        "min": numbers.min(0),
        "max": numbers.max(0),
        "mean": numbers.mean(0),
        "std": numbers.std(0),
        "count": np.array([len(numbers)]),
    }
    # numpy sorts a copy: of a whole dataset, a few columns at a time.
    group = max(1, _SORTED_AT_ONCE // len(numbers))
    starts = range(0, numbers.shape[1], group)
    wanted = list(QUANTILES.values())
    quantiles = np.concatenate([np.quantile(numbers[:, i : i + group], wanted, axis=0) for i in starts], 1)
    return stats | dict(zip(QUANTILES, quantiles, strict=True))


def image_histogram(images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int]:
    """Counts of each value per channel, shape (3, 256), over sampled and thinned pictures.

    Args:
        images: uint8 RGB of shape (L, H, W, 3), L >= 1.

    Returns:
        The counts and how many pictures were sampled: about L^0.75, evenly spread; from each every k-th
        pixel is taken so that its longer side counts at most about 150.
    """
    count = max(1, min(len(images), round(len(images) ** 0.75)))
    chosen = images[np.linspace(0, len(images) - 1, count).round().astype(int)]
    step = -(-max(images.shape[1:3]) // _LONGEST_SIDE)
    thinned = chosen[:, ::step, ::step]
    return np.stack([np.bincount(thinned[..., c].ravel(), minlength=256) for c in range(3)]), count


def histogram_stats(histogram: NDArray[np.int64], pictures: int) -> dict[str, NDArray[Any]]:
    """Exact statistics of the sampled pixels behind a (3, 256) histogram; each result is (3, 1, 1).

    Args:
        histogram: Counts per channel and value, each row summing to at least 1.
        pictures: How many pictures were sampled; becomes ``count``.
    """
    value = np.arange(256) / 255.0
    total = histogram.sum(1)
    mean = histogram @ value / total
    variance = (histogram * (value[None] - mean[:, None]) ** 2).sum(1) / total
    present = histogram > 0
    stats = {
        "min": value[present.argmax(1)],
        "max": value[255 - present[:, ::-1].argmax(1)],
        "mean": mean,
        "std": np.sqrt(variance),
    }
    for name, q in QUANTILES.items():
        stats[name] = np.array([_quantile(row, q) for row in histogram]) / 255.0
    shaped: dict[str, NDArray[Any]] = {name: array.reshape(3, 1, 1) for name, array in stats.items()}
    return shaped | {"count": np.array([pictures])}


def _quantile(counts: NDArray[np.int64], q: float) -> float:
    upto = np.cumsum(counts)
    position = q * (upto[-1] - 1)
    below = np.floor(position)
    low = np.searchsorted(upto, below, side="right")
    high = np.searchsorted(upto, np.ceil(position), side="right")
    return float(low + (high - low) * (position - below))


def plain(stats: dict[str, NDArray[Any]]) -> dict[str, list[Any]]:
    """Statistics as nested lists, ready for JSON or parquet."""
    return {name: array.tolist() for name, array in stats.items()}
