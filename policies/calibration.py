"""Calibration of a success detector: from scores to probabilities, and what the threshold in use is worth."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from vla.contract import ContractError
from vla.planner.looking import Calibration
from vla.planner.verdicts import Verdicts

_BINS = 10


def fit_platt(scores: NDArray[np.float64], done: NDArray[np.bool_], threshold: float = 0.7) -> Calibration:
    """Slope and offset that make the verdicts likeliest (Platt 1999, with his softened targets).

    Args:
        scores: (n,).
        done: (n,), the truth.
        threshold: Kept in the result.

    Raises:
        ContractError: there is nothing done, or nothing not done, among the examples; or the scores run
            against the truth, so that no positive slope fits.
    """
    positive = int(done.sum())
    if not 0 < positive < len(done):
        raise ContractError(f"calibration needs both verdicts: {positive} of {len(done)} examples are done")
    x = torch.from_numpy(np.asarray(scores, np.float64))
    high, low = (positive + 1) / (positive + 2), 1 / (len(done) - positive + 2)
    target = torch.from_numpy(np.where(done, high, low))
    spread = float(x.std()) or 1.0
    line = torch.tensor([1.0 / spread, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = binary_cross_entropy_with_logits(line[0] * x + line[1], target)
        value.backward()
        return value

    optimizer.step(loss)  # pyright: ignore[reportArgumentType]  (torch wants floats, and takes tensors)
    slope, offset = (float(value) for value in line.detach())
    if not slope > 0:
        raise ContractError(f"calibration: scores run against the truth (slope {slope:.3g})")
    return Calibration(slope, offset, threshold)


def judge_at(probability: NDArray[np.float64], done: NDArray[np.bool_], threshold: float) -> Verdicts:
    """Count the verdicts "done" where a probability is above ``threshold``."""
    said = probability > threshold
    return Verdicts(
        hits=int((said & done).sum()),
        false_alarms=int((said & ~done).sum()),
        misses=int((~said & done).sum()),
        rejections=int((~said & ~done).sum()),
    )


def best_threshold(probability: NDArray[np.float64], done: NDArray[np.bool_], precision: float) -> float:
    """The lowest threshold in 0.05 to 0.95 whose verdicts are at least that precise; 0.95 where none is."""
    for threshold in np.arange(0.05, 0.951, 0.01):
        if judge_at(probability, done, float(threshold)).precision.rate >= precision:
            return round(float(threshold), 2)
    return 0.95


def reliability(
    probability: NDArray[np.float64], done: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], float]:
    """What probabilities promise and what they keep, in ten bins.

    Returns:
        Mean probability and share done in each bin that has examples, their counts, and the expected
        calibration error (mean gap, weighted by count).
    """
    place = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    bins = np.unique(place)
    said = np.array([probability[place == b].mean() for b in bins])
    was = np.array([done[place == b].mean() for b in bins])
    count = np.array([(place == b).sum() for b in bins], np.int64)
    return said, was, count, float((np.abs(said - was) * count).sum() / max(1, count.sum()))
