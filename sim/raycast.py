"""A renderer that needs no GL library: one ray per pixel from MuJoCo, shading in numpy.

It draws what the rasteriser draws with shadows off: geom and material colours under the head light and the
model's lights (ambient, Lambert, Blinn-Phong highlights, emission). Textures are drawn by their mean colour,
all surfaces are opaque, and sites, tendons and other decoration are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.caster import Caster

Array = NDArray[np.float64]

# Plain integers: comparing an array with mujoco's enum objects is done one element at a time.
_PLANE, _SPHERE, _CAPSULE, _ELLIPSOID, _CYLINDER, _BOX = (
    int(kind)
    for kind in (
        mujoco.mjtGeom.mjGEOM_PLANE,
        mujoco.mjtGeom.mjGEOM_SPHERE,
        mujoco.mjtGeom.mjGEOM_CAPSULE,
        mujoco.mjtGeom.mjGEOM_ELLIPSOID,
        mujoco.mjtGeom.mjGEOM_CYLINDER,
        mujoco.mjtGeom.mjGEOM_BOX,
    )
)


class RaycastRenderer:
    """Same verbs as :class:`sim.render.Renderer`, pip-only.

    Args:
        model: The model to draw.
        cameras: Camera name to (height, width) in pixels.
    """

    backend = "raycast"

    def __init__(self, model: mujoco.MjModel, cameras: Mapping[str, tuple[int, int]]) -> None:
        self._sizes = dict(cameras)
        self._option = mujoco.MjvOption()
        self._closed = False
        self.bind(model)

    def bind(self, model: mujoco.MjModel) -> None:
        """See :meth:`sim.render.Renderer.bind`."""
        have = {model.camera(i).name: i for i in range(model.ncam)}
        for name in self._sizes:
            if name not in have:
                raise ValueError(f"camera {name!r} is not in the model; it has {sorted(have)}")
        self._ids = {name: have[name] for name in self._sizes}
        self._model = model
        self._caster = Caster(model)
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._rays = {
            name: _pixel_rays(float(model.cam_fovy[self._ids[name]]), *size)
            for name, size in self._sizes.items()
        }
        self._texture_tint = _texture_tints(model)

    def render(self, data: mujoco.MjData) -> dict[str, NDArray[np.uint8]]:
        """See :meth:`sim.render.Renderer.render`.

        Raises:
            RuntimeError: the renderer was closed.
        """
        if self._closed:
            raise RuntimeError("this renderer is closed; open another one")
        return {name: self._draw(data, name) for name in self._sizes}

    def close(self) -> None:
        """Nothing to free; kept for the contract."""
        self._closed = True

    def _draw(self, data: mujoco.MjData, name: str) -> NDArray[np.uint8]:
        model, index = self._model, self._ids[name]
        camera = mujoco.MjvCamera()
        camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, index
        every = mujoco.mjtCatBit.mjCAT_ALL
        # Scene assembly is plain CPU work; it settles colours, materials and lights exactly as for GL.
        mujoco.mjv_updateScene(model, data, self._option, None, camera, every, self._scene)
        eye, turn = data.cam_xpos[index], data.cam_xmat[index].reshape(3, 3)
        rays = self._rays[name] @ turn.T
        geom, distance = self._caster.cast(data, eye, rays, -1)
        points = eye + rays * distance[:, None]
        normals = _normals(model, data, geom, points, rays)
        # Seen from inside (a camera within the hand's box): GL does not draw back faces, so look past them.
        inside = np.flatnonzero((geom >= 0) & (np.einsum("nd,nd->n", normals, rays) > 1e-6))
        if len(inside):
            body = int(model.cam_bodyid[index])
            geom[inside], distance[inside] = self._caster.cast(data, eye, rays[inside], body)
            points[inside] = eye + rays[inside] * distance[inside, None]
            normals[inside] = _normals(model, data, geom[inside], points[inside], rays[inside])
        colour = self._shade(geom, points, normals, rays)
        return (np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8).reshape(*self._sizes[name], 3)

    def _shade(self, geom: NDArray[np.int32], points: Array, normals: Array, rays: Array) -> Array:
        """Fixed-function lighting: colour in [0, 1], shape (N, 3); pixels that hit nothing stay black."""
        table = self._materials()
        base, emission, specular, shininess = (column[geom] for column in table)
        colour = base * emission[:, None]
        for light in self._scene.lights[: self._scene.nlight]:
            towards, strength = _reach(light, points)
            lambert = np.maximum(np.einsum("nd,nd->n", normals, towards), 0)
            halfway = towards - rays
            halfway /= np.linalg.norm(halfway, axis=1, keepdims=True) + 1e-12
            shine = np.maximum(np.einsum("nd,nd->n", normals, halfway), 0)
            highlight = np.where(lambert > 0, shine ** np.maximum(shininess * 128, 1e-3), 0) * specular
            lit = base * (np.array(light.ambient) + lambert[:, None] * np.array(light.diffuse))
            colour += strength[:, None] * (lit + highlight[:, None] * np.array(light.specular))
        colour[geom < 0] = 0
        return colour

    def _materials(self) -> tuple[Array, Array, Array, Array]:
        """Per geom id: colour (n, 3), emission, specular, shininess, each (n,)."""
        count = self._model.ngeom
        base, rest = np.zeros((count, 3)), np.zeros((3, count))
        for drawn in self._scene.geoms[: self._scene.ngeom]:
            if drawn.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                base[drawn.objid] = drawn.rgba[:3]
                # GL lights the corners of a plane's few large tiles, which never see a small highlight.
                specular = 0.0 if drawn.type == _PLANE else drawn.specular
                rest[:, drawn.objid] = drawn.emission, specular, drawn.shininess
        return base * self._texture_tint, rest[0], rest[1], rest[2]


def _pixel_rays(fovy_deg: float, height: int, width: int) -> Array:
    """Unit rays through pixel centres in the camera's frame (x right, y up, -z ahead), shape (H * W, 3)."""
    scale = np.tan(np.deg2rad(fovy_deg) / 2) * 2 / height
    rows, columns = np.mgrid[0:height, 0:width]
    x = (columns - (width - 1) / 2) * scale
    y = ((height - 1) / 2 - rows) * scale
    rays = np.stack([x, y, -np.ones_like(x)], -1).reshape(-1, 3)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _normals(
    model: mujoco.MjModel, data: mujoco.MjData, geom: NDArray[np.int32], points: Array, rays: Array
) -> Array:
    """Outward unit surface normals in the world frame at ``points`` on ``geom``, shape (N, 3).

    Exact for planes, spheres, boxes, capsules, cylinders and ellipsoids; other shapes face the camera.
    """
    local = np.einsum("nji,nj->ni", data.geom_xmat[geom].reshape(-1, 3, 3), points - data.geom_xpos[geom])
    size, kind = model.geom_size[geom], model.geom_type[geom]
    normal = np.zeros_like(local)
    normal[kind == _PLANE, 2] = 1
    sphere = kind == _SPHERE
    normal[sphere] = local[sphere]
    box = np.flatnonzero(kind == _BOX)
    axis = np.argmax(np.abs(local[box]) - size[box], axis=1)
    normal[box, axis] = np.sign(local[box, axis])
    capsule = kind == _CAPSULE
    middle = np.clip(local[:, 2], -size[:, 1], size[:, 1])
    normal[capsule] = local[capsule] - np.stack([0 * middle, 0 * middle, middle], -1)[capsule]
    cylinder = kind == _CYLINDER
    radial = np.hypot(local[:, 0], local[:, 1])
    cap = np.abs(local[:, 2]) - size[:, 1] > radial - size[:, 0]
    side = np.flatnonzero(cylinder & ~cap)
    normal[side, :2] = local[side, :2]
    ends = np.flatnonzero(cylinder & cap)
    normal[ends, 2] = np.sign(local[ends, 2])
    ellipsoid = kind == _ELLIPSOID
    normal[ellipsoid] = local[ellipsoid] / size[ellipsoid] ** 2
    world = np.einsum("nij,nj->ni", data.geom_xmat[geom].reshape(-1, 3, 3), normal)
    length = np.linalg.norm(world, axis=1, keepdims=True)
    return np.where(length > 1e-12, world / np.maximum(length, 1e-12), -rays)


