"""Put an object into the open drawer."""

from __future__ import annotations

import numpy as np

from sim.layout import OPEN_DRAWER_M, Table
from sim.objects import ROW
from sim.scene import CABINET_HALF_M, DRAWER_DEPTH_M
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, free_spot, pick_and_place

INSIDE = ROW["drawer_inside"]
RELEASE_M = 0.068
_BESIDE_M = 0.055


class PutInDrawer:
    """ "put the red block in the drawer": let go, at rest, between the drawer's walls."""

    family = "put_in_drawer"
    horizon = 290
    cabinet_may_stand = False

    def lay(self, table: Table) -> Query:
        table.fixture("drawer")
        table.drawer_open_m = float(table.rng.uniform(*OPEN_DRAWER_M))
        row = table.target()
        table.clutter()
        return table.query(self.family, row, destination=INSIDE, place="drawer")

    def alternatives(self, table: Table) -> list[Query]:
        if "drawer" not in table.fixtures or table.drawer_open_m < 0.1:
            return []
        return [table.query(self.family, row, destination=INSIDE, place="drawer") for row in table.on_table()]

    def success(self, truth: Truth, query: Query) -> bool:
        return inside_drawer(truth, query.target) and truth.resting(query.target)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        middle = truth.position_m[INSIDE] * [1, 1, 0] + [0, 0, RELEASE_M]
        release = free_spot(truth, query.target, middle, _BESIDE_M)
        placed = inside_drawer(truth, query.target)
        return pick_and_place(truth, query.target, release, placed, travel_m=0.16)


def inside_drawer(truth: Truth, row: int) -> bool:
    """True when the object's centre lies between the drawer's walls and below their rim."""
    offset = np.abs(truth.position_m[row] - truth.position_m[INSIDE])
    return bool(
        offset[0] < CABINET_HALF_M[0] - 0.02 and offset[1] < DRAWER_DEPTH_M / 2 - 0.01 and offset[2] < 0.025
    )
