"""``handily study``: measurements that show why a part is built as it is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from policies.vision_cost import Cost, measure_costs
from policies.vision_study import MODELS, Cell, Outcome, Study, StudyConfig
from policies.vision_training import Budget, Pictures
from sim.backend import choose_backend
from sim.crops import CLASSES, cut_crops
from sim.randomise import Randomise
from sim.stills import StillSettings, draw_stills
from vla.cli.settings import check_device, check_least, configured, processes
from vla.cli.study_plots import plot_costs, plot_labels
from vla.cli.terminal import console, counted
from vla.config import check_choice
from vla.dataset.frames import FrameCache
from vla.models.classifier import ClassifierConfig
from vla.runtime.outcome import versions
from vla.wilson import wilson_interval

CROP_PX, SEEN_PX = 64, 48
"""Side of a crop, and of the windows of it that a network sees."""
HELD_OUT_SEED = 400_000
"""First seed of held-out stills; those to train on have the seeds from 0."""


@dataclass(frozen=True)
class VisionStudyConfig:
    """Keys of ``handily study vision``; what they mean stands in ``configs/study_vision.yaml``."""

    models: list[str]
    labels: list[int]
    seeds: list[int]
    steps: int
    pretrain_steps: int
    batch: int
    data: str | None
    stills: int
    held_out: int
    resolutions: list[int]
    rounds: int
    out: str
    workers: int
    device: str
    threads: int

    def __post_init__(self) -> None:
        check_device(self.device)
        for model in self.models:
            check_choice("models", model, MODELS)
        check_least(self, steps=1, pretrain_steps=1, batch=2, held_out=1, rounds=1)
        check_least(self, workers=0, threads=0)
        if not 1 <= self.stills <= HELD_OUT_SEED:
            raise ValueError(f"stills={self.stills} is outside 1..{HELD_OUT_SEED}")
        if not self.resolutions or any(size < 16 or size % 16 for size in self.resolutions):
            raise ValueError(f"resolutions={self.resolutions} must be multiples of 16 pixels")


def vision(overrides: list[str], show_config: bool) -> None:
    """Draw, train what is missing, measure costs; leave two plots and a report."""
    config = configured("study_vision", overrides, VisionStudyConfig, show_config)
    out = Path(config.out)
    settings = study_settings(config)
    if config.threads:
        torch.set_num_threads(config.threads)
    choose_backend()
    folder = Path(config.data) if config.data else out / "stills"
    if config.data is None:
        _draw(StillSettings(folder, config.stills), config.workers)
    apart = StillSettings(out / "held_out", config.held_out, HELD_OUT_SEED, switches=Randomise(layout="test"))
    _draw(apart, config.workers)
    pictures = Pictures(*cut_crops(FrameCache.open_stills(folder), CROP_PX))
    held_out = Pictures(*cut_crops(FrameCache.open_stills(apart.root), CROP_PX))
    about = f"{len(pictures.images)} crops of {config.data or 'own stills'}"
    study = Study(settings, pictures, held_out, len(CLASSES), about)
    with counted("training", "steps") as progress:
        outcomes = study.run(progress)
    with counted("timing", "rounds") as progress:
        costs = measure_costs(settings.network, sorted(set(config.resolutions)), config.rounds)
        progress(config.rounds, config.rounds)
    command = shlex.join(["handily", "study", "vision", *overrides])
    report = report_of(command, config, held_out, outcomes, costs)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    plot_labels(outcomes, report["most_frequent"], out / "label_efficiency.png")
    plot_costs(costs, out / "cost.png")
    shown = console()
    shown.print(table_of_labels(outcomes))
    shown.print(table_of_costs(costs))
    shown.print(f"{out}: label_efficiency.png, cost.png, report.json")


def study_settings(config: VisionStudyConfig) -> StudyConfig:
    """The study that the keys ask for.

    Raises:
        ContractError: see :class:`policies.vision_study.StudyConfig`.
    """
    return StudyConfig(
        output=Path(config.out),
        models=tuple(config.models),
        labels=tuple(sorted(set(config.labels))),
        seeds=tuple(dict.fromkeys(config.seeds)),
        budget=_budget(config.steps, config.batch),
        pretraining=_budget(config.pretrain_steps, config.batch),
        network=ClassifierConfig(image_size=SEEN_PX, outputs=len(CLASSES)),
        device=config.device,
    )


def _budget(steps: int, batch: int) -> Budget:
    return Budget(steps=steps, batch_size=batch, warmup_steps=max(1, steps // 10))


def _draw(settings: StillSettings, workers: int) -> None:
    with counted(f"drawing {settings.root.name}", "stills") as progress:
        for done in draw_stills(settings, processes(workers)):
            progress(done, settings.count)


def report_of(
    command: str,
    config: VisionStudyConfig,
    held_out: Pictures,
    outcomes: Sequence[Outcome],
    costs: Sequence[Cost],
) -> dict[str, Any]:
    """Everything a reader needs to judge the study or to run it again, as plain JSON types."""
    classes = held_out.classes.tolist()
    trained = []
    for outcome in outcomes:
        low, high = wilson_interval(outcome.right, outcome.trials)
        cell = asdict(outcome)
        trained.append({**cell.pop("cell"), **cell, "accuracy": outcome.accuracy, "low": low, "high": high})
    return {
        "command": command,
        "settings": asdict(config),
        "versions": versions(),
        "classes": list(CLASSES),
        "held_out": len(classes),
        "most_frequent": max(classes.count(c) for c in set(classes)) / len(classes),
        "cells": trained,
        "costs": [asdict(cost) for cost in costs],
    }


def table_of_labels(outcomes: Sequence[Outcome]) -> Table:
    """Mean accuracy over seeds in percent, and those of the worst and best seed: a row per model."""
    found = {outcome.cell: 100 * outcome.accuracy for outcome in outcomes}
    counts = sorted({cell.labels for cell in found})
    seeds = {cell.seed for cell in found}
    title = f"held-out things named rightly in %, mean of {len(seeds)} seeds (least-most)"
    table = Table("model", *(f"{count} labels" for count in counts), title=title, box=None)
    for model in (model for model in MODELS if any(cell.model == model for cell in found)):
        rows = [[found[Cell(model, count, seed)] for seed in seeds] for count in counts]
        table.add_row(model, *(f"{sum(r) / len(r):.1f} ({min(r):.1f}-{max(r):.1f})" for r in rows))
    return table


def table_of_costs(costs: Sequence[Cost]) -> Table:
    """Everything over its value at the smallest resolution: a row per model and resolution."""
    columns = ("model", "pixels", "tokens", "operations", "of attention", "time")
    table = Table(*columns, title="cost of one picture over that at the smallest", box=None)
    least = min(cost.image_size for cost in costs)
    first = {cost.model: cost for cost in costs if cost.image_size == least}
    for cost in sorted(costs, key=lambda cost: cost.model):
        base = first[cost.model]
        attention = f"{cost.attention_flops / base.attention_flops:.1f}" if cost.tokens else "-"
        ratios = (f"{cost.flops / base.flops:.1f}", attention, f"{cost.seconds / base.seconds:.1f}")
        table.add_row(cost.model, str(cost.image_size), str(cost.tokens or "-"), *ratios)
    return table