def _reach(light: mujoco.MjvLight, points: Array) -> tuple[Array, Array]:
    """Unit directions from ``points`` to the light (N, 3) and its strength there in [0, 1], (N,)."""
    direction = np.array(light.dir, np.float64)
    if _is_directional(light):
        return np.broadcast_to(-direction, points.shape), np.ones(len(points))
    towards = np.array(light.pos, np.float64) - points
    far = np.linalg.norm(towards, axis=1) + 1e-12
    towards = towards / far[:, None]
    constant, linear, quadratic = (float(value) for value in light.attenuation)
    strength = 1 / (constant + linear * far + quadratic * far**2)
    if light.cutoff < 90:
        aligned = -towards @ direction
        within = aligned >= np.cos(np.deg2rad(light.cutoff))
        strength = strength * np.where(within, np.maximum(aligned, 0) ** float(light.exponent), 0)
    return towards, strength


def _is_directional(light: mujoco.MjvLight) -> bool:
    if hasattr(light, "directional"):  # until MuJoCo 3.3.2
        return bool(light.directional)
    return int(light.type) == int(mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)


def _texture_tints(model: mujoco.MjModel) -> Array:
    """Mean texture colour of each geom in [0, 1], shape (ngeom, 3); white where it has no texture."""
    tints = np.ones((model.ngeom, 3))
    for geom in range(model.ngeom):
        material = int(model.geom_matid[geom])
        texture = (
            -1 if material < 0 else int(model.mat_texid[material][int(mujoco.mjtTextureRole.mjTEXROLE_RGB)])
        )
        if texture >= 0:
            start = int(model.tex_adr[texture])
            channels = int(model.tex_nchannel[texture])
            pixels = int(model.tex_height[texture]) * int(model.tex_width[texture])
            texels = model.tex_data[start : start + pixels * channels].reshape(-1, channels)
            tints[geom] = texels[:, :3].mean(0) / 255
    return tints
