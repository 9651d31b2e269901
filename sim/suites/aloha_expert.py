"""The scripted expert of ALOHA: where either hand should be, as a function of what is so now.

The package has none that commands joints. What this one wants follows from the present scene alone, so that
it answers from wherever noise has carried the arms. What it commands to get there also depends on what it
commanded before: friction holds a joint until the command is far enough ahead of it, and how far differs from
joint to joint (50 N m against a stiffness of 800 N m/rad at the waist: 0.06 rad).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

SIDES: Final = ("left", "right")
JOINTS: Final = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate")

_TOOL_M: Final = np.array([0.125, 0.0, 0.0])
"""Between the fingers, 2 cm from their tips, in the frame of the gripper, whose x axis points ahead."""
_DOWN: Final = np.deg2rad(60.0)
_STEP_M, _FINE_STEP_M, _STEP_RAD = 0.006, 0.003, 0.05
_LEAD_M, _LEAD_RAD = 0.03, 0.3
_SHARE: Final = 0.12
_TURN_WEIGHT_M: Final = 0.3

Vector = NDArray[np.float64]


class Hand(NamedTuple):
    """One arm now: joint angles (6,), tool (3,) in m, frame (3, 3) of the gripper, opening in 0..1."""

    joints: Vector
    tool: Vector
    frame: Vector
    opening: float


class Aim(NamedTuple):
    """Where a hand should be heading; ``slow`` where it must not overshoot."""

    tool: Vector
    frame: Vector
    opening: float
    slow: bool = False


def facing(side: str, down: float, roll: float = 0.0) -> Vector:
    """The frame (3, 3) of a gripper that points to the other arm and down.

    Args:
        side: Whose gripper.
        down: Angle below the horizon, rad.
        roll: About the gripper's own axis, rad.
    """
    inward = 1.0 if side == "left" else -1.0
    ahead = np.array([inward * np.cos(down), 0.0, -np.sin(down)])
    up = np.array([inward * np.sin(down), 0.0, np.cos(down)])
    across = np.cross(up, ahead)
    turned = np.cos(roll) * across + np.sin(roll) * up
    return np.stack([ahead, turned, np.cross(ahead, turned)], axis=1)


class Arm:
    """Kinematics of one arm.

    Args:
        model: Of the scene.
        side: One of :data:`SIDES`.
    """

    def __init__(self, model: mujoco.MjModel, side: str) -> None:
        self._model, self._scratch = model, mujoco.MjData(model)
        joints = [model.joint(f"vx300s_{side}/{name}") for name in JOINTS]
        self._q = [int(joint.qposadr[0]) for joint in joints]
        self._v = [int(joint.dofadr[0]) for joint in joints]
        self._low, self._high = model.jnt_range[[joint.id for joint in joints]].T
        self._gripper = model.body(f"vx300s_{side}/gripper_link").id
        self._jacobian = np.zeros((2, 3, model.nv))
        self._commanded: tuple[Vector, Vector] | None = None

    def sense(self, data: mujoco.MjData, opening: float) -> Hand:
        """The arm as it is in ``data``."""
        frame = data.xmat[self._gripper].reshape(3, 3).copy()
        return Hand(data.qpos[self._q].copy(), data.xpos[self._gripper] + frame @ _TOOL_M, frame, opening)

    def solve(self, joints: Vector, tool: Vector, frame: Vector) -> Vector:
        """Joint angles (6,) near ``joints`` that bring the tool there, by damped least squares.

        Where the pose is out of reach, those that come close.
        """
        q, weight = joints.copy(), _TURN_WEIGHT_M
        for _ in range(8):
            self._scratch.qpos[self._q] = q
            mujoco.mj_kinematics(self._model, self._scratch)
            mujoco.mj_comPos(self._model, self._scratch)
            now = self.sense(self._scratch, 0.0)
            error = np.concatenate([tool - now.tool, weight * _turn(now.frame, frame)])
            if np.abs(error).max() < 1e-4:
                break
            mujoco.mj_jac(self._model, self._scratch, *self._jacobian, now.tool, self._gripper)
            jacobian = np.concatenate([self._jacobian[0][:, self._v], weight * self._jacobian[1][:, self._v]])
            q += jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 1e-5 * np.eye(6), error)
            q = np.clip(q, self._low, self._high)
        return q

    def toward(self, hand: Hand, aim: Aim) -> NDArray[np.float32]:
        """Joint angles and opening (7,) to command for one control step towards an aim.

        What is commanded moves on from what was, by a share of what is still missing, until the arm moves.
        """
        tool, frame = self._commanded or (hand.tool, hand.frame)
        step, turn = _SHARE * (aim.tool - hand.tool), _SHARE * _turn(hand.frame, aim.frame)
        tool = tool + _capped(step, _FINE_STEP_M if aim.slow else _STEP_M)
        tool = hand.tool + _capped(tool - hand.tool, _LEAD_M)
        frame = _rotation(_capped(turn, _STEP_RAD)) @ frame
        frame = _rotation(_capped(_turn(hand.frame, frame), _LEAD_RAD)) @ hand.frame
        self._commanded = tool, frame
        return np.array([*self.solve(hand.joints, tool, frame), aim.opening], np.float32)


def _capped(vector: Vector, limit: float) -> Vector:
    return vector * min(1.0, limit / max(float(np.linalg.norm(vector)), 1e-9))


def _turn(start: Vector, end: Vector) -> Vector:
    """The rotation vector (3,) that turns one frame into the other, in rad."""
    quaternion, out = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quaternion, (end @ start.T).flatten())
    mujoco.mju_quat2Vel(out, quaternion, 1.0)
    return out


def _rotation(turn: Vector) -> Vector:
    angle, quaternion, out = float(np.linalg.norm(turn)), np.zeros(4), np.zeros(9)
    mujoco.mju_axisAngle2Quat(quaternion, turn / max(angle, 1e-9), angle)
    mujoco.mju_quat2Mat(out, quaternion)
    return out.reshape(3, 3)


@dataclass(frozen=True)
class Grip:
    """How something is taken up from the table.

    Attributes:
        offset: From its middle to where the tool goes, (3,) in m.
        closed: Opening below which the fingers have hold of it.
    """

    offset: Vector
    closed: float


CUBE: Final = Grip(np.array([0.0, 0.0, 0.006]), 0.68)
PEG: Final = Grip(np.array([0.0, 0.0, 0.016]), 0.44)
SOCKET: Final = Grip(np.array([0.010, 0.0, 0.006]), 0.68)

_ABOVE_M: Final = 0.10
_MEETING: Final = np.array([0.0, 0.5, 0.28])


def take(side: str, hand: Hand, thing: Vector, grip: Grip) -> Aim | None:
    """What a hand does to take something up from the table; None where it has hold of it already."""
    frame, at = facing(side, _DOWN), thing + grip.offset
    away = at - hand.tool
    sideways = float(np.linalg.norm(away[:2]))
    if hand.opening < grip.closed and sideways < 0.025 and abs(away[2]) < 0.03:
        return None
    if sideways < 0.012 and abs(away[2]) < 0.014:
        return Aim(at, frame, 0.0, slow=True)
    near = sideways < 0.06 and away[2] > -0.06
    if near and hand.opening < 0.8:  # it has missed, or lost it: let go before trying again
        return Aim(hand.tool + [0.0, 0.0, 0.03], frame, 1.0)
    height = float(np.clip(4.0 * (sideways - 0.006), 0.0, _ABOVE_M))
    return Aim(at + [0.0, 0.0, height], frame, 1.0, slow=height < 0.03)


def transfer(hands: dict[str, Hand], cube: Vector) -> dict[str, Aim]:
    """The right hand takes the cube up and holds it out; the left hand takes it over."""
    right, left = hands["right"], hands["left"]
    ready = Aim(_MEETING - [0.14, 0.0, 0.0], facing("left", 0.0, np.pi / 2), 1.0)
    taking = take("right", right, cube, CUBE)
    if taking is not None:
        return {"right": taking, "left": ready}
    offered = Aim(_MEETING + (right.tool - cube), facing("right", _DOWN), 0.0)
    if cube[2] < 0.10:  # straight up first
        offered = offered._replace(tool=np.array([*right.tool[:2], 0.16]))
    if np.abs(cube - _MEETING).max() > 0.015:
        return {"right": offered, "left": ready}
    near = cube - [0.012, 0.0, 0.0]
    aside = float(np.linalg.norm((left.tool - near)[1:]))
    there = np.abs(left.tool - near).max() < 0.010
    reached = near - [min(0.14, 4.0 * max(0.0, aside - 0.006)), 0.0, 0.0]
    return {"right": offered, "left": Aim(reached, ready.frame, 0.0 if there else 1.0, slow=True)}


_SOCKET_AT: Final = np.array([-0.05, 0.5, 0.18])
_PEG_AT: Final = np.array([0.12, 0.5, 0.18])
_INSERTED_M: Final = 0.085
"""From the socket's middle to the peg's, where the peg would be beyond the pin."""


def insert(hands: dict[str, Hand], peg: Vector, socket: Vector) -> dict[str, Aim]:
    """The left hand holds the socket, the right hand the peg; both lift, align, and the peg goes in."""
    things, grips = {"left": socket, "right": peg}, {"left": SOCKET, "right": PEG}
    rest = {"left": _SOCKET_AT, "right": _PEG_AT}
    aims: dict[str, Aim] = {}
    lifted = True
    for side in SIDES:
        hand, thing = hands[side], things[side]
        taking = take(side, hand, thing, grips[side])
        if taking is None:
            goal = rest[side] + (hand.tool - thing)
            if thing[2] < 0.08:
                goal = np.array([*hand.tool[:2], 0.16])
            taking = Aim(goal, facing(side, _DOWN), 0.0, slow=bool(np.abs(thing - rest[side]).max() < 0.02))
            lifted &= bool(abs(thing[2] - rest[side][2]) < 0.02 and abs(thing[1] - 0.5) < 0.02)
        else:
            lifted = False
        aims[side] = taking
    if lifted and abs(socket[0] - _SOCKET_AT[0]) < 0.015:
        aside = float(np.linalg.norm((peg - socket)[1:]))
        wanted = socket + [_INSERTED_M + min(0.08, 12.0 * max(0.0, aside - 0.003)), 0.0, 0.0]
        aims["right"] = Aim(wanted + (hands["right"].tool - peg), facing("right", _DOWN), 0.0, slow=True)
    return aims
