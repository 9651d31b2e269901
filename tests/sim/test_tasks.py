from __future__ import annotations

import numpy as np
import pytest

from sim.conformance import check_task
from sim.expert import Disturbance, ScriptedExpert
from sim.layout import held_out_cell
from sim.objects import COLOUR_NAMES, COLOURS, HELD_OUT_PAIRS, POOL, UNNAMED, UNNAMED_DISTANCE
from sim.randomise import AXES, Randomise, along
from sim.tasks import TASKS, task_named
from sim.world import World


@pytest.fixture(scope="module")
def blind_world():
    with World(render=False) as world:
        yield world


@pytest.mark.parametrize("name", TASKS)
def test_every_task_keeps_the_laws(blind_world, name):
    assert check_task(TASKS[name], blind_world) > 5


@pytest.mark.parametrize("name", TASKS)
def test_experts_recover_from_disturbance(blind_world, name):
    succeeded = sum(_play(blind_world, name, 2_000_000 + i, 0.7) for i in range(4))
    assert succeeded >= 3


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("name", TASKS)
def test_experts_succeed_on_97_of_100_unseen_seeds(blind_world, name, noise):
    assert sum(_play(blind_world, name, 3_000_000 + i, noise) for i in range(100)) >= 97


def _play(world: World, name: str, seed: int, noise: float) -> bool:
    scenario = world.reset(name, seed)
    expert, disturbance = ScriptedExpert(world), Disturbance(np.random.default_rng(seed), noise)
    for _ in range(scenario.horizon):
        action = expert.action()
        world.step(action + disturbance.offset(action))
        if world.success():
            return True
    return False


def test_training_scenes_never_show_a_held_out_pair(blind_world):
    shown = {pair for seed in range(60) for pair in _pairs(blind_world, seed, Randomise())}
    assert len(shown) > 20
    assert not shown & HELD_OUT_PAIRS


def test_unnamed_colours_are_kept_apart_and_spoken_of_by_shape_alone(blind_world):
    named, shades, spoken = np.array(list(COLOURS.values())), [], 0
    for seed in range(60):
        scenario = blind_world.reset("pick_up", seed, Randomise())
        table = blind_world.entities().reshape(-1, 9)[: len(POOL)]
        there = [POOL[row] for row in np.flatnonzero(table[:, 0] > 0)]
        unnamed = np.flatnonzero((table[:, 0] > 0) & (table[:, 1] == UNNAMED))
        for query in scenario.queries:
            if query.target in unnamed:
                spoken += 1
                assert query.colour is None
                assert query.noun == POOL[query.target]
                assert there.count(query.noun) == 1
            assert query.destination not in unnamed
        for row in unnamed:
            body = blind_world.model.body(f"object_{row}")
            shades.append(blind_world.model.geom_rgba[body.geomadr[0], :3].copy())
    assert spoken > 5
    assert len(shades) > 20
    assert np.linalg.norm(np.array(shades)[:, None] - named, axis=-1).min() >= UNNAMED_DISTANCE - 1e-6


def test_the_plain_setting_shows_no_unnamed_colour(blind_world):
    for seed in range(20):
        blind_world.reset("pick_up", seed, along("base"))
        table = blind_world.entities().reshape(-1, 9)[: len(POOL)]
        assert (table[table[:, 0] > 0, 1] != UNNAMED).all()


def test_the_pair_axis_refers_to_a_held_out_pair(blind_world):
    for seed in range(1_000_000, 1_000_010):
        scenario = blind_world.reset("pick_up", seed, along("pair"))
        row = scenario.queries[0].target
        colour = int(blind_world.entities().reshape(-1, 9)[row, 1])
        assert (POOL[row], COLOUR_NAMES[colour]) in {(s, c) for c, s in HELD_OUT_PAIRS}


def _pairs(world: World, seed: int, switches: Randomise) -> set[tuple[str, str]]:
    world.reset(tuple(TASKS)[seed % len(TASKS)], seed, switches)
    table = world.entities().reshape(-1, 9)
    return {(COLOUR_NAMES[int(table[i, 1])], POOL[i]) for i in range(len(POOL)) if table[i, 0] > 0}


@pytest.mark.parametrize(("axis", "held_out"), [("base", False), ("layout", True)])
def test_the_layout_axis_decides_where_targets_stand(blind_world, axis, held_out):
    for seed in range(1_000_000, 1_000_010):
        scenario = blind_world.reset("pick_up", seed, along(axis))
        x, y, _ = blind_world.truth().position_m[scenario.queries[0].target]
        assert held_out_cell(x, y) == held_out


@pytest.mark.parametrize("axis", AXES)
def test_each_axis_changes_the_setting(axis):
    assert along(axis) != along("base")


def test_the_paraphrase_axis_uses_other_words(blind_world):
    train = {blind_world.reset("press_button", seed, along("base")).instruction for seed in range(40)}
    test = {blind_world.reset("press_button", seed, along("paraphrase")).instruction for seed in range(40)}
    assert len(train) > 10
    assert len(test) > 5
    assert not train & test


def test_the_same_scene_can_be_asked_other_things(blind_world):
    first = blind_world.reset("pick_up", 1_000_003)
    before = blind_world.entities()
    other = blind_world.reset("pick_up", 1_000_003, alternative=1)
    assert np.array_equal(before, blind_world.entities())
    assert other.queries[0] == first.queries[1]
    assert other.instruction != first.instruction


def test_an_unknown_task_is_named_with_the_choices():
    with pytest.raises(ValueError, match=r"juggle.*pick_up"):
        task_named("juggle")


def test_relations_hold_in_the_pictures_sense(blind_world):
    found = 0
    for seed in range(150):
        query = blind_world.reset("pick_up", seed).queries[0]
        if query.relation is None:
            continue
        found += 1
        table = blind_world.entities().reshape(-1, 9)
        landmark = table[{"bowl": 10, "tray": 11, "button": 14}[query.relation[1]]]
        target = table[query.target]
        if query.relation[0] in ("left", "right"):
            assert (target[5] < landmark[5]) == (query.relation[0] == "left")
        else:
            assert (target[6] > landmark[6]) == (query.relation[0] == "front")
    assert found >= 5
