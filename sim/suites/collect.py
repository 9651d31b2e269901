"""Demonstrations of a suite: scripted experts act, and what was seen and done becomes a LeRobotDataset.

Episode ``k`` is a function of the settings, whatever the number of workers; what is on disk already is not
made again. An episode in which the expert fails is thrown away, and another layout is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.blocks import spread
from sim.seeds import EVALUATION_SEED
from sim.suites import suite_of
from sim.suites.suite import ENTITY_COLUMNS, Suite, SuiteWorld
from vla.contract import ContractError
from vla.dataset.schema import robot_features
from vla.dataset.staging import stage_episode, staged_keys
from vla.dataset.writer import DatasetWriter

MAX_EPISODES: Final = 10_000
"""Layouts per task: seeds of first tries stay below this, and each task owns as many numbers of episodes."""
_BLOCK = 10
_TRIES = 40
_PATIENCE_STEPS = 400


@dataclass(frozen=True, slots=True)
class SuiteSettings:
    """What a dataset is a function of.

    Attributes:
        root: Folder of the dataset.
        suite: One of :data:`sim.suites.SUITES`.
        tasks: Names of tasks, one after another; none stands for all.
        episodes: Of each task.
        seed: First layout; ``seed + episodes`` must not exceed :data:`MAX_EPISODES`.
        noise: Share of episodes whose execution is disturbed, so that recovery is shown.
        tail: Control steps kept after success.
        image_size: Picture side in pixels.
    """

    root: Path
    suite: str
    tasks: tuple[str, ...] = ()
    episodes: int = 50
    seed: int = 0
    noise: float = 0.0
    tail: int = 5
    image_size: int = 128

    def __post_init__(self) -> None:
        suite = suite_of(self.suite)
        for task in self.tasks:
            suite.task(task)
        if not 0 <= self.seed <= self.seed + self.episodes <= MAX_EPISODES:
            raise ContractError(f"seed {self.seed} + episodes {self.episodes} must lie in 0..{MAX_EPISODES}")


@dataclass(frozen=True, slots=True)
class SuiteEpisode:
    """One finished episode: its key, task, length in control steps and how many tries failed before."""

    key: int
    task: str
    length: int
    failed: int


def collect_suite(settings: SuiteSettings, workers: int = 1) -> Iterator[SuiteEpisode]:
    """Record what is missing of a dataset; yields as episodes are safely on disk, then consolidates.

    Args:
        settings: The dataset.
        workers: Processes; 0 records in this process.

    Raises:
        MissingExtra: the package is not installed.
    """
    suite = suite_of(settings.suite)
    spec = suite.spec(settings.image_size)
    writer = DatasetWriter.create_or_resume(
        settings.root, robot_features(spec, labels(suite)), fps=round(spec.control_hz), robot_type=spec.name
    )
    done = staged_keys(settings.root)
    blocks = [keys[k : k + _BLOCK] for keys in keys_of(settings) for k in range(0, len(keys), _BLOCK)]
    missing = [block for block in blocks if not done.issuperset(block)]
    try:
        for episodes in spread(partial(_record, settings, frozenset(done)), missing, workers):
            yield from episodes
    finally:
        _leave()
    writer.finish()


def keys_of(settings: SuiteSettings) -> list[range]:
    """The numbers of each task's episodes; the same whichever other tasks are recorded, and how many."""
    order = list(suite_of(settings.suite).tasks)
    first = [MAX_EPISODES * order.index(task) for task in settings.tasks or order]
    return [range(start, start + settings.episodes) for start in first]


def labels(suite: Suite) -> dict[str, int]:
    """Columns that no policy sees, and their widths: where everything is, whether it has been done, and what
    was added to the expert's action on its way to the arm.
    """
    return {
        "label.entities": len(suite.entities) * len(ENTITY_COLUMNS),
        "label.done": 1,
        "label.disturbance": len(suite.shove),
    }


