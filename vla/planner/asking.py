"""Success by asking: does a vision-language model say that an instruction has been carried out?"""

from __future__ import annotations

from typing import Final

import numpy as np

from vla.contract import Observation
from vla.models.vlm import VisionLanguageModel
from vla.planner.pictures import picture_of

QUESTION: Final = (
    "The picture shows a table with a robot arm. Has this been done: {}? Answer with one word, yes or no."
)
CHOICES: Final = ("yes", "no")


class VlmDetector:
    """A :class:`vla.contract.SuccessDetector` made of any vision-language model.

    Args:
        model: Weighs "yes" against "no"; where it has no logits, the answer it gives is all or nothing.
        camera: Whose picture it is shown.
    """

    def __init__(self, model: VisionLanguageModel, camera: str = "front") -> None:
        self._model, self._camera = model, camera

    def success(self, observation: Observation, instruction: str) -> float:
        """Probability in [0, 1] that ``instruction`` is fulfilled: that of yes, of yes and no together.

        0.5 where the model would say neither.

        Raises:
            ContractError: the camera's picture is missing, or the model cannot be asked.
        """
        picture = picture_of(observation, self._camera)
        yes, no = self._model.score(picture, QUESTION.format(" ".join(instruction.split())), CHOICES)
        if not (np.isfinite(yes) or np.isfinite(no)):
            return 0.5
        return float(np.exp(yes - np.logaddexp(yes, no)))
