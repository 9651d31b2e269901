"""One stage of a longer training: steps, averages, checks, checkpoints; it goes on where it stopped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from policies.average import Average
from policies.checkpoint import list_checkpoints
from policies.interruption import interruptions
from policies.manifest import CheckpointError, commit, read_verified, remove
from policies.optimisation import learning_rate, make_optimizer, pack_training, unpack_training
from policies.planner_config import StageConfig, StageProgress

_WEIGHTS, _TRAINING, _ABOUT = "model.safetensors", "training.safetensors", "about.json"


class InterruptedStageError(Exception):
    """The stage was asked to stop; what it has learned is on disk."""


class Stage(Protocol):
    """What is learned in a stage."""

    name: str
    config: StageConfig

    @property
    def network(self) -> nn.Module:
        """What is trained, as far as it is not frozen, and what is kept."""
        ...

    def losses(self, step: int) -> dict[str, Tensor]:
        """The losses of one batch, which depends on ``step`` alone; ``total`` is what is minimised."""
        ...

    def check(self) -> dict[str, float]:
        """What the network, with its averaged weights in place, makes of lessons that are held back."""
        ...


@dataclass
class _Meter:
    """What has happened since the last report."""

    began_s: float = field(default_factory=time.monotonic)
    steps: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, losses: Mapping[str, Tensor]) -> None:
        self.steps += 1
        for name, loss in losses.items():
            value = float(loss.detach())
            if not math.isfinite(value):
                raise FloatingPointError(f"the loss {name} is {value}")
            self.sums[name] = self.sums.get(name, 0.0) + value


def run_stage(
    stage: Stage,
    folder: Path,
    log_every: int,
    check_every: int,
    report: Callable[[StageProgress], None],
) -> None:
    """Train a stage to its end; its network then holds the averaged weights.

    Args:
        stage: What is learned.
        folder: Keeps ``step_<n>``; what is there is gone on with, or, where it is the last step, taken over.
        log_every: Steps between reports.
        check_every: Steps between checks and checkpoints.
        report: Told how it goes.

    Raises:
        InterruptedStageError: Ctrl-C, after a checkpoint.
        CheckpointError: the checkpoint to go on from is damaged or does not fit.
        FloatingPointError: a loss is infinite or NaN.
    """
    network, config = stage.network, stage.config
    optimizer = make_optimizer(network, config)
    average, step = Average(network, config.ema_decay), 0
    if list_checkpoints(folder):
        step = _resume(list_checkpoints(folder)[-1], network, optimizer, average)
    meter = _Meter()
    with interruptions() as interrupted:
        while step < config.steps:
            _learn(stage, optimizer, step, meter)
            step += 1
            average.update(step)
            last, stop = step == config.steps, interrupted()
            due = last or stop or step % check_every == 0
            checked = _checked(stage, average) if due and not stop else {}
            if due:
                _save(folder, network, optimizer, average, step)
            if due or step % log_every == 0:
                report(_progress(stage, step, meter, checked))
                meter = _Meter()
            if stop and not last:
                raise InterruptedStageError(stage.name)
    network.load_state_dict(average.weights, strict=False)
    network.eval()


def _learn(stage: Stage, optimizer: torch.optim.Optimizer, step: int, meter: _Meter) -> None:
    torch.manual_seed(step)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, stage.config)
    stage.network.train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = stage.losses(step)
    losses["total"].backward()
    meter.add(losses)
    nn.utils.clip_grad_norm_(stage.network.parameters(), stage.config.clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@torch.no_grad()
def _checked(stage: Stage, average: Average) -> dict[str, float]:
    network = stage.network
    raw = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(average.weights, strict=False)
    network.eval()
    try:
        with torch.autocast("cpu", torch.bfloat16):
            return stage.check()
    finally:
        network.load_state_dict(raw)


def _progress(stage: Stage, step: int, meter: _Meter, checked: Mapping[str, float]) -> StageProgress:
    took_s = max(time.monotonic() - meter.began_s, 1e-9)
    means = {name: total / max(1, meter.steps) for name, total in meter.sums.items()}
    left_s = (stage.config.steps - step) * took_s / max(1, meter.steps)
    speed = meter.steps * stage.config.batch_size / took_s
    return StageProgress(stage.name, step, stage.config.steps, means, checked, speed, left_s)


def _resume(folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, average: Average) -> int:
    try:
        unpack_training(network, optimizer, load(read_verified(folder, _TRAINING)))
        average.load(load(read_verified(folder, _WEIGHTS)))
        return int(json.loads(read_verified(folder, _ABOUT))["step"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{folder} does not fit the network: {error}") from error


def _save(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, average: Average, step: int
) -> None:
    files = {
        _WEIGHTS: save(_plain(average.weights)),
        _TRAINING: save(_plain(pack_training(network, optimizer))),
        _ABOUT: json.dumps({"step": step}).encode(),
    }
    commit(folder / f"step_{step:08d}", files)
    for old in list_checkpoints(folder)[:-1]:
        remove(old)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Tied weights are one tensor under two names, which the file's format does not allow.
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
