"""The world's MJCF, generated from primitives: table, wall, cameras, fixtures, movable objects, arm."""

from __future__ import annotations

import mujoco
import numpy as np

from sim.objects import HALF_M, POOL
from sim.robot import add_arm

TIMESTEP_S = 0.002
SUBSTEPS = 25
MAT_LOW_M, MAT_HIGH_M = (0.32, -0.32), (0.70, 0.32)
BOWL_RADIUS_M = 0.068
TRAY_HALF_M = (0.06, 0.08)
ZONE_HALF_M = 0.06
DRAWER_TRAVEL_M = 0.16
CABINET_HALF_M = (0.10, 0.10)
CABINET_HEIGHT_M = 0.09
HANDLE_REACH_M = 0.05
HANDLE_HEIGHT_M = 0.05
DRAWER_DEPTH_M = 0.15
BUTTON_TRAVEL_M = 0.012
FRONT_CAMERA_POS_M, FRONT_CAMERA_TARGET_M = (1.06, 0.0, 0.92), (0.46, 0.0, 0.04)
FRONT_CAMERA_FOVY_DEG = 40.0

_BOX, _CYL = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
_SPHERE, _PLANE = mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_PLANE
_SLIDE = mujoco.mjtJoint.mjJNT_SLIDE
_WOOD = (0.62, 0.45, 0.30, 1.0)
_HOLLOW = (0.10, 0.10, 0.11, 1.0)
_GHOST = {"contype": 0, "conaffinity": 0}


def build_scene(image_size: int = 128) -> mujoco.MjModel:
    """Compile the one model that serves every task.

    Args:
        image_size: Largest picture side that will be rendered, in pixels.
    """
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 5
    spec.visual.global_.offwidth = spec.visual.global_.offheight = max(image_size, 64)
    spec.visual.quality.offsamples = 0
    spec.visual.quality.shadowsize = 0
    spec.visual.headlight.ambient = [0.42, 0.42, 0.42]
    spec.visual.headlight.diffuse = [0.28, 0.28, 0.28]
    spec.visual.headlight.specular = [0.05, 0.05, 0.05]
    _add_room(spec)
    _add_cabinet(spec)
    _add_button(spec)
    _add_containers(spec)
    for i, shape in enumerate(POOL):
        _add_object(spec, f"object_{i}", shape)
    add_arm(spec)
    return spec.compile()


def _add_room(spec: mujoco.MjSpec) -> None:
    for name, colours, repeat in (("table", (0.72, 0.66), 6.0), ("wall", (0.80, 0.74), 4.0)):
        spec.add_texture(
            name=name,
            type=mujoco.mjtTexture.mjTEXTURE_2D,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
            rgb1=[colours[0]] * 3,
            rgb2=[colours[1]] * 3,
            width=64,
            height=64,
        )
        material = spec.add_material(name=name, texuniform=True, texrepeat=[repeat, repeat], specular=0.1)
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    world = spec.worldbody
    # MuJoCo 3.3.0 names a directional light by a flag, later versions by a type.
    kind = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL if hasattr(mujoco, "mjtLightType") else None
    world.add_light(
        name="lamp", pos=[0.6, 0.3, 1.6], dir=[-0.15, -0.2, -1],
        **({"type": kind} if kind is not None else {"directional": True}),
        diffuse=[0.5, 0.5, 0.5], specular=[0.12, 0.12, 0.12], castshadow=False,
    )  # fmt: skip
    world.add_geom(name="table", type=_BOX, size=[0.55, 0.65, 0.03], pos=[0.35, 0, -0.03], material="table")
    world.add_geom(name="wall", type=_PLANE, size=[3, 3, 0.1], pos=[-0.7, 0, 0],
                   quat=[0.70710678, 0, 0.70710678, 0], material="wall", **_GHOST)  # fmt: skip
    world.add_geom(name="floor", type=_PLANE, size=[4, 4, 0.1], pos=[0, 0, -0.75], rgba=(0.35, 0.36, 0.38, 1))
    centre = [(low + high) / 2 for low, high in zip(MAT_LOW_M, MAT_HIGH_M, strict=True)]
    half = [(high - low) / 2 for low, high in zip(MAT_LOW_M, MAT_HIGH_M, strict=True)]
    world.add_geom(name="mat", type=_BOX, size=[*half, 0.0008], pos=[*centre, 0.0],
                   rgba=(0.25, 0.27, 0.30, 1), **_GHOST)  # fmt: skip
    world.add_camera(
        name="front", pos=FRONT_CAMERA_POS_M, fovy=FRONT_CAMERA_FOVY_DEG,
        quat=look_at(FRONT_CAMERA_POS_M, FRONT_CAMERA_TARGET_M),
    )  # fmt: skip


