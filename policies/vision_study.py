"""The two drawbacks of a vision transformer and their cures, measured: the first is its hunger for labels.

Five ways to come to a network that names the thing in a picture, each at the same budget and for several
numbers of labelled pictures: a small ConvNet, the plain transformer, the same with a convolutional stem, the
same pre-trained as a masked autoencoder on pictures without labels, and the same with a token that learns
from the ConvNet what it takes pictures for, half of which have no label. What the second drawback, cost,
amounts to is measured in ``policies.vision_cost``.

A *cell* is one of them with one number of labels and one seed. Finished cells are lines of a file, so a study
goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from policies.device import choose_device
from policies.distillation import distillation_loss
from policies.manifest import commit, read_verified
from policies.vision_cells import Cell, Outcome, append_outcome, read_outcomes
from policies.vision_training import (
    Budget,
    Pictures,
    batches,
    check_apart,
    count_right,
    fit,
    labelled_rows,
)
from vla.contract import ContractError
from vla.models.classifier import ClassifierConfig, ConvNet, ViTClassifier
from vla.models.mae import MAE, MAEConfig

MODELS = ("convnet", "plain", "hybrid", "mae", "distilled")
"""In the order of training: the ConvNet, which is also the teacher, comes first."""
_CELLS, _SETTINGS, _WEIGHTS, _MODEL = "cells.jsonl", "study.json", "weights", "model.safetensors"


@dataclass(frozen=True)
class StudyConfig:
    """A study.

    Attributes:
        output: Its folder.
        models: Some of :data:`MODELS`; ``distilled`` needs ``convnet``, its teacher.
        labels: Numbers of labelled pictures.
        seeds: Of initial weights, subsets and batches.
        budget: What each network may spend; the distilled one, too, on labelled and others together.
        pretraining: What the masked autoencoder may spend before, once per seed, on all pictures without
            labels.
        network: Sizes of the transformer; stem, distillation and outputs are set by the study.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    output: Path
    models: tuple[str, ...] = MODELS
    labels: tuple[int, ...] = (250, 1000, 4000, 16000)
    seeds: tuple[int, ...] = (0, 1)
    budget: Budget = field(default_factory=Budget)
    pretraining: Budget = field(default_factory=lambda: Budget(steps=1500))
    network: ClassifierConfig = field(default_factory=ClassifierConfig)
    device: str = "auto"

    def __post_init__(self) -> None:
        for model in self.models:
            if model not in MODELS:
                raise ContractError(f"model {model!r} is not one of {', '.join(MODELS)}")
        if "distilled" in self.models and "convnet" not in self.models:
            raise ContractError("model 'distilled' needs 'convnet', its teacher, among the models")
        if not self.models or not self.labels or not self.seeds or min(self.labels) < 1:
            raise ContractError(
                f"models {self.models}, labels {self.labels} and seeds {self.seeds} must name at least one "
                "each, and labels be at least 1"
            )


def cells(config: StudyConfig) -> list[Cell]:
    """Every cell, in the order of training."""
    return [
        Cell(model, labels, seed)
        for seed in config.seeds
        for labels in config.labels
        for model in MODELS
        if model in config.models
    ]


def build_network(model: str, config: StudyConfig, outputs: int, seed: int) -> nn.Module:
    """A fresh network of one of :data:`MODELS`; the same seed gives the same weights."""
    torch.manual_seed(seed)
    if model == "convnet":
        return ConvNet(outputs)
    stem = "hybrid" if model == "hybrid" else "patch"
    sizes = replace(config.network, stem=stem, distilled=model == "distilled", outputs=outputs)
    return ViTClassifier(sizes)


