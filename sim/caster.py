"""Rays from one point to the first geom they meet."""

from __future__ import annotations

from copy import copy

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_VISIBLE_GROUPS = np.array([1, 1, 1, 0, 0, 0], np.uint8)
_HAS_NORMAL_ARGUMENT = "normal:" in (mujoco.mj_multiRay.__doc__ or "")


class Caster:
    """``mj_multiRay`` that misses nothing.

    MuJoCo 3.3 skips a geom for rays outside the angles of its bounding box's corners, which is wrong for what
    is near or straight above or below the eye: a camera that looks down loses walls. Bounds are therefore
    widened, on a private copy of the model, until they are safe.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        # The copy follows what the rays can see of its source: colours, since a clear geom is not hit.
        self._source, self._model = model, copy(model)
        self._roots = np.flatnonzero(model.body_bvhadr >= 0)

    def cast(
        self, data: mujoco.MjData, eye: Array, rays: Array, skip_body: int
    ) -> tuple[NDArray[np.int32], Array]:
        """First geom hit by each of the rays (N, 3) (-1 for none) and its distance in m, each (N,)."""
        self._widen(data, eye)
        count = len(rays)
        geom, distance = np.full(count, -1, np.int32), np.full(count, -1.0)
        optional = {"normal": None} if _HAS_NORMAL_ARGUMENT else {}
        mujoco.mj_multiRay(
            m=self._model,
            d=data,
            pnt=eye,
            vec=np.ascontiguousarray(rays).reshape(-1),
            geomgroup=_VISIBLE_GROUPS,
            flg_static=1,
            bodyexclude=skip_body,
            geomid=geom,
            dist=distance,
            nray=count,
            cutoff=mujoco.mjMAXVAL,
            **optional,
        )
        return geom, np.where(geom < 0, 0.0, distance)

    def _widen(self, data: mujoco.MjData, eye: Array) -> None:
        model = self._model
        model.geom_rgba[:], model.mat_rgba[:] = self._source.geom_rgba, self._source.mat_rgba
        radius = np.where(model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE), 1e3, model.geom_rbound)
        offset = data.geom_xpos - eye
        distance = np.linalg.norm(offset, axis=1)
        # Far and near the horizon a cube of twice the radius has corners that bound the sphere's angles.
        safe = (distance > 6 * radius) & (np.abs(offset[:, 2]) < 0.85 * distance)
        model.geom_aabb[:, :3] = 0
        model.geom_aabb[:, 3:] = np.where(safe, 2 * radius, 1e3)[:, None]
        reach = np.linalg.norm(data.geom_xpos - data.xipos[model.geom_bodyid], axis=1) + radius
        bound = np.zeros(model.nbody)
        np.maximum.at(bound, model.geom_bodyid, reach)
        nodes = model.body_bvhadr[self._roots]
        model.bvh_aabb[nodes] = 0
        model.bvh_aabb[nodes, 3] = bound[self._roots]