def look_at(position_m: tuple[float, ...], target_m: tuple[float, ...]) -> list[float]:
    """Quaternion wxyz of a camera at ``position_m`` that looks at ``target_m`` with world z up."""
    back = np.subtract(position_m, target_m)
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, np.stack([right, np.cross(back, right), back], axis=1).flatten())
    return [float(q) for q in quat]


def _add_cabinet(spec: mujoco.MjSpec) -> None:
    """A cabinet whose drawer slides towards -y of the cabinet frame; the origin is its foot's centre."""
    hx, hy = CABINET_HALF_M
    height, wall = CABINET_HEIGHT_M, 0.006
    cabinet = spec.worldbody.add_body(name="cabinet", pos=[0.5, 0.5, 0])
    for pos, size in (
        ((0, 0, height - wall), (hx, hy, wall)),
        ((hx - wall, 0, height / 2), (wall, hy, height / 2)),
        ((-hx + wall, 0, height / 2), (wall, hy, height / 2)),
        ((0, hy - wall, height / 2), (hx, wall, height / 2)),
        ((0, 0, 0.003), (hx, hy, 0.003)),
    ):
        cabinet.add_geom(type=_BOX, pos=pos, size=size, rgba=_WOOD)
    drawer = cabinet.add_body(name="drawer", pos=[0, -hy, 0.009])
    drawer.add_joint(
        name="drawer", type=_SLIDE, axis=[0, -1, 0], range=[0, DRAWER_TRAVEL_M], limited=1, damping=6.0,
        frictionloss=0.6, armature=0.1,
    )  # fmt: skip
    dx, depth, side = hx - 2 * wall - 0.003, DRAWER_DEPTH_M, 0.025
    pale = (0.80, 0.66, 0.48, 1.0)
    for pos, size in (
        ((0, depth / 2, 0.003), (dx, depth / 2, 0.003)),
        ((0, 0.004, side), (dx, 0.004, side)),
        ((0, depth - 0.004, side), (dx, 0.004, side)),
        ((dx - 0.004, depth / 2, side), (0.004, depth / 2, side)),
        ((-dx + 0.004, depth / 2, side), (0.004, depth / 2, side)),
    ):
        drawer.add_geom(type=_BOX, pos=pos, size=size, rgba=pale, mass=0.06)
    metal, z = (0.16, 0.16, 0.18, 1.0), HANDLE_HEIGHT_M - 0.009
    drawer.add_geom(name="handle", type=_BOX, pos=[0, -HANDLE_REACH_M, z], size=[0.045, 0.006, 0.008],
                    rgba=metal, mass=0.03, friction=[1.2, 0.01, 0.001])  # fmt: skip
    for x in (-0.04, 0.04):
        drawer.add_geom(type=_BOX, pos=[x, -HANDLE_REACH_M / 2, z], size=[0.005, HANDLE_REACH_M / 2, 0.006],
                        rgba=metal, mass=0.01)  # fmt: skip


def _add_button(spec: mujoco.MjSpec) -> None:
    button = spec.worldbody.add_body(name="button", pos=[0.5, -0.5, 0])
    button.add_geom(name="button_base", type=_BOX, pos=[0, 0, 0.01], size=[0.034, 0.034, 0.01],
                    rgba=(0.2, 0.2, 0.22, 1))  # fmt: skip
    cap = button.add_body(name="button_cap", pos=[0, 0, 0.028], gravcomp=1)
    cap.add_joint(
        name="button", type=_SLIDE, axis=[0, 0, -1], range=[0, BUTTON_TRAVEL_M], limited=1, stiffness=150,
        damping=4.0, armature=0.02,
    )  # fmt: skip
    cap.add_geom(name="button_cap", type=_CYL, size=[0.022, 0.009, 0], rgba=(0.8, 0.1, 0.1, 1), mass=0.02)


