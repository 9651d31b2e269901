"""``handily eval``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from rich.table import Table

from sim.episode import EVALUATION_AXES, PolicySource
from sim.evaluate import SUITES, EvalReport, Rate
from sim.evaluate import evaluate as play
from sim.expert import ScriptedExpert
from sim.seeds import check_evaluation_seed
from vla.cli.checkpoints import digest, resolve_checkpoint
from vla.cli.settings import check_device, check_renderer, configured, families
from vla.cli.terminal import console, counted
from vla.config import check_choice
from vla.runtime.outcome import new_run_folder

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
    device: str
    sample_steps: int | None
    renderer: str
    out: str

    def __post_init__(self) -> None:
        check_choice("suite", self.suite, SUITES)
        check_device(self.device)
        check_renderer(self.renderer)
        for axis in self.axes:
            check_choice("axes", axis, EVALUATION_AXES)
        check_evaluation_seed(self.seed)
        if not self.axes:
            raise ValueError("axes must not be empty")
        for key, least in (("episodes", 1), ("execute", 1), ("workers", 0)):
            if getattr(self, key) < least:
                raise ValueError(f"{key}={getattr(self, key)} must be at least {least}")


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Play the suite, print the table, leave the manifest and the films."""
    config = configured("eval", overrides, EvalConfig, show_config)
    names = families(config.task)
    policy, about = _policy(config)
    folder = new_run_folder(Path(config.out), datetime.now())
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
            backend=config.renderer,
            folder=folder,
            more_settings=asdict(config) | about,
        )
    out = console()
    out.print(table_of(report))
    out.print(
        f"{len(report.episodes)} episodes in {report.wall_s:.0f} s; {folder}: eval.json, contact_sheet.png"
    )


def _policy(config: EvalConfig) -> tuple[PolicySource, dict[str, str]]:
    """What makes the policy in each worker, and what the manifest says of it."""
    if config.checkpoint == EXPERT:
        return ScriptedExpert, {"policy": EXPERT}
    folder = resolve_checkpoint(config.checkpoint)
    from policies.network_policy import load_policy

    make = partial(load_policy, str(folder), config.device, config.sample_steps, 1)
    return make, {"policy": str(folder), "digest": digest(folder)}


def table_of(report: EvalReport) -> Table:
    """Success rates in percent with 95 % Wilson intervals: a row per task, a column per axis, means last."""
    axes = list(report.settings["axes"])
    table = Table("task", *axes, title="success in %, with 95 % Wilson intervals", box=None)
    by_task: dict[str, list[Rate]] = {}
    for rate in report.rates():
        by_task.setdefault(rate.task, []).append(rate)
    for task, rates in by_task.items():
        table.add_row(task, *map(_cell, rates))
    table.add_section()
    table.add_row("mean", *(_cell(report.overall(axis)) for axis in axes), style="bold")
    return table


def _cell(rate: Rate) -> str:
    return f"{100 * rate.rate:.0f} ({100 * rate.low:.0f}-{100 * rate.high:.0f})"
