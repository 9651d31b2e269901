"""``handily train``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from policies.config import TrainConfig
from policies.network_policy import NetworkPolicy
from policies.train import Progress
from policies.train import train as fit
from sim.episode import Job, Player
from sim.robot import robot_spec
from sim.seeds import EVALUATION_SEED
from sim.suites import SUITES as FOREIGN
from sim.suites.evaluate import SuiteJob, SuitePlayer, SuiteReport
from sim.tasks import TASKS
from vla.cli.mistakes import INTERRUPTED
from vla.cli.settings import configured, families
from vla.cli.suite import tasks_named
from vla.cli.suites import choose_suite
from vla.cli.terminal import console, counted
from vla.config import ConfigError
from vla.contract import RobotSpec
from vla.dataset.cache import build_cache
from vla.dataset.frames import FrameCache
from vla.dataset.reader import Dataset


@dataclass(frozen=True)
class RolloutConfig:
    """Closed-loop episodes while training, every ``train.rollout_every`` steps.

    Attributes:
        task: Families to play.
        episodes: Of each family.
        execute: Rows of each chunk that are carried out.
    """

    task: list[str]
    episodes: int
    execute: int

    def __post_init__(self) -> None:
        for key in ("episodes", "execute"):
            if getattr(self, key) < 1:
                raise ValueError(f"rollout.{key}={getattr(self, key)} must be at least 1")


@dataclass(frozen=True)
class TrainCommand:
    """Keys of ``handily train``.

    Attributes:
        policy: Config group: how actions are learned.
        machine: Config group: what to train on.
        data: Folder of demonstrations.
        cache: Folder for their decoded copy; made at the first use.
        cache_stride: Keep the pictures of every so manieth row.
        stills: Folder of scenes without motion that also train the eyes and the reading, or None.
        seed: Every random draw follows from it.
        out: Folder of the run.
        train: Everything about training, see ``policies/config.py``.
        rollout: Closed-loop episodes on the way.
    """

    policy: str
    machine: str
    data: str
    cache: str
    cache_stride: int
    stills: str | None
    seed: int
    out: str
    train: TrainConfig
    rollout: RolloutConfig


def train(overrides: list[str], show_config: bool) -> None:
    """Fill the cache once, then train or resume."""
    name, words = choose_suite(overrides, SUITES, "tabletop")
    suite = SUITES[name]
    config = configured(suite.config, words, TrainCommand, show_config)
    played = suite.played(config.rollout.task)
    dataset = Dataset.open(config.data)
    spec = _spec_of(dataset, suite)
    size, wanted = next(iter(spec.cameras.values()))[0], config.train.model.vision.image_size
    if size != wanted:
        raise ConfigError(
            f"train.model.vision.image_size={wanted}, but data={dataset.root} has pictures of {size} px"
        )
    with counted("decoding", "episodes") as progress:
        cache = build_cache(
            dataset, config.cache, config.cache_stride, progress, len(os.sched_getaffinity(0))
        )
    stills = _stills_of(config.stills, dataset, spec)
    rollout = suite.rollout(played, config.rollout) if config.train.rollout_every else None
    with TrainingView(config.train.steps) as view:
        folder = fit(
            config.train,
            cache,
            spec,
            stills=stills,
            families=suite.families,
            on_progress=view,
            rollout=rollout,
        )
    finished = view.step >= config.train.steps or config.train.stop_after_s > 0
    console().print(f"{folder}: step {view.step} of {config.train.steps}")
    if not finished:
        typer.echo("handily: interrupted; nothing is lost, the same line goes on from here", err=True)
        raise typer.Exit(INTERRUPTED)


def _spec_of(dataset: Dataset, suite: Suite) -> RobotSpec:
    """The robot that gave the demonstrations; its pictures may have any size."""
    sizes = {int(dataset.features[key]["shape"][0]) for key in dataset.cameras.values()}
    spec = suite.spec(min(sizes, default=128))
    cameras = {name: tuple(dataset.features[key]["shape"][:2]) for name, key in dataset.cameras.items()}
    if dataset.robot_type != spec.name or cameras != dict(spec.cameras):
        raise ConfigError(
            f"data={dataset.root}: made by {dataset.robot_type!r} with cameras {cameras}; "
            f"wanted {spec.name!r} with {dict(spec.cameras)}"
        )
    return spec


def _stills_of(folder: str | None, dataset: Dataset, spec: RobotSpec) -> FrameCache | None:
    """Stills that fit the demonstrations' robot; None where none are wanted."""
    if folder is None:
        return None
    stills = FrameCache.open_stills(folder)
    sizes = {name: images.shape[1:3] for name, images in stills.images.items()}
    if sizes != dict(spec.cameras):
        raise ConfigError(
            f"stills={folder}: cameras {sizes}, while those of data={dataset.root} are {dict(spec.cameras)}"
        )
    return stills


