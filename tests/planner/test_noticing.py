"""Whether an instruction is done is read off what the queries believe."""

from __future__ import annotations

import pytest
from sightings import sighting_of

from vla.planner.grammar import STEPS
from vla.planner.noticing import carried_out_share

FIXTURES = "bowl 4 7 ; tray 9 9 ; zone 2 2 ; drawer closed ; button 20 5"
BEFORE = f"{FIXTURES} ; red block table 12 3 ; red star on red block ."
CASES = {
    "put the red block in the bowl": "bowl 4 7 ; red block bowl .",
    "put the red star on the tray": "tray 9 9 ; red star tray .",
    "push the red block to the zone": "zone 2 2 ; red block zone .",
    "push the red block to the front left corner": "red block front left .",
    "stack the red star on the blue block": "blue block table 1 1 ; red star on blue block .",
    "take the red star off the red block": "red block table 12 3 ; red star table 1 1 .",
    "take the red star out of the drawer": "drawer open ; red star table 1 1 .",
    "put the red star in the drawer": "drawer open ; red star drawer .",
    "open the drawer": "drawer open .",
    "press the button": "button pressed 20 5 .",
    "pick up the red star": "red star hand .",
    "reach the red star": "red star table 1 1 ; hand over red star .",
}


@pytest.mark.parametrize("instruction", CASES)
def test_it_is_done_where_it_looks_done_and_not_before(instruction: str) -> None:
    step = STEPS[instruction]
    assert carried_out_share(step, sighting_of(CASES[instruction])) > 0.99
    assert carried_out_share(step, sighting_of(BEFORE)) < 0.01


def test_the_drawer_is_closed_only_where_it_is_all_the_way() -> None:
    step = STEPS["close the drawer"]
    assert [
        round(carried_out_share(step, sighting_of(f"drawer {state} .")))
        for state in ("open", "ajar", "closed")
    ] == [0, 0, 1]


def test_every_instruction_has_a_share() -> None:
    assert all(0 <= carried_out_share(step, sighting_of(BEFORE)) <= 1 for step in STEPS.values())
