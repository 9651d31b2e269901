"""Putting a thing into the hand at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.world import World

import mujoco  # isort: skip  (sim.world chooses the GL backend before mujoco is first imported)

_WIDEST_GRIP_M, _NARROWEST_GRIP_M = 0.058, 0.03


def close_around(world: World, row: int, tool_m: NDArray[np.float64]) -> float:
    """Close the fingers around a thing until both touch it; the thing comes to them.

    Args:
        world: Changed in place, without time passing.
        row: The thing's entity row.
        tool_m: Where the tool should be, (3,), robot frame.

    Returns:
        The fingers' gap in m.
    """
    start = world.model.joint(f"object_{row}").qposadr[0]
    gap_m = _WIDEST_GRIP_M
    while world.truth().held != row and gap_m > _NARROWEST_GRIP_M:
        gap_m -= 0.002
        world.pose_arm(tool_m, gap_m)
        site = world.data.site("tool")
        world.data.qpos[start : start + 3] = site.xpos
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, site.xmat)
        world.data.qpos[start + 3 : start + 7] = quat
        mujoco.mj_forward(world.model, world.data)
    return gap_m
