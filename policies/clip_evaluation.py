"""How well an image-text model answers by prompts alone, beside a linear probe on the same features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from policies.linear_probe import LinearProbe
from vla.models.clip import ImageTextModel

LEAST_EXAMPLES = 20
"""A slot of which the training pictures have fewer examples gets no probe."""

Prompts = Mapping[str, Sequence[Sequence[str]]]


@dataclass(frozen=True)
class PromptedChoice:
    """A question about a picture.

    Attributes:
        picture: Row of the features it is about.
        topic: What kind of question it is; results are told apart by it.
        slot: Questions with the same slot share a probe.
        prompts: Name of each way to ask, to the wordings of each option under it.
        answer: The right option.
    """

    picture: int
    topic: str
    slot: str
    prompts: Prompts
    answer: int


def zero_shot(
    model: ImageTextModel, features: Tensor, choices: Sequence[PromptedChoice], way: str
) -> NDArray[np.bool_]:
    """Whether each question is answered rightly by the option whose prompts are nearest, (n,).

    Args:
        model: Embeds the prompts.
        features: Unit vectors (N, E) of the pictures.
        choices: n questions.
        way: Which of their prompts to use; several wordings of an option are averaged.
    """
    texts = sorted({text for c in choices for wordings in c.prompts[way] for text in wordings})
    if not texts:
        return np.zeros(0, np.bool_)
    vectors = model.embed_texts(texts)
    place = {text: i for i, text in enumerate(texts)}
    right = []
    for choice in choices:
        means = [vectors[[place[text] for text in wordings]].mean(0) for wordings in choice.prompts[way]]
        options = normalize(torch.stack(means), dim=-1)
        right.append(int((options @ features[choice.picture]).argmax()) == choice.answer)
    return np.array(right, np.bool_)


def probed(
    train_features: Tensor,
    train: Sequence[PromptedChoice],
    features: Tensor,
    choices: Sequence[PromptedChoice],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each question is answered rightly by a probe fitted to its slot, and whether there is one.

    Args:
        train_features: (M, E), pictures of the training scenes.
        train: Questions about those.
        features: (N, E).
        choices: n questions about these.

    Returns:
        Two arrays (n,); the first is False where there is no probe.
    """
    right, known = np.zeros(len(choices), np.bool_), np.zeros(len(choices), np.bool_)
    for slot in sorted({choice.slot for choice in choices}):
        examples = [choice for choice in train if choice.slot == slot]
        asked = [i for i, choice in enumerate(choices) if choice.slot == slot]
        if len(examples) < LEAST_EXAMPLES:
            continue
        options = len(next(iter(examples[0].prompts.values())))
        probe = LinearProbe(
            train_features[[c.picture for c in examples]], np.array([c.answer for c in examples]), options
        )
        found = probe.predict(features[[choices[i].picture for i in asked]])
        for i, option in zip(asked, found, strict=True):
            known[i], right[i] = True, option == choices[i].answer
    return right, known


def embed_all(
    model: ImageTextModel, pictures: NDArray[np.uint8], progress: Callable[[int, int], None], block: int = 128
) -> Tensor:
    """Unit vectors (N, E) of many pictures, which may be memory-mapped."""
    parts = []
    for start in range(0, len(pictures), block):
        parts.append(model.embed_images(np.asarray(pictures[start : start + block])))
        progress(min(start + block, len(pictures)), len(pictures))
    return torch.cat(parts)
