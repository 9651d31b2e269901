"""Calibration: probabilities that keep their promise, and verdicts counted."""

from __future__ import annotations

import numpy as np
import pytest

from policies.calibration import best_threshold, fit_platt, judge_at, reliability
from vla.contract import ContractError


def examples(slope: float, offset: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, count)
    return scores, rng.random(count) < 1 / (1 + np.exp(-(slope * scores + offset)))


@pytest.mark.parametrize(("slope", "offset"), [(0.3, -1.0), (2.5, 0.7), (1.0, 0.0)])
def test_the_fit_finds_the_line_that_made_the_examples(slope: float, offset: float) -> None:
    scores, done = examples(slope, offset)
    found = fit_platt(scores, done, 0.6)
    assert found.slope == pytest.approx(slope, rel=0.15)
    assert found.offset == pytest.approx(offset, abs=0.15)
    assert found.threshold == 0.6
    assert reliability(found.probability(scores), done)[3] < 0.03


def test_scores_of_any_scale_give_the_same_probabilities() -> None:
    scores, done = examples(1.0, -0.5)
    small, large = fit_platt(scores, done), fit_platt(1000 * scores, done)
    assert np.allclose(small.probability(scores), large.probability(1000 * scores), atol=1e-3)


def test_verdicts_are_counted_and_rates_follow() -> None:
    chances = np.array([0.9, 0.8, 0.75, 0.2, 0.1])
    done = np.array([True, False, True, True, False])
    verdicts = judge_at(chances, done, 0.7)
    assert (verdicts.hits, verdicts.false_alarms, verdicts.misses, verdicts.rejections) == (2, 1, 1, 1)
    assert verdicts.precision.rate == pytest.approx(2 / 3)
    assert verdicts.recall.rate == pytest.approx(2 / 3)
    assert verdicts.balanced[0] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert np.isnan(judge_at(chances, done, 0.95).precision.rate)


def test_the_found_threshold_is_as_precise_as_asked() -> None:
    scores, done = examples(1.5, -1.0)
    chances = fit_platt(scores, done).probability(scores)
    for precision in (0.7, 0.9):
        threshold = best_threshold(chances, done, precision)
        assert judge_at(chances, done, threshold).precision.rate >= precision
        assert judge_at(chances, done, threshold - 0.01).precision.rate < precision


def test_a_calibration_that_cannot_be_is_refused() -> None:
    scores, done = examples(1.0, 0.0, 200)
    with pytest.raises(ContractError, match="both verdicts: 200 of 200"):
        fit_platt(scores, np.ones(200, np.bool_))
    with pytest.raises(ContractError, match="run against the truth"):
        fit_platt(-scores, done)
