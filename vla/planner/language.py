"""A planner that reads the sentence and watches for success; it needs no network of its own."""

from __future__ import annotations

from vla.contract import ContractError, Observation, Plan, StepStatus, SuccessDetector
from vla.planner.clauses import BEFORE, split_commands
from vla.planner.reference import resolve

LOOKS = 3
"""Consecutive looks that must agree before a step counts as done: one frame may be misjudged."""


class LanguagePlanner:
    """Splits a goal into instructions by its words and ticks them off as the detector sees them fulfilled.

    Args:
        detector: Judges whether the current step is done; None never ticks anything off: the first step
            stays current for ever.
        threshold: A look counts when the detector's probability is above this, in (0, 1).
        looks: Consecutive looks that must count, at least 1.

    Raises:
        ContractError: ``threshold`` or ``looks`` is out of range.
    """

    def __init__(self, detector: SuccessDetector | None, threshold: float = 0.7, looks: int = LOOKS) -> None:
        if not 0.0 < threshold < 1.0:
            raise ContractError(f"threshold {threshold} is outside (0, 1)")
        if looks < 1:
            raise ContractError(f"looks {looks} must be at least 1")
        self._detector = detector
        self._threshold = threshold
        self._looks = looks
        self._seen: dict[str, tuple[int, int]] = {}

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """See :class:`vla.contract.Planner`.

        A goal that is new (no ``previous``, or another goal's) is split and not looked at yet; each later
        call is one look at the current step.

        Raises:
            ContractError: ``goal`` has no words.
        """
        if previous is None or previous.goal != goal:
            self._seen[goal] = (0, 0)
            return _plan(goal, split_goal(goal), 0, "")
        if previous.done or self._detector is None:
            return previous
        index, step = previous.index, previous.steps[previous.index]
        counted_index, count = self._seen.get(goal, (index, 0))
        probability = self._detector.success(observation, step)
        count = (count if counted_index == index else 0) + 1 if probability > self._threshold else 0
        note = f"{step!r} looks done with probability {probability:.2f} ({count} of {self._looks} looks)"
        if count >= self._looks:
            index, count = index + 1, 0
        self._seen[goal] = (index, count)
        return _plan(goal, previous.steps, index, note)


def split_goal(goal: str) -> tuple[str, ...]:
    """The instructions a goal asks for, in order, each naming its own things.

    ``"Open the drawer, then put the blue block in it."`` becomes ``("open the drawer", "put the blue block in
    the drawer")``. Words stay the speaker's otherwise, in lower case and without politeness.

    Raises:
        ContractError: ``goal`` has no words.
    """
    steps = resolve(split_commands(goal))
    if not steps:
        raise ContractError(f"goal {goal!r} holds no words; say for example 'put the red block in the bowl'")
    return _in_order(steps)


def _in_order(steps: tuple[str, ...]) -> tuple[str, ...]:
    """Move what was said with "before" behind the step it introduces."""
    ordered, waiting = [], []
    for step in steps:
        if step.startswith(BEFORE):
            waiting.append(step.removeprefix(BEFORE))
            continue
        ordered += [step, *waiting]
        waiting = []
    return (*ordered, *waiting)


def _plan(goal: str, steps: tuple[str, ...], index: int, note: str) -> Plan:
    status: list[StepStatus] = [
        "done" if i < index else "active" if i == index else "pending" for i in range(len(steps))
    ]
    return Plan(goal=goal, steps=steps, index=index, status=tuple(status), note=note)
