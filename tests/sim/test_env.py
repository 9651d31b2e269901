"""The Gymnasium environment keeps Gymnasium's contract and is the same world as the World."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from sim.env import ENV_ID, TabletopEnv, env_id, make_vector
from sim.expert import ScriptedExpert
from sim.seeds import EVALUATION_SEED
from sim.tasks import TASKS


@pytest.mark.filterwarnings("error", "ignore:.*symmetric and normalized space.*")  # actions are in metres
@pytest.mark.parametrize("task", ["all", "stack"])
def test_gymnasium_finds_nothing_wrong(task: str) -> None:
    env = gymnasium.make(ENV_ID, task=task, render_mode="rgb_array", image_size=32)
    check_env(env.unwrapped, skip_close_check=True)
    env.close()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_an_id(task: str) -> None:
    env = gymnasium.make(env_id(task), image_size=32)
    observation, info = env.reset(seed=0)
    assert info["task"] == task
    assert observation["instruction"] == info["instruction"]
    assert env.observation_space.contains(observation)
    env.close()


def test_the_expert_earns_the_reward_once_and_ends_the_episode() -> None:
    env = TabletopEnv(task="pick_up", image_size=32)
    env.reset(seed=1)
    expert = ScriptedExpert(env.world)
    rewards, ended, cut, info = [], False, False, {}
    while not (ended or cut):
        _, reward, ended, cut, info = env.step(expert.action())
        rewards.append(reward)
    assert ended
    assert not cut
    assert info["success"]
    assert rewards == [0.0] * (len(rewards) - 1) + [1.0]
    env.close()


def test_doing_nothing_is_cut_off_at_the_horizon() -> None:
    env = TabletopEnv(task="stack", image_size=16)
    env.reset(seed=1)
    still = env.world.hold()
    steps, ended, cut = 0, False, False
    while not (ended or cut):
        *_, ended, cut, _ = env.step(still)
        steps += 1
    assert cut
    assert not ended
    assert steps == TASKS["stack"].horizon
    env.close()


def test_splits_draw_from_their_own_seeds_and_phrasings() -> None:
    for split, held_out in (("train", False), ("test", True)):
        env = TabletopEnv(split=split, image_size=16)
        for seed in range(3):
            _, info = env.reset(seed=seed)
            assert (info["scene_seed"] >= EVALUATION_SEED) == held_out
            assert (env.world.scenario.switches.paraphrase == "test") == held_out
        env.close()


def test_options_choose_the_very_scene() -> None:
    env = TabletopEnv(image_size=32)
    first, info = env.reset(seed=0, options={"scene_seed": 77, "task": "put_in"})
    second, _ = env.reset(seed=5, options={"scene_seed": 77, "task": "put_in"})
    assert (info["task"], info["scene_seed"]) == ("put_in", 77)
    assert np.array_equal(first["images"]["front"], second["images"]["front"])
    assert first["instruction"] == second["instruction"]
    env.close()


def test_wrong_choices_are_named() -> None:
    with pytest.raises(ValueError, match=r"task 'fly' is not one of all, reach"):
        TabletopEnv(task="fly")
    with pytest.raises(ValueError, match=r"split 'val' is not one of train, test"):
        TabletopEnv(split="val")
    with pytest.raises(ValueError, match="scene"):
        TabletopEnv(image_size=16).reset(options={"scene": 3})


def test_a_vector_of_environments_plays_the_same_scenes_as_single_ones() -> None:
    vector = make_vector(2, task="reach", image_size=32)
    try:
        seen, infos = vector.reset(seed=[3, 4])
        after, *_ = vector.step(np.full((2, 4), 0.3, np.float32))
        assert after["images"]["front"].shape == (2, 32, 32, 3)
    finally:
        vector.close()
    for i, seed in enumerate((3, 4)):
        env = TabletopEnv(task="reach", image_size=32)
        alone, info = env.reset(seed=seed)
        assert np.array_equal(seen["images"]["front"][i], alone["images"]["front"])
        assert alone["instruction"] == infos["instruction"][i]
        assert info["scene_seed"] == infos["scene_seed"][i]
        env.close()
