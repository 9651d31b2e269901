"""Patience: verdicts are looked at twice, steps that do not get done are tried again, and then given up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vla.conformance import check_planner
from vla.contract import ContractError, Observation, Plan, Planner
from vla.planner.grammar import Answer, Instructions, Refusal, Saying, Step, plan_of
from vla.planner.patience import HOME, LOOK_AGAIN, Patience, PatientPlanner, Recovery

GOAL = "open the drawer, then press the button"
OPEN, PRESS = "open the drawer", "press the button"
BOTH = Instructions((Step("open_drawer"), Step("press_button")))
LAST = Instructions((Step("press_button"),))
DONE = Instructions()


def seen(stamp_s: float) -> Observation:
    return Observation({}, np.zeros(1, np.float32), stamp_s)


class Told:
    """Says what it is told to, one saying per look, the last for ever."""

    def __init__(self, *sayings: Saying) -> None:
        self.sayings = list(sayings)
        self.given: list[Plan | None] = []

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        self.given.append(previous)
        saying = self.sayings.pop(0) if len(self.sayings) > 1 else self.sayings[0]
        return plan_of(goal, saying)


def looks(planner: Planner, count: int, period_s: float = 1.0) -> list[Plan]:
    plans: list[Plan] = []
    for k in range(count):
        plans.append(planner.plan(GOAL, seen(k * period_s), plans[-1] if plans else None))
    return plans


def active(plan: Plan) -> str | None:
    """What an arm would act on."""
    return plan.instruction if not plan.done and plan.status[plan.index] == "active" else None


@pytest.mark.parametrize("saying", [DONE, Refusal("missing", "bowl"), Answer("two")])
def test_a_plan_ends_when_enough_looks_agree_and_the_arm_waits_until_then(saying: Saying):
    plans = looks(PatientPlanner(Told(saying), Patience(looks=3)), 3)
    assert [plan.done for plan in plans] == [False, False, True]
    assert [active(plan) for plan in plans] == [None] * 3
    assert plans[0].instruction == LOOK_AGAIN
    assert plans[2] == plan_of(GOAL, saying)


def test_one_wrong_look_does_not_end_it():
    plans = looks(PatientPlanner(Told(BOTH, DONE, BOTH, DONE, Answer("two"), DONE, DONE)), 7)
    assert [plan.done for plan in plans] == [False] * 6 + [True]
    assert [active(plan) for plan in plans[:3]] == [OPEN, None, OPEN]


def test_before_an_arm_at_work_gives_up_it_gets_out_of_the_way():
    missing = Refusal("missing", "button")
    patience = Patience(recovery_s=1.5)
    plans = looks(PatientPlanner(Told(BOTH, missing, BOTH, missing, missing), patience), 8)
    assert [active(plan) for plan in plans] == [OPEN, HOME, HOME, OPEN, HOME, HOME, None, None]
    assert [plan.done for plan in plans] == [False] * 7 + [True]
    assert "there is no button" in plans[1].note
    resting = looks(PatientPlanner(Told(BOTH, missing), Patience(recovery="hold")), 3)
    assert [active(plan) for plan in resting] == [OPEN, None, None]


def test_the_inner_planner_is_given_its_own_plans_only():
    told = Told(BOTH, DONE, LAST)
    looks(PatientPlanner(told), 3)
    assert told.given == [None, plan_of(GOAL, BOTH), plan_of(GOAL, DONE)]


def again_and_again(recovery: Recovery) -> tuple[list[Plan], PatientPlanner, Told]:
    told = Told(BOTH)
    patience = Patience(step_timeout_s=3.0, retries=1, recovery=recovery, recovery_s=2.0)
    patient = PatientPlanner(told, patience)
    return looks(patient, 9), patient, told


def test_a_step_that_takes_too_long_is_tried_again_from_home_and_then_given_up():
    plans, patient, told = again_and_again("home")
    assert patient.plan(GOAL, seen(99.0), plans[-1]) is plans[-1]
    assert [active(plan) for plan in plans] == [OPEN, OPEN, OPEN, HOME, HOME, OPEN, OPEN, OPEN, None]
    assert plans[3].steps == (HOME, OPEN, PRESS)
    assert "once more" in plans[3].note
    assert (patient.retries, patient.gave_up) == (1, OPEN)
    assert (plans[-1].kind, plans[-1].done) == ("cannot", True)
    assert "'open the drawer' was tried 2 times" in plans[-1].note
    assert len(told.given) == 8  # the way home is not looked at


@pytest.mark.parametrize(("recovery", "begins_anew"), [("hold", False), ("replan", True)])
def test_the_arm_may_rest_instead_and_the_planner_begin_anew(recovery: Recovery, begins_anew: bool):
    plans, _, told = again_and_again(recovery)
    assert [active(plan) for plan in plans] == [OPEN, OPEN, OPEN, None, None, OPEN, OPEN, OPEN, None]
    assert plans[3].status[0] == "failed"
    assert (told.given[4] is None) == begins_anew


def test_steps_that_come_and_go_take_their_time_together():
    """A planner that cannot make up its mind must not keep the clock from running."""
    mind = [BOTH, LAST] * 20
    patient = PatientPlanner(Told(*mind), Patience(step_timeout_s=4.0, retries=0))
    plans = looks(patient, 30)
    assert any(plan.kind == "cannot" for plan in plans)


def test_a_step_that_was_done_once_has_all_its_time_again():
    patient = PatientPlanner(
        Told(BOTH, BOTH, BOTH, LAST, BOTH, BOTH, BOTH, LAST), Patience(step_timeout_s=3.5)
    )
    looks(patient, 8)
    assert patient.retries == 0


def test_another_goal_begins_anew():
    patient = PatientPlanner(Told(DONE))
    first = patient.plan(GOAL, seen(0.0), None)
    other = patient.plan("press the button", seen(1.0), first)
    assert not other.done


def test_it_is_a_planner_around_a_planner():
    class Steady:
        def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
            return plan_of(goal, BOTH)

    check_planner(PatientPlanner(Steady()), GOAL, seen(0.0))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Patience(looks=0), "looks 0"),
        (lambda: Patience(retries=-1), "retries -1"),
        (lambda: Patience(step_timeout_s=0.0), "step_timeout_s 0.0"),
        (lambda: Patience(recovery_s=float("inf")), "recovery_s inf"),
        (lambda: Patience(recovery="pray"), "'pray' is not one of home, hold, replan"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_settings_are_checked(make: Callable[[], Patience], says: str):
    with pytest.raises(ContractError, match=says):
        make()
