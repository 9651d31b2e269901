"""A scene from the simulator's truth, as JSON, and as text that a language model reads instead of seeing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.goals.symbols import symbols_of
from sim.instruct.descriptions import brief, detailed
from sim.instruct.scene import Box, Scene
from sim.objects import HALF_M, POOL, ROW, ROWS
from sim.scene import (
    BOWL_RADIUS_M,
    CABINET_HALF_M,
    CABINET_HEIGHT_M,
    FRONT_CAMERA_FOVY_DEG,
    FRONT_CAMERA_POS_M,
    FRONT_CAMERA_TARGET_M,
    HANDLE_REACH_M,
    TRAY_HALF_M,
    ZONE_HALF_M,
)
from sim.truth import Truth
from vla.planner.symbols import Symbols

_STAR_M: Final = 0.031
_HALVES_M: Final = {
    "bowl": (BOWL_RADIUS_M, BOWL_RADIUS_M, 0.024),
    "tray": (*TRAY_HALF_M, 0.007),
    "zone": (ZONE_HALF_M, ZONE_HALF_M, 0.001),
    "button": (0.034, 0.034, 0.018),
}


def scene_of(truth: Truth, names: Mapping[int, str], entities: NDArray[Any]) -> Scene:
    """Everything about a scene that is said in words.

    Args:
        truth: Its state.
        names: Movable row to name; everything on the table must have one.
        entities: ``World.entities`` of that state: where things are in the picture.
    """
    state = symbols_of(truth, names)
    rows = {**{name: row for row, name in names.items()}, **{name: ROW[name] for name in state.fixtures}}
    seen = np.asarray(entities, np.float64).reshape(ROWS, -1)[:, 5:7]
    position = {name: _xy(truth.position_m[row]) for name, row in rows.items()}
    boxes = {name: _box(name, row, truth, seen[row]) for name, row in rows.items()}
    return Scene(state, position, boxes)


def as_json(scene: Scene) -> dict[str, Any]:
    """Plain JSON types; :func:`from_json` is the inverse."""
    state = scene.state
    return {
        "names": {str(row): name for row, name in state.names.items()},
        "where": {str(row): place for row, place in state.where.items()},
        "fixtures": sorted(state.fixtures),
        "drawer": state.drawer,
        "pressed": state.pressed,
        "over": state.over,
        "position_m": {name: [round(v, 4) for v in xy] for name, xy in scene.position_m.items()},
        "boxes": {name: list(box) for name, box in scene.boxes.items()},
    }


def from_json(data: Mapping[str, Any]) -> Scene:
    """The scene of :func:`as_json`.

    Raises:
        KeyError: a part is missing.
    """
    state = Symbols(
        names={int(row): name for row, name in data["names"].items()},
        where={int(row): place for row, place in data["where"].items()},
        fixtures=frozenset(data["fixtures"]),
        drawer=data["drawer"],
        pressed=data["pressed"],
        over=data["over"],
    )
    position = {name: (xy[0], xy[1]) for name, xy in data["position_m"].items()}
    boxes = {name: (box[0], box[1], box[2], box[3]) for name, box in data["boxes"].items()}
    return Scene(state, position, boxes)


def context_text(scene: Scene) -> str:
    """What a language model is told instead of being shown the picture: captions and bounding boxes."""
    hidden = set(map(scene.name, scene.hidden))
    boxes = [
        f"{name}: [{', '.join(f'{v:.2f}' for v in box)}]"
        for name, box in scene.boxes.items()
        if name not in hidden
    ]
    return "\n".join(("captions:", brief(scene), detailed(scene), "boxes:", *boxes))


def _xy(point: NDArray[np.float64]) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _box(name: str, row: int, truth: Truth, uv: NDArray[np.float64]) -> Box:
    """Around a body, by the plain camera; shifted to where this scene's camera sees the body's origin."""
    at = truth.position_m[row]
    middle, half = at.copy(), np.full(3, HALF_M)
    if row < len(POOL):
        half = np.array([_STAR_M, _STAR_M, HALF_M]) if POOL[row] == "star" else half
    elif name == "drawer":
        reach = HANDLE_REACH_M + truth.drawer_open_m + 2 * CABINET_HALF_M[1]
        middle = np.array([at[0], at[1] + reach / 2, CABINET_HEIGHT_M / 2])
        half = np.array([CABINET_HALF_M[0], reach / 2, CABINET_HEIGHT_M / 2])
    else:
        half = np.array(_HALVES_M[name])
        middle[2] = half[2]
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) * half + middle
    points = _projected(corners) + uv - _projected(at)
    left, top = np.clip(points.min(axis=0), 0, 1)
    right, bottom = np.clip(points.max(axis=0), 0, 1)
    return round(float(left), 3), round(float(top), 3), round(float(right), 3), round(float(bottom), 3)


def _projected(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the plain front camera sees points, (..., 3) to (..., 2), fractions of width and height."""
    back = np.subtract(FRONT_CAMERA_POS_M, FRONT_CAMERA_TARGET_M)
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    offset = points_m - FRONT_CAMERA_POS_M
    half = -(offset @ back) * np.tan(np.deg2rad(FRONT_CAMERA_FOVY_DEG) / 2)
    across, up = offset @ right / half, offset @ np.cross(back, right) / half
    return np.stack((0.5 + 0.5 * across, 0.5 - 0.5 * up), axis=-1)
