"""Replays a demonstration or a recorded run from its seed and measures how far the world drifts from it.

A drift of zero says that scene, physics and recording agree; anything else that one of them has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.goals.midway import MidwayWorld
from sim.objects import POOL, ROWS
from sim.randomise import Randomise
from sim.stage import INSTRUCTIONS, SCENES, stage
from sim.world import ENTITY_COLUMNS, World
from vla.dataset.reader import Dataset

_COLUMNS = ("observation.state", "action", "label.entities", "label.disturbance")
_PLACE = [ENTITY_COLUMNS.index(name) for name in "xyz"]


@dataclass(frozen=True, slots=True)
class Replay:
    """How well an episode repeats.

    Attributes:
        episode: Its index in the dataset.
        task: Task family; of a run, that of its first instruction, or the name of its scene.
        seed: Scene seed.
        instruction: What was asked.
        disturbed: Whether its execution was disturbed when it was recorded.
        tool_drift_mm: Distance between recorded and replayed tool, per row, shape (L,).
        object_drift_mm: The same for the object that drifts most, shape (L,); of a run, whose recording does
            not know where the objects were, shape (0,).
        success: Whether the replay ended in success; a run whose success is in words repeats none of them.
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
        return float(max(self.tool_drift_mm.max(), self.object_drift_mm.max(initial=0.0)))


def replay(dataset: Dataset, index: int, world: MidwayWorld | None = None) -> Replay:
    """Play episode ``index`` again, without pictures.

    A demonstration holds the expert's actions, and beside them what disturbed them on their way to the arm;
    both are replayed. A recorded run holds what was really sent.

    Args:
        dataset: Demonstrations that were collected, or runs that were recorded, in this simulator.
        index: Episode index.
        world: Reused when given, for demonstrations; its scene is replaced.

    Raises:
        ValueError: the episode does not say which scene it was recorded in, or lacks what to compare with.
        DatasetError: there is no such episode.
    """
    columns = dataset.columns(index)
    origin = dataset.sidecar.get(index, {}).get("extra", {})
    if "run" in origin:
        return _replay_run(dataset, index, origin, columns)
    absent = [key for key in ("task", "seed", "switches") if key not in origin]
    absent += [name for name in _COLUMNS if name not in columns]
    if absent:
        lacks = ", ".join(absent)
        raise ValueError(f"episode {index} of {dataset.root} cannot be replayed: it has no {lacks}")
    own = MidwayWorld(render=False) if world is None else world
    try:
        return _play(own, index, origin, columns)
    finally:
        if world is None:
            own.close()


def _play(
    world: MidwayWorld, index: int, origin: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]
) -> Replay:
    seed = int(origin["seed"])
    reset = world.reset_midway if origin.get("midway") else world.reset
    scenario = reset(str(origin["task"]), seed, _switches(origin["switches"]))
    tool_mm, object_mm = [], []
    rows = zip(*(columns[name] for name in _COLUMNS), strict=True)
    for state, action, entities, offset in rows:
        tool_mm.append(_tool_drift_mm(world, state))
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


def _replay_run(
    dataset: Dataset, index: int, origin: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]
) -> Replay:
    goal, facts, recorded = origin["run"]["goal"], origin["facts"], origin["run"]["spec"]["name"]
    if "seed" not in facts:
        raise ValueError(f"episode {index} of {dataset.root} cannot be replayed: its facts have no seed")
    tool_mm = []
    # Until scenes had names, every run was laid for instructions.
    scene = facts["scene"] if facts.get("scene") in SCENES else INSTRUCTIONS
    staged = stage(facts.get("sentence", goal), scene, int(facts["seed"]), render=False)
    judge = staged.judge
    with staged.world as world:
        if recorded != world.spec.name:
            raise ValueError(f"episode {index} is a run of {recorded!r}; {world.spec.name!r} is simulated")
        world.hold()  # as the control loop does before its first tick
        for state, action in zip(columns[_COLUMNS[0]], columns[_COLUMNS[1]], strict=True):
            tool_mm.append(_tool_drift_mm(world, state))
            world.step(action)
            judge.look()
        task = world.scenario.task if staged.scene == INSTRUCTIONS else staged.scene
        success = judge.success is True
    seed = int(facts["seed"])
    return Replay(index, task, seed, goal, False, np.array(tool_mm), np.zeros(0), success)


def _tool_drift_mm(world: World, state: NDArray[Any]) -> float:
    start = [axis.name for axis in world.spec.state].index("tool_x")
    tool = slice(start, start + 3)
    return 1e3 * float(np.linalg.norm(world.proprioception()[tool] - state[tool]))


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
