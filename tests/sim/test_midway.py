"""Scenes for demonstrations on the way to a goal."""

from __future__ import annotations

import numpy as np
import pytest

from sim.expert import ScriptedExpert
from sim.goals import TEMPLATES
from sim.goals.midway import COURSE, MidwayWorld
from sim.goals.plans import templates_with
from sim.layout import held_out_cell
from sim.randomise import Randomise
from sim.tasks import TASKS


@pytest.fixture(scope="module")
def world() -> MidwayWorld:
    return MidwayWorld(render=False)


def test_every_family_is_on_the_way_to_some_goal() -> None:
    assert all(templates_with(family, COURSE) for family in TASKS)
    assert all(templates_with(family, tuple(TEMPLATES.values())) for family in TASKS)


def test_no_goal_that_is_held_out_lies_ahead() -> None:
    assert not {template.name for template in COURSE} & {t.name for t in TEMPLATES.values() if t.held_out}


@pytest.mark.parametrize("family", TASKS)
def test_the_expert_finishes_what_was_begun(world: MidwayWorld, family: str) -> None:
    expert = ScriptedExpert(world)
    for seed in range(3):
        scenario = world.reset_midway(family, seed)
        assert scenario.queries[0].family == family
        assert not world.success()
        for _ in range(scenario.horizon):
            world.step(expert.action())
            if world.success():
                break
        assert world.success(), (seed, scenario.instruction)


def test_scenes_are_under_way_and_none_finds_its_target_where_training_may_not(world: MidwayWorld) -> None:
    done, away, held = 0, 0, 0
    for seed in range(40):
        family = tuple(TASKS)[seed % len(TASKS)]
        scenario = world.reset_midway(family, 1000 + seed)
        truth, target = world.truth(), scenario.queries[0].target
        labels = world.done_labels(truth)
        assert labels[0] == 0
        assert len(scenario.texts) == len(scenario.queries) == (labels >= 0).sum()
        done += int((labels[1:] == 1).any())
        away += int(np.linalg.norm(truth.tool_m - [0.42, 0.0, 0.22]) > 0.02)
        held += int(truth.held >= 0)
        if family not in ("open_drawer", "close_drawer", "press_button") and truth.held != target:
            assert not held_out_cell(*map(float, truth.position_m[target, :2]))
    assert done > 10
    assert away > 20
    assert held > 0


def test_a_seed_is_a_scene_and_held_out_cells_are_for_tests(world: MidwayWorld) -> None:
    first = world.reset_midway("stack", 5)
    before = world.truth()
    world.reset_midway("put_in", 5)
    assert world.reset_midway("stack", 5) == first
    np.testing.assert_array_equal(world.truth().position_m, before.position_m)
    world.reset_midway("pick_up", 5, Randomise(layout="test"))
    target = world.scenario.queries[0].target
    assert held_out_cell(*map(float, world.truth().position_m[target, :2]))
    with pytest.raises(ValueError, match="fly"):
        world.reset_midway("fly", 0)
