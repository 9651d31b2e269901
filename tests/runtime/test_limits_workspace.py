"""Laws of the tool's box."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vla.contract import Axis, ContractError, RobotSpec
from vla.runtime.limits import ActionLimiter
from vla.runtime.workspace import ToolBox

_JOINTS = (
    Axis("shoulder", "rad", -3.0, 3.0, 2.0, 10.0, 400.0),
    Axis("elbow", "rad", -3.0, 3.0, 2.0, 10.0, 400.0),
    Axis("slide", "m", -1.0, 1.0, 1.0, 5.0, 200.0),
)
BOX = ((-2.0, 2.0), (-0.3, 0.3), (-0.5, 0.5))
ARM = RobotSpec("arm", _JOINTS, _JOINTS, {}, 50.0, "absolute_joint", BOX)
_TOOL = tuple(Axis(f"tool_{n}", "m", -1.0, 1.0, 1.0, 5.0) for n in "xyz")
TOOL = RobotSpec("tool", _TOOL, _TOOL, {}, 50.0, "absolute_tool", BOX)


def tool_of(command: np.ndarray) -> np.ndarray:
    first, second = command[0], command[0] + command[1]
    x, y = 0.5 * math.cos(first) + 0.4 * math.cos(second), 0.5 * math.sin(first) + 0.4 * math.sin(second)
    return np.array([x, y, command[2]])


def arm(start: list[float], smooth: bool) -> ActionLimiter:
    if smooth:
        pytest.importorskip("ruckig")
    limiter = ActionLimiter(ARM, tool_of=tool_of, smooth=smooth)
    limiter.start(np.array(start, np.float32))
    return limiter


def tools(limiter: ActionLimiter, target: list[float], ticks: int = 150) -> np.ndarray:
    goal = np.array(target, np.float32)
    return np.array([tool_of(limiter.apply(goal).astype(float)) for _ in range(ticks)])


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("shoulder", [-2.0, -1.0, 1.0, 2.0])
def test_the_tool_stops_before_the_wall_and_near_it(shoulder: float, smooth: bool) -> None:
    path = tools(arm([0.0, 0.0, 0.0], smooth), [shoulder, 0.0, 0.0])
    reached = np.abs(path[:, 1]).max()
    assert reached <= 0.3
    assert reached > 0.28
    assert np.array_equal(path[-1], path[-20])


@pytest.mark.parametrize("smooth", [False, True])
def test_what_stays_inside_is_not_hindered(smooth: bool) -> None:
    target = [0.2, -0.4, 0.3]
    limiter = arm([0.0, 0.0, 0.0], smooth)
    free = ActionLimiter(replace(ARM, workspace=None), smooth=smooth)
    free.start(np.zeros(3, np.float32))
    for _ in range(100):
        goal = np.array(target, np.float32)
        assert np.array_equal(limiter.apply(goal), free.apply(goal))


@pytest.mark.parametrize("smooth", [False, True])
def test_from_outside_the_tool_only_comes_in(smooth: bool) -> None:
    limiter = arm([1.2, 0.0, 0.0], smooth)
    further = tools(limiter, [1.6, 0.0, 0.0], 60)
    assert further[-1, 1] <= tool_of(np.array([1.2, 0.0, 0.0]))[1] + 1e-6
    inwards = tools(limiter, [0.0, 0.0, 0.0])
    assert (np.diff(np.maximum(inwards[:, 1] - 0.3, 0.0)) <= 1e-6).all()
    assert abs(inwards[-1, 1]) < 1e-6


@pytest.mark.parametrize("smooth", [False, True])
def test_braking_begun_early_or_late_stays_inside(smooth: bool) -> None:
    for ticks in range(1, 30, 2):
        for elapsed_s in (None, 0.3 * ARM.dt_s, 0.7 * ARM.dt_s):
            limiter = arm([-0.2, 0.3, 0.0], smooth)
            tools(limiter, [2.0, 2.0, 0.0], ticks)
            path = np.array([tool_of(limiter.brake(elapsed_s).astype(float)) for _ in range(40)])
            assert np.abs(path[:, 1]).max() <= 0.3


@pytest.mark.parametrize(("wall", "admitted"), [(0.99, False), (1.05, True)])
def test_a_bulge_between_two_points_of_a_path_counts(wall: float, admitted: bool) -> None:
    """The tool rises on a circle of 1 m and sinks again; no point of the path is as high as the circle."""
    box = ToolBox(
        ((-2.0, 2.0), (-2.0, wall), (-1.0, 1.0)), lambda q: np.array([math.cos(q[0]), math.sin(q[0]), 0])
    )
    path = math.pi / 2 + np.array([[-0.6], [-0.36], [-0.12], [0.12], [0.36]]) * 1.5
    assert math.sin(path.max()) < math.sin(math.pi / 2 + 0.18) < 0.99
    assert box.admits(path[0], path) is admitted


def test_for_a_tool_robot_the_box_is_a_wall() -> None:
    limiter = ActionLimiter(TOOL)
    limiter.start(np.zeros(3, np.float32))
    commands = np.array([limiter.apply(np.ones(3, np.float32)) for _ in range(100)]).astype(float)
    assert (commands.max(0) <= [1.0, 0.3, 0.5]).all()
    assert np.allclose(commands[-1], [1.0, 0.3, 0.5])


def test_for_deltas_the_box_bounds_the_position() -> None:
    changes = tuple(replace(axis, low=-0.02, high=0.02) for axis in _TOOL)
    limiter = ActionLimiter(replace(TOOL, action=changes, semantics="delta_tool"))
    limiter.start(np.zeros(3, np.float32))
    commands = np.array([limiter.apply(np.ones(3, np.float32)) for _ in range(200)]).astype(float)
    assert np.allclose(commands.sum(0), [1.0, 0.3, 0.5], atol=1e-6)


def test_a_box_that_cannot_be_watched_is_refused() -> None:
    with pytest.raises(ContractError, match="needs an action axis 'tool_x', or the arm's kinematics"):
        ActionLimiter(ARM)
    with pytest.raises(ContractError, match="'tool_x' has no room inside the workspace"):
        ActionLimiter(replace(TOOL, workspace=((3.0, 4.0), *BOX[1:])))


@pytest.mark.parametrize("smooth", [False, True])
def test_kinematics_that_fail_admit_nothing(smooth: bool) -> None:
    if smooth:
        pytest.importorskip("ruckig")
    limiter = ActionLimiter(ARM, tool_of=lambda command: np.full(3, np.nan), smooth=smooth)
    limiter.start(np.zeros(3, np.float32))
    for _ in range(10):
        assert not limiter.apply(np.ones(3, np.float32)).any()
