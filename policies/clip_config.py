"""Everything about the training of an image-text model that can be chosen, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.augmentation import AugmentConfig
from vla.models.clip import CLIPConfig

FREEZE = ("", "stem")


@dataclass(frozen=True)
class CLIPTrainConfig:
    """A training run.

    Attributes:
        output: Folder of the run.
        model: Sizes of the network.
        augment: How pictures are varied.
        steps: Optimiser steps.
        batch_size: B, pictures per step.
        captions: P, captions of each picture per step; each of the P is a contrastive loss of its own.
        negatives: K, captions per caption that are false by one attribute.
        done_weight: Weight of the loss that tells "done" from "not done".
        learning_rate, final_rate, warmup_steps, weight_decay, beta2, clip_norm, ema_decay: As in
            ``policies.config.TrainConfig``.
        seed: Every random draw follows from this and the step.
        device: ``auto``, ``cpu`` or ``cuda``.
        bf16: ``auto``, ``true`` or ``false``.
        threads: Torch's threads on a CPU; 0 leaves torch's choice.
        log_every: Steps between progress reports.
        save_every: Steps between checkpoints.
        keep_last: Checkpoints kept.
        eyes: Folder of a policy or a planner whose image tower is the start of this one; empty means fresh
            weights.
        freeze: One of ``FREEZE``: the part of the image tower whose weights stay.
        stop_after_s: Save and stop after so many seconds; 0 means never.
    """

    output: str = "runs/clip"
    model: CLIPConfig = field(default_factory=CLIPConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    steps: int = 6000
    batch_size: int = 128
    captions: int = 2
    negatives: int = 2
    done_weight: float = 0.5
    learning_rate: float = 1e-3
    final_rate: float = 0.02
    warmup_steps: int = 100
    weight_decay: float = 1e-2
    beta2: float = 0.98
    clip_norm: float = 1.0
    ema_decay: float = 0.998
    seed: int = 0
    device: str = "auto"
    bf16: str = "auto"
    threads: int = 0
    log_every: int = 50
    save_every: int = 200
    keep_last: int = 2
    eyes: str = ""
    freeze: str = ""
    stop_after_s: float = 0.0

    def __post_init__(self) -> None:
        if self.freeze not in FREEZE:
            raise ValueError(f"freeze {self.freeze!r} is not one of {', '.join(map(repr, FREEZE))}")
        for name, least in (
            ("steps", 1),
            ("batch_size", 2),
            ("captions", 1),
            ("negatives", 0),
            ("save_every", 1),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)} must be >= {least}")


@dataclass(frozen=True)
class CLIPProgress:
    """A report of a running training: losses are means since the last one."""

    step: int
    steps: int
    losses: Mapping[str, float]
    samples_per_s: float
    left_s: float
