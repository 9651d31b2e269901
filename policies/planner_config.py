"""Everything about the training of the planner that can be chosen, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.augmentation import AugmentConfig


@dataclass(frozen=True)
class StageConfig:
    """One stage's optimisation.

    Attributes:
        steps: Optimiser steps; 0 leaves the stage out.
        batch_size: Lessons per step.
        learning_rate: Peak rate, after a linear rise.
        warmup_steps: Steps of that rise.
        final_rate: Share of the peak that the half cosine ends at.
        weight_decay: Of matrices.
        beta2: AdamW's second.
        ema_decay: Of the averaged weights that are kept.
        clip_norm: Largest norm of the gradient.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 200
    final_rate: float = 0.02
    weight_decay: float = 0.05
    beta2: float = 0.98
    ema_decay: float = 0.999
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 0 or self.batch_size < 1 or self.learning_rate <= 0:
            raise ValueError(
                f"steps={self.steps} must be at least 0, batch_size={self.batch_size} at least 1, "
                f"learning_rate={self.learning_rate} above 0"
            )


@dataclass(frozen=True)
class PlannerTrainConfig:
    """A training of the planner.

    Attributes:
        lessons: Folders of lessons with pictures.
        told: Folders of lessons in words.
        sentences: Folders of sentences with their meanings.
        visual: Folders of conversations about pictures, in LLaVA's format, that "talk" learns from, too.
        output: Folder of the run; each stage has a folder in it.
        eyes_from: A policy's checkpoint, with whose image tower the eyes begin, or a planner's folder, whose
            eyes they are at first.
        start_from: A planner's folder, whose weights a new run begins with; "" begins with fresh ones.
        seed: Draws weights and batches.
        threads: torch's threads; 0 leaves torch's choice.
        held_back: Lessons, sentences and conversations at the beginning of each folder that are never learned
            from.
        log_every: Steps between reports.
        check_every: Steps between checks on what is held back, and between checkpoints.
        vocabulary: Most words and pieces of words.
        width, depth, heads, hidden: Sizes of the language model.
        talk_share: Share of the questions about a table told in words that stage "words" hears.
        heard_weight: Weight of foreseeing a person's words beside that of finding one's own.
        hidden_share: Share of its own words that the model does not see while it learns to go on from them in
            "words" and "talk": it has to look at the sentence, not at what usually follows (word dropout,
            arXiv 1511.06349).
        sentence_share: Share of the steps of "words" and "talk" that are about what sentences mean.
        visual_share: Share of the steps of "talk" about pictures that are about ``visual``.
        lora_rank: Rank of the adapters that "talk" trains instead of the language model's own weights (LoRA,
            arXiv 2106.09685); 0 trains those.
        augment: How the pictures are varied.
        eyes, words, projector, talk: The stages.
    """

    lessons: tuple[str, ...]
    told: tuple[str, ...]
    sentences: tuple[str, ...]
    output: str
    eyes_from: str
    visual: tuple[str, ...] = ()
    start_from: str = ""
    seed: int = 0
    threads: int = 0
    held_back: int = 1000
    log_every: int = 50
    check_every: int = 500
    vocabulary: int = 2560
    width: int = 192
    depth: int = 6
    heads: int = 4
    hidden: int = 512
    talk_share: float = 0.5
    heard_weight: float = 0.1
    hidden_share: float = 0.15
    sentence_share: float = 0.88
    visual_share: float = 0.5
    lora_rank: int = 0
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    eyes: StageConfig = field(
        default_factory=lambda: StageConfig(2000, 128, 1.5e-3, 100, weight_decay=0.02, ema_decay=0.998)
    )
    words: StageConfig = field(default_factory=lambda: StageConfig(13000, 96, 1.5e-3, 300))
    projector: StageConfig = field(default_factory=lambda: StageConfig(300, 64, 2e-3, 30, ema_decay=0.98))
    talk: StageConfig = field(default_factory=lambda: StageConfig(1200, 64, 6e-4, 50, ema_decay=0.995))

    def __post_init__(self) -> None:
        if self.lora_rank < 0:
            raise ValueError(f"lora_rank={self.lora_rank} must be 0, for no adapters, or positive")
        for name in ("talk_share", "hidden_share", "sentence_share", "visual_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is outside [0, 1]")


@dataclass(frozen=True)
class StageProgress:
    """What a training says now and then.

    Attributes:
        stage: Which stage.
        step: Steps taken.
        steps: Steps in all.
        losses: Mean losses since the last report, in nats.
        checked: What was found on lessons that are held back, where that has been looked at just now.
        samples_per_s: Lessons per second.
        left_s: Seconds until the stage ends, at this speed.
    """

    stage: str
    step: int
    steps: int
    losses: Mapping[str, float]
    checked: Mapping[str, float]
    samples_per_s: float
    left_s: float
