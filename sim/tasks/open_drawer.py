"""Open the drawer."""

from __future__ import annotations

import numpy as np

from sim.layout import Table
from sim.objects import ROW
from sim.scene import DRAWER_TRAVEL_M
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, funnel, retreat

APPROACH_GAP_M = 0.042
HANDLE = ROW["drawer"]


class OpenDrawer:
    """ "open the drawer": out by at least 11 cm."""

    family = "open_drawer"
    horizon = 180
    cabinet_may_stand = False

    def lay(self, table: Table) -> Query:
        table.fixture("drawer")
        table.clutter()
        return table.fixture_query(self.family, "drawer")

    def alternatives(self, table: Table) -> list[Query]:
        closed = "drawer" in table.fixtures and table.drawer_open_m < 0.02
        return [table.fixture_query(self.family, "drawer")] if closed else []

    def success(self, truth: Truth, query: Query) -> bool:
        return truth.drawer_open_m > 0.11

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        if truth.drawer_open_m > DRAWER_TRAVEL_M - 0.012:
            return retreat(truth)
        handle = truth.position_m[HANDLE]
        offset = truth.tool_m - handle
        if abs(offset[0]) < 0.03 and abs(offset[1]) < 0.012 and offset[2] < 0.012:
            if truth.gap_m > 0.018:
                return Waypoint(handle, 0.0)
            return Waypoint(np.array([handle[0], handle[1] - 0.02, handle[2]]), 0.0)
        if offset[2] < 0.05 and np.hypot(*offset[:2]) < 0.05 and truth.gap_m < APPROACH_GAP_M - 0.01:
            return Waypoint(truth.tool_m + [0, 0, 0.03], APPROACH_GAP_M)
        return funnel(truth, handle, APPROACH_GAP_M, mouth_m=0.006)
