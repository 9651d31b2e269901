"""The true table, read into the words that a planner reasons in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from sim.layout import CORNERS, Table
from sim.objects import COLOUR_NAMES, HALF_M, POOL, ROW, ROWS, UNNAMED
from sim.scene import CABINET_HALF_M, DRAWER_DEPTH_M, HANDLE_HEIGHT_M, HANDLE_REACH_M, TRAY_HALF_M
from sim.tasks import task_named
from sim.tasks.put_in_drawer import inside_drawer
from sim.truth import Query, Truth
from vla.planner.symbols import GONE, HELD, TABLE, Symbols

_PILE_M: Final = 0.15
"""Height of the highest pile whose top still counts as lying where its foot does."""


def names_of(table: Table) -> dict[int, str]:
    """Movable row to its name; things in colours without a name are left out."""
    return {
        row: f"{COLOUR_NAMES[thing.colour]} {POOL[row]}"
        for row, thing in table.things.items()
        if thing.colour != UNNAMED
    }


def symbols_of(truth: Truth, names: Mapping[int, str]) -> Symbols:
    """Read the true state, by the same physical predicates that judge the tasks."""
    fixtures = frozenset(
        name
        for name in ("bowl", "tray", "zone", "drawer", "button")
        if np.isfinite(truth.position_m[ROW[name]]).all()
    )
    where = {row: _place(truth, row, names, fixtures) for row in names}
    over = [row for row in names if task_named("reach").success(truth, Query("reach", row))]
    is_open = _done(truth, "open_drawer", ROW["drawer"])
    is_closed = _done(truth, "close_drawer", ROW["drawer"])
    drawer = "open" if is_open else "closed" if is_closed else "ajar"
    return Symbols(names, where, fixtures, drawer, truth.button_pressed, over[0] if over else -1)


def _done(truth: Truth, family: str, row: int, destination: int = -1, place: str = "") -> bool:
    point = (*CORNERS[place], HALF_M) if place in CORNERS else None
    return task_named(family).success(truth, Query(family, row, destination, point, place=place))


def _place(truth: Truth, row: int, names: Mapping[int, str], fixtures: frozenset[str]) -> str | int:
    if _done(truth, "pick_up", row):
        return HELD
    if "drawer" in fixtures and inside_drawer(truth, row):  # at rest or not: the drawer takes it along
        return "drawer"
    for base in names:
        if base != row and _done(truth, "stack", row, base):
            return base
    for place in ("bowl", "tray"):
        if place in fixtures and _done(truth, "put_in", row, ROW[place], place):
            return place
    if "zone" in fixtures and _done(truth, "push", row, ROW["zone"], "zone"):
        return "zone"
    for corner in CORNERS:
        if _done(truth, "push", row, place=corner):
            return corner
    if (place := _piled_in(truth, row, fixtures)) is not None:
        return place
    return TABLE if -0.05 < truth.position_m[row, 2] < 2 * HALF_M else GONE


def _piled_in(truth: Truth, row: int, fixtures: frozenset[str]) -> str | None:
    """The tray or the drawer, where an object lies on top of others in it."""
    x, y, z = truth.position_m[row]
    if not truth.resting(row) or z > _PILE_M:
        return None
    for place, entity, half_m in (
        ("tray", "tray", TRAY_HALF_M),
        ("drawer", "drawer_inside", (CABINET_HALF_M[0] - 0.02, DRAWER_DEPTH_M / 2 - 0.01)),
    ):
        away_m = np.abs(truth.position_m[ROW[entity], :2] - (x, y))
        if place in fixtures and (away_m < half_m).all():
            return place
    return None


def nominal_truth(table: Table) -> Truth:
    """The true state of a table as it is laid, before physics has settled it."""
    position = np.full((ROWS, 3), np.nan)
    for row, thing in table.things.items():
        position[row] = thing.position_m
    for name, (x, y) in table.fixtures.items():
        position[ROW[name]] = (x, y, 0.0)
    if "drawer" in table.fixtures:
        x, front = table.drawer_front_m
        position[ROW["drawer"]] = (x, front - HANDLE_REACH_M, HANDLE_HEIGHT_M)
        position[ROW["drawer_inside"]] = (x, front + DRAWER_DEPTH_M / 2, 0.025)
    if "button" in table.fixtures:
        position[ROW["button"]][2] = 0.028
    return Truth(
        tool_m=np.array([0.42, 0.0, 0.22]),
        gap_m=0.08,
        position_m=position,
        speed_m_s=np.zeros(ROWS),
        held=-1,
        drawer_open_m=table.drawer_open_m,
        button_pressed=False,
    )
