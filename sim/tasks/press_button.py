"""Press the button; its cap lights up when it has been pressed."""

from __future__ import annotations

import numpy as np

from sim.layout import Table
from sim.objects import COLOUR_NAMES, ROW
from sim.truth import Query, Truth
from sim.waypoints import Waypoint, funnel

BUTTON = ROW["button"]
_FINGER_TIP_M = 0.009


class PressButton:
    """ "press the button": pushed down by at least 8 mm once."""

    family = "press_button"
    horizon = 120
    cabinet_may_stand = True

    def lay(self, table: Table) -> Query:
        table.fixture("button", at=table.spot(0.055, (0.36, -0.27), (0.66, 0.27), as_target=True))
        table.button_colour = int(table.rng.integers(len(COLOUR_NAMES)))
        table.clutter()
        return table.fixture_query(self.family, "button")

    def alternatives(self, table: Table) -> list[Query]:
        return [table.fixture_query(self.family, "button")] if "button" in table.fixtures else []

    def success(self, truth: Truth, query: Query) -> bool:
        return truth.button_pressed

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        if truth.button_pressed:
            return Waypoint(np.array([*truth.tool_m[:2], 0.14]), 0.0)
        cap = truth.position_m[BUTTON]
        return funnel(truth, cap + [0, 0, _FINGER_TIP_M - 0.025], 0.0, mouth_m=0.012)
