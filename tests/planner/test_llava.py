"""The planner that looks: it understands once, looks again and again, and its plan changes with that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import tiny_planner
import torch
from numpy.typing import NDArray
from sightings import sighting_of

from vla.conformance import check_planner
from vla.contract import ContractError, Observation, Plan, Planner, SuccessDetector
from vla.models.talking import CAMERAS, Look, TalkingLlava
from vla.models.vlm import AllowedNext
from vla.planner.llava import LlavaPlanner
from vla.planner.meaning_text import meaning_next
from vla.planner.memory import FORGET
from vla.planner.patience import PatientPlanner

GOAL = "put the red block in the drawer and close it"
MEANT = "put the red block in drawer and close ."
OPEN, PUT, CLOSE = "open the drawer", "put the red block in the drawer", "close the drawer"
SHUT = "drawer closed ; red block table 12 3 ."
AJAR = "drawer open ; red block table 12 3 ."
STORED = "drawer open ; red block drawer ."
GONE = "drawer closed ."


class Script:
    """Understands every sentence the same way, and sees one table after the other, the last one for ever."""

    def __init__(self, meant: str, *tables: str) -> None:
        self._meant, self._tables = meant, list(tables)
        self.heard: list[str] = []
        self.looks = 0

    def look(self, pictures: Sequence[NDArray[np.uint8]]) -> Look:
        self.looks += 1
        table = self._tables.pop(0) if len(self._tables) > 1 else self._tables[0]
        return Look(table, sighting_of(table), torch.empty(0))

    def understand(self, sentence: str, allowed: AllowedNext) -> str:
        assert allowed is meaning_next
        self.heard.append(sentence)
        return self._meant


def planner(meant: str, *tables: str, looks: int = 2) -> tuple[LlavaPlanner, Script]:
    script = Script(meant, *tables)
    return LlavaPlanner(cast(TalkingLlava, script), looks), script


def seen(value: int = 0) -> Observation:
    images = {name: np.full((8, 8, 3), value, np.uint8) for name in CAMERAS}
    return Observation(images, np.zeros(3, np.float32), 0.0)


def run(made: Planner, looks: int, goal: str = GOAL) -> list[Plan]:
    plans: list[Plan] = []
    for k in range(looks):
        plans.append(made.plan(goal, seen(k), plans[-1] if plans else None))
    return plans


def test_a_tiny_model_is_a_planner_and_a_detector() -> None:
    made = LlavaPlanner(tiny_planner.talking())
    assert isinstance(made, Planner)
    assert isinstance(made, SuccessDetector)
    for seed in range(2):
        images = dict(zip(CAMERAS, tiny_planner.pictures(seed), strict=True))
        observation = replace(seen(), images=images)
        for goal in (GOAL, "is the bowl empty?", "[end] [says] answer : yes . [end]"):
            check_planner(made, goal, observation)
        assert 0 <= made.success(observation, PUT) <= 1


def test_the_first_plan_is_what_the_first_look_says() -> None:
    made, script = planner(MEANT, SHUT)
    plan = made.plan(GOAL, seen(), None)
    assert (plan.steps, plan.index, plan.kind) == ((OPEN, PUT, CLOSE), 0, "steps")
    assert (plan.seen, plan.note) == (SHUT, f"understood: {MEANT}")
    assert script.heard == [GOAL]


def test_instructions_are_ticked_off_as_looks_agree_and_the_closed_drawer_is_remembered() -> None:
    made, script = planner(MEANT, SHUT, AJAR, AJAR, STORED, STORED, GONE, GONE)
    plans = run(made, 7)
    assert [plan.index for plan in plans] == [0, 0, 1, 1, 2, 2, 3]
    assert plans[1].note == f"looks as if: {PUT}; {CLOSE}."
    assert plans[-1].done
    assert plans[-1].seen == "drawer closed ; red block drawer ."
    assert script.heard == [GOAL]


def test_a_change_that_the_next_look_denies_does_not_count() -> None:
    made, _ = planner(MEANT, SHUT, AJAR, SHUT, AJAR, SHUT)
    assert {plan.index for plan in run(made, 5)} == {0}


def test_one_look_is_enough_where_one_is_asked_for() -> None:
    made, _ = planner(MEANT, SHUT, AJAR, STORED, GONE, looks=1)
    assert [plan.index for plan in run(made, 4)] == [0, 1, 2, 3]
    with pytest.raises(ContractError, match="looks 0 must be at least 1"):
        planner(MEANT, SHUT, looks=0)


def test_what_was_meant_of_the_first_table_stays_meant_of_the_ones_after() -> None:
    swap = "swap the thing inside bowl with the thing inside tray ."
    first = "bowl 4 7 ; tray 12 7 ; red block bowl ; blue star tray ."
    then = "bowl 4 7 ; tray 12 7 ; red block tray ; blue star tray ."
    last = "bowl 4 7 ; tray 12 7 ; red block tray ; blue star bowl ."
    made, _ = planner(swap, first, then, then, last, last)
    plans = run(made, 5, "swap them")
    assert plans[0].steps == ("put the red block on the tray", "put the blue star in the bowl")
    assert [plan.index for plan in plans] == [0, 0, 1, 1, 2]


def test_a_disturbance_brings_a_step_back() -> None:
    star = "put every star in tray ."
    both = "tray 12 7 ; red star tray ; blue star table 3 3 ."
    knocked = "tray 12 7 ; red star table 5 5 ; blue star table 3 3 ."
    made, _ = planner(star, both, knocked, knocked)
    plans = run(made, 3, "all stars on the tray")
    assert plans[0].steps == ("put the blue star on the tray",)
    assert plans[2].steps == ("put the red star on the tray", "put the blue star on the tray")


def test_what_is_said_to_be_in_the_drawer_is_looked_for_there_for_a_while() -> None:
    meant = "put the white ball inside drawer in table ."
    shut, bare = "drawer closed ; red block table 12 3 .", "drawer open ; red block table 12 3 ."
    made, _ = planner(meant, shut, *[bare] * (FORGET + 4))
    plans = run(made, FORGET + 5)
    assert plans[0].steps == ("open the drawer", "take the white ball out of the drawer")
    assert plans[5].instruction == "take the white ball out of the drawer"
    assert plans[-1].note == "because there is no white ball"


def test_what_is_in_the_hand_is_put_down_before_anything_else_is_done() -> None:
    meant = "put the green star inside drawer in table and close ."
    inside, held = "drawer open ; green star drawer .", "drawer open ; green star hand ."
    out = "drawer open ; green star table 9 5 ."
    made, _ = planner(meant, inside, held, held, held, out, out)
    assert [plan.index for plan in run(made, 6)] == [0, 0, 0, 0, 0, 1]
    made, _ = planner("hold the green star .", out, held, held)
    assert run(made, 3)[-1].done


@pytest.mark.parametrize(
    ("meant", "kind", "note"),
    [
        ("hold the red star .", "cannot", "because there is no red star"),
        ("where the red block .", "answer", "on the table"),
        ("unknown .", "cannot", "because i do not know how to do that"),
    ],
)
def test_refusals_and_answers_have_no_steps(meant: str, kind: str, note: str) -> None:
    made, _ = planner(meant, SHUT)
    plan = made.plan(GOAL, seen(), None)
    assert (plan.kind, plan.note, plan.steps) == (kind, note, ())
    assert made.plan(GOAL, seen(1), plan) == plan


def test_a_refusal_is_taken_back_as_soon_as_a_look_shows_that_it_can_be_done() -> None:
    made, _ = planner("hold the red block .", GONE, AJAR, AJAR, AJAR)
    plans = run(made, 4, "lift it")
    assert [plan.kind for plan in plans] == ["cannot", "steps", "steps", "steps"]
    assert plans[-1].steps == ("pick up the red block",)


def test_a_meaning_that_is_cut_off_is_none() -> None:
    made, _ = planner("put the red block plus the", SHUT)
    assert made.plan(GOAL, seen(), None).note == "because i do not know how to do that"
    assert made.success(seen(), "go on and on") == 0


def test_where_nothing_leads_there_it_says_so_at_first_and_holds_on_to_its_plan_later() -> None:
    meant = "put the red ball in table ."
    boxed, lying = "bowl 4 7 ; red ball bowl .", "drawer open ; bowl 4 7 ; red ball drawer ."
    made, _ = planner(meant, boxed)
    assert made.plan(GOAL, seen(), None).note == "because i do not know how to do that"
    made, _ = planner(meant, lying, boxed)
    plans = run(made, 4)
    assert {plan.steps for plan in plans} == {("take the red ball out of the drawer",)}
    assert plans[-1].seen == "bowl 4 7 ; drawer closed ; red ball bowl ."


def test_a_new_run_understands_anew_and_forgets_what_was_seen() -> None:
    made, script = planner(MEANT, SHUT, AJAR, SHUT, AJAR)
    made.plan(GOAL, seen(), None)
    made.plan(GOAL, seen(1), made.plan(GOAL, seen(2), None))
    assert script.heard == [GOAL, GOAL]
    other = made.plan("another goal", seen(4), made.plan(GOAL, seen(3), None))
    assert other.goal == script.heard[-1] == "another goal"


def test_what_cannot_be_planned_for_is_refused() -> None:
    made, _ = planner(MEANT, SHUT)
    with pytest.raises(ContractError, match="holds no words"):
        made.plan(" \n", seen(), None)
    front = replace(seen(), images={"front": seen().images["front"]})
    with pytest.raises(ContractError, match=r"camera 'wrist' is missing; the observation has \['front'\]"):
        made.plan(GOAL, front, None)
    with pytest.raises(ContractError, match="asked at once"):
        LlavaPlanner(tiny_planner.talking()).plan("put it in the bowl and " * 300, seen(), None)


def test_success_of_a_planners_own_words_is_what_the_queries_believe() -> None:
    for table, done in ((SHUT, 0), (STORED, 1)):
        made, script = planner(MEANT, table)
        assert made.success(seen(), PUT) == pytest.approx(done, abs=1e-3)
        assert script.heard == []


def test_success_of_other_words_is_that_nothing_is_left_to_do() -> None:
    for table, done in ((SHUT, 0.0), (STORED, 1.0)):
        made, script = planner("put the red block in drawer .", table)
        assert made.success(seen(), "have the red cube stowed") == done
        assert script.heard == ["have the red cube stowed"]


def test_the_same_pictures_are_looked_at_once_and_few_are_kept() -> None:
    made, script = planner(MEANT, SHUT)
    for value in (1, 1, 2, 1):
        made.plan(GOAL, seen(value), None)
        made.success(seen(value), PUT)
    assert script.looks == 2
    for value in range(3, 9):
        made.plan(GOAL, seen(value), None)
    made.plan(GOAL, seen(1), None)
    assert script.looks == 2 + 6 + 1


def test_a_chain_whose_end_undoes_its_beginning_comes_to_an_end() -> None:
    closed, opened = "drawer closed ; red block table 3 3 .", "drawer open ; red block table 3 3 ."
    inside, shut = "drawer open ; red block drawer .", "drawer closed ."
    chain = "open then put the red block in drawer then close ."
    made, _ = planner(chain, closed, opened, opened, inside, inside, shut, shut, shut)
    plans = run(made, 8)
    assert plans[0].steps == (OPEN, PUT, CLOSE)
    assert [plan.instruction for plan in plans] == [OPEN, OPEN, PUT, PUT, CLOSE, CLOSE, None, None]
    assert plans[-1].done


def test_a_drawer_is_emptied_of_what_comes_to_light() -> None:
    shut, ajar = "tray 4 4 ; drawer closed .", "tray 4 4 ; drawer ajar ."
    full = "tray 4 4 ; drawer open ; red star drawer ; blue ball drawer ."
    made, _ = planner("put every thing inside drawer in tray and close .", shut, ajar, full)
    plans = run(made, 6, "empty the drawer onto the tray, and close it")
    assert {plan.instruction for plan in plans[:3]} == {OPEN}
    assert not any(plan.done for plan in plans)
    assert [step for step in plans[-1].steps[plans[-1].index :] if "out of" in step] == [
        "take the red star out of the drawer",
        "take the blue ball out of the drawer",
    ]


def test_one_wrong_look_at_the_beginning_ends_nothing() -> None:
    empty, there = "tray 4 4 .", "tray 4 4 ; red star table 3 3 ."
    made, _ = planner("put the red star in tray .", empty, there)
    plans = run(PatientPlanner(made), 3, "put the red star on the tray")
    assert [plan.done for plan in plans] == [False] * 3
    assert plans[-1].instruction == "put the red star on the tray"
    made, _ = planner("put every star in tray .", "tray 4 4 ; red star tray .", there)
    assert not any(plan.done for plan in run(PatientPlanner(made), 3, "stars on the tray"))
