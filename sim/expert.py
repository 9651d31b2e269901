"""Scripted experts: a Policy that reads the simulator's truth. For demonstrations and upper bounds only."""

from __future__ import annotations

import numpy as np

from sim.tasks import task_named
from sim.truth import Truth
from sim.waypoints import toward
from sim.world import World
from vla.contract import ActionChunk, Observation, RobotSpec


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

    def act(self, observation: Observation, instruction: str) -> ActionChunk:
        """One row, shape (1, 4), towards the task's next waypoint."""
        return ActionChunk(self.action()[None], self.spec.dt_s, observation.stamp_s)

    def action(self, truth: Truth | None = None) -> np.ndarray:
        """The next action, shape (4,) float32; ``truth`` saves computing it anew."""
        truth, query = truth or self._world.truth(), self._world.scenario.queries[0]
        return toward(truth, task_named(query.family).waypoint(truth, query))


class Disturbance:
    """Noise on executed actions, so that demonstrations show recovery (Laskey et al. 2017, DART).

    Smooth noise of about 8 mm on the tool target plus, now and then, a shove of up to 4 cm for a few steps
    and rarely fingers that open by mistake. The recorded action stays the expert's own.

    Args:
        rng: The random stream.
        scale: Multiplies the amplitudes; 0 disturbs nothing.
    """

    def __init__(self, rng: np.random.Generator, scale: float = 1.0) -> None:
        self._rng, self._scale = rng, scale
        self._drift = np.zeros(3)
        self._shove, self._shove_left, self._open_left = np.zeros(3), 0, 0

    def apply(self, action: np.ndarray) -> np.ndarray:
        """The action to execute instead of ``action``, shape (4,) float32."""
        rng = self._rng
        self._drift = 0.8 * self._drift + rng.normal(0, 0.005, 3)
        if self._shove_left == 0 and rng.random() < 0.008:
            self._shove = rng.uniform(-0.04, 0.04, 3) * [1, 1, 0.6]
            self._shove_left = int(rng.integers(3, 7))
        if rng.random() < 0.002:
            self._open_left = int(rng.integers(3, 8))
        offset = self._drift + (self._shove if self._shove_left else 0)
        self._shove_left, disturbed = max(0, self._shove_left - 1), action.copy()
        disturbed[:3] += self._scale * offset
        if self._open_left and self._scale > 0:
            disturbed[3] = 0.08
        self._open_left = max(0, self._open_left - 1)
        return disturbed
