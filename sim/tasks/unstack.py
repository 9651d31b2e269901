"""Unstack: take an object off a block and put it on the table."""

from __future__ import annotations

import numpy as np

from sim.layout import Table
from sim.objects import COLOUR_NAMES, HALF_M, POOL
from sim.tasks.stack import STACKABLE
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, pick_and_place

ASIDE_M = 0.12


class Unstack:
    """ "take the red block off the blue block": let go, at rest, on the table beside it.

    The expert puts it 12 cm to the side, towards the middle of the table.
    """

    family = "unstack"
    horizon = 250
    cabinet_may_stand = False

    def lay(self, table: Table) -> Query:
        shape, colour = table.pair(("block",), referred=False)
        x, y = table.spot(0.04, as_target=True)
        base = table.thing(shape, colour, (x, y))
        aside = y - np.sign(y - self._middle(table)) * ASIDE_M
        table.reserve(x, float(aside), 0.045)
        top_shape, top_colour = table.pair(STACKABLE)
        jitter = table.rng.uniform(-0.004, 0.004, 2)
        row = table.thing(top_shape, top_colour, (x + jitter[0], y + jitter[1]), 3 * HALF_M)
        table.clutter()
        return table.query(
            self.family, row, point_m=(x, float(aside), HALF_M),
            base_colour=COLOUR_NAMES[colour], base_noun=POOL[base],
        )  # fmt: skip

    @staticmethod
    def _middle(table: Table) -> float:
        return -0.15 if "drawer" in table.fixtures else 0.0

    def alternatives(self, table: Table) -> list[Query]:
        return []

    def success(self, truth: Truth, query: Query) -> bool:
        return self._down(truth, query) and truth.resting(query.target)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        release = query.goal_m(truth) + [0, 0, 0.003]
        return pick_and_place(truth, query.target, release, self._down(truth, query))

    def _down(self, truth: Truth, query: Query) -> bool:
        return bool(truth.position_m[query.target, 2] < HALF_M + 0.008)
