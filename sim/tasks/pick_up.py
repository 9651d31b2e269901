"""Pick up: hold an object at least 8 cm above the table."""

from __future__ import annotations

import numpy as np

from sim.layout import Table
from sim.objects import HALF_M
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, grasp

LIFT_M = 0.08


class PickUp:
    """ "pick up the blue ball": held between the fingers, its centre 8 cm higher than at rest."""

    family = "pick_up"
    horizon = 140
    cabinet_may_stand = True

    def lay(self, table: Table) -> Query:
        row = table.target()
        table.clutter()
        return table.query(self.family, row)

    def alternatives(self, table: Table) -> list[Query]:
        return [table.query(self.family, row) for row in table.on_table()]

    def success(self, truth: Truth, query: Query) -> bool:
        return truth.held == query.target and bool(truth.position_m[query.target, 2] > HALF_M + LIFT_M)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        if truth.held == query.target:
            return Waypoint(np.array([*truth.tool_m[:2], 0.15]), 0.0)
        return grasp(truth, truth.position_m[query.target])
