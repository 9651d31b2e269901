"""What a suite of tasks is to collecting, training and evaluating, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError, Observation, RobotSpec

ENTITY_COLUMNS: Final = ("kind", "colour", "x", "y", "z", "u", "v")
"""Of a row of labels. Kinds are counted from 1, 0 means absent; nothing in these suites is told apart by its
colour; positions are in m in the suite's frame; u and v are fractions of the picture's width and height."""


@dataclass(frozen=True, slots=True)
class SuiteTask:
    """One task of a suite.

    Attributes:
        name: As published.
        group: Results are also averaged over groups; of Meta-World's tasks, how hard they are.
        sentence: What the robot is told.
        target: Row of the labels that shows what the sentence is about.
        destination: Row that shows where it goes.
    """

    name: str
    group: str
    sentence: str
    target: int
    destination: int


class SuiteWorld(Protocol):
    """One environment of a suite at a time. Not thread-safe; one per process is usual."""

    spec: RobotSpec
    success: bool
    """Whether the task has been done at some step since the reset."""

    @property
    def instruction(self) -> str:
        """What the robot is told."""
        ...

    def reset(self, task: str, seed: int) -> None:
        """Draw and lay a scene; the same seed gives the same scene.

        Raises:
            ContractError: there is no such task.
        """
        ...

    def observe(self) -> Observation:
        """What the robot senses now."""
        ...

    def expert(self) -> NDArray[np.float32]:
        """What a scripted expert does now, (A,); to be asked once per step."""
        ...

    def step(self, action: NDArray[np.float32]) -> None:
        """Advance one control period; values beyond the robot's range are cut off."""
        ...

    def entities(self) -> NDArray[np.float32]:
        """Labels, flat: a row of :data:`ENTITY_COLUMNS` for each of the suite's entities."""
        ...

    def close(self) -> None:
        """Free the renderer; twice is fine."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True)
class Suite:
    """A suite.

    Attributes:
        name: The word behind ``suite=``.
        tasks: Name to task, group after group.
        spec: Picture side in pixels to the robot.
        world: Picture side in pixels and a backend of :func:`sim.backend.choose_backend` to a world.
        horizon: Control steps after which an episode has failed.
        entities: Rows of the labels.
        shove: How far a mishap carries each axis of an action, in the action's units.
    """

    name: str
    tasks: Mapping[str, SuiteTask]
    spec: Callable[[int], RobotSpec]
    world: Callable[[int, str], SuiteWorld]
    horizon: int
    entities: tuple[str, ...]
    shove: tuple[float, ...]

    def task(self, name: str) -> SuiteTask:
        """The task of that name.

        Raises:
            ContractError: there is none; the message lists them.
        """
        return task_of(self.tasks, name)

    def groups(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """Groups of which some of these tasks are."""
        return tuple(dict.fromkeys(task.group for name, task in self.tasks.items() if name in tasks))


def task_of(tasks: Mapping[str, SuiteTask], name: str) -> SuiteTask:
    """The task of that name.

    Raises:
        ContractError: there is none; the message lists them.
    """
    if name not in tasks:
        raise ContractError(f"task {name!r} is not one of {', '.join(tasks)}")
    return tasks[name]


def entity_table(
    positions_m: Sequence[NDArray[np.float64]],
    project: Callable[[NDArray[np.float64]], tuple[float, float]],
) -> NDArray[np.float32]:
    """Labels, flat.

    Args:
        positions_m: Of each entity, (3,); all zeros where it is absent.
        project: Position to where it is seen, in 0..1 of the picture's width and height.
    """
    table = np.zeros((len(positions_m), len(ENTITY_COLUMNS)), np.float32)
    table[:, 1] = -1
    for row, at in enumerate(positions_m):
        if at.any():
            table[row] = [row + 1, -1, *at, *project(at)]
    return table.reshape(-1)
