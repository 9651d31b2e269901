"""Evaluation by the published protocol: unseen layouts of every task, success at any step of an episode."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from sim.backend import choose_backend
from sim.diary import Keeping, play_kept
from sim.footage import Take
from sim.seeds import EVALUATION_SEED, check_evaluation_seed
from sim.suites import suite_of
from vla.contract import ContractError, Observation, Policy
from vla.dataset.schema import write_text
from vla.planner.verdicts import Portion
from vla.runtime.film import Shot
from vla.runtime.outcome import versions

EXPERT: Final = "expert"
"""Stands for scripted experts, the upper bound."""
_SHOT_EVERY = 16

PolicyMaker = Callable[[], Policy] | str


@dataclass(frozen=True, slots=True)
class SuiteJob:
    """One episode to play.

    Attributes:
        suite: One of :data:`sim.suites.SUITES`.
        task: One of its tasks.
        seed: Draws the layout.
        filmed: Whether its pictures are wanted even of a success.
    """

    suite: str
    task: str
    seed: int
    filmed: bool = False

    def __post_init__(self) -> None:
        suite_of(self.suite).task(self.task)
        check_evaluation_seed(self.seed)


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """How it went: ``steps`` control steps until success, or until the horizon."""

    task: str
    seed: int
    success: bool
    steps: int


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """What an evaluation found.

    Attributes:
        settings: The suite, and what else a rerun needs besides the policy.
        versions: Versions of Python and the packages that matter.
        outcomes: In the order of seeds and tasks.
        wall_s: How long it took; not part of the result.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    outcomes: tuple[SuiteOutcome, ...]
    wall_s: float = field(default=0.0, compare=False)

    def tasks(self) -> dict[str, Portion]:
        """Successes by task."""
        return {name: self._share((name,)) for name in self.settings["tasks"]}

    def groups(self) -> dict[str, Portion]:
        """Successes by group, of those of which a task was played."""
        suite, played = suite_of(self.settings["suite"]), self.settings["tasks"]
        return {
            group: self._share([name for name in played if suite.task(name).group == group])
            for group in suite.groups(played)
        }

    def all(self) -> Portion:
        """Successes of all episodes alike."""
        return self._share(self.settings["tasks"])

    @property
    def group_mean(self) -> float:
        """The mean of the groups' rates, each with the same weight: the figure that is published."""
        shares = self.groups().values()
        return sum(share.rate for share in shares) / len(shares)

    def _share(self, tasks: Sequence[str]) -> Portion:
        found = [outcome.success for outcome in self.outcomes if outcome.task in tasks]
        return Portion(sum(found), len(found))

    def write(self, path: Path) -> None:
        """Write the manifest as JSON; it appears only when it is complete."""
        content = {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "wall_s": round(self.wall_s, 1),
            "group_mean": round(self.group_mean, 4),
            "groups": {name: share.to_dict() for name, share in self.groups().items()},
            "all": self.all().to_dict(),
            "tasks": {name: share.to_dict() for name, share in self.tasks().items()},
            "episodes": [asdict(outcome) for outcome in self.outcomes],
        }
        write_text(path, json.dumps(content, indent=1) + "\n")


class SuitePlayer:
    """A world and a policy, playing one job after another.

    Args:
        suite: One of :data:`sim.suites.SUITES`.
        make_policy: Makes the policy, once; :data:`EXPERT` stands for scripted experts.
        execute: Rows of each chunk that are carried out before the policy is asked again, at least 1.
        horizon: Control steps after which an episode has failed.
        backend: See :func:`sim.backend.choose_backend`.

    Raises:
        ContractError: the policy was made for another robot; the message lists the differences.
        MissingExtra: the package is not installed.
    """

    def __init__(
        self, suite: str, make_policy: PolicyMaker, execute: int, horizon: int, backend: str
    ) -> None:
        self._policy = None if isinstance(make_policy, str) else make_policy()
        size = 128 if self._policy is None else next(iter(self._policy.spec.cameras.values()))[0]
        self._world = suite_of(suite).world(size, backend)
        differences = [] if self._policy is None else self._policy.spec.differences(self._world.spec)
        if differences:
            self._world.close()
            raise ContractError("the policy is for another robot: " + "; ".join(differences))
        self._execute, self._horizon = execute, horizon

    def close(self) -> None:
        """Free the renderer; twice is fine."""
        self._world.close()

    def play(self, job: SuiteJob, /) -> tuple[SuiteOutcome, list[Shot]]:
        """One episode and its pictures; the same job gives the same episode."""
        world, policy = self._world, self._policy
        world.reset(job.task, job.seed)
        if policy is not None:
            policy.reset(job.seed)
        shots: list[Shot] = []
        steps = 0
        while steps < self._horizon and not world.success:
            observation = world.observe()
            if steps // _SHOT_EVERY >= len(shots):
                shots.append(self._shot(observation))
            rows = (
                world.expert()[None]
                if policy is None
                else policy.act(observation, world.task.sentence).actions[: self._execute]
            )
            for row in rows[: self._horizon - steps]:
                world.step(row)
                steps += 1
                if world.success:
                    break
        shots.append(self._shot(world.observe()))
        outcome = SuiteOutcome(job.task, job.seed, world.success, steps)
        return outcome, shots if job.filmed or not world.success else []

    def _shot(self, observation: Observation) -> Shot:
        return Shot(observation.images, self._world.task.sentence, observation.stamp_s)


