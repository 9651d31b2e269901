"""ALOHA in simulation (arXiv 2304.13705; gym-aloha): two ViperX arms hand over a cube, or insert a peg.

The published protocol: camera ``top``, 14 joint angles and finger openings as proprioception, as many to
command, 50 per second; the layout is drawn by the package from the seed; success is the task's highest
reward at any of 400 steps. Where things are goes to experts, labels and judges only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from sim.render import Renderer, Window, open_renderer
from sim.suites.aloha_expert import JOINTS, SIDES, Arm, Hand, insert, transfer
from sim.suites.suite import Suite, SuiteTask, entity_table, task_of
from vla.contract import Axis, Observation, RobotSpec
from vla.extras import needs

CAMERA: Final = "top"
CONTROL_HZ: Final = 50.0
VIEW: Final[Window] = (0.25, 0.32, 0.75, 0.82)
"""The part of the picture's middle square that policies see, left, top, right and bottom: what lies between
the arms, at twice the detail."""
ENTITIES: Final = ("left hand", "right hand", "cube", "peg", "socket")
TASKS: Final = {
    task.name: task
    for task in (
        SuiteTask(
            "transfer-cube",
            "transfer-cube",
            "Pick up the cube with the right arm and transfer it to the left arm",
            ENTITIES.index("cube"),
            ENTITIES.index("left hand"),
        ),
        SuiteTask(
            "insertion",
            "insertion",
            "Insert the peg into the socket",
            ENTITIES.index("peg"),
            ENTITIES.index("socket"),
        ),
    )
}
_RANGES_RAD: Final = (
    (-3.14158, 3.14158),
    (-1.85005, 1.25664),
    (-1.76278, 1.6057),
    (-3.14158, 3.14158),
    (-1.8675, 2.23402),
    (-3.14158, 3.14158),
)
_DONE: Final = 4
"""The tasks' highest reward."""


def aloha_spec(image_size: int = 128) -> RobotSpec:
    """What the two arms sense and accept.

    Args:
        image_size: Height and width of the picture in pixels.
    """
    axes: list[Axis] = []
    for side in SIDES:
        axes += [
            Axis(f"{side}_{name}", "rad", *limits) for name, limits in zip(JOINTS, _RANGES_RAD, strict=True)
        ]
        axes.append(Axis(f"gripper_{side}", "1", 0.0, 1.0))
    return RobotSpec(
        name="aloha",
        action=tuple(axes),
        state=tuple(axes),
        cameras={CAMERA: (image_size, image_size)},
        control_hz=CONTROL_HZ,
        semantics="absolute_joint",
    )


@contextmanager
def _without_display() -> Iterator[None]:
    """Keep dm_control, while it is imported, from opening a display that it would shut before ours."""
    chosen = os.environ.get("MUJOCO_GL")
    os.environ["MUJOCO_GL"] = "disable"
    try:
        yield
    finally:
        os.environ.pop("MUJOCO_GL")
        if chosen is not None:
            os.environ["MUJOCO_GL"] = chosen


