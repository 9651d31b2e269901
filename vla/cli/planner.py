"""``handily planner train``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from policies.planner_config import PlannerTrainConfig, StageProgress
from policies.planner_training import train_planner
from policies.stage_training import InterruptedStageError
from vla.cli.checkpoints import SHIPPED
from vla.cli.mistakes import INTERRUPTED
from vla.cli.settings import configured
from vla.cli.terminal import console
from vla.config import ConfigError


@dataclass(frozen=True)
class PlannerTrainCommand:
    """Keys of ``handily planner train``; what they mean stands in ``configs/planner_train.yaml``."""

    lessons: list[str]
    told: list[str]
    sentences: list[str]
    visual: list[str]
    start_from: str
    checkpoint: str
    seed: int
    out: str
    train: PlannerTrainConfig


def train(overrides: list[str], show_config: bool) -> None:
    """Train the planner's eyes and words, or go on."""
    command = configured("planner_train", overrides, PlannerTrainCommand, show_config)
    for key in ("lessons", "told", "sentences"):
        if not getattr(command, key):
            raise ConfigError(f"{key}=... names no folder; see handily collect lessons=N")
    config = replace(command.train, eyes_from=command.train.eyes_from or str(SHIPPED))
    out = console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bars(*columns, console=out, disable=not out.is_terminal) as bars:
        task = bars.add_task("")

        def show(progress: StageProgress) -> None:
            numbers = {**progress.losses, **progress.checked}
            line = "  ".join(f"{name} {value:.3f}" for name, value in numbers.items())
            speed = f"{progress.stage}: {progress.samples_per_s:.0f} lessons/s"
            bars.update(task, total=progress.steps, completed=progress.step, description=f"{speed}  {line}")
            if progress.checked or not out.is_terminal:
                left = f"{progress.left_s / 60:.1f} min left"
                out.print(f"{speed}  step {progress.step}/{progress.steps}  {left}  {line}")

        def seeing(done: int) -> None:
            bars.update(task, total=None, description=f"looking at pictures: {done}")

        try:
            folder = train_planner(config, show, seeing)
        except InterruptedStageError:
            typer.echo("handily: interrupted; nothing is lost, the same line goes on from here", err=True)
            raise typer.Exit(INTERRUPTED) from None
    console().print(f"{folder}; to use it: handily run ... planner=llava planner_model={folder}")
