"""Planners that can be served: they try again what does not get done, as they were told to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vla.cli.planners import PLANNERS, PlannerSettings
from vla.contract import Observation, Plan
from vla.planner.patience import HOME, Patience, Recovery

GOAL = "open the drawer, then press the button"


class NeverDone:
    """Sees nothing done."""

    def success(self, observation: Observation, instruction: str) -> float:
        del observation, instruction
        return 0.0


def seen(stamp_s: float) -> Observation:
    return Observation({"front": np.zeros((8, 8, 3), np.uint8)}, np.zeros(3, np.float32), stamp_s)


@pytest.mark.parametrize(("recovery", "first"), [("home", HOME), ("hold", "open the drawer")])
def test_who_goes_by_words_tries_again_in_the_way_that_was_chosen(recovery: Recovery, first: str) -> None:
    planner = PLANNERS["language"](Path(), NeverDone(), PlannerSettings(patience=Patience(recovery=recovery)))
    plan: Plan | None = None
    acted_on: list[str] = []
    for stamp_s in np.arange(0.0, 80.0, 2.0):
        plan = planner.plan(GOAL, seen(float(stamp_s)), plan)
        acted_on.append("" if plan.done else plan.steps[plan.index])
    assert plan is not None
    assert acted_on[0] == "open the drawer"
    again = [step for step, before in zip(acted_on[1:], acted_on, strict=False) if step != before]
    assert plan.kind == "cannot"
    assert again.count(HOME) == (2 if recovery == "home" else 0)
    assert first in acted_on
