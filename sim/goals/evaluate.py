"""Evaluation of planners by their plans alone: nothing moves, the judge plays each plan in words.

A trial is a function of (template, axis, seed, planner). Scenes are drawn from the seeds that belong to
evaluation, as everywhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from sim.goals import TEMPLATES, Template, template_named
from sim.goals.goal import said_otherwise
from sim.goals.judge import judge
from sim.goals.phrasings.examination import MANNERS
from sim.goals.world import GoalWorld
from sim.randomise import along
from sim.seeds import EVALUATION_SEED, check_evaluation_seed
from vla.contract import ContractError, Planner
from vla.dataset.schema import write_text
from vla.planner.grammar import Answer, Refusal
from vla.runtime.outcome import versions
from vla.wilson import wilson_interval

PLAN_AXES = ("base", "paraphrase", "pair", "layout", "distractors", "all")
"""What may be varied: the axes of :mod:`sim.randomise` that change what a plan depends on."""

MANNER = "manner"
"""Goals said in :data:`sim.goals.phrasings.examination.MANNERS`, where they have such wordings: an axis of
plans alone, along which nothing is carried out."""
SAID_AXES = (*PLAN_AXES, MANNER)
"""What may be varied where nothing but words is judged."""

PlannerSource = Callable[[GoalWorld], Planner]
"""Makes the planner; it may look at the world only if it is an oracle."""
Progress = Callable[[int, int], None]
"""Told (trials done, trials in all) after each trial."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one plan was judged.

    Attributes:
        template: The goal template.
        kind: Its kind.
        held_out: Training never sees the template.
        axis: What was varied.
        seed: Draws goal and scene.
        goal: What the person said.
        expected: ``"steps"``, ``"cannot"`` or ``"answer"``: the kind of plan that is right.
        got: The kind of plan that came.
        steps: Its instructions.
        note: Its note.
        valid: The judge found it right.
        why: Why not, "" where it is.
        wall_s: Seconds that planning took; not part of the result.
    """

    template: str
    kind: str
    held_out: bool
    axis: str
    seed: int
    goal: str
    expected: str
    got: str
    steps: tuple[str, ...]
    note: str
    valid: bool
    why: str
    wall_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Share:
    """How often something was so; ``low`` and ``high`` bound the share (95 % Wilson)."""

    what: str
    axis: str
    trials: int
    count: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share, 0 without trials."""
        return self.count / self.trials if self.trials else 0.0


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What an evaluation of plans found.

    Attributes:
        settings: Planner, templates, axes, episodes, seed: what a rerun needs.
        versions: Versions of Python and the packages that matter.
        trials: In the order of templates, axes and seeds.
        wall_s: How long it took; not part of the result.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    trials: tuple[Trial, ...]
    wall_s: float = field(default=0.0, compare=False)

    def summary(self, axis: str) -> tuple[Share, ...]:
        """The numbers that matter along one axis.

        Validity on seen and on held-out templates, what cannot be done refused (for whatever reason, and for
        the right one), what can be done refused falsely, and questions answered rightly.
        """
        trials = [trial for trial in self.trials if trial.axis == axis]
        infeasible = [t for t in trials if t.expected == "cannot"]
        return (
            _share("valid, seen templates", axis, [t.valid for t in trials if not t.held_out]),
            _share("valid, held-out templates", axis, [t.valid for t in trials if t.held_out]),
            _share("infeasible refused", axis, [t.got == "cannot" for t in infeasible]),
            _share("refused for the right reason", axis, [t.valid for t in infeasible]),
            _share("false refusals", axis, [t.got == "cannot" for t in trials if t.expected != "cannot"]),
            _share("questions answered", axis, [t.valid for t in trials if t.expected == "answer"]),
        )

    @property
    def plan_s(self) -> float:
        """Median seconds that a plan took."""
        return median(trial.wall_s for trial in self.trials)

    def by_template(self, axis: str) -> tuple[Share, ...]:
        """Validity per template along one axis."""
        return tuple(
            _share(name, axis, [t.valid for t in self.trials if (t.template, t.axis) == (name, axis)])
            for name in self.settings["templates"]
        )

    def by_kind(self, axis: str) -> tuple[Share, ...]:
        """Validity per kind of goal along one axis, in the order of the templates."""
        kinds = dict.fromkeys(trial.kind for trial in self.trials)
        return tuple(
            _share(kind, axis, [t.valid for t in self.trials if (t.kind, t.axis) == (kind, axis)])
            for kind in kinds
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: settings, versions, shares and every trial."""
        axes = self.settings["axes"]
        return {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "wall_s": round(self.wall_s, 1),
            "summary": [asdict(share) for axis in axes for share in self.summary(axis)],
            "kinds": [asdict(share) for axis in axes for share in self.by_kind(axis)],
            "templates": [asdict(share) for axis in axes for share in self.by_template(axis)],
            "trials": [asdict(trial) for trial in self.trials],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PlanReport:
        """Rebuild a report from :meth:`to_dict`'s output.

        Raises:
            ContractError: it is something else.
        """
        try:
            trials = tuple(Trial(**{**trial, "steps": tuple(trial["steps"])}) for trial in data["trials"])
            return cls(data["settings"], data["versions"], trials, data["wall_s"])
        except (KeyError, TypeError) as error:
            raise ContractError(f"not a manifest of plans: {error!r}") from error

    def write(self, path: Path) -> None:
        """Write the manifest as JSON; it appears only when it is complete."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def evaluate_planner(
    make_planner: PlannerSource,
    templates: Sequence[str] = tuple(TEMPLATES),
    episodes: int = 20,
    axes: Sequence[str] = ("base", "paraphrase"),
    seed: int = EVALUATION_SEED,
    progress: Progress | None = None,
    *,
    image_size: int = 128,
    render: bool = True,
    backend: str = "auto",
    more_settings: Mapping[str, Any] | None = None,
) -> PlanReport:
    """Ask for a plan in ``episodes`` scenes of every template along every axis.

    Args:
        make_planner: Called once, with the world in which the scenes are laid.
        templates: Names of goal templates.
        episodes: Scenes per template and axis, at least 1.
        axes: Some of :data:`SAID_AXES`.
        seed: First seed, at least :data:`sim.seeds.EVALUATION_SEED`.
        progress: Called after each trial.
        image_size: Height and width of the pictures that the planner sees, in pixels.
        render: False shows black pictures, for planners that do not look.
        backend: See :func:`sim.backend.choose_backend`.
        more_settings: Written into the manifest's settings too.

    Raises:
        ValueError: an argument is outside its choices, or ``seed`` may have been trained on.
    """
    templates, axes = tuple(dict.fromkeys(templates)), tuple(dict.fromkeys(axes))
    check_evaluation_seed(seed)
    if episodes < 1:
        raise ValueError(f"episodes {episodes} must be at least 1")
    for what, names in (("templates", templates), ("axes", axes)):
        if not names:
            raise ValueError(f"{what} must name at least one, got none")
    for axis in axes:
        if axis not in SAID_AXES:
            raise ValueError(f"axis {axis!r} is not one of {', '.join(SAID_AXES)}")
    began_s = time.monotonic()
    pairs = said_along(templates, axes)
    jobs = [(template, axis, seed + k) for template, axis in pairs for k in range(episodes)]
    trials: list[Trial] = []
    with GoalWorld(image_size, backend, render) as world:
        planner = make_planner(world)
        for job in jobs:
            trials.append(_trial(world, planner, *job))
            if progress is not None:
                progress(len(trials), len(jobs))
    settings = {
        **(more_settings or {}),
        "suite": "planner",
        "templates": list(templates),
        "axes": list(axes),
        "episodes": episodes,
        "seed": seed,
    }
    return PlanReport(settings, versions(), tuple(trials), time.monotonic() - began_s)


