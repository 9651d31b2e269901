"""Which scene seeds belong to training and which to evaluation, so that no scene is ever in both."""

from __future__ import annotations

EVALUATION_SEED = 1_000_000
"""Evaluation draws scenes from seeds at or above this; demonstrations from seeds below it."""


def check_evaluation_seed(seed: int) -> None:
    """Refuse a seed that demonstrations may have used.

    Raises:
        ValueError: ``seed`` is below :data:`EVALUATION_SEED`.
    """
    if seed < EVALUATION_SEED:
        raise ValueError(
            f"evaluation seed {seed} is below {EVALUATION_SEED}: scenes below it may be in the training data"
        )
