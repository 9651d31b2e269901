"""``handily eval suite=pointing``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from rich.table import Table

from sim.pointing import POINTING_AXES, PointerMaker, PointingReport, evaluate_pointing
from sim.seeds import check_evaluation_seed
from vla.cli.checkpoints import model_id, resolve_checkpoint
from vla.cli.settings import check_device, check_least, check_renderer, configured, families
from vla.cli.terminal import console, counted
from vla.config import check_choice
from vla.planner.verdicts import cell
from vla.runtime.outcome import new_run_folder


@dataclass(frozen=True)
class PointingEvalConfig:
    """Keys of ``handily eval suite=pointing``; what they mean stands in ``configs/eval_pointing.yaml``."""

    checkpoint: list[str | None]
    task: list[str]
    axes: list[str]
    scenes: int
    questions: int
    seed: int
    workers: int
    device: str
    renderer: str
    out: str

    def __post_init__(self) -> None:
        for key in ("checkpoint", "axes"):
            if not getattr(self, key):
                raise ValueError(f"{key} must not be empty")
        for axis in self.axes:
            check_choice("axes", axis, POINTING_AXES)
        check_least(self, scenes=1, questions=1, workers=0)
        families(self.task)
        check_evaluation_seed(self.seed)
        check_device(self.device)
        check_renderer(self.renderer)


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Ask every policy what is meant, print the table, leave the manifest."""
    config = configured("eval_pointing", overrides, PointingEvalConfig, show_config)
    folders = {folder or "shipped": resolve_checkpoint(folder) for folder in config.checkpoint}
    from policies.network_policy import load_policy

    makers: dict[str, PointerMaker] = {
        name: partial(load_policy, str(folder), config.device, None, 1) for name, folder in folders.items()
    }
    folder = new_run_folder(Path(config.out), datetime.now())
    with counted("looking", "scenes") as progress:
        report = evaluate_pointing(
            makers,
            families(config.task),
            config.axes,
            config.scenes,
            config.questions,
            config.seed,
            config.workers,
            progress,
            backend=config.renderer,
            more_settings=asdict(config)
            | {"weights": {name: model_id(folder) for name, folder in folders.items()}},
        )
    report.write(folder / "eval.json")
    out = console()
    out.print(table_of(report))
    out.print(f"{len(report.glances)} answers in {report.wall_s:.0f} s; {folder}: eval.json")


def table_of(report: PointingReport) -> Table:
    """Shares in percent with their intervals: a line per policy and axis."""
    title = "what is meant? right in %, 95 % Wilson (places within 2 cm)"
    found = Table("policy", "axis", "n", "target", "destination", "family", "all", title=title, box=None)
    for policy in report.settings["policies"]:
        for axis in report.settings["axes"]:
            shares = report.shares(policy, axis)
            found.add_row(policy, axis, str(shares["all"].of), *map(cell, shares.values()))
        found.add_section()
    return found
