"""``handily eval suite=planner``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from rich.table import Table

from sim.goals import KINDS, TEMPLATES
from sim.goals.evaluate import SAID_AXES, PlannerSource, PlanReport, Share, evaluate_planner, said_along
from sim.goals.world import GoalWorld, OraclePlanner
from sim.seeds import check_evaluation_seed
from vla.cli.checkpoints import planner_weights_id
from vla.cli.planners import llava_planner, prompted_planner
from vla.cli.settings import check_least, check_renderer, configured
from vla.cli.terminal import console, counted
from vla.config import ConfigError, check_choice
from vla.contract import Planner
from vla.extras import needs
from vla.planner.language import LanguagePlanner
from vla.runtime.outcome import new_run_folder

PLANNERS = ("language", "oracle", "llava", "prompted")
"""Planners that can be compared."""
BLIND = ("language", "oracle")
"""Those of them that look at no picture."""


@dataclass(frozen=True)
class PlannerEvalConfig:
    """Keys of ``handily eval suite=planner``; what they mean stands in ``configs/eval_planner.yaml``."""

    planner: list[str]
    planner_model: str | None
    template: list[str]
    episodes: int
    axes: list[str]
    seed: int
    image_size: int
    renderer: str
    out: str

    def __post_init__(self) -> None:
        for key in ("planner", "template", "axes"):
            if not getattr(self, key):
                raise ValueError(f"{key} must not be empty")
        check_planners(self.planner, self.planner_model)
        for axis in self.axes:
            check_choice("axes", axis, SAID_AXES)
        said_along(templates(self.template), self.axes)
        check_evaluation_seed(self.seed)
        check_renderer(self.renderer)
        check_least(self, episodes=1)


def check_planners(names: Sequence[str], model: str | None) -> None:
    """Whether each is a planner, and what it needs is there.

    Raises:
        ConfigError: it is not, or is not.
    """
    for name in names:
        check_choice("planner", name, PLANNERS)
    if "prompted" in names and model is None:
        raise ConfigError(
            "planner=prompted needs planner_model: a folder, a name on the hub, or a server's address#model"
        )


def sources(names: Sequence[str], model: str | None) -> dict[str, PlannerSource]:
    """What makes each planner for a world.

    Args:
        names: Some of :data:`PLANNERS`.
        model: Of ``prompted``, see :func:`vla.cli.vision_language.vision_language_model`; where that is not
            among the names, the folder of the model of ``llava``. None is the one that comes with handily.
    """
    makers: dict[str, PlannerSource] = {
        "oracle": OraclePlanner,
        "language": _language,
        "llava": partial(_llava, None if "prompted" in names else model),
        "prompted": partial(_prompted, model),
    }
    return {name: makers[name] for name in names}


def weights(names: Sequence[str], model: str | None) -> dict[str, str]:
    """What a manifest says of the planner that looks, if it is among the names: its weights' digest."""
    if "llava" not in names:
        return {}
    return {"llava": planner_weights_id(None if "prompted" in names else model)}


def _language(world: GoalWorld) -> Planner:
    del world
    return LanguagePlanner(None)


def _llava(model: str | None, world: GoalWorld) -> Planner:
    del world
    return llava_planner(model)


def _prompted(model: str | None, world: GoalWorld) -> Planner:
    del world
    return prompted_planner(model, "auto")


def templates(names: Sequence[str]) -> tuple[str, ...]:
    """Goal templates by name or kind; ``all`` stands for every one.

    Raises:
        ConfigError: a name is neither.
    """
    found: list[str] = []
    for name in names:
        check_choice("template", name, ["all", *KINDS, *TEMPLATES])
        found += [t.name for t in TEMPLATES.values() if name in ("all", t.kind, t.name)]
    return tuple(dict.fromkeys(found))


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Ask every planner for its plans, print the table, leave the manifests and the plot."""
    config = configured("eval_planner", overrides, PlannerEvalConfig, show_config)
    folder = new_run_folder(Path(config.out), datetime.now())
    reports: dict[str, PlanReport] = {}
    for name, make in sources(config.planner, config.planner_model).items():
        with counted(f"planning, {name}", "plans") as progress:
            reports[name] = evaluate_planner(
                make,
                templates(config.template),
                config.episodes,
                config.axes,
                config.seed,
                progress,
                image_size=config.image_size,
                render=name not in BLIND,
                backend=config.renderer,
                more_settings=asdict(config)
                | weights(config.planner, config.planner_model)
                | {"planner": name},
            )
        single = len(set(config.planner)) == 1
        reports[name].write(folder / ("eval.json" if single else f"eval_{name}.json"))
    plot(reports, folder / "templates.png")
    out = console()
    out.print(table_of(reports))
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    trials = sum(len(report.trials) for report in reports.values())
    out.print(f"{trials} plans in {sum(r.wall_s for r in reports.values()):.0f} s; {folder}: {files}")
    for name, report in reports.items():
        out.print(f"a plan of {name} takes {report.plan_s:.3f} s (median)")


def table_of(reports: dict[str, PlanReport]) -> Table:
    """Shares in percent with 95 % Wilson intervals: a column per planner and axis."""
    columns = [(name, axis) for name, report in reports.items() for axis in report.settings["axes"]]
    title = "plans in %, with 95 % Wilson intervals"
    table = Table("", *(f"{name}, {axis}" for name, axis in columns), title=title, box=None)
    for view in ("summary", "by_kind"):
        rows: list[tuple[Share, ...]] = [getattr(reports[name], view)(axis) for name, axis in columns]
        for shares in zip(*rows, strict=True):
            table.add_row(shares[0].what, *map(_cell, shares))
        table.add_section()
    return table


def plot(reports: dict[str, PlanReport], path: Path) -> None:
    """Validity per template on the first axis, a bar per planner; held-out templates are marked."""
    with needs("plot"):
        from matplotlib.figure import Figure

    first = next(iter(reports.values()))
    names, axis = first.settings["templates"], first.settings["axes"][0]
    figure = Figure(figsize=(7.0, 1.2 + 0.22 * len(names)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(reports)
    for i, (planner, report) in enumerate(reports.items()):
        shares = report.by_template(axis)
        at = [row + (i - (len(reports) - 1) / 2) * height for row in range(len(names))]
        errors = [[100 * (s.rate - s.low) for s in shares], [100 * (s.high - s.rate) for s in shares]]
        axes.barh(at, [100 * s.rate for s in shares], height, xerr=errors, label=planner, ecolor="0.5")
    labels = [f"{name} (held out)" if TEMPLATES[name].held_out else name for name in names]
    axes.set_yticks(range(len(names)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"valid plans, % (95 % Wilson), {axis}")
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=150)


def _cell(share: Share) -> str:
    if not share.trials:
        return "-"
    return f"{100 * share.rate:.1f} ({100 * share.low:.1f}-{100 * share.high:.1f})"