def evaluate_suite(
    suite: str,
    make_policy: PolicyMaker,
    tasks: Sequence[str] = (),
    episodes: int = 10,
    seed: int = EVALUATION_SEED,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
    *,
    execute: int = 8,
    horizon: int | None = None,
    backend: str = "auto",
    folder: Path | None = None,
    more_settings: Mapping[str, Any] | None = None,
) -> SuiteReport:
    """Play ``episodes`` layouts of every task.

    Args:
        suite: One of :data:`sim.suites.SUITES`.
        make_policy: Called once per worker, so it must be picklable; or :data:`EXPERT`.
        tasks: Names of tasks; none stands for all.
        episodes: Layouts of each, at least 1; their seeds are ``seed``, ``seed + 1``, ...
        seed: At least :data:`sim.seeds.EVALUATION_SEED`, which no demonstration uses.
        workers: Processes; 0 means one per core that this process may use.
        progress: Told (episodes done, episodes in all) after each episode.
        execute: Rows of each chunk that are carried out before the next is asked for, at least 1.
        horizon: Control steps after which an episode has failed, at most the suite's own,
            which None means.
        backend: See :func:`sim.backend.choose_backend`.
        folder: Where to leave ``eval.json``, ``contact_sheet.png``, clips of failures and the diary that an
            interrupted evaluation goes on from, if that is there already; None leaves nothing.
        more_settings: Written into the manifest's settings too, for example the checkpoint's digest.

    Raises:
        ValueError: an argument is outside its choices, or ``seed`` may have been trained on.
        ContractError: the policy was made for another robot, or ``folder`` holds another evaluation.
        MissingExtra: the package is not installed.
    """
    about = suite_of(suite)
    horizon = about.horizon if horizon is None else horizon
    if not 1 <= horizon <= about.horizon:
        raise ValueError(f"horizon {horizon} is outside 1..{about.horizon}")
    for what, value, least in (("episodes", episodes, 1), ("execute", execute, 1), ("workers", workers, 0)):
        if value < least:
            raise ValueError(f"{what} {value} must be at least {least}")
    tasks = tuple(dict.fromkeys(tasks or about.tasks))
    # In the order of seeds, so that more episodes come at the end.
    jobs = [SuiteJob(suite, task, seed + k) for k in range(episodes) for task in tasks]
    began_s = time.monotonic()
    settings = {
        **(more_settings or {}),
        "suite": suite,
        "tasks": list(tasks),
        "episodes": episodes,
        "seed": seed,
        "execute": execute,
        "horizon": horizon,
    }
    player = partial(SuitePlayer, suite, make_policy, execute, horizon, choose_backend(backend))
    keeping = None if folder is None else Keeping(folder, settings, _outcome, _take, _task, ("episodes",))
    played = play_kept(player, jobs, workers, progress, keeping)
    report = SuiteReport(settings, versions(), played, time.monotonic() - began_s)
    if folder is not None:
        report.write(folder / "eval.json")
    return report


def _outcome(data: Mapping[str, Any]) -> SuiteOutcome:
    return SuiteOutcome(**data)


def _task(job: SuiteJob) -> str:
    return job.task


def _take(outcome: SuiteOutcome) -> Take:
    return Take(f"{outcome.task}-{outcome.seed}", f"[seed {outcome.seed}]", outcome.success)
