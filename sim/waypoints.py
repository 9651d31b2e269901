"""The waypoint engine of every scripted expert: memoryless rules from the true state to a tool goal.

Experts are functions of the present state alone, so that a demonstration shows the right answer from wherever
noise has carried the arm, and a policy without memory can learn it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.objects import POOL
from sim.robot import GAP_OPEN_M, TOOL_HIGH_M, TOOL_LOW_M
from sim.truth import Truth

TRAVEL_M = 0.14
"""Height of the tool for moving across the table."""
STEP_M = 0.030
"""Longest commanded lead of the tool target over the measured tool, per control step."""
_BODY_M = 0.036


class Waypoint(NamedTuple):
    """Where the tool should be heading, shape (3,) in m, and the finger gap to command."""

    tool_m: NDArray[np.float64]
    gap_m: float


def toward(truth: Truth, waypoint: Waypoint, step_m: float = STEP_M) -> NDArray[np.float32]:
    """The action, shape (4,), that moves one control step towards a waypoint."""
    offset = waypoint.tool_m - truth.tool_m
    length = float(np.linalg.norm(offset))
    goal = truth.tool_m + offset * min(1.0, step_m / max(length, 1e-9))
    return np.array([*np.clip(goal, TOOL_LOW_M, TOOL_HIGH_M), waypoint.gap_m], np.float32)


def funnel(
    truth: Truth,
    goal_m: NDArray[np.float64],
    gap_m: float,
    mouth_m: float = 0.008,
    slope: float = 3.0,
    travel_m: float = TRAVEL_M,
) -> Waypoint:
    """Approach a goal from above, inside a cone that narrows towards it.

    Outside the cone the tool first rises straight up, so nothing on the table is swept away.

    Args:
        truth: The world now.
        goal_m: Where the tool should end, shape (3,).
        gap_m: Finger gap on the way.
        mouth_m: Horizontal error at which the tool may go all the way down.
        slope: Height of the cone per metre of horizontal distance beyond the mouth.
        travel_m: Height above which the tool moves freely.
    """
    offset = goal_m[:2] - truth.tool_m[:2]
    distance = float(np.linalg.norm(offset))
    ceiling = max(travel_m, goal_m[2])
    floor = float(np.clip(goal_m[2] + slope * (distance - mouth_m), goal_m[2], ceiling))
    if truth.tool_m[2] < floor - 0.025:
        return Waypoint(np.array([*truth.tool_m[:2], floor + 0.01]), gap_m)
    return Waypoint(np.array([*goal_m[:2], floor]), gap_m)


def grasp(truth: Truth, object_m: NDArray[np.float64], open_m: float = GAP_OPEN_M) -> Waypoint:
    """Go around an object from above with open fingers, and close them there."""
    offset = object_m - truth.tool_m
    if np.abs(offset[:2]).max() < 0.012 and abs(offset[2]) < 0.010:
        return Waypoint(object_m, 0.0)
    near = np.linalg.norm(offset[:2]) < 0.05 and truth.tool_m[2] < object_m[2] + 0.05
    if near and truth.gap_m < open_m - 0.012:
        return Waypoint(np.array([*truth.tool_m[:2], object_m[2] + 0.07]), open_m)
    return funnel(truth, object_m, open_m)


def carry(
    truth: Truth, release_m: NDArray[np.float64], tolerance_m: float = 0.008, travel_m: float = TRAVEL_M
) -> Waypoint:
    """Bring what is held to where it is to be let go, and let go there."""
    offset = release_m - truth.tool_m
    if np.abs(offset[:2]).max() < tolerance_m and truth.tool_m[2] < release_m[2] + 0.008:
        return Waypoint(release_m, GAP_OPEN_M)
    return funnel(truth, release_m, 0.0, mouth_m=0.006, travel_m=travel_m)


def free_spot(truth: Truth, row: int, middle_m: NDArray[np.float64], beside_m: float) -> NDArray[np.float64]:
    """The middle of a container, or to the front or back of it where something lies there already.

    Args:
        truth: The world now.
        row: The object that needs the room.
        middle_m: The middle, shape (3,).
        beside_m: How far from the middle along x the other two spots are; 0 where there are none.

    Returns:
        Shape (3,); the middle where every spot is taken.
    """
    others = np.delete(truth.position_m[: len(POOL), :2], row, axis=0)
    for offset_m in (0.0, beside_m, -beside_m):
        spot = middle_m + [offset_m, 0.0, 0.0]
        apart = np.abs(others - spot[:2]).max(axis=1)
        if not (apart < _BODY_M).any():  # what is absent is at NaN, and near to nothing
            return spot
    return middle_m


def retreat(truth: Truth, height_m: float = 0.14) -> Waypoint:
    """Let go, then rise straight up and stay."""
    if truth.gap_m < 0.062 and truth.tool_m[2] < height_m - 0.04:
        return Waypoint(truth.tool_m.copy(), GAP_OPEN_M)
    return Waypoint(np.array([*truth.tool_m[:2], height_m]), GAP_OPEN_M)


def pick_and_place(
    truth: Truth,
    row: int,
    release_m: NDArray[np.float64],
    placed: bool,
    travel_m: float = TRAVEL_M,
    open_m: float = GAP_OPEN_M,
) -> Waypoint:
    """Grasp the object, carry it to ``release_m`` (tool position, shape (3,)), let go, rise.

    ``placed`` says that the object is where it belongs, held or not;
    ``open_m`` is the finger gap for going around the object.
    """
    if placed and truth.held != row:
        return retreat(truth)
    if truth.held == row:
        grip = truth.tool_m - truth.position_m[row]
        return carry(truth, release_m + [grip[0], grip[1], 0.0], travel_m=travel_m)
    return grasp(truth, truth.position_m[row], open_m)


def push_along(
    truth: Truth, object_m: NDArray[np.float64], axis: int, goal: float, reach_m: float = 0.046
) -> Waypoint:
    """Push an object with closed fingers along one horizontal axis until it stands at ``goal``.

    Args:
        truth: The world now.
        object_m: The object's position, shape (3,).
        axis: 0 for x, 1 for y.
        goal: Wanted coordinate on that axis, in m.
        reach_m: Distance behind the object's centre at which the fingers come down.
    """
    sign = np.sign(goal - object_m[axis])
    other = 1 - axis
    start = np.array([object_m[0], object_m[1], 0.022])
    start[axis] -= sign * reach_m
    behind = sign * (object_m[axis] - truth.tool_m[axis])
    if (
        abs(truth.tool_m[other] - object_m[other]) < 0.014
        and 0.02 < behind < reach_m + 0.025
        and truth.tool_m[2] < 0.034
    ):
        ahead = start.copy()
        ahead[axis] = truth.tool_m[axis] + sign * min(0.019, abs(goal - object_m[axis]) + 0.003)
        return Waypoint(ahead, 0.0)
    return funnel(truth, start, 0.0, mouth_m=0.012, travel_m=0.10)
