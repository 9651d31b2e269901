"""What is true of a scene, in words: things with a shape, a colour and a place, and the state of fixtures.

Facts are read from the labels that every still and every demonstration carries (``label.entities``, and
``label.scene`` where it is kept), or from the simulator itself; captions, questions and plans are made of
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.layout import CORNERS
from sim.objects import COLOUR_NAMES, FIXTURES, HALF_M, POOL, ROW, ROWS
from sim.scene import BOWL_RADIUS_M, CABINET_HALF_M, DRAWER_DEPTH_M, TRAY_HALF_M, ZONE_HALF_M
from sim.truth import Truth

SCENE_LABEL: Final = 3
"""Width of the column ``label.scene``; see :func:`scene_label`."""
PLACES: Final = ("bowl", "tray", "drawer", "zone", *CORNERS, "table")
"""Places a thing can lie in; a corner and the zone are part of the table, the others are not."""

_BOWL_INSIDE_M = 0.052
_NEAR_CENTRE_M = 0.04
_UNCLEAR_M = 0.03
_STANDING_M = HALF_M + 0.008
_OPEN_HANDLE_Y_M = 0.14


@dataclass(frozen=True, slots=True)
class Item:
    """A movable thing.

    Attributes:
        row: Its entity row.
        shape: One of ``sim.objects.SHAPES``.
        colour: A colour word, or None where no word of ours names it.
        position_m: Its centre in the robot frame.
        place: One of :data:`PLACES`, ``"stack"`` (on another thing), ``"gripper"``, or ``""`` where it lies
            across a border and no honest person would say.
        near: Corners and zone that it lies next to: it is not in them, but nobody would be sure.
        on: Row of the thing right below, or None.
    """

    row: int
    shape: str
    colour: str | None
    position_m: tuple[float, float, float]
    place: str
    near: tuple[str, ...] = ()
    on: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a scene.

    Attributes:
        items: What can be moved, by row.
        fixtures: Name of each fixture that stands there ("bowl", "tray", "zone", "drawer", "button") to its
            place in m, robot frame; that of the drawer is its handle.
        drawer: ``"open"``, ``"closed"``, ``"ajar"``, or None where no cabinet stands.
        held: Row of the thing in the gripper, or None.
        button_pressed: Whether the button has been pressed.
    """

    items: tuple[Item, ...]
    fixtures: Mapping[str, tuple[float, float, float]]
    drawer: str | None
    held: int | None
    button_pressed: bool

    def item(self, row: int) -> Item:
        """The thing of that row.

        Raises:
            KeyError: it is not there.
        """
        for item in self.items:
            if item.row == row:
                return item
        raise KeyError(row)


def scene_label(truth: Truth) -> NDArray[np.float32]:
    """What :func:`facts_of` needs besides ``label.entities``, (3,): held row or -1, drawer in m, pressed."""
    return np.array([truth.held, truth.drawer_open_m, truth.button_pressed], np.float32)


def facts_of(entities: NDArray[Any], scene: NDArray[Any] | None = None) -> Facts:
    """Read facts from labels.

    Args:
        entities: ``label.entities`` of one instant, of any shape with ``ROWS`` rows of equal width.
        scene: ``label.scene`` of the same instant. None is for stills drawn before that column was kept:
            nothing is held, the button is not pressed, and the drawer is judged by where its handle is.
    """
    table = np.asarray(entities, np.float64).reshape(ROWS, -1)
    there = [row for row in range(ROWS) if table[row, 0] > 0]
    places = {name: _point(table[ROW[name]]) for name in FIXTURES if ROW[name] in there}
    inside = places.pop("drawer_inside", None)
    held = None if scene is None or scene[0] < 0 else int(scene[0])
    drawer = None
    if "drawer" in places:
        drawer = _drawer_by_handle(places["drawer"]) if scene is None else _drawer_by_joint(float(scene[1]))
    found = {row: _point(table[row]) for row in there if row < len(POOL)}
    items = []
    for row, at in found.items():
        below = None if row == held else _below(row, found, held)
        place, near = _place(at, places, inside)
        if row == held or below is not None:
            place, near = "gripper" if row == held else "stack", ()
        colour = int(table[row, 1])
        name = COLOUR_NAMES[colour] if colour >= 0 else None
        items.append(Item(row, POOL[row], name, at, place, near, below))
    return Facts(tuple(items), places, drawer, held, scene is not None and scene[2] > 0)


def _point(row: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(row[2]), float(row[3]), float(row[4])


def _drawer_by_joint(open_m: float) -> str:
    return "open" if open_m > 0.11 else "closed" if open_m < 0.02 else "ajar"


def _drawer_by_handle(handle_m: tuple[float, float, float]) -> str:
    # The cabinet stands at y from 0.36 to 0.38 m and stills begin fully open or fully closed.
    return "open" if handle_m[1] < _OPEN_HANDLE_Y_M else "closed"


def _below(row: int, found: Mapping[int, tuple[float, float, float]], held: int | None) -> int | None:
    x, y, z = found[row]
    for other, (a, b, c) in found.items():
        stands = np.hypot(x - a, y - b) < 0.021 and abs(z - c - 2 * HALF_M) < 0.008
        if other not in (row, held) and stands:
            return other
    return None


def _place(
    at: tuple[float, float, float],
    fixtures: Mapping[str, tuple[float, float, float]],
    inside: tuple[float, float, float] | None,
) -> tuple[str, tuple[str, ...]]:
    """Place and neighbourhood of a thing that is neither held nor stacked."""
    areas = {"zone": fixtures["zone"][:2]} if "zone" in fixtures else {}
    away_m = {
        name: max(abs(at[0] - centre[0]), abs(at[1] - centre[1]))
        for name, centre in (areas | CORNERS).items()
    }
    near = tuple(name for name, gap_m in away_m.items() if gap_m < ZONE_HALF_M + _UNCLEAR_M)
    container = _container(at, fixtures, inside)
    if container is not None or at[2] > _STANDING_M:
        return container or "", near
    inner = [name for name in near if away_m[name] < _NEAR_CENTRE_M]
    place = inner[0] if inner else "table"
    return place, tuple(name for name in near if name != place)


def _container(
    at: tuple[float, float, float],
    fixtures: Mapping[str, tuple[float, float, float]],
    inside: tuple[float, float, float] | None,
) -> str | None:
    """The container that a thing lies in, "" across the border of one, None away from all."""
    if inside is not None:
        dx, dy, dz = np.abs(np.subtract(at, inside))
        if dx < CABINET_HALF_M[0] - 0.02 and dy < DRAWER_DEPTH_M / 2 - 0.01 and dz < 0.025:
            return "drawer"
        if dx < CABINET_HALF_M[0] and dy < DRAWER_DEPTH_M / 2 + 0.01:
            return ""
    if "bowl" in fixtures:
        gap_m = float(np.hypot(at[0] - fixtures["bowl"][0], at[1] - fixtures["bowl"][1]))
        if gap_m < _BOWL_INSIDE_M and at[2] < 0.055:
            return "bowl"
        if gap_m < BOWL_RADIUS_M + _UNCLEAR_M / 2:
            return ""
    if "tray" in fixtures:
        away = np.abs(np.subtract(at, fixtures["tray"]))[:2]
        if (away < np.array(TRAY_HALF_M) - 0.006).all() and at[2] < HALF_M + 0.02:
            return "tray"
        if (away < np.array(TRAY_HALF_M) + HALF_M).all():
            return ""
    return None
