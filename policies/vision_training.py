"""Fitting one small network to pictures at a stated budget: the one loop for every network of the study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policies.device import use_bf16
from policies.optimisation import learning_rate, make_optimizer
from vla.contract import ContractError

_WINDOWS, _BATCHES, _SUBSET = 1, 2, 3
_TEST_BATCH = 250


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures, a little larger than what a network sees, so that windows of them can be drawn.

    Attributes:
        images: uint8 RGB (n, R, R, 3).
        classes: int64 (n,).
    """

    images: NDArray[np.uint8]
    classes: NDArray[np.int64]


def labelled_rows(count: int, labels: int, seed: int) -> NDArray[np.int64]:
    """Which of ``count`` pictures have labels: a larger number's rows contain a smaller one's, (labels,)."""
    return np.random.default_rng([seed, _SUBSET]).permutation(count)[:labels]


def check_apart(pictures: Pictures, held_out: Pictures) -> None:
    """Raise :class:`ContractError` if a held-out picture is among those to train on."""
    known = {image.tobytes() for image in pictures.images}
    for row, image in enumerate(held_out.images):
        if image.tobytes() in known:
            raise ContractError(f"held-out picture {row} is also one to train on: they must not share scenes")


@dataclass(frozen=True)
class Budget:
    """What one network may spend, and how: ``policies.optimisation`` says what the rates mean.

    Attributes:
        steps: Optimiser steps.
        batch_size: Pictures per step, at least 2.
        learning_rate: Peak of the cosine schedule.
        warmup_steps: Linear rise at the start.
        final_rate: Last learning rate over the peak.
        weight_decay: AdamW's, on matrices only.
        beta2: AdamW's second decay.
        clip_norm: Largest gradient norm.
    """

    steps: int = 500
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    final_rate: float = 0.02
    weight_decay: float = 0.05
    beta2: float = 0.98
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch_size", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)} must be at least {least}")


StepLoss = Callable[[Tensor, Tensor], Tensor]
"""From pictures (B, S, S, 3) and classes (B,) to a loss."""


def batches(
    pictures: Pictures, rows: NDArray[np.int64], side: int, budget: Budget, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The budget's batches: a pure function of seed and step, so every network sees the same ones.

    Args:
        pictures: All pictures.
        rows: Which of them may be drawn.
        side: Side S of the random windows, in pixels; half of them are mirrored.
        budget: How many batches, and how large.
        seed: Of the draws.

    Yields:
        uint8 (B, S, S, 3) and int64 (B,).
    """
    for step in range(budget.steps):
        rng = np.random.default_rng([seed, step, _BATCHES])
        chosen = rng.choice(rows, budget.batch_size)
        images = windows(pictures.images[chosen], side, rng)
        mirrored = rng.random(len(images)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        yield torch.from_numpy(images), torch.from_numpy(pictures.classes[chosen])


def windows(images: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random square window of each picture: (n, R, R, 3) -> (n, side, side, 3)."""
    corners = rng.integers(0, images.shape[1] - side + 1, (len(images), 2))
    cut = [image[y : y + side, x : x + side] for image, (y, x) in zip(images, corners.tolist(), strict=True)]
    return np.stack(cut)


def fit(
    network: nn.Module,
    loss_of: StepLoss,
    data: Iterator[tuple[Tensor, Tensor]],
    budget: Budget,
    seed: int,
    on_step: Callable[[], None],
) -> float:
    """Take the budget's steps on ``network``; returns the mean loss of the last tenth of them.

    Args:
        network: What is trained, in place; ends in evaluation mode.
        loss_of: The loss of one batch.
        data: See :func:`batches`.
        budget: Steps, optimiser and schedule.
        seed: Of torch's draws, such as the patches that are masked.
        on_step: Called after each step.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    device = next(network.parameters()).device
    bf16, optimizer = use_bf16("auto", device), make_optimizer(network, budget)
    torch.manual_seed(seed)
    network.train()
    losses: list[float] = []
    for step, (images, classes) in enumerate(data):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, budget)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = loss_of(images.to(device), classes.to(device))
        losses.append(float(loss.detach()))
        if not np.isfinite(losses[-1]):
            raise FloatingPointError(f"the loss was {losses[-1]} at step {step}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), budget.clip_norm)
        optimizer.step()
        on_step()
    network.eval()
    return float(np.mean(losses[-max(1, budget.steps // 10) :]))


@torch.no_grad()
def count_right(network: nn.Module, pictures: Pictures, side: int) -> int:
    """How many pictures the network names rightly, each seen through one window that never changes."""
    device = next(network.parameters()).device
    bf16, right = use_bf16("auto", device), 0
    images = windows(pictures.images, side, np.random.default_rng(_WINDOWS))
    for first in range(0, len(images), _TEST_BATCH):
        batch = slice(first, first + _TEST_BATCH)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = network(torch.from_numpy(images[batch]).to(device))
        answers = logits.float().softmax(-1).mean(0).argmax(-1).cpu()
        right += int((answers == torch.from_numpy(pictures.classes[batch])).sum())
    return right
