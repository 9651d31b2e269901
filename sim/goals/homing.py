"""The way home as a policy's instruction: let go, rise, and go to where every scene begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.robot import GAP_MOTION, GAP_OPEN_M, TOOL_MOTION, robot_spec
from sim.world import START_TOOL_M
from vla.contract import (
    ActionChunk,
    ActRequest,
    BatchPolicy,
    ContractError,
    Observation,
    Policy,
    Prefix,
    RobotSpec,
)
from vla.planner.patience import HOME

LETTING_GO_M = 0.12
"""What is held is let go at this height of the tool, or below: from higher up it would bounce."""
_OPEN_M = 0.06
_LEAD_M = 0.07
_ARRIVED_M = 0.02


def knowing_the_way_home(policy: Policy, rows: int = 1) -> Homing:
    """A policy that knows the way home, too; whoever answers several robots at once still does.

    Args:
        policy: Acts on every instruction but :data:`vla.planner.patience.HOME`.
        rows: Of a chunk towards home. One is for whoever asks again at every step.

    Raises:
        ContractError: the policy is for another arm than the simulated one, or there are no rows.
    """
    height = next(iter(policy.spec.cameras.values()))[0]
    if differences := policy.spec.differences(robot_spec(height)):
        raise ContractError(
            "the way home is the simulated arm's; the policy differs: " + "; ".join(differences)
        )
    return _BatchHoming(policy, rows) if isinstance(policy, BatchPolicy) else Homing(policy, rows)


class Homing:
    """A policy that knows the way home, too; see :func:`knowing_the_way_home`."""

    def __init__(self, policy: Policy, rows: int) -> None:
        if rows < 1:
            raise ContractError(f"rows {rows} must be at least 1")
        self._policy, self._rows = policy, rows

    @property
    def spec(self) -> RobotSpec:
        """The inner policy's."""
        return self._policy.spec

    def reset(self, seed: int) -> None:
        """Reset the inner policy; the way home needs no memory."""
        self._policy.reset(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """A chunk towards home, or whatever the inner policy does."""
        if instruction != HOME:
            return self._policy.act(observation, instruction, prefix)
        return self._home(observation)

    def _home(self, observation: Observation) -> ActionChunk:
        """Rows from where the hand is now and, after the first, from where it should have come by then."""
        tool_m, gap_m = observation.state[7:10].astype(np.float64), float(observation.state[10])
        rows = []
        for _ in range(self._rows):
            goal_m, gap_goal_m = self._next(tool_m, gap_m)
            rows.append([*_towards(tool_m, goal_m, _LEAD_M), gap_goal_m])
            tool_m = _towards(tool_m, goal_m, TOOL_MOTION[0] * self.spec.dt_s)
            step_m = GAP_MOTION[0] * self.spec.dt_s
            gap_m += float(np.clip(gap_goal_m - gap_m, -step_m, step_m))
        actions = np.clip(np.array(rows, np.float32), self.spec.action_low, self.spec.action_high)
        return ActionChunk(actions.astype(np.float32), self.spec.dt_s, observation.stamp_s)

    @staticmethod
    def _next(tool_m: NDArray[np.float64], gap_m: float) -> tuple[NDArray[np.float64], float]:
        """Where the tool should be going, in m, and the gap: a function of where it is now."""
        if gap_m < _OPEN_M:
            if tool_m[2] > LETTING_GO_M + 0.005:
                return np.array([*tool_m[:2], LETTING_GO_M]), 0.0
            return tool_m, GAP_OPEN_M
        far = float(np.linalg.norm(tool_m[:2] - START_TOOL_M[:2])) > _ARRIVED_M
        if far and tool_m[2] < START_TOOL_M[2] - _ARRIVED_M:
            return np.array([*tool_m[:2], START_TOOL_M[2]]), GAP_OPEN_M
        return START_TOOL_M, GAP_OPEN_M


class _BatchHoming(Homing):
    _policy: BatchPolicy

    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        """The inner policy answers all at once who are not on their way home."""
        others = [request for request in requests if request.instruction != HOME]
        answers = iter(self._policy.act_batch(others) if others else [])
        return [
            self._home(request.observation) if request.instruction == HOME else next(answers)
            for request in requests
        ]


def _towards(tool_m: NDArray[np.float64], goal_m: NDArray[np.float64], most_m: float) -> NDArray[np.float64]:
    """A point on the way, at most so far away."""
    length = float(np.linalg.norm(goal_m - tool_m))
    return goal_m if length <= most_m else tool_m + (goal_m - tool_m) * most_m / length