def _add_containers(spec: mujoco.MjSpec) -> None:
    china = (0.90, 0.88, 0.84, 1.0)
    bowl = spec.worldbody.add_body(name="bowl", pos=[0.4, -0.6, 0])
    bowl.add_geom(name="bowl_floor", type=_CYL, size=[0.05, 0.003, 0], pos=[0, 0, 0.003], rgba=china)
    sides, lean = 14, np.deg2rad(28.0)
    for k in range(sides):
        angle = 2 * np.pi * k / sides
        turn = np.array([np.cos(angle / 2), 0, 0, np.sin(angle / 2)])
        quat = np.empty(4)
        mujoco.mju_mulQuat(quat, turn, np.array([np.cos(lean / 2), 0, np.sin(lean / 2), 0]))
        radius = 0.058
        bowl.add_geom(
            name=f"bowl_side_{k}", type=_BOX, size=[0.003, 0.0155, 0.024], rgba=china,
            pos=[radius * np.cos(angle), radius * np.sin(angle), 0.023], quat=quat,
        )  # fmt: skip
    tray = spec.worldbody.add_body(name="tray", pos=[0.4, -0.8, 0])
    tx, ty = TRAY_HALF_M
    steel = (0.55, 0.60, 0.66, 1.0)
    for k, (pos, size) in enumerate(
        (
            ((0, 0, 0.002), (tx, ty, 0.002)),
            ((tx, 0, 0.007), (0.003, ty + 0.003, 0.007)),
            ((-tx, 0, 0.007), (0.003, ty + 0.003, 0.007)),
            ((0, ty, 0.007), (tx, 0.003, 0.007)),
            ((0, -ty, 0.007), (tx, 0.003, 0.007)),
        )
    ):
        tray.add_geom(name=f"tray_{k}", type=_BOX, pos=pos, size=size, rgba=steel)
    zone = spec.worldbody.add_body(name="zone", pos=[0.4, -1.0, 0])
    zone.add_geom(
        name="zone", type=_BOX, size=[ZONE_HALF_M, ZONE_HALF_M, 0.0012], rgba=(0.5, 0.7, 0.5, 1), **_GHOST
    )


def _add_object(spec: mujoco.MjSpec, name: str, shape: str) -> None:
    body = spec.worldbody.add_body(name=name, pos=[0, 0, -0.5])
    body.add_freejoint(name=name)
    h = HALF_M
    # Seen, not felt: cylinders look hollow and stars have long points, so that shapes can be told apart
    # where they are eight pixels wide.
    surface = {"friction": [0.9, 0.02, 0.001], "condim": 6, "solimp": [0.95, 0.99, 0.001, 0.5, 2]}
    if shape == "block":
        body.add_geom(name=name, type=_BOX, size=[h, h, h], mass=0.06, **surface)
    elif shape == "cylinder":
        body.add_geom(name=name, type=_CYL, size=[h, h, 0], mass=0.06, **surface)
        body.add_geom(
            name=f"{name}_hollow", type=_CYL, pos=[0, 0, h], size=[0.75 * h, 0.0004, 0], rgba=_HOLLOW,
            mass=0, **_GHOST,
        )  # fmt: skip
    elif shape == "ball":
        surface |= {"friction": [0.9, 0.02, 0.004]}
        body.add_geom(name=name, type=_SPHERE, size=[h, 0, 0], mass=0.05, **surface)
    else:  # a star with eight points: two square prisms turned by 45 degrees
        half_turn = [np.cos(np.pi / 8), 0, 0, np.sin(np.pi / 8)]
        body.add_geom(name=name, type=_BOX, size=[0.0165, 0.0165, h], mass=0.03, **surface)
        body.add_geom(
            name=f"{name}_b", type=_BOX, size=[0.0165, 0.0165, h], quat=half_turn, mass=0.03, **surface
        )
        for k in range(3):
            turn = [np.cos(k * np.pi / 6), 0, 0, np.sin(k * np.pi / 6)]
            body.add_geom(
                name=f"{name}_points_{k}", type=_BOX, pos=[0, 0, -0.3 * h], size=[0.031, 0.0035, 0.6 * h],
                quat=turn, mass=0, **_GHOST,
            )  # fmt: skip
