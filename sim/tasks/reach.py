"""Reach: hold the tool 6 cm above an object."""

from __future__ import annotations

import numpy as np

from sim.layout import Table
from sim.robot import GAP_OPEN_M
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, funnel

HOVER_M = np.array([0.0, 0.0, 0.06])


class Reach:
    """ "reach the red block": the tool within 3 cm of the point 6 cm above the object's centre."""

    family = "reach"
    horizon = 100
    cabinet_may_stand = True

    def lay(self, table: Table) -> Query:
        row = table.target()
        table.clutter()
        return table.query(self.family, row)

    def alternatives(self, table: Table) -> list[Query]:
        return [table.query(self.family, row) for row in table.on_table()]

    def success(self, truth: Truth, query: Query) -> bool:
        return bool(np.linalg.norm(truth.position_m[query.target] + HOVER_M - truth.tool_m) < 0.03)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        return funnel(truth, truth.position_m[query.target] + HOVER_M, GAP_OPEN_M, travel_m=0.12)
