"""Training of an image-text model: InfoNCE, captions that are false by one word, and "is it done?"."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from policies.augmentation import Light
from policies.average import Average
from policies.borrowing import borrow_tower
from policies.checkpoint import list_checkpoints
from policies.clip_checkpoint import read_clip, read_tensors, save_clip
from policies.clip_config import CLIPProgress, CLIPTrainConfig
from policies.clip_data import CaptionBatch, CaptionedPictures, draw_batch
from policies.device import choose_device, use_bf16
from policies.interruption import interruptions
from policies.manifest import CheckpointError
from policies.optimisation import learning_rate, make_optimizer, pack_training, unpack_training
from vla.models.clip import CLIP, info_nce
from vla.models.text import InstructionTokenizer


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
        borrow_tower(network.vision, config.eyes)
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
    with interruptions() as interrupted:
        while step < config.steps and not clock.late() and not interrupted():
            losses = _learn(module, optimizer, data, step, config)
            step += 1
            average.update(step)
            if progress := clock.tick(step, losses):
                report(progress)
            if step % config.save_every == 0 and step < config.steps:
                folder = _save(config, network, optimizer, average, tokenizer, step)
    if step > first:
        folder = _save(config, network, optimizer, average, tokenizer, step)
    return folder or output


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
