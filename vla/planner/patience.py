"""Patience with a planner's eyes and with the arm: look twice, and try again what does not get done.

A planner judges one picture at a time and may be wrong about any of them; an arm may miss. What is left to do
then does not depend on who plans, so it is done around any planner here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from vla.contract import ContractError, Observation, Plan, Planner, SeparablePlanner, StepStatus

Recovery = Literal["home", "hold", "replan"]

RECOVERIES: Final = ("home", "hold", "replan")
"""What is done about a step that is not seen done in time, before it is tried again."""
HOME: Final = "go home"
"""The instruction, of no planner, that lets go and brings the arm to where it started."""
LOOK_AGAIN: Final = "look again"
"""The step that waits, never active, while a verdict is being confirmed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and what for.

    Attributes:
        looks: Consecutive looks that must agree before a plan ends: that all is done, that it cannot be done,
            or that this is the answer. The arm holds in between.
        step_timeout_s: A step that is current for longer, without being seen done, is tried again.
        retries: How often a step is tried again before it is given up.
        recovery: What comes before each retry. ``"home"``: the arm lets go and goes to where it started.
            ``"hold"``: it rests where it is. ``"replan"``: it rests, and the planner begins anew. ``"home"``
            also comes before a verdict that it cannot be done, once the arm has been at work: maybe it stands
            in front of what is looked for.
        recovery_s: How long that takes.
    """

    looks: int = 2
    step_timeout_s: float = 18.0
    retries: int = 2
    recovery: Recovery = "home"
    recovery_s: float = 2.5

    def __post_init__(self) -> None:
        if self.recovery not in RECOVERIES:
            raise ContractError(f"recovery {self.recovery!r} is not one of {', '.join(RECOVERIES)}")
        for name, least in (("looks", 1), ("retries", 0)):
            if getattr(self, name) < least:
                raise ContractError(f"{name} {getattr(self, name)} must be at least {least}")
        if not (0 < self.step_timeout_s < math.inf and 0 <= self.recovery_s < math.inf):
            raise ContractError(
                f"step_timeout_s {self.step_timeout_s} must be above 0, recovery_s {self.recovery_s} "
                "at least 0, and both finite"
            )


class PatientPlanner:
    """A :class:`vla.contract.Planner` around another.

    The inner planner is given the plan that it gave itself as ``previous``, never one of this class's own.
    Time is told by the stamps of the observations.

    Attributes:
        retries: Retries begun since the goal was new.
        gave_up: The step that was tried in vain, or None; with it the goal is given up.
    """

    def __init__(self, planner: Planner, patience: Patience | None = None) -> None:
        """Wrap ``planner``."""
        self._planner, self._patience = planner, patience or Patience()
        self._begin()

    def _begin(self) -> None:
        self._inner: Plan | None = None
        self._shown: Plan | None = None
        self._verdict: tuple[str, str] | None = None
        self._agreed = 0
        self._spent_s: dict[str, float] = {}
        self._tried: dict[str, int] = {}
        self._looked_s: float | None = None
        self._rested_s = -math.inf
        self._in_the_way = False
        self.retries, self.gave_up = 0, None

    def separate(self) -> PatientPlanner:
        """See :class:`vla.contract.SeparablePlanner`."""
        inner = self._planner
        inner = inner.separate() if isinstance(inner, SeparablePlanner) else inner
        return PatientPlanner(inner, self._patience)

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """The inner planner's plan, until that ends, or a step takes too long.

        Args:
            goal: What the person asked for.
            observation: What is seen now.
            previous: None, or another goal's plan, begins anew; anything else goes on.

        Returns:
            Where a step was given up, a plan of kind ``"cannot"`` that says so.
        """
        if previous is None or previous.goal != goal:
            self._begin()
        now_s = observation.stamp_s
        passed_s = 0.0 if self._looked_s is None else now_s - self._looked_s
        self._looked_s = now_s
        if self._shown is not None and (now_s < self._rested_s or self.gave_up is not None):
            return self._shown
        plan = self._planner.plan(goal, observation, self._inner)
        self._inner = plan
        acted_on = self._acted_on()
        if acted_on is not None:
            self._in_the_way = acted_on != HOME
        if plan.kind == "cannot" and self._in_the_way and self._patience.recovery == "home":
            self._verdict, self._rested_s = None, now_s + self._patience.recovery_s
            note = f"looks as if it cannot be done, {plan.note}; once more without the arm in the way"
            self._shown = Plan(goal, (HOME, LOOK_AGAIN), 0, ("active", "pending"), note)
        elif plan.done:
            self._shown = self._confirmed(plan)
        else:
            self._verdict = None
            if acted_on is not None:
                self._spent_s[acted_on] = self._spent_s.get(acted_on, 0.0) + passed_s
            self._shown = self._hurried(plan, now_s)
        return self._shown

    def _acted_on(self) -> str | None:
        """What the arm has been doing since the last look, or None where it has been waiting."""
        shown = self._shown
        if shown is None or shown.done or shown.status[shown.index] != "active":
            return None
        return shown.steps[shown.index]

    def _confirmed(self, plan: Plan) -> Plan:
        """The plan where enough looks have agreed, else one that waits for the next look."""
        verdict = plan.kind, "" if plan.kind == "steps" else plan.note
        self._agreed = self._agreed + 1 if verdict == self._verdict else 1
        self._verdict = verdict
        if self._agreed >= self._patience.looks:
            return plan
        status: tuple[StepStatus, ...] = (*plan.status, "pending")
        said = "everything looks done" if plan.kind == "steps" else plan.note
        note = f"{said} ({self._agreed} of {self._patience.looks} looks)"
        return Plan(plan.goal, (*plan.steps, LOOK_AGAIN), len(plan.steps), status, note)

    def _hurried(self, plan: Plan, now_s: float) -> Plan:
        """The plan, unless its current step has taken too long by now."""
        step, patience = plan.steps[plan.index], self._patience
        for gone in self._spent_s.keys() - set(plan.steps[plan.index :]):
            del self._spent_s[gone]
            self._tried.pop(gone, None)
        if self._spent_s.get(step, 0.0) < patience.step_timeout_s:
            return plan
        self._spent_s[step] = 0.0
        self._tried[step] = self._tried.get(step, 0) + 1
        if self._tried[step] > patience.retries:
            self.gave_up = step
            note = f"because {step!r} was tried {self._tried[step]} times and not seen done"
            return Plan(plan.goal, (), 0, (), note, "cannot")
        self.retries += 1
        self._rested_s = now_s + patience.recovery_s
        if patience.recovery == "replan":
            self._inner = None
        return self._recovering(plan)

    def _recovering(self, plan: Plan) -> Plan:
        """What to do until the step is tried again: it waits, maybe behind the way home."""
        i = plan.index
        note = f"{plan.steps[i]!r} is not done; once more"
        waiting: tuple[StepStatus, ...] = ("pending",) * (len(plan.steps) - i)
        if self._patience.recovery != "home":
            status: tuple[StepStatus, ...] = (*plan.status[:i], "failed", *waiting[1:])
            return Plan(plan.goal, plan.steps, i, status, note)
        steps = (*plan.steps[:i], HOME, *plan.steps[i:])
        return Plan(plan.goal, steps, i, (*plan.status[:i], "active", *waiting), note)
