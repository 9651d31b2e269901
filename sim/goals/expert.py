"""The scripted expert that follows instructions one after another, and eyes that cannot be wrong.

Upper bounds only: both look up the truth.
"""

from __future__ import annotations

import numpy as np

from sim.goals.model import ImpossibleError
from sim.goals.world import GoalWorld
from sim.tasks import task_named
from sim.truth import Query
from sim.waypoints import toward
from vla.contract import ActionChunk, Observation, Prefix, RobotSpec


class GoalExpert:
    """A :class:`vla.contract.Policy` that carries out any instruction that makes sense on a goal's table.

    Where an object goes is settled when its instruction begins: what is taken off or out is put on a spot
    that was free then. An instruction that fits nothing is met with standing still.
    """

    def __init__(self, world: GoalWorld) -> None:
        self._world = world
        self._words: str | None = None
        self._query: Query | None = None

    @property
    def spec(self) -> RobotSpec:
        """The world's."""
        return self._world.spec

    def reset(self, seed: int) -> None:
        """Forget the last instruction."""
        self._words = self._query = None

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """One row, shape (1, 4), towards the instruction's next waypoint."""
        if instruction != self._words:
            self._words, self._query = instruction, _query_or_none(self._world, instruction)
        if self._query is None:
            tool_m, gap_m = observation.state[7:10], observation.state[10:11]
            row = np.concatenate([tool_m, gap_m]).clip(self.spec.action_low, self.spec.action_high)
        else:
            truth = self._world.truth()
            row = toward(truth, task_named(self._query.family).waypoint(truth, self._query))
        return ActionChunk(row.astype(np.float32)[None], self.spec.dt_s, observation.stamp_s)


class TruthDetector:
    """A :class:`vla.contract.SuccessDetector` that asks the simulator."""

    def __init__(self, world: GoalWorld) -> None:
        self._world = world

    def success(self, observation: Observation, instruction: str) -> float:
        """1 where the instruction is fulfilled now, else 0."""
        query = _query_or_none(self._world, instruction)
        return float(query is not None and self._world.judge(query))


def _query_or_none(world: GoalWorld, words: str) -> Query | None:
    try:
        return world.query(words)
    except ImpossibleError:
        return None