def _rollout(
    names: tuple[str, ...], config: RolloutConfig
) -> Callable[[NetworkPolicy, int], Mapping[str, float]]:
    """Plays the same unseen scenes each time, in this process; metrics are success rates by family."""

    def play(policy: NetworkPolicy, step: int) -> dict[str, float]:
        rates: dict[str, float] = {}
        with closing(Player(lambda: policy, config.execute, "auto")) as player:
            for name in names:
                jobs = [Job(name, "base", EVALUATION_SEED + i) for i in range(config.episodes)]
                rates[f"success/{name}"] = sum(player.play(job)[0].success for job in jobs) / len(jobs)
        return rates | {"success": sum(rates.values()) / len(rates)}

    return play


def _rollout_foreign(
    suite: str, names: tuple[str, ...], config: RolloutConfig
) -> Callable[[NetworkPolicy, int], Mapping[str, float]]:
    """The same for another suite's tasks; metrics are success rates by group, and their mean."""

    def play(policy: NetworkPolicy, step: int) -> dict[str, float]:
        horizon = FOREIGN[suite].horizon
        seeds = range(EVALUATION_SEED, EVALUATION_SEED + config.episodes)
        jobs = [SuiteJob(suite, name, seed) for name in names for seed in seeds]
        settings = {"suite": suite, "tasks": list(names)}
        with closing(SuitePlayer(suite, lambda: policy, config.execute, horizon, "auto")) as player:
            report = SuiteReport(settings, {}, tuple(player.play(job)[0] for job in jobs))
        rates = {f"success/{name}": share.rate for name, share in report.groups().items()}
        return rates | {"success": report.group_mean}

    return play


@dataclass(frozen=True)
class Suite:
    """Where demonstrations come from, and where a policy shows what it has learned.

    Attributes:
        config: Name of the YAML file.
        spec: Picture side in pixels to the robot.
        families: Names of the task families, in label order.
        played: Words of ``rollout.task`` to names of tasks.
        rollout: Tasks and settings to closed-loop episodes on the way.
    """

    config: str
    spec: Callable[[int], RobotSpec]
    families: tuple[str, ...]
    played: Callable[[Sequence[str]], tuple[str, ...]]
    rollout: Callable[[tuple[str, ...], RolloutConfig], Callable[[NetworkPolicy, int], Mapping[str, float]]]


SUITES = {
    "tabletop": Suite("train", robot_spec, tuple(TASKS), families, _rollout),
    **{
        name: Suite(
            f"train_{name}",
            suite.spec,
            tuple(suite.tasks),
            partial(tasks_named, name),
            partial(_rollout_foreign, name),
        )
        for name, suite in FOREIGN.items()
    },
}
"""The word behind ``suite=`` to what it means."""


class TrainingView:
    """Shows progress, speed and losses; callable as ``on_progress``."""

    def __init__(self, steps: int) -> None:
        self.step = 0
        self._out = console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bars = Bars(*columns, console=self._out, disable=not self._out.is_terminal)
        self._task = self._bars.add_task("", total=steps)

    def __call__(self, progress: Progress) -> None:
        """Draw one report; validations and checkpoints stay on the screen as lines."""
        self.step = progress.step
        losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        speed = f"{progress.samples_per_s:.0f} samples/s"
        self._bars.update(self._task, completed=progress.step, description=f"{speed}  {losses}")
        if not self._out.is_terminal:
            left = f"{progress.left_s / 60:.1f} min left"
            self._out.print(f"step {progress.step}/{progress.steps}  {speed}  {left}  {losses}")
        if progress.validation:
            metrics = "  ".join(f"{name} {value:.3g}" for name, value in progress.validation.items())
            self._out.print(f"step {progress.step} held out: {metrics}")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
