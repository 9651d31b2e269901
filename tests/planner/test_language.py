"""The language planner: one command per step, every pronoun resolved, steps ticked off by repeated looks."""

from collections.abc import Iterator

import numpy as np
import pytest

from sim.language import FAMILIES, noun, phrase, place
from sim.randomise import Split
from vla.conformance import check_planner
from vla.contract import ContractError, Observation
from vla.planner.language import LanguagePlanner, split_goal

LOOK = Observation(images={}, state=np.zeros(11, np.float32), stamp_s=0.0)

SENTENCES = {
    "open the drawer, then put the blue block in it": ["open the drawer", "put the blue block in the drawer"],
    "Open the drawer and put the blue block in it.": ["open the drawer", "put the blue block in the drawer"],
    "press the button and after that stack the green block on the yellow block": [
        "press the button",
        "stack the green block on the yellow block",
    ],
    "First open the drawer, then put the red ball in it and finally close it.": [
        "open the drawer",
        "put the red ball in the drawer",
        "close the drawer",
    ],
    "put the red block in the bowl and close the drawer": [
        "put the red block in the bowl",
        "close the drawer",
    ],
    "put the red block in the bowl, close the drawer and press the button": [
        "put the red block in the bowl",
        "close the drawer",
        "press the button",
    ],
    "Put the red block in the bowl. Close the drawer!": ["put the red block in the bowl", "close the drawer"],
    "put the red block in the bowl; press the button": ["put the red block in the bowl", "press the button"],
    "open the drawer\nput the cyan star in it\nclose it": [
        "open the drawer",
        "put the cyan star in the drawer",
        "close the drawer",
    ],
    "1. open the drawer 2. take the red ball out of it 3. close it": [
        "open the drawer",
        "take the red ball out of the drawer",
        "close the drawer",
    ],
    "Could you please open the drawer and then put the blue block in it?": [
        "open the drawer",
        "put the blue block in the drawer",
    ],
    "please press the button, thanks": ["press the button"],
    "Robot, I want you to pick up the star for me": ["pick up the star"],
    "PUT THE RED BLOCK IN THE BOWL": ["put the red block in the bowl"],
    "  put   the red block in the bowl  ": ["put the red block in the bowl"],
    "go ahead and press the button": ["press the button"],
    "pick up the red block and put it in the bowl": ["pick up the red block and put it in the bowl"],
    "grab the red block and raise it, then press the button": [
        "grab the red block and raise it",
        "press the button",
    ],
    "pick up the red block, then put it in the bowl": [
        "pick up the red block",
        "put the red block in the bowl",
    ],
    "take the red ball out of the drawer and put it in the bowl": [
        "take the red ball out of the drawer",
        "put the red ball in the bowl",
    ],
    "take the red ball out of the drawer and put it on the table": [
        "take the red ball out of the drawer and put it on the table"
    ],
    "put the red block and the blue block in the bowl": ["put the red block and the blue block in the bowl"],
    "push the block left of the bowl to the tray and then press the button": [
        "push the block left of the bowl to the tray",
        "press the button",
    ],
    "reach the block to the left of the bowl, then lift it": [
        "reach the block to the left of the bowl",
        "lift the block to the left of the bowl",
    ],
    "push the red block to the zone, then put the blue block there": [
        "push the red block to the zone",
        "put the blue block to the zone",
    ],
    "put the red block in the bowl, then put the green star there too": [
        "put the red block in the bowl",
        "put the green star in the bowl too",
    ],
    "put the red block in the bowl, then push it to the front left corner": [
        "put the red block in the bowl",
        "push the red block to the front left corner",
    ],
    "stack the red block on the blue block, then put the green block on it": [
        "stack the red block on the blue block",
        "put the green block on the red block",
    ],
    "put the red block on the tray and then put the green ball on it": [
        "put the red block on the tray",
        "put the green ball on the tray",
    ],
    "put the blue block in the drawer and close it": ["put the blue block in the drawer", "close the drawer"],
    "open the drawer, take the ball out of it, put it in the bowl, and shut the drawer": [
        "open the drawer",
        "take the ball out of the drawer",
        "put the ball in the bowl",
        "shut the drawer",
    ],
    "Put the red block in the bowl and the blue block on the tray.": [
        "put the red block in the bowl",
        "put the blue block on the tray",
    ],
    "stack the red block on the blue block, then the green block on the red block": [
        "stack the red block on the blue block",
        "stack the green block on the red block",
    ],
    "After opening the drawer, put the blue block in it": [
        "open the drawer",
        "put the blue block in the drawer",
    ],
    "before you close the drawer, put the red ball in it": [
        "put the red ball in the drawer",
        "close the drawer",
    ],
    "before closing the drawer, put the red ball in it": [
        "put the red ball in the drawer",
        "close the drawer",
    ],
    "open the drawer. then put the blue block in there": [
        "open the drawer",
        "put the blue block in the drawer",
    ],
    "push the block before the bowl to the tray": ["push the block before the bowl to the tray"],
    "put the red ball and the star in the bowl and press the button": [
        "put the red ball and the star in the bowl",
        "press the button",
    ],
    "press the button. afterwards, the red block goes in the bowl": [
        "press the button",
        "the red block goes in the bowl",
    ],
    "stack red block on blue block and press the button": [
        "stack red block on blue block",
        "press the button",
    ],
    "open drawer and put red ball in bowl": ["open drawer", "put red ball in bowl"],
    "pull the drawer handle and put the red block in the drawer": [
        "pull the drawer handle",
        "put the red block in the drawer",
    ],
    "take the handle and pull open the drawer, then press the button": [
        "take the handle and pull open the drawer",
        "press the button",
    ],
    "push the block next to the bowl to the zone, then press the button": [
        "push the block next to the bowl to the zone",
        "press the button",
    ],
    "press the button, then take the red block off the blue block and put it next to it": [
        "press the button",
        "take the red block off the blue block and put it next to it",
    ],
    "turn on the button, then open the drawer": ["turn on the button", "open the drawer"],
    "sweep the red ball to the zone. Then press the button.": [
        "sweep the red ball to the zone",
        "press the button",
    ],
    "the star should be in the bowl, then i want the drawer shut": [
        "the star should be in the bowl",
        "i want the drawer shut",
    ],
    "press the button, next open the drawer, lastly close it": [
        "press the button",
        "open the drawer",
        "close the drawer",
    ],
}