_world: SuiteWorld | None = None


def _record(settings: SuiteSettings, done: frozenset[int], block: range) -> list[SuiteEpisode]:
    global _world
    suite = suite_of(settings.suite)
    if _world is None or _world.spec != suite.spec(settings.image_size):
        _leave()
        _world = suite.world(settings.image_size, "auto")
    return [_episode(_world, settings, key) for key in block if key not in done]


def _leave() -> None:
    """Free this process' world."""
    global _world
    if _world is not None:
        _world.close()
        _world = None


def _episode(world: SuiteWorld, settings: SuiteSettings, key: int) -> SuiteEpisode:
    nth, number = divmod(key, MAX_EPISODES)
    task = list(suite_of(settings.suite).tasks)[nth]
    for attempt in range(_TRIES):
        seed = settings.seed + number + attempt * MAX_EPISODES
        assert seed < EVALUATION_SEED
        frames = _play(world, settings, task, seed)
        if frames is None:
            continue
        about = world.task
        query = {
            "texts": [about.sentence],
            "family": task,
            "target": about.target,
            "destination": about.destination,
        }
        stage_episode(
            settings.root,
            key,
            frames,
            about.sentence,
            [query],
            success=True,
            extra={"suite": settings.suite, "task": task, "seed": seed},
        )
        return SuiteEpisode(key, task, len(frames["action"]), attempt)
    raise RuntimeError(f"the expert of {task!r} failed on all {_TRIES} layouts of episode {key}")


def _play(world: SuiteWorld, settings: SuiteSettings, task: str, seed: int) -> dict[str, NDArray[Any]] | None:
    """One episode's columns; None where the expert did not succeed in time."""
    world.reset(task, seed)
    rng = np.random.default_rng([seed, 21])
    scale = np.array(suite_of(settings.suite).shove, np.float32)
    shoves = Shoves(rng, scale * (rng.uniform(0.3, 1.0) if rng.random() < settings.noise else 0.0))
    low, high = world.spec.action_low, world.spec.action_high
    columns: dict[str, list[NDArray[Any]]] = {}
    remaining = settings.tail
    for _ in range(_PATIENCE_STEPS + settings.tail):
        action = world.expert()
        offset = np.zeros_like(action) if world.success else shoves.offset()
        seen = world.observe()
        row: dict[str, NDArray[Any]] = {
            f"observation.images.{name}": image for name, image in seen.images.items()
        }
        row |= {"observation.state": seen.state, "action": action}
        row |= {"label.entities": world.entities(), "label.done": np.array([world.success], np.float32)}
        row["label.disturbance"] = np.clip(action + offset, low, high) - action
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
        if world.success:
            if not remaining:
                return {name: np.stack(values) for name, values in columns.items()}
            remaining -= 1
        world.step(action + offset)
    return None


class Shoves:
    """Mishaps of execution, so that demonstrations show recovery (in the spirit of DART, Laskey et al. 2017).

    About every 40 control steps the hand is carried off for 4 to 10 steps, in any direction. In between
    nothing is disturbed, so that what is recorded there is what a calm expert does.

    Args:
        rng: The random stream.
        scale: The most that is added to each axis of an action, (A,); zeros disturb nothing.
    """

    def __init__(self, rng: np.random.Generator, scale: NDArray[np.float32]) -> None:
        self._rng, self._scale = rng, scale
        self._left, self._shove = 0, np.zeros_like(scale)

    def offset(self) -> NDArray[np.float32]:
        """What is added to the action at this step, (A,); mostly zeros."""
        if self._left == 0 and self._rng.random() < 1 / 40:
            self._shove = (self._scale * self._rng.uniform(-1, 1, len(self._scale))).astype(np.float32)
            self._left = int(self._rng.integers(4, 11))
        if self._left == 0:
            return np.zeros_like(self._scale)
        self._left -= 1
        return self._shove
