"""Which instructions of a plan have been carried out, as far as a planner that looks again can tell."""

from __future__ import annotations

from vla.contract import Plan
from vla.planner.grammar import Instructions, Saying, step_words


def carried_out(goal: str, saying: Saying, previous: Plan | None) -> tuple[str, ...]:
    """The instructions to keep in the next plan, ticked off.

    What was done stays done. The instruction under way counts as done, with those behind it, when what
    remains now is just what was to follow; where something else remains, the planner has changed its mind.

    Args:
        goal: What the person asked for.
        saying: What the planner says now.
        previous: The plan it gave last, if any.
    """
    if previous is None or previous.goal != goal or not isinstance(saying, Instructions):
        return ()
    remaining = tuple(map(step_words, saying.steps))
    behind = len(previous.steps) - len(remaining)
    if behind > previous.index and remaining == previous.steps[behind:]:
        return previous.steps[:behind]
    return previous.steps[: previous.index]
