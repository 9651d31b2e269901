"""The planner that looks: a small LLaVA says what it sees and what remains to be done, at every look anew."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Final

import numpy as np

from vla.contract import ContractError, Observation, Plan
from vla.models.talking import CAMERAS, Look, TalkingLlava
from vla.models.words import goal_words, question_words, spaced
from vla.planner.grammar import MAX_STEPS, PlanError, allowed_next, parse, plan_of, saying_of
from vla.planner.pictures import picture_of
from vla.planner.progress import carried_out

LOOKS: Final = 2
"""Looks in a row that must agree before a plan is changed: a hand in front of the camera hides things."""
DONE_QUESTION: Final = "is it done: {}?"
_KEPT = 4


class LlavaPlanner:
    """A :class:`vla.contract.Planner` and :class:`vla.contract.SuccessDetector` in one.

    The first plan is what the first look says. Afterwards a plan changes when ``looks`` looks in a row say
    the same; a step counts as done when what remains is just what was to follow it.

    Args:
        model: Looks and talks.
        looks: At least 1.

    Raises:
        ContractError: ``looks`` is below 1.
    """

    def __init__(self, model: TalkingLlava, looks: int = LOOKS) -> None:
        if looks < 1:
            raise ContractError(f"looks {looks} must be at least 1")
        self._model, self.looks = model, looks
        self._looked: OrderedDict[bytes, Look] = OrderedDict()
        self._rumour: dict[str, tuple[str, int]] = {}

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """See :class:`vla.contract.Planner`.

        Raises:
            ContractError: a camera's picture is missing, or ``goal`` has no words or too many.
        """
        if not spaced(goal):
            raise ContractError(
                f"goal {goal!r} holds no words; say for example 'put the red block in the bowl'"
            )
        if previous is not None and previous.goal != goal:
            previous = None
        look = self._look(observation)
        history = previous.steps[: previous.index][-MAX_STEPS:] if previous is not None else ()
        text = self._model.say(look, goal_words(goal, history), allowed_next)
        try:
            saying = parse(text)
        except PlanError as error:
            if previous is None:
                raise ContractError(f"no plan for {goal!r}: {error}") from error
            return replace(previous, seen=look.seen)
        plan = replace(plan_of(goal, saying, carried_out(goal, saying, previous)), seen=look.seen)
        if previous is None:
            self._rumour.pop(goal, None)
            return plan
        return self._confirmed(goal, text, plan, previous)

    def _confirmed(self, goal: str, text: str, plan: Plan, previous: Plan) -> Plan:
        """The new plan where enough looks in a row have said so, else the previous one."""
        if _same(plan, previous):
            self._rumour.pop(goal, None)
            return plan
        said, count = self._rumour.get(goal, ("", 0))
        count = count + 1 if said == text else 1
        self._rumour[goal] = (text, count)
        if count < self.looks:
            # The note of a refusal or of an answer is what it says.
            note = f"looks as if: {text}" if previous.kind == "steps" else previous.note
            return replace(previous, seen=plan.seen, note=note)
        del self._rumour[goal]
        return plan

    def success(self, observation: Observation, instruction: str) -> float:
        """Probability in [0, 1] that ``instruction`` is fulfilled in what is seen.

        Raises:
            ContractError: a camera's picture is missing.
        """
        words = question_words(DONE_QUESTION.format(instruction))
        yes, no = self._model.weigh(self._look(observation), words, ("yes", "no"))
        return float(1 / (1 + np.exp(np.clip(no - yes, -50, 50))))

    def _look(self, observation: Observation) -> Look:
        """Look at the pictures, or remember having looked at these."""
        pictures = [picture_of(observation, camera) for camera in CAMERAS]
        key = b"".join(picture.tobytes() for picture in pictures)
        if key not in self._looked:
            self._looked[key] = self._model.look(pictures)
            while len(self._looked) > _KEPT:
                self._looked.popitem(last=False)
        return self._looked[key]


def _same(plan: Plan, previous: Plan) -> bool:
    return plan.kind == previous.kind and saying_of(plan) == saying_of(previous)