def said_along(templates: Sequence[str], axes: Sequence[str]) -> list[tuple[Template, str]]:
    """Template and axis, wherever the template is said along the axis; see :data:`MANNER`.

    Raises:
        ValueError: a template is unknown, or none is said along any of the axes.
    """
    chosen = [template_named(name) for name in templates]
    pairs = [(t, axis) for t in chosen for axis in axes if axis != MANNER or t.name in MANNERS]
    if not pairs:
        raise ValueError(f"none of the templates {', '.join(templates)} is said along the axis {MANNER!r}")
    return pairs


def _trial(world: GoalWorld, planner: Planner, template: Template, axis: str, seed: int) -> Trial:
    if axis == MANNER:
        switches = along("base")
        goal = world.lay(template, seed, switches)
        goal = replace(goal, text=said_otherwise(template, seed, switches))
    else:
        goal = world.lay(template, seed, along(axis))
    observation, asked_s = world.observe(), time.monotonic()
    plan = planner.plan(goal.text, observation, None)
    wall_s = time.monotonic() - asked_s
    verdict = judge(goal, world.symbols(), plan)
    return Trial(
        template=template.name,
        kind=template.kind,
        held_out=template.held_out,
        axis=axis,
        seed=seed,
        goal=goal.text,
        expected=_kind_of(goal.saying),
        got=plan.kind,
        steps=plan.steps,
        note=plan.note,
        valid=verdict.valid,
        why=verdict.why,
        wall_s=round(wall_s, 5),
    )


def _kind_of(saying: Refusal | Answer | None) -> str:
    return "steps" if saying is None else "answer" if isinstance(saying, Answer) else "cannot"


def _share(what: str, axis: str, found: Sequence[bool]) -> Share:
    low, high = wilson_interval(sum(found), len(found))
    return Share(what, axis, len(found), sum(found), low, high)
