"""``handily eval suite=composite``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from rich.table import Table

from sim.episode import PolicySource
from sim.expert import ScriptedExpert
from sim.goals.composite import CompositeSettings
from sim.goals.composite_evaluation import evaluate_composite
from sim.goals.composite_report import (
    ACTION_KINDS,
    SPEAKING_KINDS,
    CompositeCondition,
    CompositeReport,
    CompositeShare,
)
from sim.goals.evaluate import PLAN_AXES, PlannerSource
from sim.goals.expert import TruthDetector
from sim.goals.mishaps import MISHAPS
from sim.goals.world import GoalWorld
from sim.seeds import check_evaluation_seed
from vla.cli.checkpoints import digest, resolve_checkpoint
from vla.cli.evaluate_planner import check_planners, sources, weights
from vla.cli.evaluate_planner import templates as templates_named
from vla.cli.settings import (
    CHUNKINGS,
    check_device,
    check_least,
    check_renderer,
    configured,
    evaluation_folder,
)
from vla.cli.terminal import console, counted
from vla.config import check_choice
from vla.contract import Planner
from vla.extras import needs
from vla.planner.language import LanguagePlanner
from vla.planner.patience import RECOVERIES, Patience, Recovery

EXPERT = "expert"
ACTING = "acting"
"""The word for every template that asks for motion."""


@dataclass(frozen=True)
class CompositeEvalConfig:
    """Keys of ``handily eval suite=composite``; what they mean stands in ``configs/eval_composite.yaml``."""

    planner: list[str]
    planner_model: str | None
    disturb: list[str]
    template: list[str]
    episodes: int
    axes: list[str]
    checkpoint: str | None
    seed: int
    workers: int
    execute: int
    chunking: str
    device: str
    sample_steps: int | None
    replan_s: float
    planner_delay_s: float
    limit_s: float
    looks: int
    step_timeout_s: float
    retries: int
    recovery: str
    recovery_s: float
    done_threshold: float
    renderer: str
    out: str
    resume: str | None

    def __post_init__(self) -> None:
        for key in ("planner", "disturb", "template", "axes"):
            if not getattr(self, key):
                raise ValueError(f"{key} must not be empty")
        check_planners(self.planner, self.planner_model)
        for key, choices in (("disturb", MISHAPS), ("axes", PLAN_AXES)):
            for name in getattr(self, key):
                check_choice(key, name, choices)
        templates(self.template)
        check_choice("recovery", self.recovery, RECOVERIES)
        check_choice("chunking", self.chunking, CHUNKINGS)
        check_device(self.device)
        check_renderer(self.renderer)
        check_evaluation_seed(self.seed)
        if not 0 < self.done_threshold < 1:
            raise ValueError(f"done_threshold={self.done_threshold} is outside (0, 1)")
        check_least(self, episodes=1, workers=0)
        self.settings()

    def settings(self) -> CompositeSettings:
        """How every episode is played."""
        recovery = cast(Recovery, self.recovery)
        patience = Patience(self.looks, self.step_timeout_s, self.retries, recovery, self.recovery_s)
        return CompositeSettings(
            self.execute, self.replan_s, self.planner_delay_s, self.limit_s, patience=patience
        )


def templates(names: Sequence[str]) -> tuple[str, ...]:
    """Goal templates by name or kind; ``acting`` stands for all that ask for motion, ``all`` for every one.

    Raises:
        ConfigError: a name is none of these.
    """
    spelled = [kind for name in names for kind in (ACTION_KINDS if name == ACTING else (name,))]
    return templates_named(spelled)


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Carry the goals out, print the tables, leave the manifest, the plot and the films."""
    config = configured("eval_composite", overrides, CompositeEvalConfig, show_config)
    policy, about = _policy(config)
    folder = evaluation_folder(config.out, config.resume)
    with counted("carrying out", "episodes") as progress:
        report = evaluate_composite(
            policy,
            _planners(config),
            templates(config.template),
            config.episodes,
            config.axes,
            config.disturb,
            config.seed,
            config.workers,
            progress,
            settings=config.settings(),
            backend=config.renderer,
            folder=folder,
            more_settings=asdict(config) | about | weights(config.planner, config.planner_model),
        )
    plot(report, folder / "kinds.png")
    out = console()
    for table in tables_of(report):
        out.print(table)
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    out.print(f"{len(report.episodes)} episodes in {report.wall_s:.0f} s; {folder}: {files}")


