"""The arm: Panda kinematics as primitive geoms, its RobotSpec, and inverse kinematics for a downward tool.

Kinematics are the public Denavit-Hartenberg parameters of the Franka Emika Panda (Craig's convention),
written as parent-to-child poses. The hand carries fingers 20 mm longer than the original so that it can
reach into a drawer. The tool frame lies between the finger tips, z pointing along the fingers; everywhere in
Handily it points down, with the fingers opening along world y.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla.contract import Axis, RobotSpec

HOME_Q = (0.0, -0.35, 0.0, -2.45, 0.0, 2.1, 0.785398)
GAP_OPEN_M = 0.08
FINGER_LENGTH_M = 0.074
TOOL_IN_HAND_M = 0.1234
FINGER_HALF_M = (0.0135, 0.007, FINGER_LENGTH_M / 2)
ARM_JOINTS = tuple(f"joint_{i}" for i in range(1, 8))
TOOL_LOW_M = (0.25, -0.42, 0.012)
TOOL_HIGH_M = (0.76, 0.42, 0.45)
TOOL_MOTION = (0.6, 6.0, 240.0)
GAP_MOTION = (0.4, 8.0, 320.0)
"""Largest rate in m/s, acceleration in m/s^2 and jerk in m/s^3.

The tool reaches its rate in two control periods, the fingers in one, and either its acceleration in half a
period.
"""

_R2 = 0.7071067811865476
_TURN_BACK, _TURN = (_R2, -_R2, 0.0, 0.0), (_R2, _R2, 0.0, 0.0)
_JOINT_RANGE = (
    (-2.8973, 2.8973),
    (-1.7628, 1.7628),
    (-2.8973, 2.8973),
    (-3.0718, -0.0698),
    (-2.8973, 2.8973),
    (-0.0175, 3.7525),
    (-2.8973, 2.8973),
)
_JOINT_RATE = (2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61)
_STIFFNESS = (4500.0, 4500.0, 3500.0, 3500.0, 2000.0, 2000.0, 2000.0)
_FINGER_STIFFNESS_N_M = 1200.0
_FINGER_FORCE_N = 24.0
_WHITE = (0.93, 0.93, 0.95, 1.0)
_GREY = (0.32, 0.34, 0.38, 1.0)
_ACCENT = (0.15, 0.42, 0.62, 1.0)


@dataclass(frozen=True, slots=True)
class _Link:
    """Pose in the parent (m, quaternion wxyz) and the capsules that draw it: from, to, radius, colour."""

    pos: tuple[float, float, float]
    quat: tuple[float, float, float, float]
    mass_kg: float
    capsules: tuple[tuple[tuple[float, ...], tuple[float, ...], float, tuple[float, ...]], ...]


_LINKS = (
    _Link(
        (0, 0, 0.333),
        (1, 0, 0, 0),
        4.9,
        (((0, 0, -0.16), (0, 0, -0.02), 0.058, _WHITE), ((0, -0.045, 0), (0, 0.045, 0), 0.058, _WHITE)),
    ),
    _Link((0, 0, 0), _TURN_BACK, 0.65, (((0, -0.06, 0), (0, -0.16, 0), 0.056, _WHITE),)),
    _Link(
        (0, -0.316, 0),
        _TURN,
        3.2,
        (
            ((0, 0, -0.12), (0, 0, -0.03), 0.054, _WHITE),
            ((0.0825, -0.04, 0), (0.0825, 0.04, 0), 0.05, _ACCENT),
            ((0.02, 0, -0.04), (0.0825, 0, 0), 0.045, _WHITE),
        ),
    ),
    _Link(
        (0.0825, 0, 0),
        _TURN,
        3.6,
        (
            ((-0.0825, 0.06, 0), (-0.0825, 0.11, 0), 0.05, _WHITE),
            ((0, 0, 0), (-0.06, 0.06, 0), 0.045, _WHITE),
        ),
    ),
    _Link(
        (-0.0825, 0.384, 0),
        _TURN_BACK,
        1.2,
        (
            ((0, 0, -0.24), (0, 0, -0.12), 0.05, _WHITE),
            ((0, 0.06, -0.12), (0, 0.06, -0.02), 0.035, _WHITE),
            ((0, 0.04, 0), (0, -0.04, 0), 0.048, _ACCENT),
        ),
    ),
    _Link((0, 0, 0), _TURN, 1.7, (((0, 0, 0), (0.06, 0, 0), 0.044, _WHITE),)),
    _Link((0.088, 0, 0), _TURN, 0.7, (((0, 0, -0.02), (0, 0, 0.07), 0.042, _WHITE),)),
)


def robot_spec(image_size: int = 128) -> RobotSpec:
    """What the simulated arm senses and accepts.

    Args:
        image_size: Height and width of both camera pictures, in pixels.
    """
    tool = [
        Axis(f"tool_{n}", "m", low, high, *TOOL_MOTION)
        for n, low, high in zip("xyz", TOOL_LOW_M, TOOL_HIGH_M, strict=True)
    ]
    joints = [
        Axis(name, "rad", low, high) for name, (low, high) in zip(ARM_JOINTS, _JOINT_RANGE, strict=True)
    ]
    felt = [Axis(axis.name, "m", axis.low - 0.2, axis.high + 0.2) for axis in tool]
    return RobotSpec(
        name="handily-panda",
        action=(*tool, Axis("gripper_gap", "m", 0.0, GAP_OPEN_M, *GAP_MOTION)),
        state=(*joints, *felt, Axis("gripper_gap", "m", -0.01, GAP_OPEN_M + 0.01)),
        cameras={"front": (image_size, image_size), "wrist": (image_size, image_size)},
        control_hz=20.0,
        semantics="absolute_tool",
    )


def add_arm(spec: mujoco.MjSpec) -> None:
    """Add arm, hand, fingers, wrist camera, tool site and position servos to ``spec``, base at the origin."""
    base = spec.worldbody.add_body(name="base")
    base.add_geom(type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[0.09, 0.03, 0], pos=[-0.02, 0, 0.03], rgba=_GREY)
    base.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[0, 0, 0.05, 0, 0, 0.16], size=[0.07, 0, 0], rgba=_WHITE
    )
    body = base
    for i, link in enumerate(_LINKS):
        body = body.add_body(name=f"link_{i + 1}", pos=link.pos, quat=link.quat, gravcomp=1)
        body.add_joint(
            name=ARM_JOINTS[i], axis=[0, 0, 1], range=_JOINT_RANGE[i], limited=1, armature=0.1, damping=2.0
        )
        for start, end, radius, rgba in link.capsules:
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[*start, *end],
                size=[radius, 0, 0],
                rgba=rgba,
                mass=link.mass_kg / len(link.capsules),
                contype=0,
                conaffinity=0,
            )
        _add_servo(spec, ARM_JOINTS[i], _STIFFNESS[i], _STIFFNESS[i] / 10, None)
    _add_hand(spec, body)


def _add_hand(spec: mujoco.MjSpec, flange: mujoco.MjsBody) -> None:
    hand = flange.add_body(
        name="hand", pos=[0, 0, 0.107], quat=[np.cos(np.pi / 8), 0, 0, -np.sin(np.pi / 8)], gravcomp=1
    )
    box, capsule = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE
    hand.add_geom(type=box, size=[0.026, 0.095, 0.018], pos=[0, 0, 0.036], rgba=_WHITE, mass=0.5)
    hand.add_geom(type=capsule, fromto=[0, 0, -0.03, 0, 0, 0.02], size=[0.038, 0, 0], rgba=_GREY, mass=0.2,
                  contype=0, conaffinity=0)  # fmt: skip
    hand.add_geom(type=box, size=[0.014, 0.02, 0.011], pos=[0.052, 0, 0.03], rgba=(0.1, 0.1, 0.12, 1),
                  mass=0.05, contype=0, conaffinity=0)  # fmt: skip
    hand.add_site(name="tool", pos=[0, 0, TOOL_IN_HAND_M], size=[0.004, 0, 0], rgba=[0, 0, 0, 0])
    # Looks along the fingers from the hand's front side, tilted so that the finger tips lie in the picture.
    tilt = np.deg2rad(18.0)
    x_axis, y_axis = np.array([0.0, 1.0, 0.0]), np.array([np.cos(tilt), 0.0, np.sin(tilt)])
    hand.add_camera(name="wrist", pos=[0.062, 0, 0.026], fovy=75, quat=_quat_of(x_axis, y_axis))
    for side, name in ((1.0, "left"), (-1.0, "right")):
        finger = hand.add_body(name=f"finger_{name}", pos=[0, 0, 0.0584], gravcomp=1)
        finger.add_joint(
            name=f"finger_{name}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[0, side, 0],
            range=[0, GAP_OPEN_M / 2],
            limited=1,
            armature=0.05,
            damping=2.0,
        )
        finger.add_geom(
            name=f"pad_{name}",
            type=box,
            size=FINGER_HALF_M,
            pos=[0, side * FINGER_HALF_M[1], FINGER_LENGTH_M / 2],
            rgba=_GREY,
            mass=0.03,
            friction=[1.6, 0.02, 0.0005],
            condim=4,
            solimp=[0.95, 0.99, 0.001, 0.5, 2],
            priority=1,
        )
        _add_servo(spec, f"finger_{name}", _FINGER_STIFFNESS_N_M, 60.0, _FINGER_FORCE_N)


def _quat_of(x_axis: NDArray[np.float64], y_axis: NDArray[np.float64]) -> list[float]:
    matrix = np.stack([x_axis, y_axis, np.cross(x_axis, y_axis)], axis=1)
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, matrix.flatten())
    return [float(q) for q in quat]


def _add_servo(spec: mujoco.MjSpec, joint: str, kp: float, kv: float, force_n: float | None) -> None:
    servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    servo.gaintype, servo.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
    servo.gainprm[0] = kp
    servo.biasprm[:3] = [0.0, -kp, -kv]
    if force_n is not None:
        servo.forcerange, servo.forcelimited = [-force_n, force_n], 1


class ToolKinematics:
    """Forward and inverse kinematics of the tool on a scratch ``MjData``.

    Inverse kinematics is damped least squares with a pull towards the home posture in the null space
    (Wampler 1986; Nakamura and Hanafusa 1986). The tool keeps pointing down.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._data = mujoco.MjData(model)
        self._site = model.site("tool").id
        self._q = np.array([model.joint(name).qposadr[0] for name in ARM_JOINTS])
        self._v = np.array([model.joint(name).dofadr[0] for name in ARM_JOINTS])
        self._low, self._high = np.array(_JOINT_RANGE).T
        self._jac = np.zeros((2, 3, model.nv))

    def tool(self, q: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Tool position (3,) in m and rotation matrix (3, 3) in the robot frame at joints ``q`` (7,)."""
        self._data.qpos[self._q] = q
        mujoco.mj_kinematics(self._model, self._data)
        return self._data.site_xpos[self._site].copy(), self._data.site_xmat[self._site].reshape(3, 3).copy()

    def solve(
        self, position_m: NDArray[np.float64], q_start: NDArray[np.float64], iterations: int = 6
    ) -> NDArray[np.float64]:
        """Joint angles (7,) that bring the tool, pointing down, to ``position_m`` from ``q_start``."""
        q = np.array(q_start, np.float64)
        home = np.array(HOME_Q)
        for _ in range(iterations):
            position, rotation = self.tool(q)
            error = np.concatenate([position_m - position, _tilt(rotation)])
            if np.abs(error).max() < 2e-4:
                break
            mujoco.mj_comPos(self._model, self._data)
            mujoco.mj_jacSite(self._model, self._data, self._jac[0], self._jac[1], self._site)
            jac = self._jac[:, :, self._v].reshape(6, 7)
            inverse = jac.T @ np.linalg.inv(jac @ jac.T + 1e-4 * np.eye(6))
            step = inverse @ error
            step += (np.eye(7) - inverse @ jac) @ (0.1 * (home - q))
            q = np.clip(q + np.clip(step, -0.2, 0.2), self._low, self._high)
        return q


_DOWN = np.diag([1.0, -1.0, -1.0])


def _tilt(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation vector (3,) in rad, to first order, that turns ``rotation`` into the downward tool."""
    return 0.5 * np.cross(rotation, _DOWN, axis=0).sum(axis=1)
