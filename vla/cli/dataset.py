"""``handily dataset info | doctor | show | replay``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer
from rich.table import Table

from vla.cli.settings import configured
from vla.cli.terminal import console, counted
from vla.config import ConfigError
from vla.dataset.contact_sheet import contact_sheet, stills_sheet
from vla.dataset.frames import FrameCache
from vla.dataset.inspection import ERRORS, examine, summarize
from vla.dataset.reader import Dataset
from vla.dataset.schema import DatasetError
from vla.runtime.encoder import recover

_LISTED = 20


@dataclass(frozen=True)
class ShowConfig:
    """Keys of ``handily dataset show``.

    Attributes:
        episodes: How many, spread evenly over the dataset; of stills, rows.
        columns: Moments per episode; of stills, how many side by side.
        out: The PNG to write.
    """

    episodes: int
    columns: int
    out: str

    def __post_init__(self) -> None:
        if self.episodes < 1 or self.columns < 1:
            raise ValueError(f"episodes={self.episodes} and columns={self.columns} must be at least 1")


@dataclass(frozen=True)
class ReplayConfig:
    """Keys of ``handily dataset replay``.

    Attributes:
        episode: Its number.
        tolerance_mm: Largest drift that still counts as a faithful replay.
    """

    episode: int
    tolerance_mm: float


def info(folder: str) -> None:
    """Print counts, tasks and per-feature statistics."""
    summary = summarize(_opened(folder))
    out = console()
    shortest, median, longest = summary.length
    facts = Table(box=None, show_header=False, padding=(0, 1))
    facts.add_row("folder", f"{summary.root}  (LeRobotDataset {summary.version}, {summary.robot_type})")
    facts.add_row("episodes", f"{summary.episodes}  of {shortest} to {longest} rows, median {median}")
    facts.add_row("rows", f"{summary.frames}  at {summary.fps:g} Hz, {summary.duration_s / 60:.1f} min")
    facts.add_row("on disk", f"{summary.size_bytes / 1e6:.1f} MB")
    facts.add_row("splits", ", ".join(f"{name} {count}" for name, count in summary.splits.items()))
    facts.add_row("families", ", ".join(f"{name} {count}" for name, count in summary.families.items()) or "-")
    facts.add_row("instructions", f"{len(summary.tasks)} different")
    out.print(facts)
    for task, count in list(summary.tasks.items())[:_LISTED]:
        out.print(f"  {count:5d}  {task}", markup=False)
    if len(summary.tasks) > _LISTED:
        out.print(f"  ... and {len(summary.tasks) - _LISTED} more")
    table = Table(box=None)
    for title in ("feature", "dtype", "shape", "min", "mean", "max"):
        table.add_column(title)
    for feature in summary.features:
        cells = [_numbers(feature.stats.get(key)) for key in ("min", "mean", "max")]
        table.add_row(feature.name, feature.dtype, str(feature.shape), *cells)
    out.print(table)


def doctor(folder: str) -> None:
    """Read every row and picture; exit code 1 when the data are unfit for training."""
    dataset = _opened(folder)
    out = console()
    with counted("examining", "episodes") as progress:
        report = examine(dataset, progress=progress)
    share = report.idle_frames / max(1, report.frames)
    out.print(f"{report.episodes} episodes, {report.frames} rows, {share:.1%} idle")
    for finding in report.findings[:_LISTED]:
        colour = "red" if finding.kind in ERRORS else "yellow"
        line = f"episode {finding.episode}: {finding.kind} ({finding.count}): {finding.detail}"
        out.print(line, style=colour, markup=False)
    if len(report.findings) > _LISTED:
        out.print(f"... and {len(report.findings) - _LISTED} more findings")
    if not report.healthy:
        raise typer.Exit(1)
    out.print("Fit for training.")


def show(folder: str, overrides: list[str]) -> None:
    """Write a contact sheet."""
    config = configured("show", overrides, ShowConfig)
    if (Path(folder) / "cache.json").is_file():
        return _show_stills(FrameCache.open_stills(folder), config)
    dataset = _opened(folder)
    count = len(dataset.episodes)
    chosen = sorted({round(i * (count - 1) / max(1, config.episodes - 1)) for i in range(config.episodes)})
    width, height = contact_sheet(dataset, chosen if count else [], Path(config.out), config.columns)
    console().print(f"{config.out}: {len(chosen)} episodes, {width} x {height} px")


def _show_stills(stills: FrameCache, config: ShowConfig) -> None:
    chosen = range(min(config.episodes * config.columns, len(stills.tasks)))
    width, height = stills_sheet(stills, chosen, Path(config.out), config.columns)
    console().print(f"{config.out}: {len(chosen)} of {len(stills.tasks)} stills, {width} x {height} px")


def replay(folder: str, overrides: list[str]) -> None:
    """Replay an episode in the simulator and print the drift; exit code 1 when it is too large."""
    config = configured("replay", overrides, ReplayConfig)
    from sim.replay import replay as play

    try:
        report = play(_opened(folder), config.episode)
    except DatasetError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error
    out = console()
    disturbed = ", disturbed when recorded" if report.disturbed else ""
    out.print(
        f"episode {report.episode}: {report.instruction} ({report.task}, seed {report.seed}{disturbed})"
    )
    for name, drift_mm in (("tool", report.tool_drift_mm), ("objects", report.object_drift_mm)):
        if len(drift_mm):
            out.print(f"{name}: drift {drift_mm.max():.3f} mm at worst, {drift_mm[-1]:.3f} mm at the end")
    verdict = "success" if report.success else "failure"
    out.print(f"{len(report.tool_drift_mm)} rows, the replay ends in {verdict}")
    if report.worst_mm > config.tolerance_mm:
        raise typer.Exit(1)


def _opened(folder: str) -> Dataset:
    """The dataset, after what a killed recorder may have left in it has been encoded."""
    for problem in recover(Path(folder)):
        console().print(problem, style="yellow", markup=False)
    return Dataset.open(folder)


def _numbers(values: list[object] | None) -> str:
    """The first few numbers of a statistic, nested lists flattened."""
    flat: list[float] = []
    stack = list(values or [])
    while stack and len(flat) < 5:
        item = stack.pop(0)
        if isinstance(item, list):
            stack[:0] = item
        elif isinstance(item, int | float):
            flat.append(item)
    dots = " ..." if stack and len(flat) == 5 else ""
    return " ".join(f"{value:.3g}" for value in flat[:4]) + (dots or (" ..." if len(flat) > 4 else ""))
