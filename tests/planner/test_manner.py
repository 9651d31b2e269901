"""How something is to be done, where the person says so."""

from __future__ import annotations

import pytest

from vla.planner.grammar import Refusal, format_saying, parse
from vla.planner.manner import in_manner, pushed
from vla.planner.seen import parse_seen
from vla.planner.seen_table import seen_table

STATE = seen_table(parse_seen("zone 4 4 ; bowl 9 9 ; red block table 1 1 ; blue star bowl .")).state
BOTH = {"red block", "blue star"}


@pytest.mark.parametrize(
    ("goal", "things"),
    [
        ("Push the red block to the zone", {"red block"}),
        ("drag the red block into the marked square", {"red block"}),
        ("slide it into the front left corner", BOTH),
        ("without lifting it, bring the star to the zone", BOTH),
        ("push all things into corners", BOTH),
        ("push the red block to the zone and put the blue star in the front left corner", {"red block"}),
        ("put the red block in the zone", set()),
        ("push the button, then put the red block in the zone", set()),
        ("push down the button and put the red block in the zone", set()),
        ("give the button a push and put the red block in the zone", set()),
        ("slide open the drawer and put the red block in the zone", set()),
        ("press the push button and move the star to the back left corner", set()),
        ("push the drawer shut and bring the block to the zone", set()),
        ("bring the red block to the zone, do not push it", set()),
        ("carry the red block to the zone instead of pushing it", set()),
        ("sort the blocks into corners", set()),
    ],
)
def test_a_goal_says_which_things_are_pushed(goal: str, things: set[str]) -> None:
    assert pushed(goal, BOTH) == things


def test_what_lies_on_the_table_is_pushed_and_anything_else_carried() -> None:
    plan = parse("put the red block in the zone; put the blue star in the front left corner.")
    said = in_manner("push both to the zone or a corner", plan, STATE)
    assert format_saying(said) == (
        "push the red block to the zone; put the blue star in the front left corner."
    )
    assert in_manner("put both away", plan, STATE) == plan
    into = parse("put the red block in the bowl; open the drawer.")
    assert in_manner("push it into the corner or the bowl", into, STATE) == into
    assert in_manner("push it to the zone", Refusal("unknown"), STATE) == Refusal("unknown")


def test_what_comes_to_the_table_on_the_way_is_pushed_and_goes_on_being_pushed() -> None:
    goal = "push the red block to the zone"
    shut = seen_table(parse_seen("zone 4 4 ; drawer open ; red block drawer .")).state
    plan = parse("take the red block out of the drawer; put the red block in the zone.")
    assert "push the red block to the zone" in format_saying(in_manner(goal, plan, shut))
    held = seen_table(parse_seen("zone 4 4 ; red block hand .")).state
    rest = parse("put the red block in the zone.")
    assert in_manner(goal, rest, held) == rest
    assert in_manner(goal, rest, held, "push the red block to the zone") == parse(
        "push the red block to the zone."
    )