def _policy(config: CompositeEvalConfig) -> tuple[PolicySource, dict[str, str]]:
    """What makes the policy in each worker, and what the manifest says of it."""
    if config.checkpoint == EXPERT:
        return ScriptedExpert, {"policy": EXPERT}
    folder = resolve_checkpoint(config.checkpoint)
    from policies.network_policy import load_policy

    chunking = cast(Any, config.chunking)
    make = partial(load_policy, str(folder), config.device, config.sample_steps, 1, chunking=chunking)
    return make, {"policy": str(folder), "digest": digest(folder)}


def _planners(config: CompositeEvalConfig) -> Mapping[str, PlannerSource]:
    """Makers that can cross to another process. Words alone need somebody who sees what is done."""
    if config.checkpoint == EXPERT:
        language = partial(_language_told, config.done_threshold)
    else:
        folder = str(resolve_checkpoint(config.checkpoint))
        language = partial(_language, folder, config.device, config.done_threshold)
    made = sources(config.planner, config.planner_model)
    return made | {"language": language} if "language" in made else made


def _language(folder: str, device: str, threshold: float, world: GoalWorld) -> Planner:
    """Words, ticked off by the policy's own detector of success."""
    from policies.network_policy import load_policy

    return LanguagePlanner(load_policy(folder, device, None, 1), threshold)


def _language_told(threshold: float, world: GoalWorld) -> Planner:
    """Words, ticked off by the simulator: what the scripted expert's own detector would be."""
    return LanguagePlanner(TruthDetector(world), threshold)


def tables_of(report: CompositeReport) -> tuple[Table, Table]:
    """Success and failure in percent, a column per condition: what was reached, and where it failed."""
    conditions = report.conditions
    headings = [_heading(report, condition) for condition in conditions]
    reached = Table("", *headings, title="success, % (95 % Wilson)", box=None)
    _fill(reached, [report.summary(c) for c in conditions], skip_empty=True)
    _fill(reached, [report.by_kind(c) for c in conditions])
    failed = Table("", *headings, title="failures, and attempts done, %", box=None)
    _fill(failed, [report.causes(c) for c in conditions])
    _fill(failed, [report.skills(c) for c in conditions])
    return reached, failed


def _fill(table: Table, views: Sequence[tuple[CompositeShare, ...]], skip_empty: bool = False) -> None:
    for shares in zip(*views, strict=True):
        if any(share.trials for share in shares) or not skip_empty:
            table.add_row(shares[0].what, *map(_cell, shares))
    table.add_section()


def plot(report: CompositeReport, path: Path) -> None:
    """Success per kind of goal, a bar per condition; what asks for words is marked."""
    with needs("plot"):
        from matplotlib.figure import Figure

    views = [report.by_kind(condition) for condition in report.conditions]
    kinds = [share.what for share in views[0]]
    figure = Figure(figsize=(7.0, 1.4 + 0.22 * len(kinds) * max(2, len(views))), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(views)
    for i, (condition, shares) in enumerate(zip(report.conditions, views, strict=True)):
        at = [row + (i - (len(views) - 1) / 2) * height for row in range(len(kinds))]
        errors = [[100 * (s.rate - s.low) for s in shares], [100 * (s.high - s.rate) for s in shares]]
        label = _heading(report, condition)
        axes.barh(at, [100 * s.rate for s in shares], height, xerr=errors, label=label, ecolor="0.5")
    labels = [f"{kind} (words only)" if kind in SPEAKING_KINDS else kind for kind in kinds]
    axes.set_yticks(range(len(kinds)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("success, % (95 % Wilson)")
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=150)


def _heading(report: CompositeReport, condition: CompositeCondition) -> str:
    """The planner, and what else the report's conditions differ in."""
    parts = [condition.planner]
    if len(report.settings["disturbances"]) > 1 or condition.disturbance != "none":
        parts.append(condition.disturbance)
    if len(report.settings["axes"]) > 1 or condition.axis != "base":
        parts.append(condition.axis)
    return ", ".join(parts)


def _cell(share: CompositeShare) -> str:
    if not share.trials:
        return "-"
    bounds = f"({100 * share.low:.0f}-{100 * share.high:.0f})"
    return f"{100 * share.rate:.0f} {bounds} of {share.trials}"
