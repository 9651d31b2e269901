"""The two-armed suite: the real package, our own expert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sim.seeds import EVALUATION_SEED
from sim.suites.aloha import ALOHA, CAMERA, ENTITIES, AlohaWorld, aloha_spec
from sim.suites.aloha_expert import facing
from sim.suites.collect import SuiteSettings, collect_suite
from sim.suites.evaluate import EXPERT, SuiteJob, SuitePlayer
from vla.dataset.reader import Dataset

pytest.importorskip("gym_aloha")


@pytest.fixture(scope="module")
def world() -> Iterator[AlohaWorld]:
    with AlohaWorld() as made:
        yield made


def entities(world: AlohaWorld) -> np.ndarray:
    return world.entities().reshape(len(ENTITIES), -1)


def play(world: AlohaWorld, steps: int = 400) -> int:
    for step in range(steps):
        world.step(world.expert())
        if world.success:
            return step
    return steps


def test_a_seed_is_a_layout_of_the_package(world: AlohaWorld) -> None:
    from gym_aloha.utils import sample_box_pose, sample_insertion_pose

    world.reset("transfer-cube", 7)
    cube, peg, socket = (ENTITIES.index(name) for name in ("cube", "peg", "socket"))
    np.testing.assert_allclose(entities(world)[cube, 2:5], sample_box_pose(7)[:3], atol=1e-6)
    assert not entities(world)[[peg, socket], 0].any()
    world.reset("insertion", 7)
    first = [pose[:3] for pose in sample_insertion_pose(7)]
    np.testing.assert_allclose(entities(world)[[peg, socket], 2:5], first, atol=1e-6)
    seen = world.observe()
    assert seen.state.shape == (14,)
    assert set(seen.images) == {CAMERA}
    seen.check(aloha_spec())


def test_labels_point_at_what_they_name(world: AlohaWorld) -> None:
    for seed in range(4):
        world.reset("transfer-cube", seed)
        for _ in range(10):  # the cube falls on the table
            world.step(world.proprioception())
        u, v = entities(world)[ENTITIES.index("cube"), 5:7]
        red, green, blue = world.picture()[int(128 * v), int(128 * u)].astype(int)
        assert red > 2 * max(green, blue), (seed, u, v)
        left, right = entities(world)[:2, 5]
        assert left < u < right
        world.reset("insertion", seed)
        for _ in range(10):
            world.step(world.proprioception())
        for name, channel in (("peg", 0), ("socket", 2)):
            u, v = entities(world)[ENTITIES.index(name), 5:7]
            colour = world.picture()[int(128 * v), int(128 * u)].astype(int)
            assert colour.argmax() == channel, (seed, name, colour)
            assert colour.max() > 2 * np.median(colour)


@pytest.mark.parametrize("task", list(ALOHA.tasks))
def test_the_expert_does_both_tasks_in_time(world: AlohaWorld, task: str) -> None:
    done = 0
    for seed in range(4):
        world.reset(task, seed)
        done += play(world) < 400
    assert done >= 3


def test_the_expert_answers_from_wherever_the_arms_were_carried(world: AlohaWorld) -> None:
    world.reset("transfer-cube", 3)
    rng = np.random.default_rng(0)
    for step in range(60):
        shove = rng.uniform(-0.05, 0.05, 14) if step % 20 < 6 else 0.0
        world.step(world.expert() + np.float32(shove))
    assert play(world, 340) < 340


def test_grippers_face_each_other() -> None:
    for roll in (0.0, 1.0):
        left, right = facing("left", 0.5, roll), facing("right", 0.5, roll)
        for frame in (left, right):
            np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
            assert np.linalg.det(frame) == pytest.approx(1)
        np.testing.assert_allclose(left[:, 0] * [-1, 1, 1], right[:, 0])


def test_what_comes_apart_counts_as_failed(world: AlohaWorld) -> None:
    world.reset("transfer-cube", 0)
    world._env.physics.data.ptr.qvel[:] = 1e12
    for _ in range(3):
        world.step(world.proprioception())
    assert not world.success
    world.reset("transfer-cube", 0)
    assert play(world) < 400


def test_demonstrations_are_recorded_and_an_expert_is_evaluated(tmp_path: Path) -> None:
    settings = SuiteSettings(tmp_path / "one", "aloha", ("transfer-cube",), episodes=1, image_size=32)
    assert len(list(collect_suite(settings, workers=0))) == 1
    columns = Dataset.open(settings.root).columns(0)
    assert columns["action"].shape[1:] == (14,)
    assert columns["label.done"][-1] == 1
    assert columns["label.entities"].shape[1] == 7 * len(ENTITIES)
    player = SuitePlayer("aloha", EXPERT, 8, 400, "auto")
    outcome, _ = player.play(SuiteJob("aloha", "transfer-cube", EVALUATION_SEED))
    player.close()
    assert outcome.success
