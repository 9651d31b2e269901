"""What is seen survives being told in words, and what was never a table is refused by its clause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.contract import ContractError
from vla.planner.grammar import FIXTURES, NAMES
from vla.planner.seen import (
    BACK_M,
    CELL_M,
    COLUMNS,
    CONTAINERS,
    DRAWER_STATES,
    LEFT_M,
    ROWS,
    Seen,
    SeenThing,
    cell_of,
    format_seen,
    parse_seen,
)

CELLS = st.tuples(st.integers(0, COLUMNS - 1), st.integers(0, ROWS - 1))


@st.composite
def things(draw: st.DrawFn, name: str) -> SeenThing:
    place = draw(st.sampled_from(("", "table", *CONTAINERS, *NAMES)))
    if not place:
        return SeenThing(name, "", None, True)
    return SeenThing(name, place, draw(CELLS) if place == "table" else None)


@st.composite
def tables(draw: st.DrawFn) -> Seen:
    present = draw(st.sets(st.sampled_from(FIXTURES)))
    cells = {name: None if name == "drawer" else draw(CELLS) for name in FIXTURES if name in present}
    named = draw(st.sets(st.sampled_from(NAMES), max_size=8))
    return Seen(
        cells,
        draw(st.sampled_from(DRAWER_STATES)) if "drawer" in present else "",
        "button" in present and draw(st.booleans()),
        tuple(draw(things(name)) for name in NAMES if name in named),
        draw(st.sampled_from(["", *NAMES])),
    )


@given(tables())
def test_what_is_told_is_what_was_seen(seen: Seen) -> None:
    told = format_seen(seen)
    assert parse_seen(told) == seen
    assert format_seen(parse_seen(told)) == told
    assert told.splitlines() == [told]


def test_an_example_reads_as_documented() -> None:
    told = "bowl 4 7 ; drawer open ; red block table 12 3 ; blue ball bowl ; green star on red block ."
    seen = parse_seen(told)
    assert seen.fixtures == {"bowl": (4, 7), "drawer": None}
    assert seen.drawer == "open"
    assert [thing.place for thing in seen.things] == ["table", "bowl", "red block"]
    assert seen.things[0].cell == (12, 3)
    assert parse_seen("nothing .") == Seen({})
    assert format_seen(Seen({})) == "nothing ."


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("", "does not end with one full stop"),
        ("bowl 1 2", "does not end with one full stop"),
        ("bowl 1 2 . zone 3 4 .", "does not end with one full stop"),
        (".", "no fixture and no thing"),
        ("fridge 1 2 .", "'fridge 1' is no fixture and no thing"),
        ("red block .", "'' is no place"),
        ("red block moon .", "'moon' is no place; say one of table, bowl"),
        ("red block table 3 .", "'red block table 3': a place is two numbers"),
        ("red block table 3 4 5 .", "a place is two numbers"),
        (f"red block table {COLUMNS} 0 .", f"column below {COLUMNS} and row below {ROWS}"),
        (f"bowl 0 {ROWS} .", f"column below {COLUMNS} and row below {ROWS}"),
        ("bowl 0 x .", "a place is two numbers"),
        ("drawer .", "a drawer is one of open, closed, ajar"),
        ("drawer wide .", "a drawer is one of open, closed, ajar"),
        ("hand over .", "'' is no fixture and no thing"),
        ("hand over red block bowl .", "'red block bowl' is no fixture and no thing"),
        ("red block twice 3 4 .", "'twice' is no place"),
    ],
)
def test_a_clause_of_another_form_is_refused_and_named(told: str, why: str) -> None:
    with pytest.raises(ContractError, match=why):
        parse_seen(told)


@given(
    st.lists(
        st.sampled_from([*NAMES, *FIXTURES, *CONTAINERS, "0", "24", "٣", ";", ".", "on", "twice", "over"])
    ).map(" ".join)
)
def test_any_text_is_a_table_or_is_refused(text: str) -> None:
    try:
        parse_seen(text)
    except ContractError:
        return


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_cell_is_on_the_grid_and_near_its_point(x_m: float, y_m: float) -> None:
    column, row = cell_of(x_m, y_m)
    assert 0 <= column < COLUMNS
    assert 0 <= row < ROWS
    if LEFT_M <= y_m < LEFT_M + COLUMNS * CELL_M and BACK_M <= x_m < BACK_M + ROWS * CELL_M:
        assert LEFT_M + (column - 1e-6) * CELL_M <= y_m <= LEFT_M + (column + 1 + 1e-6) * CELL_M
        assert BACK_M + (row - 1e-6) * CELL_M <= x_m <= BACK_M + (row + 1 + 1e-6) * CELL_M


def test_right_and_towards_the_viewer_is_more() -> None:
    assert cell_of(0.4, 0.2)[0] > cell_of(0.4, -0.2)[0]
    assert cell_of(0.6, 0.0)[1] > cell_of(0.4, 0.0)[1]
