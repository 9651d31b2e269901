"""The tabletop as a Gymnasium environment, alone or several at once.

Importing this module registers ``handily/Tabletop-v0`` (every task, or the one given) and one id per task,
such as ``handily/PutInDrawer-v0``. ``gymnasium.make("sim.env:handily/Tabletop-v0")`` imports it by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv
from numpy.typing import NDArray

from sim.randomise import Randomise, along
from sim.robot import robot_spec
from sim.seeds import EVALUATION_SEED
from sim.tasks import TASKS
from sim.world import World
from vla.contract import Observation

ENV_ID = "handily/Tabletop-v0"
SPLITS = ("train", "test")
_LONGEST_INSTRUCTION = 160
_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,'?!-"


class TabletopEnv(gymnasium.Env[dict[str, Any], NDArray[np.float32]]):
    """One arm, one table, one instruction per episode.

    An observation is ``{"images": {camera: uint8 (H, W, 3)}, "state": float32 (S,), "instruction": str}``
    and an action float32 (A,) in the units of the robot's spec. The reward is 1 in the step that fulfils the
    instruction, which ends the episode, and 0 otherwise; the task's horizon truncates it. ``info`` carries
    ``instruction``, ``task``, ``scene_seed`` and ``success``.

    Args:
        task: A task family, or ``"all"`` to draw one at each reset.
        split: ``"train"`` or ``"test"`` (held-out layouts, phrasings and colour-shape pairs).
        switches: Exactly what may vary, instead of the split's own.
        image_size: Height and width of the pictures in pixels.
        backend: See :func:`sim.backend.choose_backend`.
        text: False leaves ``"instruction"`` out of the observation; it is in ``info`` in any case.
        render_mode: None or ``"rgb_array"`` (all cameras side by side).

    Raises:
        ValueError: ``task``, ``split`` or ``render_mode`` is not one of the choices.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's)

    def __init__(
        self,
        task: str = "all",
        split: str = "train",
        switches: Randomise | None = None,
        image_size: int = 128,
        backend: str = "auto",
        text: bool = True,
        render_mode: str | None = None,
    ) -> None:
        for what, value, choices in (
            ("task", task, ("all", *TASKS)),
            ("split", split, SPLITS),
            ("render_mode", render_mode, (None, *self.metadata["render_modes"])),
        ):
            if value not in choices:
                raise ValueError(f"{what} {value!r} is not one of {', '.join(map(str, choices))}")
        self.render_mode = render_mode
        self._task, self._split = task, split
        self._switches = switches or (Randomise() if split == "train" else along("all"))
        self._image_size, self._backend = image_size, backend
        # Built at the first reset: a vector of environments then holds no GL context in the parent process.
        self._world: World | None = None
        self._steps = 0
        self._last: Observation | None = None
        robot = robot_spec(image_size)
        self._state_low = np.array([axis.low for axis in robot.state], np.float32)
        self._state_high = np.array([axis.high for axis in robot.state], np.float32)
        self.action_space = spaces.Box(robot.action_low, robot.action_high, dtype=np.float32)
        images: dict[str, spaces.Space[Any]] = {
            name: spaces.Box(0, 255, (*size, 3), np.uint8) for name, size in robot.cameras.items()
        }
        seen: dict[str, spaces.Space[Any]] = {
            "images": spaces.Dict(images),
            "state": spaces.Box(self._state_low, self._state_high, dtype=np.float32),
        }
        if text:
            seen["instruction"] = spaces.Text(_LONGEST_INSTRUCTION, charset=_CHARACTERS)
        self._text = text
        self.observation_space = spaces.Dict(seen)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def world(self) -> World:
        """The simulator behind the environment; built on first use."""
        if self._world is None:
            self._world = World(self._image_size, self._backend)
        return self._world

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Lay a new scene.

        Args:
            seed: Seeds the stream that scene seeds are drawn from.
            options: ``{"scene_seed": int}`` and ``{"task": str}`` choose the scene itself, both optional.

        Raises:
            ValueError: an option is unknown.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        unknown = options.keys() - {"scene_seed", "task"}
        if unknown:
            raise ValueError(f"reset options {sorted(unknown)} are not among scene_seed, task")
        names = list(TASKS) if self._task == "all" else [self._task]
        task = names[int(self.np_random.integers(len(names)))]
        scene_seed = int(self.np_random.integers(EVALUATION_SEED))
        if self._split == "test":
            scene_seed += EVALUATION_SEED
        self.world.reset(
            str(options.get("task", task)), int(options.get("scene_seed", scene_seed)), self._switches
        )
        self._steps = 0
        return self._look(), self._info(False)

    def step(self, action: NDArray[np.float32]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Advance one control period (1 / control_hz s)."""
        self.world.step(np.asarray(action, np.float32))
        self._steps += 1
        success = self.world.success()
        truncated = not success and self._steps >= self.world.scenario.horizon
        return self._look(), float(success), success, truncated, self._info(success)

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """All cameras side by side, uint8 (H, sum of W, 3), as last observed; None without a render mode."""
        if self.render_mode is None or self._last is None:
            return None
        return np.concatenate([self._last.images[name] for name in sorted(self._last.images)], axis=1)

    def close(self) -> None:
        """Free the renderer; calling it twice is fine."""
        if self._world is not None:
            self._world.close()
            self._world = None

    def _look(self) -> dict[str, Any]:
        self._last = self.world.observe()
        seen: dict[str, Any] = {
            "images": dict(self._last.images),
            "state": np.clip(self._last.state, self._state_low, self._state_high),
        }
        if self._text:
            seen["instruction"] = self.world.scenario.instruction
        return seen

    def _info(self, success: bool) -> dict[str, Any]:
        scenario = self.world.scenario
        return {
            "instruction": scenario.instruction,
            "task": scenario.task,
            "scene_seed": scenario.seed,
            "success": success,
        }


def make_vector(count: int, **settings: Any) -> AsyncVectorEnv:
    """``count`` environments, each in a process of its own, pictures handed over through shared memory.

    Use it where a batched policy needs lock-step; whole episodes over processes (:mod:`sim.evaluate`) are
    faster. Instructions are in ``infos`` only: Gymnasium's shared memory never refreshes text.

    Args:
        count: How many, at least 1.
        settings: Arguments of :class:`TabletopEnv`, without ``text``.
    """
    # A fresh interpreter per environment: a forked one would inherit the parent's threads and GL state.
    makers = [partial(TabletopEnv, text=False, **settings)] * count
    return AsyncVectorEnv(makers, shared_memory=True, context="spawn")


def env_id(task: str) -> str:
    """The registered id of one task: ``"put_in_drawer"`` is ``"handily/PutInDrawer-v0"``."""
    return f"handily/{task.title().replace('_', '')}-v0"


gymnasium.register(id=ENV_ID, entry_point="sim.env:TabletopEnv")
for _task in TASKS:
    gymnasium.register(id=env_id(_task), entry_point="sim.env:TabletopEnv", kwargs={"task": _task})
