"""The scripted planner: truth and goal become the instructions that remain, from any state.

It is the source of labels and the upper bound for planners that look.
"""

from __future__ import annotations

from sim.goals.goal import Goal
from vla.planner.grammar import Saying
from vla.planner.manner import in_manner
from vla.planner.means import StuckError, means
from vla.planner.symbols import Symbols

__all__ = ["StuckError", "oracle"]


def oracle(goal: Goal, state: Symbols) -> Saying:
    """What should be said and done about a goal in this state.

    Raises:
        StuckError: there is no way, for example because the object has fallen off the table.
    """
    if goal.saying is not None:
        return goal.saying
    return in_manner(goal.text, means(goal.desire, state, goal.ordered), state)
