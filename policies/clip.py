"""Training of an image-text model: InfoNCE, captions that are false by one word, and "is it done?"."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from policies.augmentation import AugmentConfig, Light
from policies.average import Average
from policies.checkpoint import list_checkpoints, read_checkpoint
from policies.clip_checkpoint import read_clip, read_tensors, save_clip
from policies.clip_data import CaptionBatch, CaptionedPictures, draw_batch
from policies.device import choose_device, use_bf16
from policies.manifest import CheckpointError
from policies.optimisation import learning_rate, make_optimizer, pack_training, unpack_training
from vla.models.clip import CLIP, CLIPConfig, info_nce
from vla.models.text import InstructionTokenizer

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
        eyes: Checkpoint of a policy whose image tower is the start of this one; empty means fresh weights.
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


class CLIPLoss(nn.Module):
    """The losses of one batch."""

    def __init__(self, network: CLIP, tokenizer: InstructionTokenizer, done_weight: float) -> None:
        super().__init__()
        self.network, self._tokenizer, self._done_weight = network, tokenizer, done_weight
        size = network.config.vision.image_size
        self._light = Light((size, size))

    def forward(self, batch: CaptionBatch) -> dict[str, Tensor]:
        """Scalars by name; ``total`` is what is minimised.

        ``contrast`` is :func:`vla.models.clip.info_nce`, averaged over the captions of a picture; ``done`` is
        the binary cross-entropy of "done" against "not done", both in nats.
        """
        network, device = self.network, self.network.log_scale.device
        images, light = (torch.from_numpy(x).to(device)[:, None] for x in (batch.images, batch.light))
        seen = network.images(self._light(images, light, torch.float32)[:, 0])
        size, count, false = batch.real.shape
        texts = self._texts([*batch.captions, *batch.negatives, *batch.prompts])
        captions, negatives, prompts = texts.split(
            [len(batch.captions), len(batch.negatives), len(batch.prompts)]
        )
        captions = captions.unflatten(0, (size, count))
        negatives = negatives.unflatten(0, (size, count, false)) if false else None
        also_true = torch.from_numpy(batch.also_true).to(device)
        real = torch.from_numpy(batch.real).to(device)
        scale = network.scale()
        parts = [
            info_nce(
                seen,
                captions[:, p],
                scale,
                also_true[p],
                None if negatives is None else negatives[:, p],
                None if negatives is None else real[:, p],
            )
            for p in range(count)
        ]
        losses = {"contrast": torch.stack(parts).mean()}
        if len(batch.asked):
            pairs = prompts.unflatten(0, (-1, 2))
            who = torch.from_numpy(batch.asked).to(device)
            logits = scale * ((pairs[:, 0] - pairs[:, 1]) * seen[who]).sum(-1)
            done = torch.from_numpy(batch.done).to(device, logits.dtype)
            losses["done"] = binary_cross_entropy_with_logits(logits, done)
        total = losses["contrast"] + self._done_weight * losses.get("done", torch.zeros((), device=device))
        return {"total": total, **losses}

    def _texts(self, texts: list[str]) -> Tensor:
        # The same words are said of many pictures: each is read once.
        place: dict[str, int] = {}
        order = [place.setdefault(text, len(place)) for text in texts]
        ids, mask = (
            torch.from_numpy(x).to(self.network.log_scale.device) for x in self._tokenizer(list(place))
        )
        return self.network.texts(ids, mask)[torch.tensor(order, device=ids.device)]


def train_clip(
    config: CLIPTrainConfig,
    data: CaptionedPictures,
    tokenizer: InstructionTokenizer,
    on_progress: Callable[[CLIPProgress], None] | None = None,
) -> Path:
    """Train until ``config.steps``, ``config.stop_after_s`` or Ctrl-C; the same call goes on from there.

    Args:
        config: The run. ``config.output`` with checkpoints in it is gone on with, bit for bit on a CPU.
        data: Pictures and what is true of them.
        tokenizer: Encodes captions; that of the checkpoint is used where there is one.
        on_progress: Called every ``log_every`` steps and at the end.

    Returns:
        The last checkpoint's folder.

    Raises:
        CheckpointError: the checkpoint to start from is damaged or does not fit.
        FloatingPointError: the loss is infinite or NaN.
        ValueError: the pictures do not fit the network.
    """
    if data.image_size != config.model.vision.image_size:
        raise ValueError(
            f"pictures of {data.image_size} px, but the network looks at {config.model.vision.image_size} px"
        )
    if config.threads:
        torch.set_num_threads(config.threads)
    device, output = choose_device(config.device), Path(config.output)
    torch.manual_seed(config.seed)
    network = CLIP(config.model)
    if config.eyes:
        borrow_eyes(network, config.eyes)
    if config.freeze == "stem":
        network.vision.stem.requires_grad_(False)
    network.to(device)
    optimizer = make_optimizer(network, config)
    average, first = Average(network, config.ema_decay), 0
    folder = list_checkpoints(output)[-1] if list_checkpoints(output) else None
    if folder is not None:
        checkpoint = read_clip(folder)
        tokenizer, first = checkpoint.tokenizer, checkpoint.step
        try:
            unpack_training(network, optimizer, read_tensors(folder))
            average.load(checkpoint.weights)
        except (RuntimeError, KeyError) as error:
            raise CheckpointError(f"{folder} does not fit the network: {error}") from error
    module = CLIPLoss(network, tokenizer, config.done_weight).to(device)
    clock, report = _Clock(config, first), on_progress or (lambda progress: None)
    step = first
    try:
        while step < config.steps and not clock.late():
            losses = _learn(module, optimizer, data, step, config)
            step += 1
            average.update(step)
            if progress := clock.tick(step, losses):
                report(progress)
            if step % config.save_every == 0 and step < config.steps:
                folder = _save(config, network, optimizer, average, tokenizer, step)
    finally:
        if step > first:
            folder = _save(config, network, optimizer, average, tokenizer, step)
    return folder or output


def borrow_eyes(network: CLIP, checkpoint: str) -> None:
    """Begin with a policy's image tower, as far as it has the same parts.

    Raises:
        CheckpointError: the checkpoint is damaged, or its tower has other sizes.
    """
    found = read_checkpoint(checkpoint).weights
    own = network.vision.state_dict()
    taken: dict[str, Tensor] = {}
    for name, tensor in own.items():
        theirs = found.get(f"vision.{name}")
        if theirs is not None:
            taken[name] = theirs[: len(tensor)] if name == "camera" else theirs
    wrong = [name for name, tensor in taken.items() if tensor.shape != own[name].shape]
    if wrong or not taken:
        raise CheckpointError(f"{checkpoint}: its image tower has other sizes, see {wrong or 'vision.*'}")
    network.vision.load_state_dict(taken, strict=False)


def _learn(
    module: CLIPLoss,
    optimizer: torch.optim.Optimizer,
    data: CaptionedPictures,
    step: int,
    config: CLIPTrainConfig,
) -> dict[str, float]:
    """One optimiser step; returns the losses."""
    rng = np.random.default_rng([config.seed, step])
    batch = draw_batch(data, rng, config.batch_size, config.captions, config.negatives, config.augment)
    device = module.network.log_scale.device
    torch.manual_seed(int(rng.integers(1 << 31)))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, config)
    module.train()
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bf16(config.bf16, device)):
        losses = module(batch)
    values = {name: float(loss.detach()) for name, loss in losses.items()}
    if not math.isfinite(values["total"]):
        raise FloatingPointError(f"the loss is {values['total']} at step {step}")
    losses["total"].backward()
    nn.utils.clip_grad_norm_(module.network.parameters(), config.clip_norm or math.inf)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    module.network.bound_scale()
    return values | {"scale": float(module.network.scale().detach())}


class _Clock:
    """Counts what a report says."""

    def __init__(self, config: CLIPTrainConfig, step: int) -> None:
        self._config, self._since = config, step
        self._began_s = self._mark_s = time.monotonic()
        self._sums: dict[str, float] = {}

    def late(self) -> bool:
        """True once the run has taken as long as it may."""
        return 0 < self._config.stop_after_s <= time.monotonic() - self._began_s

    def tick(self, step: int, losses: Mapping[str, float]) -> CLIPProgress | None:
        """Count one step; a report where one is due."""
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        if step % self._config.log_every and step < self._config.steps and not self.late():
            return None
        now_s, count = time.monotonic(), step - self._since
        means = {name: total / count for name, total in self._sums.items()}
        speed = count / max(now_s - self._mark_s, 1e-9)
        self._mark_s, self._since, self._sums = now_s, step, {}
        left_s = (self._config.steps - step) / speed
        return CLIPProgress(step, self._config.steps, means, speed * self._config.batch_size, left_s)


def _save(
    config: CLIPTrainConfig,
    network: CLIP,
    optimizer: torch.optim.Optimizer,
    average: Average,
    tokenizer: InstructionTokenizer,
    step: int,
) -> Path:
    notes = {
        "config": {name: value for name, value in asdict(config).items() if name not in ("model", "output")}
    }
    return save_clip(
        Path(config.output),
        model=config.model,
        tokenizer=tokenizer,
        step=step,
        notes=notes,
        weights=average.weights,
        training=pack_training(network, optimizer),
        keep_last=config.keep_last,
    )
