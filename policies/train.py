"""Training: one loop for every algorithm, on a CPU, a GPU, or several of them.

Everything random follows from the seed and the step (see ``policies.batches``), the learning rate from the
step alone; so the weights, their average and the optimiser are the whole state of a run.
"""

from __future__ import annotations

import itertools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from policies.algorithm import build_algorithm
from policies.average import Average
from policies.batches import Batch, BatchSource, stream
from policies.borrowing import borrow_reader, borrow_tower
from policies.checkpoint import CheckpointError, read_training, save_checkpoint
from policies.config import FAMILIES, TrainConfig
from policies.device import choose_device, use_bf16
from policies.network_policy import NetworkPolicy
from policies.normalisation import joint_axes
from policies.objectives import TrainStep
from policies.optimisation import learning_rate, make_optimizer, pack_training, unpack_training
from policies.preparation import EXPERT, prepare
from policies.resident import ResidentSource, lies_on
from policies.validation import validate
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.action_tokens import ActionTokens
from vla.models.vla import VLA


@dataclass(frozen=True)
class Progress:
    """A report of a running training.

    Attributes:
        step: Steps taken.
        steps: Steps in all.
        losses: Mean of each loss since the last report.
        learning_rate: Of the last step.
        samples_per_s: Since the last report, over all processes.
        left_s: Expected seconds to the end at that speed.
        validation: Metrics, where this report follows a validation or a rollout; else empty.
        checkpoint: Folder committed last in this process, or None.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    learning_rate: float
    samples_per_s: float
    left_s: float
    validation: Mapping[str, float] = field(default_factory=dict)
    checkpoint: Path | None = None


Rollout = Callable[[NetworkPolicy, int], Mapping[str, float]]


def train(
    config: TrainConfig,
    cache: FrameCache,
    spec: RobotSpec,
    *,
    stills: FrameCache | None = None,
    families: Sequence[str] = FAMILIES,
    on_progress: Callable[[Progress], None] | None = None,
    rollout: Rollout | None = None,
) -> Path:
    """Train a policy until ``config.steps``, a SIGINT, or ``config.stop_after_s``; then save it.

    Args:
        config: The run. ``config.output`` with checkpoints in it is gone on with, bit for bit on a CPU.
        cache: Demonstrations.
        spec: The robot that gave them; its cameras' order is that of the labels.
        stills: Scenes without motion that also train the eyes and the reading, or None.
        families: Names of the task families, in label order.
        on_progress: Called every ``log_every`` steps, after each validation and at the end.
        rollout: Called with a policy of the averaged weights and the step; returns metrics.

    Returns:
        The last checkpoint's folder.

    Raises:
        CheckpointError: the checkpoint to start from is damaged or does not fit.
        FloatingPointError: the loss stayed infinite or NaN for ten steps.
        ValueError: the data do not fit the robot or the network.
    """
    return Trainer(config, cache, spec, stills, tuple(families), on_progress, rollout).run()


class Trainer:
    """A run's state; :func:`train` is the way in."""

    def __init__(
        self,
        config: TrainConfig,
        cache: FrameCache,
        spec: RobotSpec,
        stills: FrameCache | None,
        families: tuple[str, ...],
        on_progress: Callable[[Progress], None] | None,
        rollout: Rollout | None,
    ) -> None:
        """Build or reload everything; see :func:`train`."""
        if config.threads:
            torch.set_num_threads(config.threads)
        device = choose_device(config.device)
        # Autocast is our own business, because accelerate fixes its precision once per process.
        self._accelerator = Accelerator(cpu=device.type == "cpu")
        self._bf16 = use_bf16(config.bf16, self._accelerator.device)
        self._config, self._spec, self._families = config, spec, families
        self._report, self._rollout = on_progress or (lambda progress: None), rollout
        self._prepared = prepare(config, cache, spec, families, stills)
        self._data = {"episodes": len(cache.tasks), "frames": len(cache.frame_index_of)}
        if stills:
            self._data["stills"] = len(stills.tasks)
        torch.manual_seed(config.seed)
        self.network = VLA(config.model, joint_axes(spec))
        normalisation = self._prepared.normalisation
        self.network.grounding.place_mean.copy_(torch.from_numpy(normalisation.place_mean))
        self.network.grounding.place_std.copy_(torch.from_numpy(normalisation.place_std))
        if self._prepared.action_range and isinstance(self.network.expert, ActionTokens):
            self.network.expert.set_range(*map(torch.from_numpy, self._prepared.action_range))
        if config.freeze == "vision":
            self.network.vision.requires_grad_(False)
        self._algorithm = build_algorithm(config)
        module = TrainStep(self.network, self._algorithm, normalisation, spec, config.loss)
        self._module, self._optimizer = self._accelerator.prepare(
            torch.compile(module) if config.compile else module, make_optimizer(self.network, config)
        )
        self.step, self._trained_s, self._interrupted = 0, 0.0, False
        begin = self._prepared.begin
        if begin:
            # What a checkpoint's trunk lacks stays fresh: the expert.
            expert = {f"{EXPERT}{name}": value for name, value in self.network.expert.state_dict().items()}
            self.network.load_state_dict({**expert, **begin.weights})
        if not self._prepared.resumed:
            if config.tower_from:
                borrow_tower(self.network.vision, config.tower_from)
            if config.reader_from:
                borrow_reader(self.network.text, config.reader_from)
        self._average = Average(self.network, config.ema_decay)
        if begin and self._prepared.resumed:
            self.step = begin.step
            self._trained_s = float(begin.notes.get("trained_s", 0.0))
            state = read_training(begin.directory)
            try:
                self._average.load(begin.weights)
                unpack_training(self.network, self._optimizer, state)
            except (RuntimeError, KeyError) as error:
                raise CheckpointError(f"{begin.directory} does not fit the network: {error}") from error

    def run(self) -> Path:
        """Take the remaining steps; see :func:`train`."""
        config, accelerator = self._config, self._accelerator
        seed = [config.seed, accelerator.process_index]
        writer = SummaryWriter(config.output) if accelerator.is_main_process else None
        batches = self._stream(self._prepared.source, seed, config.batch_size)
        stills: Iterator[Batch | None] = itertools.repeat(None)
        if self._prepared.stills:
            stills = self._stream(self._prepared.stills, [*seed, 1], config.stills_batch)
        began, mark, since = time.monotonic(), time.monotonic(), self.step
        sums: dict[str, float] = {}
        bad, saved = 0, None
        with _interruptible(self):
            for batch, still in zip(batches, stills, strict=False):
                rate = learning_rate(self.step, config)
                losses = self._learn(batch, still, rate)
                bad = 0 if math.isfinite(losses["total"]) else bad + 1
                if bad >= 10:
                    raise FloatingPointError(
                        f"the loss was {losses['total']} for ten steps up to {self.step}"
                    )
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value
                self.step += 1
                spent = time.monotonic() - began
                late = 0 < config.stop_after_s <= spent or self._interrupted
                last = late or self.step == config.steps
                metrics = self._examine(last)
                if last or self.step % config.save_every == 0:
                    saved = self._save(self._trained_s + spent, metrics)
                if last or metrics or self.step % config.log_every == 0:
                    now = time.monotonic()
                    count = self.step - since
                    speed = count * config.batch_size * accelerator.num_processes / max(now - mark, 1e-9)
                    progress = Progress(
                        step=self.step,
                        steps=config.steps,
                        losses={name: value / count for name, value in sums.items()},
                        learning_rate=rate,
                        samples_per_s=speed,
                        left_s=(config.steps - self.step) * (now - mark) / count,
                        validation=metrics,
                        checkpoint=saved,
                    )
                    self._tell(progress, writer)
                    mark, since, sums = now, self.step, {}
                if last:
                    break
        if writer:
            writer.close()
        begin = self._prepared.begin
        return saved or (begin.directory if begin else Path(config.output))

    def _stream(self, source: BatchSource, seed: list[int], size: int) -> Iterator[Batch]:
        """The batches of the steps that are left."""
        device, steps = self._accelerator.device, (self.step, self._config.steps)
        if lies_on(self._config.resident, source, device):
            return stream(ResidentSource(source, device), seed, *steps, size, 0)
        return stream(source, seed, *steps, size, self._config.prefetch)

    def _learn(self, batch: Batch, stills: Batch | None, rate: float) -> dict[str, float]:
        """One optimiser step; returns the losses."""
        config, accelerator = self._config, self._accelerator
        draw = np.random.SeedSequence([config.seed, accelerator.process_index, self.step, 7])
        torch.manual_seed(int(draw.generate_state(1)[0]))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._module.train()
        with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=self._bf16):
            losses: dict[str, Tensor] = self._module(
                batch.to(accelerator.device), stills and stills.to(accelerator.device)
            )
        accelerator.backward(losses["total"])
        values = {name: float(loss.detach()) for name, loss in losses.items()}
        limit = config.clip_norm or float("inf")
        norm = accelerator.clip_grad_norm_(self._module.parameters(), limit)
        if norm is not None and bool(torch.isfinite(norm)):
            self._optimizer.step()
            self._average.update(self.step)
            values["gradient_norm"] = float(norm)
        self._optimizer.zero_grad(set_to_none=True)
        return values

    def _examine(self, last: bool) -> dict[str, float]:
        """Validate and roll out the averaged weights where this step asks for it."""
        config, metrics = self._config, {}
        source = self._prepared.held_out
        due = config.validate_every and self.step % config.validate_every == 0
        wanted = config.rollout_every and self.step % config.rollout_every == 0 and self._rollout
        if not self._accelerator.is_main_process or not (due or wanted or last):
            return {}
        with self._averaged():
            if source and (due or last):
                metrics |= validate(
                    self.network,
                    self._algorithm,
                    self._prepared.normalisation,
                    self._spec,
                    source,
                    config.validate_samples,
                    self._bf16,
                )
            if wanted and self._rollout:
                policy = NetworkPolicy(
                    self.network,
                    self._algorithm,
                    self._prepared.normalisation,
                    self._prepared.tokenizer,
                    self._spec,
                    self._families,
                )
                metrics |= self._rollout(policy, self.step)
        return metrics

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The network with its averaged weights, for as long as the context lasts."""
        own = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(self._average.weights)
        try:
            yield
        finally:
            self.network.load_state_dict(own)

    def _save(self, trained_s: float, metrics: Mapping[str, float]) -> Path | None:
        if not self._accelerator.is_main_process:
            return None
        return save_checkpoint(
            Path(self._config.output),
            config=self._config,
            spec=self._spec,
            normalisation=self._prepared.normalisation,
            tokenizer=self._prepared.tokenizer,
            families=self._families,
            step=self.step,
            notes={
                "data": self._data,
                "trained_s": round(trained_s, 1),
                "samples": self.step * self._config.batch_size * self._accelerator.num_processes,
                "stills_samples": self.step
                * (self._config.stills_batch if self._prepared.stills else 0)
                * self._accelerator.num_processes,
                "validation": {name: round(value, 4) for name, value in metrics.items()},
            },
            weights=self._average.weights,
            training=pack_training(self.network, self._optimizer),
            keep_last=self._config.keep_last,
        )

    def _tell(self, progress: Progress, writer: SummaryWriter | None) -> None:
        if not writer:
            return
        for name, value in progress.losses.items():
            writer.add_scalar(f"train/{name}", value, progress.step)
        for name, value in progress.validation.items():
            writer.add_scalar(f"held_out/{name}", value, progress.step)
        writer.add_scalar("train/learning_rate", progress.learning_rate, progress.step)
        writer.add_scalar("train/samples_per_s", progress.samples_per_s, progress.step)
        writer.flush()
        self._report(progress)

    def interrupt(self) -> None:
        """Save and stop after the present step."""
        self._interrupted = True


@contextmanager
def _interruptible(trainer: Trainer) -> Iterator[None]:
    """Let SIGINT end the run in order; signals reach the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, lambda number, frame: trainer.interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