class Study:
    """A study's state: what is to be trained, and what is on the disk.

    Args:
        config: The study.
        pictures: To train on.
        held_out: To judge by.
        outputs: Classes K.
        about: What the pictures are a function of; part of what makes two studies the same.

    Raises:
        ContractError: fewer pictures than labels are wanted, held-out pictures are among those to train on,
            or the folder holds another study.
    """

    def __init__(
        self, config: StudyConfig, pictures: Pictures, held_out: Pictures, outputs: int, about: str
    ) -> None:
        if max(config.labels) > len(pictures.images):
            raise ContractError(
                f"labels {max(config.labels)} are more than the {len(pictures.images)} pictures to train on"
            )
        check_apart(pictures, held_out)
        self._config, self._outputs = config, outputs
        self._pictures, self._held_out = pictures, held_out
        self._device = choose_device(config.device)
        self._on_step: Callable[[], None] = lambda: None
        self._settle(about)

    def _settle(self, about: str) -> None:
        """Note what every cell of this folder has in common, or check that it is that."""
        config = self._config
        shared = {
            "pictures": about,
            "held_out": len(self._held_out.images),
            "budget": asdict(config.budget),
            "pretraining": asdict(config.pretraining),
            "network": asdict(config.network),
        }
        path = config.output / _SETTINGS
        if path.exists():
            if json.loads(path.read_text()) != shared:
                raise ContractError(f"{config.output} holds a study of other settings; give this one its own")
            return
        config.output.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(shared, indent=1) + "\n")
        os.replace(draft, path)

    def run(self, on_progress: Callable[[int, int], None]) -> list[Outcome]:
        """Train the cells that are missing; returns all, in order.

        Args:
            on_progress: Told (steps done, steps in all), pre-training included.
        """
        config = self._config
        wanted, done = cells(config), read_outcomes(config.output / _CELLS)
        pretrainings = [seed for seed in config.seeds if "mae" in config.models]
        total = len(wanted) * config.budget.steps + len(pretrainings) * config.pretraining.steps
        finished = sum(cell in done for cell in wanted) * config.budget.steps
        finished += sum(self._kept(f"mae-{seed}") for seed in pretrainings) * config.pretraining.steps
        on_progress(finished, total)

        def step() -> None:
            nonlocal finished
            finished += 1
            on_progress(finished, total)

        self._on_step = step
        for cell in wanted:
            if cell not in done:
                done[cell] = self._train(cell)
                append_outcome(config.output / _CELLS, done[cell])
        return [done[cell] for cell in wanted]

    def _train(self, cell: Cell) -> Outcome:
        config, began_s = self._config, time.monotonic()
        network = build_network(cell.model, config, self._outputs, cell.seed).to(self._device)
        if cell.model == "mae" and isinstance(network, ViTClassifier):
            network.encoder.load_state_dict(self._pretrained(cell.seed))
        teacher = self._teacher(cell) if cell.model == "distilled" else None

        def loss_of(images: Tensor, classes: Tensor) -> Tensor:
            logits = network(images).float()
            if teacher is None:
                return cross_entropy(logits[0], classes)
            with torch.no_grad():
                said = teacher(images)[0]
            return distillation_loss(logits, classes, said)

        data = self._distilling(cell) if teacher else self._labelled(cell, config.budget)
        loss = fit(network, loss_of, data, config.budget, cell.seed, self._on_step)
        if cell.model == "convnet":
            self._keep(_teacher_name(cell), network.state_dict())
        side, trials = config.network.image_size, len(self._held_out.images)
        right = count_right(network, self._held_out, side)
        seen = config.budget.steps * config.budget.batch_size
        seconds = round(time.monotonic() - began_s, 2)
        return Outcome(cell, right, trials, loss, config.budget.steps, seen, seconds)

    def _labelled(self, cell: Cell, budget: Budget) -> Iterator[tuple[Tensor, Tensor]]:
        rows = labelled_rows(len(self._pictures.images), cell.labels, cell.seed)
        return batches(self._pictures, rows, self._config.network.image_size, budget, cell.seed)

    def _distilling(self, cell: Cell) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches whose first half has labels; the second half is any pictures, without."""
        config = self._config
        half = config.budget.batch_size // 2
        known = replace(config.budget, batch_size=config.budget.batch_size - half)
        rows, unnamed = np.arange(len(self._pictures.images)), replace(config.budget, batch_size=half)
        others = batches(self._pictures, rows, config.network.image_size, unnamed, cell.seed)
        for (images, classes), (more, _) in zip(self._labelled(cell, known), others, strict=True):
            yield torch.cat([images, more]), classes

    def _pretrained(self, seed: int) -> dict[str, Tensor]:
        """The encoder of this seed's masked autoencoder, trained at the first use."""
        config, name = self._config, f"mae-{seed}"
        if not self._kept(name):
            torch.manual_seed(seed)
            mae = MAE(MAEConfig(replace(config.network, outputs=self._outputs))).to(self._device)
            patches = config.network.patches
            rows = np.arange(len(self._pictures.images))
            data = batches(self._pictures, rows, config.network.image_size, config.pretraining, seed)

            def loss_of(images: Tensor, classes: Tensor) -> Tensor:
                return mae(images, torch.rand(len(images), patches, device=images.device))

            fit(mae, loss_of, data, config.pretraining, seed, self._on_step)
            self._keep(name, mae.encoder.state_dict())
        return load(read_verified(config.output / _WEIGHTS / name, _MODEL))

    def _teacher(self, cell: Cell) -> nn.Module:
        """The ConvNet of the same labels and seed."""
        network = build_network("convnet", self._config, self._outputs, cell.seed).to(self._device)
        folder = self._config.output / _WEIGHTS / _teacher_name(cell)
        network.load_state_dict(load(read_verified(folder, _MODEL)))
        return network.eval()

    def _kept(self, name: str) -> bool:
        return (self._config.output / _WEIGHTS / name).is_dir()

    def _keep(self, name: str, weights: dict[str, Tensor]) -> None:
        plain = {key: tensor.detach().cpu().contiguous() for key, tensor in weights.items()}
        commit(self._config.output / _WEIGHTS / name, {_MODEL: save(plain)})


def _teacher_name(cell: Cell) -> str:
    return f"convnet-{cell.labels}-{cell.seed}"
