"""Part of a plan carried out at once: what moves is what should, and it ends up where it can stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from sim.goals import TEMPLATES, draw
from sim.goals.judge import find
from sim.goals.laying import GoalTable
from sim.goals.model import Act, applied
from sim.goals.oracle import oracle
from sim.goals.progress import CrowdedError, carry_out, lay_aside, slide
from sim.goals.symbols import nominal_truth, symbols_of
from sim.goals.world import GoalWorld
from sim.layout import CORNERS
from sim.objects import HALF_M
from vla.planner.grammar import Instructions, step_words

ACTING = [name for name, template in TEMPLATES.items() if template.kind not in ("infeasible", "question")]
SEED = 300_000


def spots(table: GoalTable) -> dict[int, tuple[float, float, float]]:
    return {row: thing.position_m for row, thing in table.things.items()}


def played(name: str, seed: int) -> Iterator[tuple[GoalTable, Act, dict[int, tuple[float, float, float]]]]:
    """A plan's instructions carried out one after the other, with where things were before each."""
    goal, table = draw(TEMPLATES[name], SEED + seed)
    saying = oracle(goal, symbols_of(nominal_truth(table), goal.names))
    assert isinstance(saying, Instructions)
    for step in saying.steps:
        state = symbols_of(nominal_truth(table), goal.names)
        act, before = find(step_words(step), state), spots(table)
        try:
            carry_out(table, act)
        except CrowdedError:
            return
        found = symbols_of(nominal_truth(table), goal.names)
        if act.family not in ("reach", "pick_up", "press_button"):
            wanted = applied(act, state)
            assert (found.where, found.drawer) == (wanted.where, wanted.drawer), (goal.text, act)
        yield table, act, before


@pytest.mark.parametrize("name", ACTING)
def test_a_step_has_the_judges_effect_and_moves_nothing_else(name: str) -> None:
    for seed in range(3):
        for table, act, before in played(name, seed):
            moved = {row for row, at in spots(table).items() if at != before[row]}
            if act.family in ("reach", "pick_up", "press_button"):
                assert not moved
            elif act.family in ("open_drawer", "close_drawer"):
                inside = nominal_truth(table).position_m
                assert all(inside[row][2] > HALF_M + 0.005 for row in moved)
            else:
                assert moved == {act.row}


@pytest.mark.parametrize("name", ACTING)
def test_nothing_overlaps(name: str) -> None:
    for seed in range(3):
        for table, act, _ in played(name, seed):
            for (one, a), (other, b) in combinations(spots(table).items(), 2):
                apart = np.hypot(*np.subtract(a[:2], b[:2]))
                above = abs(a[2] - b[2])
                assert apart > 0.04 or above > 1.8 * HALF_M, (name, act, one, other)


def drawer_with_contents(seed: int = 0) -> tuple[GoalTable, int]:
    for k in range(100):
        goal, table = draw(TEMPLATES["fetch_close"], SEED + seed + k)
        inside = symbols_of(nominal_truth(table), goal.names).inside("drawer")
        if inside:
            return table, inside[0]
    raise AssertionError


def test_what_lies_in_the_drawer_moves_along_and_back() -> None:
    table, row = drawer_with_contents()
    slide(table, 0.0)
    before = spots(table)
    slide(table, 0.1)
    after = spots(table)
    moved = {r for r in after if after[r] != before[r]}
    assert row in moved
    for r in moved:
        assert np.allclose(np.subtract(after[r], before[r]), (0, -0.1, 0))
    assert table.drawer_front_m[1] == pytest.approx(
        table.fixtures["drawer"][1] + table.drawer_front_m[1] - table.fixtures["drawer"][1]
    )
    slide(table, 0.0)
    assert all(np.allclose(spots(table)[r], before[r]) for r in before)


def test_what_is_laid_aside_has_room_around_it() -> None:
    for seed in range(30):
        _, table = draw(TEMPLATES["gather_two"], SEED + seed)
        row = next(iter(table.things))
        try:
            lay_aside(table, row)
        except CrowdedError:
            continue
        x, y, z = table.things[row].position_m
        assert z == HALF_M
        others = [at[:2] for r, at in spots(table).items() if r != row]
        assert min(np.hypot(*np.subtract((x, y), at)) for at in others) > 0.07
        assert all(np.hypot(*np.subtract((x, y), at)) > 0.12 for at in table.fixtures.values())
        assert all(np.hypot(*np.subtract((x, y), at)) > 0.06 for at in CORNERS.values())


def test_a_full_tray_is_said_to_be_crowded() -> None:
    _, table = draw(TEMPLATES["tidy_onto_tray"], SEED)
    row = next(iter(table.things))
    x, y = table.fixtures["tray"]
    table.things = {100 + i: replace(table.things[row]) for i in range(3)} | {row: table.things[row]}
    for i, dx in enumerate((-0.046, 0.0, 0.046)):
        table.things[100 + i].position_m = (x + dx, y, 0.03)
    with pytest.raises(CrowdedError):
        carry_out(table, Act("put_in", row, "tray"))


@pytest.fixture(scope="module")
def world() -> Iterator[GoalWorld]:
    with GoalWorld(32, render=False) as made:
        yield made


@pytest.mark.parametrize(
    "name", ["fetch_close", "gather_two", "tower_three", "sort_corners", "tidy_onto_tray", "store_close"]
)
def test_physics_leaves_it_as_it_was_put(world: GoalWorld, name: str) -> None:
    goal, _ = draw(TEMPLATES[name], SEED)
    for table, _, _ in played(name, 0):
        world.lay_goal(goal, table)
        for _ in range(20):
            world.hold()
        found, wanted = world.symbols(), symbols_of(nominal_truth(table), goal.names)
        assert (found.where, found.drawer) == (wanted.where, wanted.drawer)