class Scripted:
    """Judges by a list of probabilities, one per look, and notes what it was asked."""

    def __init__(self, probabilities: list[float]) -> None:
        self.probabilities = list(probabilities)
        self.asked: list[str] = []

    def success(self, observation: Observation, instruction: str) -> float:
        self.asked.append(instruction)
        return self.probabilities.pop(0)


@pytest.mark.parametrize("goal", SENTENCES)
def test_a_sentence_becomes_its_commands(goal: str) -> None:
    assert list(split_goal(goal)) == SENTENCES[goal]


@pytest.mark.parametrize("goal", SENTENCES)
def test_a_step_is_a_goal_of_one_step(goal: str) -> None:
    for step in split_goal(goal):
        assert split_goal(step) == (step,)


def wordings(family: str, split: Split, count: int) -> Iterator[str]:
    """Instructions of one family, as the grammar says them."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        relation = (str(rng.choice(["left", "right", "front", "behind"])), "the bowl")
        target = noun("red", "block", relation if rng.random() < 0.3 else None, rng)
        where = "bowl" if family == "put_in" else "zone"
        destination = "the blue cube" if family in ("stack", "unstack") else place(where, rng)
        yield phrase(family, split, target, destination, "bowl", rng)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_no_single_instruction_is_cut(family: str, split: Split) -> None:
    for said in wordings(family, split, 300):
        steps = split_goal(said)
        assert len(steps) == 1, said
        assert steps[0] in said


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_instruction_is_cut_from_the_next_and_from_the_one_before(family: str, split: Split) -> None:
    for said in wordings(family, split, 300):
        words = said.rstrip(".")
        alone = split_goal(said)[0]
        assert split_goal(f"{words}, then open the drawer") == (alone, "open the drawer"), said
        assert split_goal(f"open the drawer. then {said}") == ("open the drawer", alone), said


@pytest.mark.parametrize("goal", ["", "   ", "...", "please", "\n,;"])
def test_a_goal_without_words_is_refused(goal: str) -> None:
    with pytest.raises(ContractError, match="no words"):
        LanguagePlanner(None).plan(goal, LOOK, None)


def test_a_step_is_done_after_three_looks_in_a_row() -> None:
    detector = Scripted([0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.2, 0.9, 0.9, 0.9])
    planner = LanguagePlanner(detector)
    plan = planner.plan("open the drawer, then close it", LOOK, None)
    assert plan.instruction == "open the drawer"
    indices = []
    for _ in range(10):
        plan = planner.plan(plan.goal, LOOK, plan)
        indices.append(plan.index)
    assert indices == [0, 0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert plan.done
    assert plan.status == ("done", "done")
    assert detector.asked == ["open the drawer"] * 6 + ["close the drawer"] * 4


def test_a_finished_plan_is_not_looked_at_again() -> None:
    detector = Scripted([0.9] * 3)
    planner = LanguagePlanner(detector)
    plan = planner.plan("press the button", LOOK, None)
    for _ in range(6):
        plan = planner.plan("press the button", LOOK, plan)
    assert plan.done
    assert len(detector.asked) == 3


def test_starting_a_goal_again_forgets_its_looks() -> None:
    planner = LanguagePlanner(Scripted([0.9] * 5))
    plan = planner.plan("press the button", LOOK, None)
    for _ in range(2):
        plan = planner.plan("press the button", LOOK, plan)
    plan = planner.plan("press the button", LOOK, None)
    for _ in range(2):
        plan = planner.plan("press the button", LOOK, plan)
    assert plan.index == 0
    assert planner.plan("press the button", LOOK, plan).done


def test_another_goal_replaces_the_plan() -> None:
    planner = LanguagePlanner(Scripted([0.9] * 9))
    plan = planner.plan("press the button", LOOK, None)
    plan = planner.plan("open the drawer", LOOK, plan)
    assert (plan.goal, plan.index, plan.steps) == ("open the drawer", 0, ("open the drawer",))


def test_without_a_detector_the_first_step_stays() -> None:
    planner = LanguagePlanner(None)
    plan = planner.plan("open the drawer, then close it", LOOK, None)
    for _ in range(5):
        plan = planner.plan(plan.goal, LOOK, plan)
    assert plan.index == 0
    assert plan.status == ("active", "pending")


@pytest.mark.parametrize(("threshold", "looks"), [(0.0, 3), (1.0, 3), (0.5, 0)])
def test_settings_out_of_range_are_refused(threshold: float, looks: int) -> None:
    with pytest.raises(ContractError):
        LanguagePlanner(None, threshold, looks)


def test_it_keeps_the_laws_of_a_planner() -> None:
    for detector in (None, Scripted([0.9] * 9)):
        check_planner(LanguagePlanner(detector), "open the drawer, then put the red ball in it", LOOK)
