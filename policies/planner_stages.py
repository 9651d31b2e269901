"""What the stages of the planner's training learn: to see, to plan in words, to plan from what is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import LlavaForConditionalGeneration

from policies.augmentation import AugmentConfig
from policies.eyes import EyesLoss, augmented, errors
from policies.lesson_books import Pictures
from policies.planner_config import StageConfig
from policies.talks import IGNORED, Talk, TalkBook, batch_of
from vla.models.llava import embedded
from vla.models.scene import SceneEyes

_CHECK_BATCH = 100


class EyesStage:
    """The eyes learn what is where, from pictures that are varied anew each time."""

    name = "eyes"

    def __init__(
        self,
        eyes: SceneEyes,
        config: StageConfig,
        pictures: Pictures,
        parts: tuple[NDArray[np.int64], NDArray[np.int64]],
        augment: AugmentConfig,
        seed: int,
    ) -> None:
        """Nothing is taught yet.

        Args:
            eyes: Are taught, image tower and all.
            config: The optimisation.
            pictures: All there are.
            parts: Numbers of those to learn from and of those held back.
            augment: How the former are varied.
            seed: Draws batches and variations.
        """
        self.network, self.config, self._pictures = eyes, config, pictures
        self._learned, self._held_back = parts
        self._augment, self._seed = augment, seed
        self._loss = EyesLoss(eyes)

    def losses(self, step: int) -> dict[str, Tensor]:
        """See :class:`policies.stage_training.Stage`."""
        rng = np.random.default_rng([self._seed, step])
        picked = np.sort(rng.choice(self._learned, self.config.batch_size))
        labels = self._pictures.labels[picked]
        images, points, light = augmented(self._pictures.images[picked], labels.points, rng, self._augment)
        return self._loss(torch.from_numpy(images), torch.from_numpy(light), replace(labels, points=points))

    def check(self) -> dict[str, float]:
        """Share of scenes with a mistake, by kind."""
        found: dict[str, list[NDArray[np.bool_]]] = {}
        for i in range(0, len(self._held_back), _CHECK_BATCH):
            picked = self._held_back[i : i + _CHECK_BATCH]
            tokens, heat = self.network(torch.from_numpy(self._pictures.images[picked]))
            wrong = errors(self.network.believe(tokens, heat), self._pictures.labels[picked])
            for name, values in wrong.items():
                found.setdefault(f"wrong {name}", []).append(values)
        return {name: float(np.concatenate(values).mean()) for name, values in found.items()}


@dataclass(frozen=True)
class Course:
    """Talks of one kind.

    Attributes:
        talks: What is learned from.
        held_back: What is checked on, by name.
        share: Share of the steps, in the end divided by that of all courses.
        sights: The eyes' tokens of each talk, learned ones under ``""`` and held-back ones by name, bfloat16
            kept as int16 (n, N, D); None for talks in words alone.
    """

    talks: TalkBook
    held_back: Mapping[str, TalkBook]
    share: float = 1.0
    sights: Mapping[str, NDArray[np.int16]] | None = None


class TalkStage:
    """The language model learns to say what should be said.

    Args:
        name: Of the stage.
        model: All of it; what is trained is what has not been frozen.
        config: The optimisation.
        courses: What is learned from; each step is about one of them.
        pad: Id that stands for nothing.
        seed: Draws the batches.
        heard_weight: Weight of foreseeing what people say.
        hidden_share: Share of its own words that the model does not see while it learns.
    """

    def __init__(
        self,
        name: str,
        model: LlavaForConditionalGeneration,
        config: StageConfig,
        courses: Sequence[Course],
        pad: int,
        seed: int,
        heard_weight: float = 0.1,
        hidden_share: float = 0.0,
    ) -> None:
        self.name, self.network, self.config = name, model, config
        self._courses = [course for course in courses if len(course.talks) and course.share > 0]
        self._pad, self._seed, self._heard_weight, self._hidden_share = pad, seed, heard_weight, hidden_share
        # Sorted by length: a batch of like lengths holds little padding.
        self._orders = [np.argsort(course.talks.lengths, kind="stable") for course in self._courses]
        shares = np.array([course.share for course in self._courses])
        self._shares = shares / shares.sum()

    def losses(self, step: int) -> dict[str, Tensor]:
        """See :class:`policies.stage_training.Stage`."""
        rng = np.random.default_rng([self._seed, step])
        which = int(rng.choice(len(self._courses), p=self._shares))
        course, order = self._courses[which], self._orders[which]
        size = min(self.config.batch_size, len(order))
        first = int(rng.integers(len(order) - size + 1))
        wide = order[max(0, first - size) : first + 2 * size]
        picked = np.sort(rng.choice(wide, size, replace=False))
        sights = None if course.sights is None else course.sights[""][picked]
        talks = [course.talks[int(i)] for i in picked]
        said, heard, _, _ = self._read(talks, sights, rng)
        # What people say about a table names what is on it: to foresee it is to have looked.
        return {"total": said + self._heard_weight * heard, "said": said, "heard": heard}

    def check(self) -> dict[str, float]:
        """Share of talks in which everything that the model says is exactly right, given what came before."""
        found = {}
        for course in self._courses:
            for name, talks in course.held_back.items():
                right = []
                for i in range(0, len(talks), _CHECK_BATCH):
                    sights = None if course.sights is None else course.sights[name][i : i + _CHECK_BATCH]
                    _, _, hit, asked = self._read(talks[i : i + _CHECK_BATCH], sights)
                    whole = torch.ones_like(asked)
                    whole[asked] = hit
                    right.append(whole.all(1).numpy())
                if right:
                    found[f"exact {name}"] = float(np.concatenate(right).mean())
        return found

    def _read(
        self,
        talks: Sequence[Talk],
        sights: NDArray[np.int16] | None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Losses of what is to be said and of what is heard, hits among the former, and where those are.

        ``rng`` draws which of its own words the model does not see; None shows it all of them.
        """
        ids, heard, said = batch_of(talks, self._pad)
        if rng is not None:
            hidden = torch.from_numpy(rng.random(tuple(ids.shape)) < self._hidden_share)
            ids[hidden & (said != IGNORED)] = self._pad
        model = self.network.model
        tokens = None if sights is None else torch.from_numpy(sights).view(torch.bfloat16)
        inputs, mask = embedded(self.network, ids, tokens), (ids != self._pad).long()
        out = model.language_model(inputs_embeds=inputs, attention_mask=mask, use_cache=False)
        before = out.last_hidden_state[:, :-1]

        def foresee(labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            asked = labels[:, 1:] != IGNORED
            logits, wanted = self.network.lm_head(before[asked]).float(), labels[:, 1:][asked]
            # Nobody may have asked anything about any of these tables: the mean of nothing is no number.
            loss = cross_entropy(logits, wanted, reduction="sum") / max(1, len(wanted))
            return loss, logits.argmax(-1) == wanted, asked

        loss, hit, asked = foresee(said)
        return loss, foresee(heard)[0], hit, asked


def freeze_but(model: LlavaForConditionalGeneration, trained: Sequence[nn.Module]) -> None:
    """Freeze everything but some parts."""
    model.requires_grad_(False)
    for part in trained:
        part.requires_grad_(True)
