"""``handily eval suite=success``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from sim.goals.moments import CASES
from sim.goals.success import AT_WORK, SuccessReport, evaluate_success
from sim.seeds import check_evaluation_seed
from vla.cli.checkpoints import (
    model_id,
    planner_weights_id,
    resolve_checkpoint,
    shipped_clip,
    shipped_planner,
    weights_id,
)
from vla.cli.settings import check_device, check_least, check_renderer, configured, families
from vla.cli.terminal import console, counted
from vla.config import ConfigError, check_choice
from vla.contract import SuccessDetector
from vla.extras import needs
from vla.planner.verdicts import Portion, Verdicts, cell, cells
from vla.runtime.outcome import new_run_folder

if TYPE_CHECKING:
    from vla.planner.looking import Calibration

DETECTORS = ("llava", "policy", "clip")
"""Detectors that can be compared; ``clip`` may be followed by ``=FOLDER``."""

_CURVE = np.linspace(0.01, 0.99, 99)


@dataclass(frozen=True)
class SuccessEvalConfig:
    """Keys of ``handily eval suite=success``; what they mean stands in ``configs/eval_success.yaml``."""

    detector: list[str]
    planner_model: str | None
    checkpoint: str | None
    threshold: float
    task: list[str]
    scenes: int
    seed: int
    image_size: int
    device: str
    renderer: str
    out: str

    def __post_init__(self) -> None:
        for key in ("detector", "task"):
            if not getattr(self, key):
                raise ValueError(f"{key} must not be empty")
        for word in self.detector:
            name, _, folder = word.partition("=")
            check_choice("detector", name, DETECTORS)
            if folder and name != "clip":
                raise ValueError(f"detector={word}: only clip=FOLDER names a folder")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold={self.threshold} is outside (0, 1)")
        check_least(self, scenes=1, image_size=16)
        families(self.task)
        check_evaluation_seed(self.seed)
        check_device(self.device)
        check_renderer(self.renderer)


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Ask every detector, print the tables, leave the manifest and the curves."""
    config = configured("eval_success", overrides, SuccessEvalConfig, show_config)
    made = {word: _detector(word, config) for word in dict.fromkeys(config.detector)}
    folder = new_run_folder(Path(config.out), datetime.now())
    with counted("looking", "scenes") as progress:
        report = evaluate_success(
            {name: detector for name, (detector, _) in made.items()},
            {name: threshold for name, (_, threshold) in made.items()},
            families(config.task),
            config.scenes,
            config.seed,
            progress,
            image_size=config.image_size,
            backend=config.renderer,
            more_settings=asdict(config) | {"weights": {word: _weights(word, config) for word in made}},
        )
    report.write(folder / "eval.json")
    plot(report, folder / "thresholds.png")
    out = console()
    for table in (table_of(report), cases_of(report)):
        out.print(table)
    out.print(f"{len(report.looks)} looks in {report.wall_s:.0f} s; {folder}: eval.json, thresholds.png")


def _detector(word: str, config: SuccessEvalConfig) -> tuple[SuccessDetector, float]:
    """A detector that sees images and the robot's state alone, and the threshold that is in use with it."""
    name, _, folder = word.partition("=")
    # Only now: each should have to wait for its own packages only.
    if name == "llava":
        from vla.models.talking import TalkingLlava
        from vla.planner.llava import LlavaPlanner
        from vla.planner.sight import sight_words

        folder = config.planner_model or str(shipped_planner())
        model = TalkingLlava.load(folder, read=sight_words)
        if model.image_size != config.image_size:
            raise ConfigError(f"image_size={config.image_size}: llava's eyes see {model.image_size} pixels")
        return LlavaPlanner(model), config.threshold
    if name == "policy":
        from policies.network_policy import load_policy

        return load_policy(resolve_checkpoint(config.checkpoint), config.device), config.threshold
    from vla.cli.image_text import image_text_model
    from vla.planner.looking import ImageTextDetector

    folder = folder or str(shipped_clip())
    calibration = _calibration(Path(folder))
    return ImageTextDetector(image_text_model(folder, config.device), calibration), calibration.threshold


def _weights(word: str, config: SuccessEvalConfig) -> str:
    """Which weights a detector has: the same on every machine, and no path."""
    name, _, folder = word.partition("=")
    if name == "policy":
        return model_id(resolve_checkpoint(config.checkpoint))
    if name == "llava":
        return planner_weights_id(config.planner_model)
    from policies.checkpoint import find_checkpoint, list_checkpoints

    found = Path(folder) if folder else shipped_clip()
    return model_id(find_checkpoint(found)) if list_checkpoints(found) else weights_id(found)


def _calibration(folder: Path) -> Calibration:
    """What ``handily clip calibrate`` left beside the weights that :func:`image_text_model` loads."""
    from policies.checkpoint import find_checkpoint, list_checkpoints
    from vla.planner.looking import Calibration

    path = (find_checkpoint(folder) if list_checkpoints(folder) else folder) / "calibration.json"
    if not path.is_file():
        raise ConfigError(f"there is no {path}; make it: handily clip calibrate model={folder}")
    return Calibration.load(path)


def table_of(report: SuccessReport) -> Table:
    """Verdicts at the thresholds in use, in percent with 95 % intervals: a line per detector and family."""
    title = "is it done? verdicts in %, 95 % Wilson (balanced: MOVER)"
    columns = ("family", "done", "not done", "precision", "recall", "rejection", "balanced")
    found = Table("detector", "threshold", *columns, title=title, box=None)
    for name, threshold in report.thresholds.items():
        lines = {"all": report.verdicts(name), "all but done before": report.verdicts(name, cases=AT_WORK)}
        lines |= {family: report.verdicts(name, family) for family in report.settings["families"]}
        for what, verdicts in lines.items():
            shown = (str(verdicts.recall.of), str(verdicts.rejection.of), *cells(verdicts))
            found.add_row(name, f"{threshold:g}", what, *shown)
        found.add_section()
    return found


def cases_of(report: SuccessReport) -> Table:
    """Right verdicts by case, and what an answer costs: a column per detector."""
    found = Table("case", "n", *report.thresholds, title="right verdicts in %, 95 % Wilson", box=None)
    for case in CASES:
        shares = [_right(report.verdicts(name, cases=(case,))) for name in report.thresholds]
        found.add_row(case, str(shares[0].of), *map(cell, shares))
    times = [
        np.median([look.wall_s for look in report.looks if look.detector == name])
        for name in report.thresholds
    ]
    found.add_row("median time, ms", "", *(f"{1000 * time_s:.0f}" for time_s in times))
    return found


def plot(report: SuccessReport, path: Path) -> None:
    """Precision against recall, and balanced accuracy against the threshold; dots are thresholds in use."""
    with needs("plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, threshold in report.thresholds.items():
        curve = [report.verdicts(name, threshold=float(limit)) for limit in _CURVE]
        here = report.verdicts(name)
        (line,) = left.plot([v.recall.rate for v in curve], [v.precision.rate for v in curve], label=name)
        left.plot(here.recall.rate, here.precision.rate, "o", color=line.get_color())
        right.plot(_CURVE, [v.balanced[0] for v in curve], color=line.get_color(), label=name)
        right.plot(threshold, here.balanced[0], "o", color=line.get_color())
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    right.set(xlabel="threshold", ylabel="balanced accuracy", xlim=(0, 1), ylim=(0.4, 1.02))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=150)


def _right(verdicts: Verdicts) -> Portion:
    right = verdicts.hits + verdicts.rejections
    return Portion(right, right + verdicts.misses + verdicts.false_alarms)
