"""Success by looking: does the picture rather show the instruction done, or not done?"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vla.contract import ContractError, Observation
from vla.models.clip import ImageTextModel
from vla.planner.pictures import picture_of

DONE: Final = "done: {}"
NOT_DONE: Final = "not done: {}"
"""Prompts that ask whether an instruction has been carried out."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Makes a score a probability, ``1 / (1 + exp(-(slope * score + offset)))``, and that a verdict.

    Attributes:
        slope: Positive; Platt's scaling.
        offset: Where a score says nothing either way.
        threshold: A probability above it counts as done, in (0, 1).
    """

    slope: float = 1.0
    offset: float = 0.0
    threshold: float = 0.7

    def __post_init__(self) -> None:
        if not (self.slope > 0 and math.isfinite(self.slope) and math.isfinite(self.offset)):
            raise ContractError(
                f"calibration: slope {self.slope} must be positive and offset {self.offset} finite"
            )
        if not 0 < self.threshold < 1:
            raise ContractError(f"calibration: threshold {self.threshold} is outside (0, 1)")

    def probability(self, score: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Probabilities in [0, 1], of the score's shape."""
        x = self.slope * np.asarray(score, np.float64) + self.offset
        return 0.5 * (1 + np.tanh(x / 2))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what :meth:`save` wrote.

        Raises:
            ContractError: the file is missing or says something else.
        """
        try:
            return cls(**{name: float(value) for name, value in json.loads(path.read_bytes()).items()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ContractError(f"{path} is no calibration: {error}") from error


class ImageTextDetector:
    """A :class:`vla.contract.SuccessDetector` made of any image-text model.

    Args:
        model: Compares the picture with two sentences.
        calibration: Makes the difference of its logits a probability.
        camera: Whose picture is looked at.
    """

    def __init__(
        self, model: ImageTextModel, calibration: Calibration | None = None, camera: str = "front"
    ) -> None:
        self._model, self._camera = model, camera
        self.calibration = calibration or Calibration()

    def success(self, observation: Observation, instruction: str) -> float:
        """Probability in [0, 1] that ``instruction`` is fulfilled in what is seen.

        Raises:
            ContractError: the observation lacks the camera's picture.
        """
        picture = self._model.embed_images(picture_of(observation, self._camera)[None])
        score = done_scores(self._model, picture, [instruction])
        return float(self.calibration.probability(score)[0])


def done_scores(model: ImageTextModel, pictures: Tensor, instructions: list[str]) -> NDArray[np.float64]:
    """How much rather each picture shows its instruction done than not done.

    Args:
        model: Embeds the instructions.
        pictures: Its unit vectors of the pictures, (n, E).
        instructions: n of them.

    Returns:
        Differences of logits, (n,); positive means rather done.
    """
    done = model.embed_texts([DONE.format(text) for text in instructions]).double()
    not_done = model.embed_texts([NOT_DONE.format(text) for text in instructions]).double()
    return (model.scale * ((done - not_done) * pictures.double()).sum(-1)).numpy()
