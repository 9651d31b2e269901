"""``handily eval``."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from rich.table import Table

from sim.episode import EVALUATION_AXES, MAX_DELAY_S, PolicySource
from sim.evaluate import SUITES, Condition, EvalReport, Rate
from sim.evaluate import evaluate as play
from sim.expert import ScriptedExpert
from sim.seeds import check_evaluation_seed
from vla.bridge.images import check_encoding
from vla.cli.checkpoints import digest, resolve_checkpoint
from vla.cli.settings import (
    CHUNKINGS,
    check_device,
    check_least,
    check_renderer,
    configured,
    evaluation_folder,
    families,
)
from vla.cli.terminal import console, counted
from vla.config import check_choice
from vla.extras import needs
from vla.runtime.chunks import EXECUTIONS

EXPERT = "expert"


@dataclass(frozen=True)
class EvalConfig:
    """Keys of ``handily eval``; what they mean stands in ``configs/eval.yaml``."""

    suite: str
    task: list[str]
    episodes: int
    axes: list[str]
    checkpoint: str | None
    seed: int
    workers: int
    execute: int
    execution: list[str]
    delay: list[str]
    images: list[str]
    chunking: str
    device: str
    sample_steps: int | None
    renderer: str
    out: str
    resume: str | None

    def __post_init__(self) -> None:
        check_choice("suite", self.suite, SUITES)
        check_device(self.device)
        check_renderer(self.renderer)
        for axis in self.axes:
            check_choice("axes", axis, EVALUATION_AXES)
        check_evaluation_seed(self.seed)
        for execution in self.execution:
            check_choice("execution", execution, EXECUTIONS)
        check_choice("chunking", self.chunking, CHUNKINGS)
        for encoding in self.images:
            check_encoding(encoding)
        for key in ("axes", "execution", "delay", "images"):
            if not getattr(self, key):
                raise ValueError(f"{key} must not be empty")
        delays_s(self.delay)
        check_least(self, episodes=1, execute=1, workers=0)


def delays_s(words: Sequence[str]) -> tuple[float, ...]:
    """``["0", "200", "400ms"]`` in seconds; a number without a unit is in milliseconds.

    Raises:
        ValueError: a word is no duration from 0 to 5 s.
    """
    found = []
    for word in words:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", word.strip())
        value_s = float(match[1]) / (1 if match[2] == "s" else 1000) if match else math.inf
        if value_s > MAX_DELAY_S:
            raise ValueError(f"delay={word} is no time from 0 to {MAX_DELAY_S:g} s, such as 200ms or 0.2s")
        found.append(value_s)
    return tuple(found)


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Play the suite, print the table, leave the manifest and the films."""
    config = configured("eval", overrides, EvalConfig, show_config)
    names = families(config.task)
    policy, about = _policy(config)
    folder = evaluation_folder(config.out, config.resume)
    with counted("evaluating", "episodes") as progress:
        report = play(
            policy,
            config.suite,
            names,
            config.episodes,
            list(dict.fromkeys(config.axes)),
            config.seed,
            config.workers,
            progress,
            execute=config.execute,
            executions=config.execution,
            delays_s=delays_s(config.delay),
            images=config.images,
            backend=config.renderer,
            folder=folder,
            more_settings=asdict(config) | about,
        )
    files = ["eval.json", "contact_sheet.png"]
    if len(report.settings["delays_s"]) > 1:
        plot_delays(report, folder / "delays.png")
        files.append("delays.png")
    out = console()
    out.print(table_of(report))
    out.print(f"{len(report.episodes)} episodes in {report.wall_s:.0f} s; {folder}: {', '.join(files)}")


def _policy(config: EvalConfig) -> tuple[PolicySource, dict[str, str]]:
    """What makes the policy in each worker, and what the manifest says of it."""
    if config.checkpoint == EXPERT:
        return ScriptedExpert, {"policy": EXPERT}
    folder = resolve_checkpoint(config.checkpoint)
    from policies.network_policy import load_policy

    chunking = cast(Any, config.chunking)
    make = partial(load_policy, str(folder), config.device, config.sample_steps, 1, chunking=chunking)
    return make, {"policy": str(folder), "digest": digest(folder)}


def table_of(report: EvalReport) -> Table:
    """Success rates in percent with 95 % Wilson intervals: a row per task, a column per condition."""
    conditions = report.conditions
    title = "success in %, with 95 % Wilson intervals"
    table = Table("task", *(_heading(report, c) for c in conditions), title=title, box=None)
    by_task: dict[str, list[Rate]] = {}
    for rate in report.rates():
        by_task.setdefault(rate.task, []).append(rate)
    for task, rates in by_task.items():
        table.add_row(task, *map(_cell, rates))
    table.add_section()
    table.add_row("mean", *(_cell(report.overall(c)) for c in conditions), style="bold")
    return table


def plot_delays(report: EvalReport, path: Path) -> None:
    """Mean success against the delay of the policy's answers, a curve per way of carrying out chunks."""
    with needs("plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    settings = report.settings
    for axis, execution in itertools.product(settings["axes"], settings["executions"]):
        rates = [report.overall(Condition(axis, execution, delay_s)) for delay_s in settings["delays_s"]]
        errors = [
            [100 * (r.rate - r.low) for r in rates],
            [100 * (r.high - r.rate) for r in rates],
        ]
        label = execution if len(settings["axes"]) == 1 else f"{execution}, {axis}"
        delays_ms = [1000 * delay_s for delay_s in settings["delays_s"]]
        axes.errorbar(delays_ms, [100 * r.rate for r in rates], errors, label=label, marker="o", capsize=3)
    axes.set_xlabel("delay of every answer, ms")
    axes.set_ylabel("success, % (95 % Wilson)")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)


def _heading(report: EvalReport, condition: Condition) -> str:
    """The parts of a condition in which the report's conditions differ; the axis where none does."""
    settings, parts = report.settings, []
    if len(settings["executions"]) > 1:
        parts.append(condition.execution)
    if len(settings["delays_s"]) > 1:
        parts.append(f"{1000 * condition.delay_s:g} ms")
    if len(settings["images"]) > 1:
        parts.append(condition.images)
    if len(settings["axes"]) > 1 or not parts:
        parts.insert(0, condition.axis)
    return " ".join(parts)


def _cell(rate: Rate) -> str:
    return f"{100 * rate.rate:.0f} ({100 * rate.low:.0f}-{100 * rate.high:.0f})"