class AlohaWorld:
    """A :class:`sim.suites.suite.SuiteWorld`.

    Args:
        image_size: Height and width of the picture in pixels.
        backend: "auto", "egl" or "osmesa".

    Raises:
        MissingExtra: the package is not installed.
    """

    def __init__(self, image_size: int = 128, backend: str = "auto") -> None:
        with needs("aloha"), _without_display():
            from dm_control.rl.control import PhysicsError
            from gym_aloha.tasks.sim import TransferCubeTask
        self.spec = aloha_spec(image_size)
        self._error, self._senses = PhysicsError, TransferCubeTask
        self._backend = backend
        self._renderer: Renderer | None = None
        self._env: Any = None
        self._task = ""
        self._arms: dict[str, Arm] = {}
        self._steps, self._broken = 0, False
        self.success = False

    @property
    def instruction(self) -> str:
        """What the robot is told."""
        return task_of(TASKS, self._task).sentence

    @property
    def time_s(self) -> float:
        """Simulated time since the reset."""
        return self._steps * self.spec.dt_s

    def reset(self, task: str, seed: int) -> None:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        from gym_aloha.tasks.sim import BOX_POSE
        from gym_aloha.utils import sample_box_pose, sample_insertion_pose

        task_of(TASKS, task)
        if task != self._task:
            self._open(task)
        # The package hands layouts over in a global variable.
        cube = task == "transfer-cube"
        layout: list[Any] = BOX_POSE
        layout[0] = sample_box_pose(seed) if cube else np.concatenate(sample_insertion_pose(seed))
        self._env.reset()
        self._arms = {side: Arm(self._env.physics.model.ptr, side) for side in SIDES}
        self._steps, self._broken, self.success = 0, False, False

    def _open(self, task: str) -> None:
        from dm_control import mujoco as dm_mujoco
        from dm_control.rl import control
        from gym_aloha.constants import ASSETS_DIR, DT
        from gym_aloha.tasks.sim import InsertionTask, TransferCubeTask

        name, rules = {
            "transfer-cube": ("bimanual_viperx_transfer_cube.xml", TransferCubeTask()),
            "insertion": ("bimanual_viperx_insertion.xml", InsertionTask()),
        }[task]
        rules.get_observation = lambda physics: {}  # It would draw three large pictures at every step.
        physics = dm_mujoco.Physics.from_xml_path(str(ASSETS_DIR / name))
        self._env = control.Environment(physics, rules, control_timestep=DT)
        self._task = task
        if self._renderer is None:
            self._renderer = open_renderer(
                physics.model.ptr, self.spec.cameras, self._backend, {CAMERA: VIEW}
            )
        else:
            self._renderer.bind(physics.model.ptr)

    def observe(self) -> Observation:
        """What the robot senses now."""
        return Observation({CAMERA: self.picture()}, self.proprioception(), self.time_s)

    def picture(self) -> NDArray[np.uint8]:
        """What the camera sees, uint8 (H, W, 3).

        Raises:
            RuntimeError: ``reset`` has not been called.
        """
        if self._renderer is None:
            raise RuntimeError("AlohaWorld.reset(task, seed) comes before anything else")
        return self._renderer.render(self._env.physics.data.ptr)[CAMERA]

    def proprioception(self) -> NDArray[np.float32]:
        """Joint angles in rad and finger openings, left arm first, (14,)."""
        return self._senses.get_qpos(self._env.physics).astype(np.float32)

    def expert(self) -> NDArray[np.float32]:
        """What our own scripted expert commands now, (14,); to be asked once per step."""
        data, known = self._env.physics.data.ptr, self.proprioception()
        hands: dict[str, Hand] = {
            side: arm.sense(data, float(known[7 * i + 6])) for i, (side, arm) in enumerate(self._arms.items())
        }
        first, *second = self._things()
        aims = insert(hands, first, second[0]) if second else transfer(hands, first)
        action = np.concatenate([self._arms[side].toward(hands[side], aims[side]) for side in SIDES])
        return np.clip(action, self.spec.action_low, self.spec.action_high)

    def step(self, action: NDArray[np.float32]) -> None:
        """Advance one control period; where the simulation has come apart, nothing moves any more."""
        self._steps += 1
        if self._broken:
            return
        try:
            seen = self._env.step(np.clip(action, self.spec.action_low, self.spec.action_high))
        except self._error:
            self._broken = True
        else:
            self.success = self.success or seen.reward == _DONE

    def _things(self) -> list[NDArray[np.float64]]:
        """Where the cube is; or the peg, then the socket."""
        free = self._env.physics.data.ptr.qpos[16:].reshape(-1, 7)
        return [row[:3].copy() for row in free]

    def entities(self) -> NDArray[np.float32]:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        data, absent = self._env.physics.data.ptr, np.zeros(3)
        hands = [arm.sense(data, 0.0).tool for arm in self._arms.values()]
        things = self._things()
        rest = [absent, *things] if len(things) == 2 else [*things, absent, absent]
        return entity_table([*hands, *rest], self._project)

    def _project(self, point_m: NDArray[np.float64]) -> tuple[float, float]:
        physics = self._env.physics
        eye = physics.data.ptr.camera(CAMERA)
        x, y, z = eye.xmat.reshape(3, 3).T @ (point_m - eye.xpos)
        half = np.tan(np.deg2rad(physics.model.ptr.camera(CAMERA).fovy[0]) / 2)
        u, v = 0.5 - 0.5 * x / (z * half), 0.5 + 0.5 * y / (z * half)
        left, top, right, bottom = VIEW
        return (u - left) / (right - left), (v - top) / (bottom - top)

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


ALOHA: Final = Suite(
    name="aloha",
    tasks=TASKS,
    spec=aloha_spec,
    world=AlohaWorld,
    horizon=400,
    entities=ENTITIES,
    shove=(0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.0) * 2,
)
