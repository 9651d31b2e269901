"""Stack: an object on top of a block."""

from __future__ import annotations

import numpy as np

from sim.layout import Table
from sim.objects import COLOUR_NAMES, HALF_M, POOL, UNNAMED
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, pick_and_place

STACKABLE = ("block", "block", "cylinder", "star")


class Stack:
    """ "stack the green block on the yellow block": let go, at rest, 4 cm above, within 2 cm sideways."""

    family = "stack"
    horizon = 270
    cabinet_may_stand = True

    def lay(self, table: Table) -> Query:
        shape, colour = table.pair(("block",), referred=False)
        base = table.thing(shape, colour, table.spot(0.032))
        row = table.target(STACKABLE)
        table.clutter()
        return self._query(table, row, base)

    def alternatives(self, table: Table) -> list[Query]:
        free = table.on_table()
        return [
            self._query(table, row, base)
            for base in free
            if POOL[base] == "block" and table.things[base].colour != UNNAMED
            for row in free
            if row != base and POOL[row] in STACKABLE
        ]

    def _query(self, table: Table, row: int, base: int) -> Query:
        colour = COLOUR_NAMES[table.things[base].colour]
        return table.query(self.family, row, destination=base, base_colour=colour, base_noun=POOL[base])

    def success(self, truth: Truth, query: Query) -> bool:
        return self._on_top(truth, query) and truth.resting(query.target)

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        release = truth.position_m[query.destination] + [0, 0, 2 * HALF_M + 0.003]
        return pick_and_place(truth, query.target, release, self._on_top(truth, query))

    def _on_top(self, truth: Truth, query: Query) -> bool:
        offset = truth.position_m[query.target] - truth.position_m[query.destination]
        return bool(np.hypot(*offset[:2]) < 0.021 and abs(offset[2] - 2 * HALF_M) < 0.008)
