"""Put in, put on: an object into the bowl, onto the tray, onto the marked zone, into a corner of the mat."""

from __future__ import annotations

import numpy as np

from sim.layout import CORNERS, Table
from sim.objects import HALF_M, POOL
from sim.scene import TRAY_HALF_M
from sim.tasks.push import PUSHABLE, at_mark
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, free_spot, pick_and_place

BOWL_INSIDE_M = 0.052
_RELEASE_M = {"bowl": 0.062, "tray": 0.034}
_BESIDE_M = {"tray": 0.046}
_SHARES = ("bowl", "bowl", "bowl", "tray", "tray", "corner", "corner", "zone")


class PutIn:
    """ "put the red block in the bowl": let go, at rest, its centre inside the container's rim.

    In the zone or a corner it is within 4 cm of the middle on both axes, and what rolls goes to neither.
    """

    family = "put_in"
    horizon = 250
    cabinet_may_stand = True

    def lay(self, table: Table) -> Query:
        place = _SHARES[int(table.rng.integers(len(_SHARES)))]
        if place == "corner":
            place = table.corners[int(table.rng.integers(len(table.corners)))]
            table.reserve(*CORNERS[place], 0.05)
        else:
            table.fixture(place)
        row = table.target() if place in _RELEASE_M else table.target(PUSHABLE)
        table.clutter()
        return table.query_to(self.family, row, place)

    def alternatives(self, table: Table) -> list[Query]:
        rows = table.on_table()
        containers = [place for place in _RELEASE_M if place in table.fixtures]
        pairs = [(row, place) for place in containers for row in rows]
        pairs += [(row, place) for row in rows if POOL[row] in PUSHABLE for place in table.marks]
        return [table.query_to(self.family, row, place) for row, place in pairs]

    def success(self, truth: Truth, query: Query) -> bool:
        return self._inside(truth, query) and truth.resting(query.target)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        height_m = _RELEASE_M.get(query.place, HALF_M + 0.003)
        middle = query.goal_m(truth) * [1, 1, 0] + [0, 0, height_m]
        release = free_spot(truth, query.target, middle, _BESIDE_M.get(query.place, 0.0))
        return pick_and_place(truth, query.target, release, self._inside(truth, query))

    def _inside(self, truth: Truth, query: Query) -> bool:
        if query.place not in _RELEASE_M:
            return at_mark(truth, query)
        offset = truth.position_m[query.target] - truth.position_m[query.destination]
        if query.place == "bowl":
            return bool(np.hypot(*offset[:2]) < BOWL_INSIDE_M and truth.position_m[query.target, 2] < 0.055)
        within = np.abs(offset[:2]) < np.array(TRAY_HALF_M) - 0.006
        return bool(within.all() and truth.position_m[query.target, 2] < HALF_M + 0.02)
