"""``handily clip train``."""

from __future__ import annotations

from dataclasses import dataclass

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from policies.clip import train_clip
from policies.clip_checkpoint import read_clip
from policies.clip_config import CLIPProgress, CLIPTrainConfig
from vla.cli.clip_data import captioned, corpus
from vla.cli.mistakes import INTERRUPTED
from vla.cli.settings import configured
from vla.cli.terminal import console
from vla.models.text import InstructionTokenizer


@dataclass(frozen=True)
class CLIPTrainCommand:
    """Keys of ``handily clip train``; what they mean stands in ``configs/clip_train.yaml``."""

    stills: list[str]
    seed: int
    out: str
    train: CLIPTrainConfig


def train(overrides: list[str], show_config: bool) -> None:
    """Read the stills' facts, then train or resume."""
    command = configured("clip_train", overrides, CLIPTrainCommand, show_config)
    config, data = command.train, captioned(command.stills)
    text = config.model.text
    tokenizer = InstructionTokenizer.train(corpus(data), text.vocabulary, text.max_tokens)
    out = console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bars(*columns, console=out, disable=not out.is_terminal) as bars:
        task = bars.add_task("", total=config.steps)

        def show(progress: CLIPProgress) -> None:
            losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
            speed = f"{progress.samples_per_s:.0f} pictures/s"
            bars.update(task, completed=progress.step, description=f"{speed}  {losses}")
            if not out.is_terminal:
                left = f"{progress.left_s / 60:.1f} min left"
                out.print(f"step {progress.step}/{progress.steps}  {speed}  {left}  {losses}")

        folder = train_clip(config, data, tokenizer, show)
    step = read_clip(folder).step
    if step < config.steps and not config.stop_after_s:
        typer.echo("handily: interrupted; nothing is lost, the same line goes on from here", err=True)
        raise typer.Exit(INTERRUPTED)
    console().print(f"{folder}; to use it: handily look image.png --labels ... --model {config.output}")
