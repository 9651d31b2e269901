"""Everything about a training run that can be chosen, as plain frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, get_type_hints

from policies.act import ActConfig
from policies.augmentation import AugmentConfig
from policies.autoregressive import AutoregressiveConfig
from policies.diffusion import DiffusionConfig
from policies.flow import FlowConfig
from vla.models.vla import VLAConfig

POLICIES = ("flow", "diffusion", "act", "autoregressive")
BF16 = RESIDENT = ("auto", "true", "false")
FREEZE = ("", "vision")
INIT_PARTS = ("all", "trunk")
FAMILIES = (
    "reach",
    "push",
    "pick_up",
    "put_in",
    "stack",
    "unstack",
    "open_drawer",
    "close_drawer",
    "put_in_drawer",
    "take_out",
    "press_button",
)


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts of the training loss; each part is a mean over what is labelled.

    Attributes:
        action: The policy's own loss.
        heat: Cross-entropy of the heatmaps, in nats.
        position: Smooth L1 of the places, in decimetres.
        family: Cross-entropy of the task family.
        done: Binary cross-entropy of success.
        kind: Cross-entropy of the kinds of the things in the pictures.
        colour: Cross-entropy of their colours.
    """

    action: float = 1.0
    heat: float = 0.15
    position: float = 1.0
    family: float = 0.1
    done: float = 0.3
    kind: float = 0.3
    colour: float = 0.1


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        output: Folder of the run: checkpoints and TensorBoard files.
        policy: One of ``POLICIES``.
        model: Sizes of the network.
        flow: Settings of flow matching.
        diffusion: Settings of diffusion.
        act: Settings of plain regression.
        autoregressive: Settings of writing bins; it needs ``model.expert.bins``.
        loss: Weights of the loss parts.
        augment: Augmentation.
        steps: Optimiser steps.
        batch_size: Samples per step and process.
        alternatives: Further instructions per sample that train grounding and success only.
        stills_batch: Stills per step and process, where there are any; they train what labels teach.
        stills_alternatives: Further instructions per still.
        balance: Whether a task family's share of samples grows with the square root of its frames (long
            tasks get more than short ones, but not by their length), or with its frames.
        learning_rate: Peak of the cosine schedule.
        final_rate: Last learning rate over the peak.
        warmup_steps: Linear rise at the start.
        weight_decay: AdamW's, on matrices only.
        beta2: AdamW's second decay.
        clip_norm: Largest gradient norm; 0 means no clipping.
        ema_decay: Of the averaged weights; 0 turns averaging off.
        seed: Every random draw follows from this and the step.
        device: ``auto``, ``cpu`` or ``cuda``.
        bf16: One of ``BF16``; ``auto`` means where the hardware multiplies bf16 fast.
        compile: Whether torch compiles the network first, which takes minutes.
        resident: One of ``RESIDENT``: whether the demonstrations are copied to the device and drawn there;
            ``auto`` means where that is a GPU with room for them. Other random numbers, the same samples.
        threads: Torch's threads on a CPU; 0 leaves torch's choice.
        prefetch: Batches prepared ahead by a thread.
        held_out: Share of the training episodes kept for validation.
        log_every: Steps between progress reports.
        validate_every: Steps between validations; 0 means at the end only.
        validate_samples: Held-out samples per validation.
        rollout_every: Steps between closed-loop rollouts, where a callable is given; 0 means never.
        save_every: Steps between checkpoints.
        keep_last: Checkpoints kept; older ones are removed.
        resume: Whether to go on from the newest checkpoint in ``output``.
        init_from: Checkpoint folder to take the weights from; empty means fresh weights.
        init_part: One of ``INIT_PARTS``: what is taken from there; ``trunk`` is all but the action expert,
            which begins fresh and may be of another kind.
        tower_from: Folder of a policy, a planner or an image-text model whose image tower the network begins
            with; empty means that of ``init_from``, or fresh weights.
        reader_from: Folder of a policy or an image-text model whose text encoder and words the network begins
            with; not together with ``init_from``.
        freeze: One of ``FREEZE``: the part whose weights stay.
        stop_after_s: Save and stop after so many seconds of training; 0 means never.
    """

    output: str = "runs/train"
    policy: str = "flow"
    model: VLAConfig = field(default_factory=VLAConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    act: ActConfig = field(default_factory=ActConfig)
    autoregressive: AutoregressiveConfig = field(default_factory=AutoregressiveConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    steps: int = 20_000
    batch_size: int = 64
    alternatives: int = 2
    stills_batch: int = 32
    stills_alternatives: int = 3
    balance: bool = True
    learning_rate: float = 8e-4
    final_rate: float = 0.02
    warmup_steps: int = 500
    weight_decay: float = 1e-2
    beta2: float = 0.98
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    device: str = "auto"
    bf16: str = "auto"
    compile: bool = False
    resident: str = "auto"
    threads: int = 0
    prefetch: int = 2
    held_out: float = 0.05
    log_every: int = 50
    validate_every: int = 1000
    validate_samples: int = 512
    rollout_every: int = 0
    save_every: int = 500
    keep_last: int = 2
    resume: bool = True
    init_from: str = ""
    init_part: str = "all"
    tower_from: str = ""
    reader_from: str = ""
    freeze: str = ""
    stop_after_s: float = 0.0

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("policy", self.policy, POLICIES),
            ("bf16", self.bf16, BF16),
            ("resident", self.resident, RESIDENT),
            ("init_part", self.init_part, INIT_PARTS),
            ("freeze", self.freeze, FREEZE),
            ("device", self.device, ("auto", "cpu", "cuda")),
        ):
            if value not in choices:
                raise ValueError(f"{name} {value!r} is not one of {', '.join(map(repr, choices))}")
        for name in ("steps", "batch_size", "stills_batch", "log_every", "save_every", "keep_last"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} must be >= 1")
        if self.init_from and self.reader_from:
            raise ValueError(
                f"reader_from {self.reader_from!r} does not go with init_from {self.init_from!r}, "
                "which has words of its own"
            )
        bins = self.model.expert.bins
        if (self.policy == "autoregressive") != (bins > 0):
            wanted = "needs model.expert.bins of 2 or more" if not bins else "needs model.expert.bins 0"
            raise ValueError(f"policy {self.policy!r} {wanted}; it is {bins}")
        if self.model.expert.latent and self.policy != "act":
            raise ValueError(
                f"model.expert.latent {self.model.expert.latent} is for policy 'act', not {self.policy!r}"
            )
        chunk = self.model.expert.chunk
        if not 0 <= self.flow.max_delay < chunk:
            raise ValueError(
                f"flow.max_delay {self.flow.max_delay} is outside [0, {chunk}), the chunk's rows"
            )
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out {self.held_out} is outside [0, 1)")


def config_to_dict(config: TrainConfig) -> dict[str, Any]:
    """Plain JSON types, the inverse of :func:`config_from_dict`."""
    return asdict(config)


def config_from_dict(data: Mapping[str, Any]) -> TrainConfig:
    """Rebuild a config from :func:`config_to_dict`'s output.

    Raises:
        ValueError: a key is unknown or a value is illegal.
    """
    return _build(TrainConfig, data, "config")


def _build(kind: type[Any], data: Mapping[str, Any], path: str) -> Any:
    known = get_type_hints(kind)
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"{path} has unknown keys {unknown}; known are {sorted(known)}")
    values = {
        name: _build(known[name], value, f"{path}.{name}") if is_dataclass(known[name]) else value
        for name, value in data.items()
    }
    return kind(**values)
