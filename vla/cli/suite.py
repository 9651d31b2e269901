"""``handily collect suite=NAME`` and ``handily eval suite=NAME`` of suites that others wrote."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Table

from sim.backend import choose_backend
from sim.seeds import check_evaluation_seed
from sim.suites import suite_of
from sim.suites.collect import SuiteSettings, collect_suite, keys_of
from sim.suites.evaluate import EXPERT, PolicyMaker, SuiteReport, evaluate_suite
from vla.cli.checkpoints import digest, resolve_checkpoint
from vla.cli.settings import check_device, check_least, configured, evaluation_folder, processes, tasks_among
from vla.cli.terminal import console, counted
from vla.config import ConfigError, check_choice
from vla.dataset.staging import staged_keys
from vla.extras import needs
from vla.planner.verdicts import Portion, cell

RENDERERS = ("auto", "egl", "osmesa")


@dataclass(frozen=True)
class SuiteCollectConfig:
    """Keys of ``handily collect suite=NAME``; their meaning is in ``configs/collect_NAME.yaml``."""

    task: list[str]
    episodes: int
    out: str
    workers: int
    seed: int
    noise: float
    tail: int
    image_size: int

    def __post_init__(self) -> None:
        if not 0.0 <= self.noise <= 1.0:
            raise ValueError(f"noise={self.noise} is outside 0..1")
        check_least(self, episodes=1, workers=0, tail=0)
        if self.image_size < 16 or self.image_size % 2:
            raise ValueError(f"image_size={self.image_size} must be even and at least 16 pixels")


@dataclass(frozen=True)
class SuiteEvalConfig:
    """Keys of ``handily eval suite=NAME``; their meaning is in ``configs/eval_NAME.yaml``."""

    checkpoint: str
    task: list[str]
    episodes: int
    horizon: int
    execute: int
    seed: int
    workers: int
    device: str
    sample_steps: int | None
    renderer: str
    out: str
    resume: str | None

    def __post_init__(self) -> None:
        check_least(self, episodes=1, horizon=1, execute=1, workers=0)
        check_evaluation_seed(self.seed)
        check_device(self.device)
        check_choice("renderer", self.renderer, RENDERERS)  # A part of a picture wants a rasteriser.


def tasks_named(suite: str, names: Sequence[str]) -> tuple[str, ...]:
    """Tasks of a suite by name; see :func:`vla.cli.settings.tasks_among`."""
    return tasks_among(names, suite_of(suite).tasks)


def collect(suite: str, overrides: Sequence[str], show_config: bool) -> None:
    """Record what is missing of the dataset, with progress."""
    config = configured(f"collect_{suite}", overrides, SuiteCollectConfig, show_config)
    settings = SuiteSettings(
        Path(config.out),
        suite,
        tasks_named(suite, config.task),
        config.episodes,
        config.seed,
        config.noise,
        config.tail,
        config.image_size,
    )
    choose_backend()
    wanted = {key for keys in keys_of(settings) for key in keys}
    held = staged_keys(settings.root) if settings.root.is_dir() else set[int]()
    before, total = len(wanted & held), len(wanted)
    began_s, rows, recorded, failed = time.monotonic(), 0, 0, 0
    with counted("collecting", "episodes") as progress:
        progress(before, total)
        for episode in collect_suite(settings, processes(config.workers)):
            recorded += 1
            rows += episode.length
            failed += episode.failed
            progress(before + recorded, total)
    took_s = time.monotonic() - began_s
    if recorded:
        console().print(
            f"{recorded} episodes recorded in {took_s:.0f} s: {rows} rows at {rows / took_s:.0f} rows/s, "
            f"{failed} of {recorded + failed} tries failed"
        )
    console().print(f"{config.out} holds {len(held) + recorded} episodes")


def evaluate(suite: str, overrides: Sequence[str], show_config: bool) -> None:
    """Play the suite, print the tables, leave the manifest, the bars and the films."""
    config = configured(f"eval_{suite}", overrides, SuiteEvalConfig, show_config)
    names = tasks_named(suite, config.task)
    longest = suite_of(suite).horizon
    if config.horizon > longest:
        raise ConfigError(f"horizon={config.horizon} is more than {longest}, where {suite} ends an episode")
    policy, about = _policy(config)
    folder = evaluation_folder(config.out, config.resume)
    with counted("evaluating", "episodes") as progress:
        report = evaluate_suite(
            suite,
            policy,
            names,
            config.episodes,
            config.seed,
            config.workers,
            progress,
            execute=config.execute,
            horizon=config.horizon,
            backend=config.renderer,
            folder=folder,
            more_settings=asdict(config) | about,
        )
    plot(report, folder / "tasks.png")
    out = console()
    out.print(table_of(report.tasks(), "success per task in %, with 95 % Wilson intervals"))
    out.print(table_of(report.groups() | {"all": report.all()}, "success per group"))
    out.print(f"mean of the groups: {100 * report.group_mean:.1f} %")
    files = "eval.json, tasks.png, contact_sheet.png"
    out.print(f"{len(report.outcomes)} episodes in {report.wall_s:.0f} s; {folder}: {files}")


def _policy(config: SuiteEvalConfig) -> tuple[PolicyMaker, dict[str, str]]:
    """What makes the policy in each worker, and what the manifest says of it."""
    if config.checkpoint == EXPERT:
        return EXPERT, {"policy": EXPERT}
    folder = resolve_checkpoint(config.checkpoint)
    from policies.network_policy import load_policy

    make = partial(load_policy, str(folder), config.device, config.sample_steps, 1)
    return make, {"policy": str(folder), "digest": digest(folder)}


def table_of(shares: Mapping[str, Portion], title: str) -> Table:
    """Rates in percent with their intervals, a row each."""
    table = Table("", "", "n", title=title, box=None)
    for name, share in shares.items():
        table.add_row(name, cell(share), str(share.of))
    return table


def plot(report: SuiteReport, path: Path) -> None:
    """A bar per task, with its interval, in the groups' colours."""
    with needs("plot"):
        from matplotlib.figure import Figure

    suite, shares = suite_of(report.settings["suite"]), report.tasks()
    names = list(shares)
    figure = Figure(figsize=(max(4.0, 0.24 * len(names)), 4.2), layout="constrained")
    axes = figure.subplots()
    for group in report.groups():
        at = [i for i, name in enumerate(names) if suite.task(name).group == group]
        rates = np.array([shares[names[i]].rate for i in at])
        low, high = np.array([shares[names[i]].bounds for i in at]).T
        errors = [100 * (rates - low), 100 * (high - rates)]
        axes.bar(at, 100 * rates, yerr=errors, label=group, error_kw={"linewidth": 0.8})
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_ylabel("success, %")
    axes.set_ylim(0, 105)
    axes.legend(fontsize=7, loc="lower left")
    figure.savefig(path, dpi=150)
