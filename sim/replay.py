"""Replays a recorded demonstration from its seed and measures how far the world drifts from the recording.

A drift of zero says that scene, physics and recording agree; anything else that one of them has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.objects import POOL, ROWS
from sim.randomise import Randomise
from sim.world import ENTITY_COLUMNS, World
from vla.dataset.reader import Dataset

_COLUMNS = ("observation.state", "action", "label.entities", "label.disturbance")
_PLACE = [ENTITY_COLUMNS.index(name) for name in "xyz"]


@dataclass(frozen=True, slots=True)
class Replay:
    """How well an episode repeats.

    Attributes:
        episode: Its index in the dataset.
        task: Task family.
        seed: Scene seed.
        instruction: What was asked.
        disturbed: Whether its execution was disturbed when it was recorded.
        tool_drift_mm: Distance between recorded and replayed tool, per row, shape (L,).
        object_drift_mm: The same for the object that drifts most, shape (L,).
        success: Whether the replay ended in success.
    """

    episode: int
    task: str
    seed: int
    instruction: str
    disturbed: bool
    tool_drift_mm: NDArray[np.float64]
    object_drift_mm: NDArray[np.float64]
    success: bool

    @property
    def worst_mm(self) -> float:
        """The largest drift of all."""
        return float(max(self.tool_drift_mm.max(), self.object_drift_mm.max()))


def replay(dataset: Dataset, index: int, world: World | None = None) -> Replay:
    """Play episode ``index`` again, without pictures.

    A demonstration holds the expert's actions, and beside them what disturbed them on their way to the arm;
    both are replayed.

    Args:
        dataset: Demonstrations that were collected in this simulator.
        index: Episode index.
        world: Reused when given; its scene is replaced.

    Raises:
        ValueError: the episode does not say which scene it was recorded in, or lacks what to compare with.
        DatasetError: there is no such episode.
    """
    columns = dataset.columns(index)
    origin = dataset.sidecar.get(index, {}).get("extra", {})
    absent = [key for key in ("task", "seed", "switches") if key not in origin]
    absent += [name for name in _COLUMNS if name not in columns]
    if absent:
        lacks = ", ".join(absent)
        raise ValueError(f"episode {index} of {dataset.root} cannot be replayed: it has no {lacks}")
    own = World(render=False) if world is None else world
    try:
        return _play(own, index, origin, columns)
    finally:
        if world is None:
            own.close()


def _play(world: World, index: int, origin: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> Replay:
    seed = int(origin["seed"])
    scenario = world.reset(str(origin["task"]), seed, _switches(origin["switches"]))
    start = [axis.name for axis in world.spec.state].index("tool_x")
    tool_mm, object_mm = [], []
    rows = zip(*(columns[name] for name in _COLUMNS), strict=True)
    for state, action, entities, offset in rows:
        here = world.proprioception()
        tool_mm.append(1e3 * float(np.linalg.norm(here[start : start + 3] - state[start : start + 3])))
        object_mm.append(_object_drift_mm(world.entities(), entities))
        world.step(action + offset)
    return Replay(
        index,
        scenario.task,
        seed,
        scenario.instruction,
        bool(columns[_COLUMNS[-1]].any()),
        np.array(tool_mm),
        np.array(object_mm),
        world.success(),
    )


def _switches(stored: Mapping[str, Any]) -> Randomise:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
    return Randomise(**values)


def _object_drift_mm(here: NDArray[np.float32], recorded: NDArray[Any]) -> float:
    """Largest distance over the movable objects; infinite when one is present in only one of the two."""
    first, second = (np.reshape(table, (ROWS, -1))[: len(POOL)] for table in (here, recorded))
    if not np.array_equal(first[:, 0] > 0, second[:, 0] > 0):
        return float("inf")
    present = first[:, 0] > 0
    offset_m = np.linalg.norm((first - second)[present][:, _PLACE], axis=1)
    return 1e3 * float(offset_m.max(initial=0.0))
