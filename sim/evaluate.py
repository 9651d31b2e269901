"""Evaluation: many episodes over processes, success rates with intervals, a manifest others can rerun, films.

An episode is a function of (task, axis, seed, policy, execute): the number of workers changes only the time.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sim.backend import choose_backend
from sim.diary import Keeping, play_kept
from sim.episode import EVALUATION_AXES, Episode, Job, Player, PolicySource
from sim.footage import Take
from sim.seeds import EVALUATION_SEED
from sim.tasks import TASKS
from vla.contract import ContractError
from vla.dataset.schema import write_text
from vla.runtime.outcome import versions
from vla.wilson import wilson_interval

SUITES = ("tabletop",)
EXECUTE = 8
"""Rows of a chunk that are carried out before the policy is asked again."""

Progress = Callable[[int, int], None]
"""Told (episodes done, episodes in all) after each episode."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What an evaluation varies.

    Attributes:
        axis: One of :data:`sim.episode.EVALUATION_AXES`.
        execution: How chunks are carried out, one of :data:`vla.runtime.chunks.EXECUTIONS`.
        delay_s: How long every answer of the policy takes, in simulated seconds.
        images: How pictures reach the policy, one of :data:`vla.bridge.images.ENCODINGS`.
    """

    axis: str = "base"
    execution: str = "rtc"
    delay_s: float = 0.0
    images: str = "raw"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one task succeeded in one condition; ``low`` and ``high`` bound the rate (95 % Wilson)."""

    task: str
    condition: Condition
    trials: int
    successes: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of successes, 0 without trials."""
        return self.successes / self.trials if self.trials else 0.0


@dataclass(frozen=True, slots=True)
class EvalReport:
    """What an evaluation found.

    Attributes:
        settings: Suite, tasks, axes, episodes, seed, execute: what a rerun needs besides the policy.
        versions: Versions of Python and the packages that matter.
        episodes: In the order of tasks, axes and seeds.
        wall_s: How long it took; not part of the result.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    episodes: tuple[Episode, ...]
    wall_s: float = field(default=0.0, compare=False)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What was varied, axes first, then executions, delays and encodings."""
        settings = self.settings
        varied = (settings[name] for name in ("axes", "executions", "delays_s", "images"))
        return tuple(Condition(*values) for values in itertools.product(*varied))

    def rates(self) -> tuple[Rate, ...]:
        """One per task and condition, tasks first."""
        return tuple(
            self._rate(task, condition) for task in self.settings["tasks"] for condition in self.conditions
        )

    def overall(self, condition: Condition | None = None) -> Rate:
        """All tasks together in one condition (every task has the same number of episodes)."""
        return self._rate("", condition or Condition())

    def _rate(self, task: str, condition: Condition) -> Rate:
        found = [
            e.success
            for e in self.episodes
            if Condition(e.axis, e.execution, e.delay_s, e.images) == condition and task in ("", e.task)
        ]
        low, high = wilson_interval(sum(found), len(found))
        return Rate(task or "mean", condition, len(found), sum(found), low, high)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: settings, versions, rates, means per condition and every episode."""
        return {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "wall_s": round(self.wall_s, 1),
            "means": [_rate_dict(self.overall(condition)) for condition in self.conditions],
            "rates": [_rate_dict(rate) for rate in self.rates()],
            "episodes": [asdict(episode) for episode in self.episodes],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EvalReport:
        """Rebuild a report from :meth:`to_dict`'s output.

        Raises:
            ContractError: it is something else.
        """
        try:
            episodes = tuple(Episode(**episode) for episode in data["episodes"])
            return cls(data["settings"], data["versions"], episodes, data["wall_s"])
        except (KeyError, TypeError) as error:
            raise ContractError(f"not an evaluation manifest: {error!r}") from error

    def write(self, path: Path) -> None:
        """Write the manifest as JSON; it appears only when it is complete."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def evaluate(
    make_policy: PolicySource,
    suite: str = "tabletop",
    tasks: Sequence[str] = tuple(TASKS),
    episodes: int = 50,
    axes: Sequence[str] = ("base",),
    seed: int = EVALUATION_SEED,
    workers: int = 0,
    progress: Progress | None = None,
    *,
    execute: int = EXECUTE,
    executions: Sequence[str] = ("rtc",),
    delays_s: Sequence[float] = (0.0,),
    images: Sequence[str] = ("raw",),
    backend: str = "auto",
    folder: Path | None = None,
    more_settings: Mapping[str, Any] | None = None,
) -> EvalReport:
    """Play ``episodes`` scenes of every task in every condition, the same scenes in each.

    Args:
        make_policy: Called once per worker, so it must be picklable (a function of a module, or a
            ``functools.partial`` of one); or the class :class:`sim.expert.ScriptedExpert`.
        suite: One of :data:`SUITES`.
        tasks: Task families.
        episodes: Scenes per task and axis, at least 1.
        axes: Some of :data:`sim.episode.EVALUATION_AXES`; each varies one thing against ``"base"``.
        seed: First scene seed, at least :data:`sim.seeds.EVALUATION_SEED`.
        workers: Processes; 0 means one per core that this process may use.
        progress: Called after each episode.
        execute: Rows of each chunk that are carried out before the next is asked for, at least 1.
        executions: How chunks are carried out, some of :data:`vla.runtime.chunks.EXECUTIONS`.
        delays_s: How long every answer of the policy takes, in simulated seconds.
        images: How pictures reach the policy, some of :data:`vla.bridge.images.ENCODINGS`.
        backend: See :func:`sim.backend.choose_backend`.
        folder: Where to leave ``eval.json``, ``contact_sheet.png``, ``failures.mp4``, ``failures/`` and the
            diary that an interrupted evaluation goes on from, if that is there already; None leaves nothing.
        more_settings: Written into the manifest's settings too, for example the checkpoint's digest.

    Raises:
        ValueError: an argument is outside its choices, or ``seed`` may have been trained on.
        ContractError: the policy was made for another robot, or ``folder`` holds another evaluation.
    """
    if suite not in SUITES:
        raise ValueError(f"suite {suite!r} is not one of {', '.join(SUITES)}")
    for what, value, least in (("episodes", episodes, 1), ("workers", workers, 0), ("execute", execute, 1)):
        if value < least:
            raise ValueError(f"{what} {value} must be at least {least}")
    tasks, axes = tuple(dict.fromkeys(tasks)), tuple(dict.fromkeys(axes))
    executions, delays_s = tuple(dict.fromkeys(executions)), tuple(dict.fromkeys(map(float, delays_s)))
    images = tuple(dict.fromkeys(images))
    named = {"tasks": tasks, "axes": axes, "executions": executions, "delays_s": delays_s, "images": images}
    for what, names in named.items():
        if not names:
            raise ValueError(f"{what} must name at least one, got none")
    conditions = [Condition(*values) for values in itertools.product(axes, executions, delays_s, images)]
    jobs = [
        Job(task, c.axis, seed + k, execution=c.execution, delay_s=c.delay_s, images=c.images)
        for task in tasks
        for c in conditions
        for k in range(episodes)
    ]
    began_s = time.monotonic()
    backend = choose_backend(backend)
    settings = {
        **(more_settings or {}),
        "suite": suite,
        **{name: list(values) for name, values in named.items()},
        "episodes": episodes,
        "seed": seed,
        "execute": execute,
        "backend": backend,
    }
    player = partial(Player, make_policy, execute, backend)
    keeping = None if folder is None else Keeping(folder, settings, _episode, _take, _task)
    played = play_kept(player, jobs, workers, progress, keeping)
    report = EvalReport(settings, versions(), played, time.monotonic() - began_s)
    if folder is not None:
        report.write(folder / "eval.json")
    return report


def _episode(data: Mapping[str, Any]) -> Episode:
    return Episode(**data)


def _task(job: Job) -> str:
    return job.task


def _take(episode: Episode) -> Take:
    varied = (episode.execution, f"{1000 * episode.delay_s:g}ms", episode.images)
    name = "-".join((episode.task, episode.axis, str(episode.seed), *varied))
    return Take(name, f"[{episode.axis}, seed {episode.seed}]", episode.success)


def _rate_dict(rate: Rate) -> dict[str, Any]:
    flat = asdict(rate)
    return flat.pop("condition") | flat | {"rate": round(rate.rate, 4)}


__all__ = ["EVALUATION_AXES", "EXECUTE", "SUITES", "Condition", "EvalReport", "Rate", "evaluate"]
