"""The way home as a policy's instruction: let go, rise, and go to where every scene begins."""

from __future__ import annotations

import numpy as np

from sim.robot import GAP_OPEN_M
from sim.world import START_TOOL_M
from vla.contract import ActionChunk, Observation, Policy, Prefix, RobotSpec
from vla.planner.patience import HOME

LETTING_GO_M = 0.12
"""What is held is let go at this height of the tool, or below: from higher up it would bounce."""
_OPEN_M = 0.06
_LEAD_M = 0.07
_ARRIVED_M = 0.02


class Homing:
    """A policy that knows the way home, too; everything else is another policy's to do.

    Args:
        policy: Acts on every instruction but :data:`vla.planner.patience.HOME`.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @property
    def spec(self) -> RobotSpec:
        """The inner policy's."""
        return self._policy.spec

    def reset(self, seed: int) -> None:
        """Reset the inner policy; the way home needs no memory."""
        self._policy.reset(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """One row towards home, or whatever the inner policy does."""
        if instruction != HOME:
            return self._policy.act(observation, instruction, prefix)
        tool_m, gap_m = observation.state[7:10].astype(np.float64), float(observation.state[10])
        goal_m, gap_goal_m = self._next(tool_m, gap_m)
        offset = goal_m - tool_m
        length = max(float(np.linalg.norm(offset)), 1e-9)
        step_m = min(length, _LEAD_M)
        row = np.array([*(tool_m + offset * step_m / length), gap_goal_m], np.float32)
        row = np.clip(row, self.spec.action_low, self.spec.action_high).astype(np.float32)
        return ActionChunk(row[None], self.spec.dt_s, observation.stamp_s)

    @staticmethod
    def _next(tool_m: np.ndarray, gap_m: float) -> tuple[np.ndarray, float]:
        """Where the tool should be going, in m, and the gap: a function of where it is now."""
        if gap_m < _OPEN_M:
            if tool_m[2] > LETTING_GO_M + 0.005:
                return np.array([*tool_m[:2], LETTING_GO_M]), 0.0
            return tool_m, GAP_OPEN_M
        far = float(np.linalg.norm(tool_m[:2] - START_TOOL_M[:2])) > _ARRIVED_M
        if far and tool_m[2] < START_TOOL_M[2] - _ARRIVED_M:
            return np.array([*tool_m[:2], START_TOOL_M[2]]), GAP_OPEN_M
        return START_TOOL_M, GAP_OPEN_M
