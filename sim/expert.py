"""Scripted experts: a Policy that reads the simulator's truth. For demonstrations and upper bounds only."""

from __future__ import annotations

import numpy as np

from sim.robot import GAP_OPEN_M
from sim.tasks import task_named
from sim.truth import Truth
from sim.waypoints import toward
from sim.world import World
from vla.contract import ActionChunk, Observation, Prefix, RobotSpec


class ScriptedExpert:
    """Follows the task's waypoint rule, one action per chunk.

    It answers for the world's current scenario whatever the instruction says, since it looks up the resolved
    query instead of reading.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def spec(self) -> RobotSpec:
        return self._world.spec

    def reset(self, seed: int) -> None:
        """Nothing to forget: the rules are memoryless."""

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """One row, shape (1, 4), towards the task's next waypoint."""
        return ActionChunk(self.action()[None], self.spec.dt_s, observation.stamp_s)

    def action(self, truth: Truth | None = None) -> np.ndarray:
        """The next action, shape (4,) float32; ``truth`` saves computing it anew."""
        truth, query = truth or self._world.truth(), self._world.scenario.queries[0]
        return toward(truth, task_named(query.family).waypoint(truth, query))


class Disturbance:
    """Mishaps of execution, so that demonstrations show recovery (in the spirit of DART, Laskey et al. 2017).

    About every 25 control steps the arm is carried off for 2 to 6 steps, half the time by up to 1.5 cm and
    half by up to 5 cm; now and then the fingers open by mistake as well. In between nothing is disturbed: a
    chunk of actions recorded there is what a calm expert does, and noise that nobody could foresee is not
    learned.

    Args:
        rng: The random stream.
        scale: Multiplies the amplitudes; 0 disturbs nothing.
    """

    def __init__(self, rng: np.random.Generator, scale: float = 1.0) -> None:
        self._rng, self._scale = rng, scale
        self._left, self._opens = 0, False
        self._shove = np.zeros(3)

    def offset(self, action: np.ndarray) -> np.ndarray:
        """What is added to the expert's ``action`` (4,) at this step, shape (4,) float32; mostly zeros."""
        rng = self._rng
        if self._left == 0 and rng.random() < 0.04:
            reach_m = (0.015, 0.05)[int(rng.integers(2))]
            self._shove = rng.uniform(-reach_m, reach_m, 3) * [1, 1, 0.6]
            self._left, self._opens = int(rng.integers(2, 7)), rng.random() < 0.08
        if self._left == 0 or self._scale == 0:
            return np.zeros(4, np.float32)
        self._left -= 1
        wide = GAP_OPEN_M - action[3] if self._opens else 0.0
        return np.array([*(self._scale * self._shove), wide], np.float32)
