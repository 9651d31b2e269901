"""Close the drawer."""

from __future__ import annotations

import numpy as np

from sim.layout import OPEN_DRAWER_M, Table
from sim.objects import ROW
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, funnel

HANDLE = ROW["drawer"]
_BEHIND_M = 0.045


class CloseDrawer:
    """ "close the drawer": out by less than 2 cm."""

    family = "close_drawer"
    horizon = 180
    cabinet_may_stand = False

    def lay(self, table: Table) -> Query:
        table.fixture("drawer")
        table.drawer_open_m = float(table.rng.uniform(*OPEN_DRAWER_M))
        table.clutter()
        return table.fixture_query(self.family, "drawer")

    def alternatives(self, table: Table) -> list[Query]:
        is_open = "drawer" in table.fixtures and table.drawer_open_m > 0.1
        return [table.fixture_query(self.family, "drawer")] if is_open else []

    def success(self, truth: Truth, query: Query) -> bool:
        return truth.drawer_open_m < 0.02

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        if truth.drawer_open_m < 0.012:
            return Waypoint(np.array([*truth.tool_m[:2], 0.14]), 0.0)
        handle = truth.position_m[HANDLE]
        offset = handle - truth.tool_m
        if (
            abs(offset[0]) < 0.03
            and 0.005 < offset[1] < _BEHIND_M + 0.03
            and truth.tool_m[2] < handle[2] + 0.012
        ):
            return Waypoint(np.array([handle[0], truth.tool_m[1] + 0.022, handle[2]]), 0.0)
        return funnel(truth, handle - [0, _BEHIND_M, 0], 0.0, mouth_m=0.014)
