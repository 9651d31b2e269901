"""What stays in mind between looks."""

from __future__ import annotations

from vla.planner.memory import FORGET, SURE, Memory
from vla.planner.seen import format_seen, parse_seen

TABLE = "bowl 4 7 ; drawer open ; red block table 12 3 ; blue ball drawer ."


def looked(memory: Memory, *tables: str) -> str:
    """What is believed after looking at some tables in turn."""
    return [format_seen(memory.update(parse_seen(table))) for table in tables][-1]


def test_the_first_look_is_believed() -> None:
    assert looked(Memory(), TABLE) == TABLE


def test_what_moves_moves_at_once() -> None:
    moved = TABLE.replace("red block table 12 3", "red block bowl").replace("open", "closed")
    assert looked(Memory(), TABLE, moved) == moved


def test_what_is_not_shown_for_a_while_stays_and_then_is_given_up() -> None:
    without = "bowl 4 7 ; drawer open ; blue ball drawer ."
    memory = Memory()
    assert looked(memory, TABLE, *[without] * (FORGET - 1)) == TABLE
    assert looked(memory, without) == without
    memory = Memory()
    assert looked(memory, TABLE, *[without, TABLE] * FORGET) == TABLE


def test_what_a_closed_drawer_hides_stays_in_it() -> None:
    shut = "bowl 4 7 ; drawer closed ; red block table 12 3 ."
    assert "blue ball drawer" in looked(Memory(), TABLE, *[shut] * 3 * FORGET)


def test_what_stood_on_something_that_is_given_up_stands_on_the_table() -> None:
    tower = "red block table 12 3 ; green star on red block ."
    memory = Memory()
    assert looked(memory, tower, *["green star on red block ."] * FORGET) == "green star table ."


def test_a_new_thing_is_believed_when_looks_in_a_row_show_it() -> None:
    more = TABLE.replace(" .", " ; white star table 1 1 .")
    memory = Memory()
    assert looked(memory, TABLE, *[more] * (SURE - 1)) == TABLE
    assert looked(memory, TABLE, *[more] * SURE) == more


def test_fixtures_stay() -> None:
    assert looked(Memory(), TABLE, *["red block table 12 3 ."] * 2).startswith("bowl 4 7 ; drawer closed ; ")


def test_what_has_a_place_is_remembered_with_it_and_the_hand_is_none() -> None:
    memory = Memory()
    assert memory.placed == {}
    looked(
        memory, "bowl 4 7 ; red block bowl ; blue star front left ; green star hand ; red ball table 1 1 ."
    )
    assert memory.placed == {"red block": "bowl", "blue star": "front left"}


def test_what_is_being_moved_is_never_given_up() -> None:
    memory = Memory()
    believed = memory.update(parse_seen(TABLE))
    for _ in range(3 * FORGET):
        believed = memory.update(parse_seen("bowl 4 7 ; drawer open ."), {"red block"})
    assert [thing.name for thing in believed.things] == ["red block"]
