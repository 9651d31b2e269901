"""Put in, put on: an object into the bowl or onto the tray."""

from __future__ import annotations

import numpy as np

from sim.layout import Table
from sim.objects import HALF_M, ROW
from sim.scene import TRAY_HALF_M
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, free_spot, pick_and_place

BOWL_INSIDE_M = 0.052
RELEASE_M = {"bowl": 0.062, "tray": 0.034}
_BESIDE_M = {"bowl": 0.0, "tray": 0.046}


class PutIn:
    """ "put the red block in the bowl": let go, at rest, its centre inside the container's rim."""

    family = "put_in"
    horizon = 250
    cabinet_may_stand = True

    def lay(self, table: Table) -> Query:
        place = ("bowl", "bowl", "tray")[int(table.rng.integers(3))]
        table.fixture(place)
        row = table.target()
        table.clutter()
        return table.query(self.family, row, destination=ROW[place], place=place)

    def alternatives(self, table: Table) -> list[Query]:
        return [
            table.query(self.family, row, destination=ROW[place], place=place)
            for place in ("bowl", "tray")
            if place in table.fixtures
            for row in table.on_table()
        ]

    def success(self, truth: Truth, query: Query) -> bool:
        return self._inside(truth, query) and truth.resting(query.target)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        middle = truth.position_m[query.destination] * [1, 1, 0] + [0, 0, RELEASE_M[query.place]]
        beside = _BESIDE_M[query.place]
        release = free_spot(truth, query.target, middle, beside)
        return pick_and_place(truth, query.target, release, self._inside(truth, query))

    def _inside(self, truth: Truth, query: Query) -> bool:
        offset = truth.position_m[query.target] - truth.position_m[query.destination]
        if query.place == "bowl":
            return bool(np.hypot(*offset[:2]) < BOWL_INSIDE_M and truth.position_m[query.target, 2] < 0.055)
        within = np.abs(offset[:2]) < np.array(TRAY_HALF_M) - 0.006
        return bool(within.all() and truth.position_m[query.target, 2] < HALF_M + 0.02)
