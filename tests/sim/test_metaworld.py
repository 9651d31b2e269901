"""Meta-World by the published protocol: the real package, its experts and its layouts."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from policies.normalisation import tool_position
from sim.seeds import EVALUATION_SEED
from sim.suites import suite_of
from sim.suites.collect import Shoves, SuiteSettings, collect_suite, labels
from sim.suites.evaluate import EXPERT, SuiteJob, SuiteOutcome, SuitePlayer, SuiteReport, evaluate_suite
from sim.suites.metaworld import CAMERA, METAWORLD, VERSION, MetaWorld, metaworld_spec
from sim.suites.metaworld_tasks import ENTITIES, TASKS
from vla.contract import ContractError
from vla.dataset.reader import Dataset
from vla.planner.verdicts import Portion

metaworld = pytest.importorskip("metaworld")

OBJECT, GOAL = ENTITIES.index("object"), ENTITIES.index("goal")


@pytest.fixture(scope="module")
def world() -> Iterator[MetaWorld]:
    with MetaWorld() as made:
        yield made


def entities(world: MetaWorld) -> np.ndarray:
    return world.entities().reshape(len(ENTITIES), -1)


def test_the_fifty_tasks_are_those_that_are_published() -> None:
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS

    assert {f"{name}-{VERSION}" for name in TASKS} == set(ALL_V3_ENVIRONMENTS)
    assert Counter(task.group for task in TASKS.values()) == {
        "easy": 28,
        "medium": 11,
        "hard": 6,
        "very hard": 5,
    }
    assert len({task.sentence for task in TASKS.values()}) == 49
    with pytest.raises(ContractError, match=r"'fly' is not one of .*door-open"):
        METAWORLD.task("fly")
    with pytest.raises(ContractError, match=r"'libero' is not one of metaworld, aloha"):
        suite_of("libero")


def test_a_seed_is_a_layout_and_the_robot_is_told_neither_object_nor_goal(world: MetaWorld) -> None:
    world.reset("push", 5)
    first = entities(world)
    world.reset("push", 6)
    assert np.abs(entities(world)[[OBJECT, GOAL], 2:5] - first[[OBJECT, GOAL], 2:5]).max() > 0.01
    world.reset("reach", 5)
    world.reset("push", 5)
    np.testing.assert_array_equal(entities(world), first)
    seen = world.observe()
    assert seen.state.shape == (4,)
    np.testing.assert_allclose(seen.state[:3], first[0, 2:5], atol=1e-6)
    assert set(seen.images) == {CAMERA}
    # Places are learned relative to the hand.
    told = tool_position(world.spec, torch.from_numpy(seen.state)[None])
    np.testing.assert_array_equal(told[0], seen.state[:3])


def test_layouts_are_those_of_the_packages_own_benchmark(world: MetaWorld) -> None:
    benchmark = metaworld.MT1("pick-place-v3", seed=42)
    env = benchmark.train_classes["pick-place-v3"]()
    env.set_task(benchmark.train_tasks[0])
    env._freeze_rand_vec, env.seeded_rand_vec = False, True
    env.seed(7)
    known, _ = env.reset()
    world.reset("pick-place", 7)
    np.testing.assert_allclose(entities(world)[[0, OBJECT], 2:5], [known[:3], known[4:7]], atol=1e-6)
    np.testing.assert_allclose(entities(world)[GOAL, 2:5], env._target_pos)


def test_the_picture_stands_upright_and_labels_point_at_what_they_name(world: MetaWorld) -> None:
    for seed in range(3):
        world.reset("pick-place", seed)
        picture = world.picture()
        u, v = entities(world)[GOAL, 5:7]
        around = picture[int(128 * v) - 1 : int(128 * v) + 2, int(128 * u) - 1 : int(128 * u) + 2]
        red, green, blue = around.reshape(-1, 3).mean(0)
        assert blue > 2 * max(red, green), (seed, around)  # the goal is a blue ball
        hand = entities(world)[0, 5:7]
        assert hand[1] < entities(world)[OBJECT, 6]  # the hand is above the puck


@pytest.mark.parametrize("task", ["door-open", "pick-place", "stick-push"])
def test_experts_succeed_within_the_horizon(world: MetaWorld, task: str) -> None:
    world.reset(task, 1)
    for _ in range(200):
        action = world.expert()
        assert np.abs(action).max() <= 1
        world.step(action)
        if world.success:
            break
    assert world.success


def test_demonstrations_are_successes_and_a_collection_goes_on_where_it_stopped(tmp_path: Path) -> None:
    settings = SuiteSettings(
        tmp_path / "two", "metaworld", ("reach", "button-press"), episodes=2, noise=1.0, image_size=32
    )
    assert len(list(islice(collect_suite(settings, workers=0), 1))) == 1
    rest = list(collect_suite(settings, workers=0))
    assert {episode.task for episode in rest} <= {"reach", "button-press"}
    dataset = Dataset.open(settings.root)
    assert len(dataset.episodes) == 4
    assert dataset.robot_type == metaworld_spec().name
    bumped = 0
    for index in range(4):
        columns = dataset.columns(index)
        assert columns["label.done"][-1] == 1
        assert columns["label.done"][0] == 0
        assert np.abs(columns["action"]).max() <= 1
        widths = labels(METAWORLD)
        assert {name: columns[name].shape[1] for name in widths} == widths
        bumped += int(columns["label.disturbance"].any())
    assert bumped
    assert list(collect_suite(settings, workers=0)) == []
    # Neither other tasks nor more episodes take anything for what it is not.
    more = dataclasses.replace(settings, tasks=("drawer-close", "reach"), episodes=3)
    fresh = [(episode.task, episode.key % 10_000) for episode in collect_suite(more, workers=0)]
    assert fresh == [("drawer-close", 0), ("drawer-close", 1), ("drawer-close", 2), ("reach", 2)]
    dataset = Dataset.open(settings.root)
    first_rows = [dataset.columns(index)["label.entities"][0].tobytes() for index in range(8)]
    assert len(dataset.episodes) == len(set(first_rows)) == 8


def test_shoves_come_now_and_then_and_none_come_where_nothing_is_to_be_disturbed() -> None:
    still = Shoves(np.random.default_rng(0), np.zeros(4, np.float32))
    assert not np.array([still.offset() for _ in range(100)]).any()
    shoves = Shoves(np.random.default_rng(0), np.array([0.5, 0.5, 0.5, 0.0], np.float32))
    offsets = np.array([shoves.offset() for _ in range(1000)])
    assert 0.05 < offsets.any(1).mean() < 0.4
    assert np.abs(offsets).max() <= 0.5
    assert not offsets[:, 3].any()


def test_an_evaluation_counts_by_task_and_group_and_leaves_a_manifest(tmp_path: Path) -> None:
    report = evaluate_suite("metaworld", EXPERT, ("reach", "push"), 1, workers=1, folder=tmp_path)
    assert report.tasks() == {"reach": Portion(1, 1), "push": Portion(1, 1)}
    manifest = json.loads((tmp_path / "eval.json").read_text())
    assert manifest["settings"]["tasks"] == ["reach", "push"]
    assert manifest["group_mean"] == 1
    assert (tmp_path / "contact_sheet.png").is_file()
    heard: list[tuple[int, int]] = []
    more = evaluate_suite(
        "metaworld",
        EXPERT,
        ("reach", "push"),
        2,
        workers=1,
        folder=tmp_path,
        progress=lambda *n: heard.append(n),
    )
    assert more.outcomes[:2] == report.outcomes
    assert heard == [(3, 4), (4, 4)]


def test_groups_weigh_the_same_however_many_tasks_they_have() -> None:
    outcomes = [SuiteOutcome("reach", EVALUATION_SEED + k, True, 9) for k in range(3)]
    outcomes += [
        SuiteOutcome("door-open", EVALUATION_SEED, True, 9),
        SuiteOutcome("push", EVALUATION_SEED, False, 9),
    ]
    report = SuiteReport({"suite": "metaworld", "tasks": ["reach", "door-open", "push"]}, {}, tuple(outcomes))
    assert report.group_mean == pytest.approx(0.5)
    assert report.all().rate == pytest.approx(0.8)


def test_mistakes_name_the_choices() -> None:
    with pytest.raises(ValueError, match="below 1000000"):
        SuiteJob("metaworld", "reach", 5)
    with pytest.raises(ValueError, match=r"horizon 501 is outside 1\.\.500"):
        evaluate_suite("metaworld", EXPERT, horizon=501)
    with pytest.raises(ContractError, match=r"must lie in 0\.\.10000"):
        SuiteSettings(Path("x"), "metaworld", seed=9_990)


def test_an_episode_ends_at_its_horizon() -> None:
    player = SuitePlayer("metaworld", EXPERT, 8, 5, "auto")
    outcome, shots = player.play(SuiteJob("metaworld", "push", EVALUATION_SEED))
    player.close()
    assert (outcome.success, outcome.steps) == (False, 5)
    assert shots
