"""A demonstration and a recorded run repeat exactly from their seed, and a changed one is noticed."""

from pathlib import Path

import numpy as np
import pytest

from sim.collect import CollectSettings, collect
from sim.driver import MujocoDriver
from sim.goals.midway import MidwayWorld
from sim.judges import InstructionJudge
from sim.replay import replay
from sim.request import RequestWorld
from sim.stage import stage
from vla.bridge.link import LocalLink
from vla.contract import ActionChunk, RobotSpec
from vla.dataset.reader import Dataset
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.recorder import RunRecorder


@pytest.fixture(scope="module")
def world() -> MidwayWorld:
    return MidwayWorld(render=False)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Dataset]:
    """Datasets of two episodes, undisturbed and disturbed."""
    datasets = {}
    for noise in (0.0, 1.0):
        root = tmp_path_factory.mktemp(f"noise{noise:.0f}")
        settings = CollectSettings(root, tasks=("pick_up", "put_in"), episodes=2, noise=noise, image_size=32)
        assert len(list(collect(settings, workers=0))) == 2
        datasets[noise] = Dataset.open(root)
    return datasets


@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("index", [0, 1])
def test_an_episode_repeats_to_the_micrometre(
    recorded: dict[float, Dataset], world: MidwayWorld, noise: float, index: int
) -> None:
    found = replay(recorded[noise], index, world)
    assert found.worst_mm < 1e-3
    assert found.success
    assert found.disturbed == bool(noise)
    assert found.task == ("pick_up", "put_in")[index]
    assert len(found.tool_drift_mm) == len(found.object_drift_mm) == recorded[noise].episodes[index].length


def test_what_began_on_the_way_to_a_goal_repeats(world: MidwayWorld, tmp_path: Path) -> None:
    list(collect(CollectSettings(tmp_path / "midway", ("stack",), episodes=1, image_size=32, midway=1.0), 0))
    found = replay(Dataset.open(tmp_path / "midway"), 0, world)
    assert found.success
    assert found.worst_mm < 1e-3


def test_a_changed_action_shows_as_drift_from_there_on(
    recorded: dict[float, Dataset], world: MidwayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = recorded[0.0]
    columns = {name: np.array(values) for name, values in dataset.columns(0).items()}
    columns["action"][20:, 2] += 0.03
    monkeypatch.setattr(Dataset, "columns", lambda *_: columns)
    found = replay(dataset, 0, world)
    assert found.tool_drift_mm[:20].max() < 1e-3
    assert found.tool_drift_mm[21:].max() > 5


def test_an_episode_without_its_origin_cannot_be_replayed(
    recorded: dict[float, Dataset], tmp_path: Path
) -> None:
    dataset = Dataset.open(recorded[0.0].root)
    dataset.__dict__["sidecar"] = {}
    with pytest.raises(ValueError, match="it has no task, seed, switches"):
        replay(dataset, 0)


GOAL = "put the red block in the bowl"


class Reach:
    """Goes to the red block and closes the gripper, by what the true state says: enough to move something."""

    def __init__(self, world: RequestWorld) -> None:
        self._world = world
        self.spec: RobotSpec = world.spec

    def reset(self, seed: int) -> None:
        del seed

    def act(self, observation, instruction, prefix=None) -> ActionChunk:
        del instruction, prefix
        target_m = self._world.truth().position_m[self._world.asked[0].target]
        gap_m = 0.0 if observation.stamp_s > 2.0 else 0.08
        row = np.clip([*target_m, gap_m], self.spec.action_low, self.spec.action_high)
        return ActionChunk(np.tile(row, (10, 1)).astype(np.float32), self.spec.dt_s, observation.stamp_s)


class Aloft:
    """Wants the tool high and open, wherever it is."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec

    def reset(self, seed: int) -> None:
        del seed

    def act(self, observation, instruction, prefix=None) -> ActionChunk:
        del instruction, prefix
        row = np.array([[0.45, 0.0, 0.3, 0.08]], np.float32)
        return ActionChunk(np.repeat(row, 10, axis=0), self.spec.dt_s, observation.stamp_s)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recorded runs in the simulator, of which the second does not say which scene it was in."""
    root = tmp_path_factory.mktemp("runs")
    with RequestWorld((GOAL,), 32, render=False) as world, RunRecorder(root, world.spec, "reach") as recorder:
        for facts, seconds in (({"seed": 5}, 3.0), ({}, 0.5)):
            world.lay(5)
            judge, clock = InstructionJudge(world, world.asked), SimulatedClock()
            settings = LoopSettings("lockstep", timeout_s=seconds)
            recorder.begin_episode(GOAL, facts)
            loop = ControlLoop(MujocoDriver(world), LocalLink(Reach(world)), clock, settings, [recorder])
            result = loop.run(GOAL)
            recorder.end_episode(result.reason, success=judge.success)
    assert recorder.error is None
    return root


def test_a_recorded_run_repeats_to_the_micrometre(runs: Path) -> None:
    dataset = Dataset.open(runs)
    found = replay(dataset, 0)
    state = dataset.columns(0)["observation.state"]
    assert np.ptp(state, axis=0).max() > 0.05, "the arm moved"
    assert found.worst_mm < 1e-3
    assert (found.task, found.seed, found.instruction) == ("put_in", 5, GOAL)
    assert (len(found.tool_drift_mm), len(found.object_drift_mm)) == (60, 0)
    assert found.success is dataset.sidecar[0]["success"] is False


def test_a_run_in_a_goals_scene_is_laid_again_by_its_name(tmp_path: Path) -> None:
    laid = stage("take the green block out of the drawer", "auto", 5, 32, render=False)
    facts = {"seed": 5, "scene": laid.scene, "sentence": "take the green block out of the drawer"}
    link = LocalLink(Aloft(laid.world.spec))
    with laid.world as world, RunRecorder(tmp_path, world.spec, "still") as recorder:
        recorder.begin_episode("whatever it is told", facts)
        settings = LoopSettings("lockstep", timeout_s=0.5)
        result = ControlLoop(MujocoDriver(world), link, SimulatedClock(), settings, [recorder]).run(
            "whatever"
        )
        recorder.end_episode(result.reason, success=laid.judge.success)
    found = replay(Dataset.open(tmp_path), 0)
    assert (found.task, found.success) == ("fetch", False)
    assert found.worst_mm < 1e-3


def test_a_run_with_another_action_drifts_from_there_on(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset.open(runs)
    columns = {name: np.array(values) for name, values in dataset.columns(0).items()}
    columns["action"][30:, 2] += 0.05
    monkeypatch.setattr(Dataset, "columns", lambda *_: columns)
    found = replay(dataset, 0)
    assert found.tool_drift_mm[:30].max() < 1e-3
    assert found.tool_drift_mm[32:].max() > 5


def test_a_run_without_its_scene_cannot_be_replayed(runs: Path) -> None:
    with pytest.raises(ValueError, match="its facts have no seed"):
        replay(Dataset.open(runs), 1)
