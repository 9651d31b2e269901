"""Demonstrations: scripted experts act, what was seen and done is written as a LeRobotDataset.

Episode number k always comes from the same seeds whatever the number of workers, so a dataset is a
function of its settings; episodes that exist already are skipped, so an interrupted collection goes on
where it stopped.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sim.expert import Disturbance, ScriptedExpert
from sim.goals.midway import MidwayWorld
from sim.objects import ROWS
from sim.randomise import Randomise
from sim.robot import robot_spec
from sim.seeds import EVALUATION_SEED
from sim.tasks import TASKS, task_named
from sim.truth import Query
from sim.world import ALTERNATIVES, ENTITY_COLUMNS
from vla.contract import ContractError
from vla.dataset.staging import stage_episode, staged_keys
from vla.dataset.writer import DatasetWriter, robot_features

_RETRY_STRIDE = 100_000
_TRIES = EVALUATION_SEED // _RETRY_STRIDE
LABELS = {
    "label.entities": ROWS * len(ENTITY_COLUMNS),
    "label.done": 1 + ALTERNATIVES,
    "label.disturbance": 4,
}
"""Columns that no policy sees: where everything is, which instructions are fulfilled, and what was added to
the recorded action on its way to the arm."""


@dataclass(frozen=True, slots=True)
class CollectSettings:
    """What a dataset is a function of.

    Attributes:
        root: Folder of the dataset.
        tasks: Task families; episode k belongs to ``tasks[k % len(tasks)]``.
        episodes: Episodes in all.
        seed: First seed; ``seed + episodes`` must stay below 100 000.
        noise: Share of episodes whose execution is disturbed, so that recovery is shown.
        tail: Control steps recorded after success.
        image_size: Picture side in pixels.
        switches: What may vary.
        midway: Share of episodes that begin on the way to a goal (:mod:`sim.goals.midway`), not in a scene
            of the task's own.
    """

    root: Path
    tasks: tuple[str, ...] = tuple(TASKS)
    episodes: int = 2000
    seed: int = 0
    noise: float = 0.75
    tail: int = 12
    image_size: int = 128
    switches: Randomise = field(default_factory=Randomise)
    midway: float = 0.0

    def __post_init__(self) -> None:
        for task in self.tasks:
            task_named(task)
        if not 0 <= self.seed <= self.seed + self.episodes <= _RETRY_STRIDE:
            raise ContractError(f"seed {self.seed} + episodes {self.episodes} must lie in 0..{_RETRY_STRIDE}")


@dataclass(frozen=True, slots=True)
class Collected:
    """One finished episode: its key, task, length in control steps and how many tries failed before."""

    key: int
    task: str
    length: int
    failed: int


def collect(settings: CollectSettings, workers: int = 1) -> Iterator[Collected]:
    """Record what is missing of a dataset; yields as episodes are safely on disk, then consolidates.

    Args:
        settings: The dataset.
        workers: Processes; 0 records in this process.
    """
    spec = robot_spec(settings.image_size)
    writer = DatasetWriter.create_or_resume(
        settings.root, robot_features(spec, LABELS), fps=round(spec.control_hz), robot_type=spec.name
    )
    done = staged_keys(settings.root)
    missing = [key for key in range(settings.episodes) if key not in done]
    if workers == 0:
        recorder = _Recorder(settings)
        for key in missing:
            yield recorder.record(key)
        recorder.close()
    elif missing:
        yield from _spread(settings, missing, workers)
    writer.finish()


def _spread(settings: CollectSettings, keys: Sequence[int], workers: int) -> Iterator[Collected]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(settings,)) as pool:
        queue, pending = iter(keys), set()
        try:
            for key in queue:
                pending.add(pool.submit(_work, key))
                if len(pending) >= 2 * workers:
                    finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in finished)
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            pool.shutdown(cancel_futures=True)


_recorder: _Recorder | None = None


def _start_worker(settings: CollectSettings) -> None:
    global _recorder
    _recorder = _Recorder(settings)


def _work(key: int) -> Collected:
    assert _recorder is not None, "the pool's initializer has run"
    return _recorder.record(key)


class _Recorder:
    """One world that records episodes into a dataset's staging area."""

    def __init__(self, settings: CollectSettings) -> None:
        self._settings = settings
        self._world = MidwayWorld(settings.image_size)

    def record(self, key: int) -> Collected:
        """Play seeds of this key until the expert succeeds, and stage that episode.

        Raises:
            RuntimeError: the expert failed on every seed of this key.
        """
        settings = self._settings
        task = settings.tasks[key % len(settings.tasks)]
        for attempt in range(_TRIES):
            seed = settings.seed + key + attempt * _RETRY_STRIDE
            frames = self._play(task, seed)
            if frames is None:
                continue
            scenario = self._world.scenario
            stage_episode(
                settings.root,
                key,
                frames,
                scenario.instruction,
                [query_record(q, t) for q, t in zip(scenario.queries, scenario.texts, strict=True)],
                success=True,
                extra={
                    "task": task,
                    "seed": seed,
                    "switches": asdict(settings.switches),
                    "midway": self._is_midway(seed),
                },
            )
            return Collected(key, task, len(frames["action"]), attempt)
        raise RuntimeError(f"the expert of {task!r} failed on all {_TRIES} seeds of episode {key}")

    def _play(self, task: str, seed: int) -> dict[str, np.ndarray] | None:
        world, settings = self._world, self._settings
        reset = world.reset_midway if self._is_midway(seed) else world.reset
        scenario = reset(task, seed, settings.switches)
        rng = np.random.default_rng([seed, 3])
        scale = float(rng.uniform(0.4, 1.0)) if rng.random() < settings.noise else 0.0
        disturbance, expert = Disturbance(rng, scale), ScriptedExpert(world)
        columns: dict[str, list[np.ndarray]] = {}
        remaining: int | None = None
        for _ in range(scenario.horizon + settings.tail):
            observation, truth = world.observe(), world.truth()
            action = expert.action(truth)
            row = {f"observation.images.{name}": image for name, image in observation.images.items()}
            row |= {"observation.state": observation.state, "action": action}
            row |= {"label.entities": world.entities(truth), "label.done": world.done_labels(truth)}
            if row["label.done"][0] and remaining is None:
                remaining = settings.tail
            offset = disturbance.offset(action) if remaining is None else np.zeros(4, np.float32)
            row["label.disturbance"] = offset
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
            if remaining == 0:
                return {name: np.stack(values) for name, values in columns.items()}
            remaining = None if remaining is None else remaining - 1
            world.step(action + offset)
        return None

    def _is_midway(self, seed: int) -> bool:
        return bool(np.random.default_rng([seed, 15]).random() < self._settings.midway)

    def close(self) -> None:
        self._world.close()


def query_record(query: Query, texts: Sequence[str]) -> dict[str, Any]:
    """A query as the JSON types of a dataset's sidecar."""
    return {
        "texts": list(texts),
        "family": query.family,
        "target": query.target,
        "destination": query.destination,
        "point": None if query.point_m is None else [float(c) for c in query.point_m],
    }
