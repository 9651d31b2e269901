"""Histogram statistics are numpy's, to the last digit that matters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.dataset.statistics import QUANTILES, histogram_stats, image_histogram, vector_stats


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 30))
def test_histogram_statistics_equal_those_of_the_pixels(seed, pictures, side):
    rng = np.random.default_rng(seed)
    top = rng.integers(1, 256)
    images = rng.integers(0, top, (pictures, side, side, 3), dtype=np.uint8)
    histogram, count = image_histogram(images)
    picked = images[np.linspace(0, pictures - 1, count).round().astype(int)]
    pixels = picked.reshape(-1, 3).astype(float) / 255
    stats = histogram_stats(histogram, count)
    expected = {"min": pixels.min(0), "max": pixels.max(0), "mean": pixels.mean(0), "std": pixels.std(0)}
    expected |= {name: np.quantile(pixels, q, axis=0) for name, q in QUANTILES.items()}
    for name, value in expected.items():
        assert stats[name].shape == (3, 1, 1)
        np.testing.assert_allclose(stats[name].ravel(), value, atol=1e-9)
    assert stats["count"] == [count]


def test_large_pictures_are_thinned_evenly():
    images = np.zeros((100, 480, 640, 3), np.uint8)
    images[:, :, 320:] = 200
    histogram, count = image_histogram(images)
    assert count == round(100**0.75)
    assert histogram[0].sum() == count * (480 // 5) * (640 // 5)
    assert abs(histogram[0, 200] / histogram[0].sum() - 0.5) < 0.01


def test_truth_values_have_statistics_too():
    stats = vector_stats(np.array([[True], [False], [True], [True]]))
    assert stats["mean"] == [0.75]
    assert stats["q50"] == [1.0]


def test_vectors_wider_and_longer_than_one_sort_holds():
    values = np.random.default_rng(0).standard_normal((1_000_000, 6)).astype(np.float32)
    stats = vector_stats(values)
    for column in (0, 3, 4, 5):
        assert stats["q90"][column] == np.quantile(values[:, column].astype(float), 0.9)
