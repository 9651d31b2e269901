"""What a suite of tasks is to collecting, training and evaluating, whoever wrote it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from sim.render import Renderer, Window, open_renderer
from vla.contract import ContractError, Observation, RobotSpec

import mujoco  # isort: skip  (sim.render chooses the GL backend before mujoco is first imported)

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


class SuiteWorld(ABC):
    """One environment of a suite at a time, seen by one camera. Not thread-safe; one per process is usual.

    Args:
        spec: What the robot senses and accepts; its only camera is one of the suite's own.
        view: The part of the camera's square picture that is seen, left, top, right and bottom.
        backend: "auto", "egl" or "osmesa".
        turned: Whether pictures are turned by half a turn, and ``view`` is of the turned picture.

    Attributes:
        spec: As above.
        success: Whether the task has been done at some step since the reset.
    """

    def __init__(self, spec: RobotSpec, view: Window, backend: str, turned: bool = False) -> None:
        self.spec, self.success = spec, False
        self._task: SuiteTask | None = None
        self._steps = 0
        (self._camera,) = spec.cameras
        self._view, self._backend, self._turned = view, backend, turned
        self._renderer: Renderer | None = None
        self._drawn: mujoco.MjModel | None = None

    @abstractmethod
    def reset(self, task: str, seed: int) -> None:
        """Draw and lay a scene; the same seed gives the same scene.

        Raises:
            ContractError: there is no such task.
        """

    @abstractmethod
    def proprioception(self) -> NDArray[np.float32]:
        """What the robot knows of itself now, (S,), in the units of its spec."""

    @abstractmethod
    def expert(self) -> NDArray[np.float32]:
        """What a scripted expert does now, (A,); to be asked once per step."""

    @abstractmethod
    def step(self, action: NDArray[np.float32]) -> None:
        """Advance one control period; values beyond the robot's range are cut off."""

    @abstractmethod
    def positions(self) -> Sequence[NDArray[np.float64]]:
        """Where each of the suite's entities is, (3,) in m in the suite's frame; zeros where it is absent."""

    @property
    @abstractmethod
    def physics(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """What is simulated now."""

    @property
    def task(self) -> SuiteTask:
        """What was asked for at the reset.

        Raises:
            RuntimeError: ``reset`` has not been called.
        """
        if self._task is None:
            raise RuntimeError(f"{type(self).__name__}.reset(task, seed) comes before anything else")
        return self._task

    @property
    def time_s(self) -> float:
        """Simulated time since the reset."""
        return self._steps * self.spec.dt_s

    def observe(self) -> Observation:
        """What the robot senses now."""
        return Observation({self._camera: self.picture()}, self.proprioception(), self.time_s)

    def picture(self) -> NDArray[np.uint8]:
        """What the camera sees, uint8 (H, W, 3).

        Raises:
            RuntimeError: ``reset`` has not been called.
        """
        assert self.task
        model, data = self.physics
        if self._renderer is None:
            left, top, right, bottom = self._view
            window = (1 - right, 1 - bottom, 1 - left, 1 - top) if self._turned else self._view
            self._renderer = open_renderer(model, self.spec.cameras, self._backend, {self._camera: window})
        elif model is not self._drawn:
            self._renderer.bind(model)
        self._drawn = model
        image = self._renderer.render(data)[self._camera]
        return np.ascontiguousarray(np.flip(image, (0, 1))) if self._turned else image

    def entities(self) -> NDArray[np.float32]:
        """Labels, flat: a row of :data:`ENTITY_COLUMNS` for each of the suite's entities."""
        positions = self.positions()
        table = np.zeros((len(positions), len(ENTITY_COLUMNS)), np.float32)
        table[:, 1] = -1
        for row, at in enumerate(positions):
            if at.any():
                table[row] = [row + 1, -1, *at, *self._project(at)]
        return table.reshape(-1)

    def _project(self, point_m: NDArray[np.float64]) -> tuple[float, float]:
        model, data = self.physics
        eye = data.camera(self._camera)
        x, y, z = eye.xmat.reshape(3, 3).T @ (point_m - eye.xpos)
        half = np.tan(np.deg2rad(model.camera(self._camera).fovy[0]) / 2)
        across, down = -x / (z * half), y / (z * half)
        if self._turned:
            across, down = -across, -down
        left, top, right, bottom = self._view
        return (0.5 + 0.5 * across - left) / (right - left), (0.5 + 0.5 * down - top) / (bottom - top)

    def close(self) -> None:
        """Free the renderer; twice is fine."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
        if name not in self.tasks:
            raise ContractError(f"{self.name} task {name!r} is not one of {', '.join(self.tasks)}")
        return self.tasks[name]

    def groups(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """Groups of which some of these tasks are."""
        return tuple(dict.fromkeys(task.group for name, task in self.tasks.items() if name in tasks))
