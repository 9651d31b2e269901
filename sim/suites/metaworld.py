"""Meta-World behind the verbs of our own world: reset to a task and a seed, stepped at 80 Hz, seen once.

The published protocol: camera ``corner4`` turned by half a turn, the first four entries of the observation as
proprioception (hand position and finger opening), actions in [-1, 1], a new layout of object and goal for
every seed, success at any step. What else the package knows goes to experts, labels and judges only.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.render import Window
from sim.suites.metaworld_tasks import ENTITIES, TASKS
from sim.suites.suite import Suite, SuiteWorld
from vla.contract import Axis, RobotSpec
from vla.extras import needs

import mujoco  # isort: skip  (sim.render chooses the GL backend before mujoco is first imported)

CAMERA: Final = "corner4"
CONTROL_HZ: Final = 80.0
VIEW: Final[Window] = (0.30, 0.24, 0.84, 0.78)
"""The part of the turned picture that policies see, left, top, right and bottom: the table's middle, which
shows nearly everything there is to handle, at twice the detail."""
VERSION: Final = "v3"

_HAND_LOW_M, _HAND_HIGH_M = (-0.525, 0.348, -0.0525), (0.525, 1.025, 0.7)


def metaworld_spec(image_size: int = 128) -> RobotSpec:
    """What the suite's robot senses and accepts.

    Args:
        image_size: Height and width of the picture in pixels.
    """
    hand = tuple(
        Axis(f"tool_{name}", "m", low, high)
        for name, low, high in zip("xyz", _HAND_LOW_M, _HAND_HIGH_M, strict=True)
    )
    return RobotSpec(
        name="metaworld-sawyer",
        action=(*(Axis(f"step_{name}", "cm", -1.0, 1.0) for name in "xyz"), Axis("effort", "1", -1.0, 1.0)),
        state=(*hand, Axis("opening", "1", -1.0, 1.0)),
        cameras={CAMERA: (image_size, image_size)},
        control_hz=CONTROL_HZ,
        semantics="delta_tool",
    )


class MetaWorld(SuiteWorld):
    """The world of :data:`METAWORLD`.

    Args:
        image_size: Height and width of the picture in pixels.
        backend: "auto", "egl" or "osmesa".

    Raises:
        MissingExtra: the package is not installed.
    """

    def __init__(self, image_size: int = 128, backend: str = "auto") -> None:
        super().__init__(metaworld_spec(image_size), VIEW, backend, turned=True)
        with needs("metaworld"):
            from metaworld.env_dict import ALL_V3_ENVIRONMENTS
            from metaworld.policies import ENV_POLICY_MAP
        self._environments, self._experts = ALL_V3_ENVIRONMENTS, ENV_POLICY_MAP
        self._env: Any = None
        self._expert: Any = None
        self._known = np.zeros(39)

    def reset(self, task: str, seed: int) -> None:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        wanted = METAWORLD.task(task)
        name = f"{task}-{VERSION}"
        if wanted is not self._task:
            env = self._environments[name]()
            # What the package's own benchmarks do, but for layouts that are drawn anew at every reset.
            env._set_task_called, env._freeze_rand_vec, env.seeded_rand_vec = True, False, True
            env._partially_observable = False
            env.__dict__.pop("sawyer_observation_space", None)  # It was computed with the goal left out.
            self._env, self._task = env, wanted
        env = self._env
        env.seed(seed)
        known, _ = env.reset()
        mujoco.mj_forward(env.model, env.data)  # The goal's marker has moved.
        self._known, self._steps, self.success = known, 0, False
        self._expert = self._experts[name]()

    def proprioception(self) -> NDArray[np.float32]:
        """Position of the hand in m and how far the fingers are open, (4,)."""
        return self._known[:4].astype(np.float32)

    def expert(self) -> NDArray[np.float32]:
        """What the package's scripted expert would do now, within the limits, (4,)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It says that it knows no limits.
            action = self._expert.get_action(self._known)
        return np.clip(action, -1.0, 1.0).astype(np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        self._known, _, _, _, info = self._env.step(np.clip(action, -1.0, 1.0).astype(np.float32))
        self._steps += 1
        self.success = self.success or bool(info["success"])

    def positions(self) -> Sequence[NDArray[np.float64]]:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        known = self._known
        return [known[:3], known[4:7], known[11:14], self._env._target_pos]

    @property
    def physics(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        return self._env.model, self._env.data


METAWORLD: Final = Suite(
    name="metaworld",
    tasks=TASKS,
    spec=metaworld_spec,
    world=MetaWorld,
    horizon=500,
    entities=ENTITIES,
    shove=(1.0, 1.0, 1.0, 0.0),
)
