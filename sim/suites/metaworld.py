"""Meta-World behind the verbs of our own world: reset to a task and a seed, stepped at 80 Hz, seen once.

The published protocol: camera ``corner4`` turned by half a turn, the first four entries of the observation as
proprioception (hand position and finger opening), actions in [-1, 1], a new layout of object and goal for
every seed, success at any step. What else the package knows goes to experts, labels and judges only.
"""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from sim.render import Renderer, Window, open_renderer
from sim.suites.metaworld_tasks import ENTITIES, TASKS
from sim.suites.suite import Suite, entity_table, task_of
from vla.contract import Axis, Observation, RobotSpec
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


class MetaWorld:
    """A :class:`sim.suites.suite.SuiteWorld`.

    Args:
        image_size: Height and width of the picture in pixels.
        backend: "auto", "egl" or "osmesa".

    Raises:
        MissingExtra: the package is not installed.
    """

    def __init__(self, image_size: int = 128, backend: str = "auto") -> None:
        with needs("metaworld"):
            from metaworld.env_dict import ALL_V3_ENVIRONMENTS
            from metaworld.policies import ENV_POLICY_MAP
        self.spec = metaworld_spec(image_size)
        self._environments, self._experts = ALL_V3_ENVIRONMENTS, ENV_POLICY_MAP
        self._backend = backend
        self._renderer: Renderer | None = None
        self._env: Any = None
        self._task = ""
        self._expert: Any = None
        self._known = np.zeros(39)
        self._steps = 0
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
        """Draw and lay a scene; the same seed gives the same scene.

        Args:
            task: One of :data:`sim.suites.metaworld_tasks.TASKS`.
            seed: Draws the layout.

        Raises:
            ContractError: there is no such task.
        """
        name = f"{task_of(TASKS, task).name}-{VERSION}"
        if task != self._task:
            self._open(task, name)
        env = self._env
        env.seed(seed)
        known, _ = env.reset()
        mujoco.mj_forward(env.model, env.data)  # The goal's marker has moved.
        self._known, self._steps, self.success = known, 0, False
        self._expert = self._experts[name]()

    def _open(self, task: str, name: str) -> None:
        env = self._environments[name]()
        # What the package's own benchmarks do, but for layouts that are drawn anew at every reset.
        env._set_task_called, env._freeze_rand_vec, env.seeded_rand_vec = True, False, True
        env._partially_observable = False
        env.__dict__.pop("sawyer_observation_space", None)  # It was computed with the goal left out.
        self._env, self._task = env, task
        if self._renderer is None:
            left, top, right, bottom = VIEW
            unturned = {CAMERA: (1 - right, 1 - bottom, 1 - left, 1 - top)}
            self._renderer = open_renderer(env.model, self.spec.cameras, self._backend, unturned)
        else:
            self._renderer.bind(env.model)

    def observe(self) -> Observation:
        """What the robot senses now."""
        return Observation({CAMERA: self.picture()}, self.proprioception(), self.time_s)

    def picture(self) -> NDArray[np.uint8]:
        """What the camera sees, uint8 (H, W, 3).

        Raises:
            RuntimeError: ``reset`` has not been called.
        """
        if self._renderer is None:
            raise RuntimeError("MetaWorld.reset(task, seed) comes before anything else")
        return np.ascontiguousarray(np.flip(self._renderer.render(self._env.data)[CAMERA], (0, 1)))

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
        """Advance one control period; values beyond [-1, 1] are cut off."""
        self._known, _, _, _, info = self._env.step(np.clip(action, -1.0, 1.0).astype(np.float32))
        self._steps += 1
        self.success = self.success or bool(info["success"])

    def entities(self) -> NDArray[np.float32]:
        """See :class:`sim.suites.suite.SuiteWorld`."""
        known = self._known
        return entity_table([known[:3], known[4:7], known[11:14], self._env._target_pos], self._project)

    def _project(self, point_m: NDArray[np.float64]) -> tuple[float, float]:
        eye, model = self._env.data.camera(CAMERA), self._env.model
        x, y, z = eye.xmat.reshape(3, 3).T @ (point_m - eye.xpos)
        half = np.tan(np.deg2rad(model.camera(CAMERA).fovy[0]) / 2)
        # Turned by half a turn, left is right and up is down.
        u, v = 0.5 + 0.5 * x / (z * half), 0.5 - 0.5 * y / (z * half)
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


METAWORLD: Final = Suite(
    name="metaworld",
    tasks=TASKS,
    spec=metaworld_spec,
    world=MetaWorld,
    horizon=500,
    entities=ENTITIES,
    shove=(1.0, 1.0, 1.0, 0.0),
)
