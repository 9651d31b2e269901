"""Push: slide an object over the table to the marked zone or to a corner of the mat, without lifting it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.layout import CORNERS, NoRoomError, Table
from sim.objects import HALF_M
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, push_along, retreat

TOLERANCE_M = 0.04
PUSHABLE = ("block", "block", "star", "cylinder")
LANE_M = 0.045
"""Half the width of the lane that a pushed object needs."""


class Push:
    """ "push the green star to the front left corner": on the table, within 4 cm of the goal on both axes."""

    family = "push"
    horizon = 290
    cabinet_may_stand = True

    def lay(self, table: Table) -> Query:
        places = ("zone", "zone", "zone", *table.corners)
        place = places[int(table.rng.integers(len(places)))]
        goal = CORNERS[place] if place in CORNERS else table.fixture("zone")
        if place in CORNERS:
            table.reserve(*goal, 0.05)
        row = table.target(PUSHABLE, low=(0.39, -0.25), high=(0.63, 0.25))
        x, y, _ = table.things[row].position_m
        if max(abs(goal[0] - x), abs(goal[1] - y)) < 0.09:
            raise NoRoomError
        self._keep_lanes_free(table, (x, y), goal)
        table.clutter()
        return table.query_to(self.family, row, place)

    @staticmethod
    def _keep_lanes_free(table: Table, start: tuple[float, float], goal: tuple[float, float]) -> None:
        for x, y in lanes(start, goal):
            table.keep_free(float(x), float(y), LANE_M)

    def alternatives(self, table: Table) -> list[Query]:
        rows = table.on_table()
        pairs = [(row, corner) for row in rows for corner in table.corners]
        if "zone" in table.fixtures:
            pairs += [(row, "zone") for row in rows]
        return [table.query_to(self.family, row, place) for row, place in pairs]

    def success(self, truth: Truth, query: Query) -> bool:
        return at_mark(truth, query) and truth.resting(query.target)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        goal, at = query.goal_m(truth), truth.position_m[query.target]
        error = _error_m(truth, query)
        pushing_x = (
            truth.tool_m[2] < 0.05
            and abs(truth.tool_m[1] - at[1]) < 0.02
            and abs(truth.tool_m[0] - at[0]) > 0.02
        )
        if error[1] > (0.03 if pushing_x else 0.012):
            return push_along(truth, at, 1, goal[1])
        if error[0] > 0.012:
            return push_along(truth, at, 0, goal[0])
        return retreat(truth)


def at_mark(truth: Truth, query: Query) -> bool:
    """True when the object is on the table, within 4 cm of its zone or corner on both axes."""
    low = truth.position_m[query.target, 2] < HALF_M + 0.01
    return bool(low and _error_m(truth, query).max() < TOLERANCE_M)


def _error_m(truth: Truth, query: Query) -> NDArray[np.float64]:
    """Distance from the goal along x and y, (2,)."""
    return np.abs(query.goal_m(truth) - truth.position_m[query.target])[:2]


def lanes(start: tuple[float, float], goal: tuple[float, float]) -> NDArray[np.float64]:
    """Points on the object's way, shape (12, 2) in m: along y first, then along x.

    The fingers come down behind it each time.
    """
    sign = np.sign(np.subtract(goal, start))
    along_y = np.linspace((start[0], start[1] - sign[1] * 0.06), (start[0], goal[1]), 6)
    along_x = np.linspace((start[0] - sign[0] * 0.06, goal[1]), goal, 6)
    return np.concatenate((along_y, along_x))
