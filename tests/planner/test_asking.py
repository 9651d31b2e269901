"""Success by asking: yes against no."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from vla.contract import ContractError, Observation, SuccessDetector
from vla.models.vlm import AllowedNext
from vla.planner.asking import VlmDetector


class Weighing:
    """Finds a picture the more convincing the brighter it is; or says neither yes nor no."""

    def __init__(self, mute: bool = False) -> None:
        self._mute = mute
        self.asked: list[str] = []

    def reply(
        self, image: np.ndarray, prompt: str, allowed: AllowedNext | None = None, max_words: int = 120
    ) -> str:
        raise AssertionError("not asked for words")

    def score(self, image: np.ndarray, prompt: str, choices: Sequence[str]) -> np.ndarray:
        assert tuple(choices) == ("yes", "no")
        self.asked.append(prompt)
        yes = float(image.mean()) / 255
        with np.errstate(divide="ignore"):
            # Most of the probability is on other words: only the two are compared.
            return np.full(2, -np.inf) if self._mute else np.log(0.01 * np.array([yes, 1 - yes]))


def seen(value: int, camera: str = "front") -> Observation:
    return Observation({camera: np.full((8, 8, 3), value, np.uint8)}, np.zeros(3, np.float32), 0.0)


def test_the_probability_is_that_of_yes_among_yes_and_no() -> None:
    model = Weighing()
    detector = VlmDetector(model)
    assert isinstance(detector, SuccessDetector)
    found = [detector.success(seen(value), "press the button") for value in (0, 51, 204, 255)]
    assert found == pytest.approx([0, 0.2, 0.8, 1])
    assert all("press the button" in asked for asked in model.asked)


def test_who_says_neither_knows_nothing() -> None:
    assert VlmDetector(Weighing(mute=True)).success(seen(255), "press the button") == 0.5


def test_a_missing_camera_is_named() -> None:
    with pytest.raises(ContractError, match=r"camera 'front' is missing; the observation has \['wrist'\]"):
        VlmDetector(Weighing()).success(seen(0, "wrist"), "press the button")
