"""Take an object out of the open drawer and put it on the table."""

from __future__ import annotations

from sim.layout import OPEN_DRAWER_M, Table
from sim.objects import HALF_M
from sim.scene import DRAWER_DEPTH_M
from sim.tasks.put_in_drawer import inside_drawer
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, pick_and_place

DRAWER_FLOOR_M = 0.015
_AHEAD_M = 0.14
_OPEN_M = 0.066


class TakeOut:
    """ "take the blue ball out of the drawer": let go, at rest, on the table.

    The expert puts it 14 cm in front of the drawer.
    """

    family = "take_out"
    horizon = 270
    cabinet_may_stand = False

    def lay(self, table: Table) -> Query:
        table.fixture("drawer")
        table.drawer_open_m = float(table.rng.uniform(*OPEN_DRAWER_M))
        x, y = table.drawer_front_m
        table.reserve(x, y - _AHEAD_M, 0.045)
        shape, colour = table.pair()
        at = (
            x + float(table.rng.uniform(-0.045, 0.045)),
            y + DRAWER_DEPTH_M / 2 + float(table.rng.uniform(-0.006, 0.006)),
        )
        row = table.thing(shape, colour, at, DRAWER_FLOOR_M + HALF_M)
        table.clutter()
        return table.query(self.family, row, point_m=(x, y - _AHEAD_M, HALF_M))

    def alternatives(self, table: Table) -> list[Query]:
        return []

    def success(self, truth: Truth, query: Query) -> bool:
        return self._down(truth, query) and truth.resting(query.target)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        release = query.goal_m(truth) + [0, 0, 0.003]
        placed = self._down(truth, query)
        return pick_and_place(truth, query.target, release, placed, travel_m=0.16, open_m=_OPEN_M)

    def _down(self, truth: Truth, query: Query) -> bool:
        low = truth.position_m[query.target, 2] < HALF_M + 0.008
        return bool(low and not inside_drawer(truth, query.target))
