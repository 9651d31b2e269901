"""What is told of a table is what an eye can see of it, no more and no less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.goals import TEMPLATES, draw
from sim.goals.laying import GoalTable
from sim.goals.symbols import nominal_truth, symbols_of
from sim.goals.telling import hidden, points_of, seen_of
from sim.objects import ROW, ROWS
from vla.planner.grammar import FIXTURES, NAMES
from vla.planner.seen import cell_of, format_seen, parse_seen
from vla.planner.symbols import GONE, HELD, Symbols

SEED = 300_000


def tables(name: str, count: int = 12) -> list[tuple[Symbols, GoalTable]]:
    found = []
    for seed in range(count):
        goal, table = draw(TEMPLATES[name], SEED + seed)
        found.append((symbols_of(nominal_truth(table), goal.names), table))
    return found


def test_whatever_stands_there_is_told_once_and_where() -> None:
    for name in ("tower_three", "sort_corners", "fetch", "tidy_table", "swap_containers", "is_left_of"):
        for state, table in tables(name, 4):
            truth = nominal_truth(table)
            seen = seen_of(state, truth)
            assert parse_seen(format_seen(seen)) == seen
            assert seen.fixtures.keys() == state.fixtures
            assert list(seen.fixtures) == [name for name in FIXTURES if name in state.fixtures]
            told = {thing.name: thing for thing in seen.things}
            assert list(told) == [name for name in NAMES if name in told]
            visible = {row for row in state.names if not hidden(row, state)}
            assert told.keys() == {state.names[row] for row in visible}
            for row in visible:
                at, thing = state.where[row], told[state.names[row]]
                assert thing.place == (state.names[at] if isinstance(at, int) else at)
                x, y = truth.position_m[row, :2]
                assert thing.cell == (cell_of(x, y) if at == "table" else None)


def test_what_a_closed_drawer_hides_is_not_told_and_an_open_one_shows_it() -> None:
    hiding = 0
    for state, table in tables("fetch"):
        inside = [row for row in state.names if state.ground(row) == "drawer"]
        for drawer in ("open", "ajar", "closed"):
            there = replace(state, drawer=drawer)
            told = {thing.name for thing in seen_of(there, nominal_truth(table)).things}
            points = points_of(there, np.full((ROWS, 2), 0.5, np.float32))
            for row in inside:
                name = state.names[row]
                hiding += drawer == "closed"
                assert (name in told) == (drawer != "closed")
                assert np.isnan(points[NAMES.index(name)]).all() == (drawer == "closed")
    assert hiding > 5


def test_what_is_gone_is_not_told_and_what_is_held_is_in_the_hand() -> None:
    [(state, table), *_] = tables("fetch")
    row = next(row for row, at in state.where.items() if at == "table")
    truth, name = nominal_truth(table), state.names[row]
    assert name not in {t.name for t in seen_of(state.moved(row, GONE), truth).things}
    held = {t.name: t for t in seen_of(state.moved(row, HELD), truth).things}[name]
    assert (held.place, held.cell) == ("hand", None)
    assert seen_of(replace(state, over=row), truth).over == name
    assert seen_of(state, truth).over == ""


def test_two_of_a_name_are_told_as_twins_without_a_place_or_a_point() -> None:
    for state, table in tables("ambiguous_object", 4):
        names = list(state.names.values())
        twins = {name for name in names if names.count(name) > 1}
        assert twins
        seen = seen_of(state, nominal_truth(table))
        assert {thing.name for thing in seen.things if thing.twin} == twins
        assert len({thing.name for thing in seen.things}) == len(seen.things)
        points = points_of(state, np.full((ROWS, 2), 0.5, np.float32))
        assert all(np.isnan(points[NAMES.index(name)]).all() for name in twins)


def test_the_button_is_told_to_be_pressed_where_it_stands() -> None:
    [(state, table), *_] = tables("press")
    truth = nominal_truth(table)
    assert not seen_of(state, truth).pressed
    assert seen_of(replace(state, pressed=True), truth).pressed
    gone = replace(state, pressed=True, fixtures=state.fixtures - {"button"})
    assert not seen_of(gone, truth).pressed


def test_points_are_those_of_the_picture_by_name() -> None:
    uv = np.linspace(0, 1, 2 * ROWS, dtype=np.float16).reshape(ROWS, 2).astype(np.float32)
    for state, _ in tables("sort_corners", 4):
        points = points_of(state, uv)
        assert points.shape == (len(NAMES) + len(FIXTURES), 2)
        for row, name in state.names.items():
            if not hidden(row, state):
                assert np.array_equal(points[NAMES.index(name)], uv[row])
        for i, name in enumerate(FIXTURES):
            there = points[len(NAMES) + i]
            assert np.array_equal(there, uv[ROW[name]]) if name in state.fixtures else np.isnan(there).all()
        assert np.isfinite(points).all(1).sum() == len(state.names) + len(state.fixtures) - sum(
            hidden(row, state) for row in state.names
        )
