"""ALOHA in simulation (arXiv 2304.13705; gym-aloha): two ViperX arms hand over a cube, or insert a peg.

The published protocol: camera ``top``, 14 joint angles and finger openings as proprioception, as many to
command, 50 per second; the layout is drawn by the package from the seed; success is the task's highest
reward at any of 400 steps. Where things are goes to experts, labels and judges only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.render import Window
from sim.suites.aloha_expert import JOINTS, SIDES, Arm, Hand, insert, transfer
from sim.suites.suite import Suite, SuiteTask, SuiteWorld
from vla.contract import Axis, RobotSpec
from vla.extras import needs

import mujoco  # isort: skip  (sim.render chooses the GL backend before mujoco is first imported)

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


class AlohaWorld(SuiteWorld):
    """The world of :data:`ALOHA`.

    Args:
        image_size: Height and width of the picture in pixels.
        backend: "auto", "egl" or "osmesa".

    Raises:
        MissingExtra: the package is not installed.
    """

    def __init__(self, image_size: int = 128, backend: str = "auto") -> None:
        super().__init__(aloha_spec(image_size), VIEW, backend)
        with needs("aloha"), _without_display():
            from dm_control.rl.control import PhysicsError
            from gym_aloha.tasks.sim import TransferCubeTask
        self._error, self._senses = PhysicsError, TransferCubeTask
        self._env: Any = None
        self._arms: dict[str, Arm] = {}
        self._broken = False

    def reset(self, task: str, seed: int) -> None:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        from gym_aloha.tasks.sim import BOX_POSE
        from gym_aloha.utils import sample_box_pose, sample_insertion_pose

        wanted = ALOHA.task(task)
        cube = task == "transfer-cube"
        if wanted is not self._task:
            self._open(cube)
            self._task = wanted
        # The package hands layouts over in a global variable.
        layout: list[Any] = BOX_POSE
        layout[0] = sample_box_pose(seed) if cube else np.concatenate(sample_insertion_pose(seed))
        self._env.reset()
        self._arms = {side: Arm(self.physics[0], side) for side in SIDES}
        self._steps, self._broken, self.success = 0, False, False

    def _open(self, cube: bool) -> None:
        from dm_control import mujoco as dm_mujoco
        from dm_control.rl import control
        from gym_aloha.constants import ASSETS_DIR, DT
        from gym_aloha.tasks.sim import InsertionTask, TransferCubeTask

        rules: Any = TransferCubeTask() if cube else InsertionTask()
        rules.get_observation = lambda physics: {}  # It would draw three large pictures at every step.
        scene = f"bimanual_viperx_{'transfer_cube' if cube else 'insertion'}.xml"
        physics = dm_mujoco.Physics.from_xml_path(str(ASSETS_DIR / scene))
        self._env = control.Environment(physics, rules, control_timestep=DT)

    def proprioception(self) -> NDArray[np.float32]:
        """Joint angles in rad and finger openings, left arm first, (14,)."""
        return self._senses.get_qpos(self._env.physics).astype(np.float32)

    def expert(self) -> NDArray[np.float32]:
        """What our own scripted expert commands now, (14,); to be asked once per step."""
        hands = self._hands()
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

    def _hands(self) -> dict[str, Hand]:
        known = self.proprioception()
        openings = {"left": float(known[6]), "right": float(known[13])}
        return {side: arm.sense(self.physics[1], openings[side]) for side, arm in self._arms.items()}

    def _things(self) -> list[NDArray[np.float64]]:
        """Where the cube is; or the peg, then the socket."""
        free = self.physics[1].qpos[16:].reshape(-1, 7)
        return [row[:3].copy() for row in free]

    def positions(self) -> Sequence[NDArray[np.float64]]:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        absent, things = np.zeros(3), self._things()
        hands = [hand.tool for hand in self._hands().values()]
        return [*hands, absent, *things] if len(things) == 2 else [*hands, *things, absent, absent]

    @property
    def physics(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        return self._env.physics.model.ptr, self._env.physics.data.ptr


ALOHA: Final = Suite(
    name="aloha",
    tasks=TASKS,
    spec=aloha_spec,
    world=AlohaWorld,
    horizon=400,
    entities=ENTITIES,
    shove=(0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.0) * 2,
)
