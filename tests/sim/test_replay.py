"""A demonstration repeats exactly from its seed, and a changed one is noticed."""

from pathlib import Path

import numpy as np
import pytest

from sim.collect import CollectSettings, collect
from sim.replay import replay
from sim.world import World
from vla.dataset.reader import Dataset


@pytest.fixture(scope="module")
def world() -> World:
    return World(render=False)


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
    recorded: dict[float, Dataset], world: World, noise: float, index: int
) -> None:
    found = replay(recorded[noise], index, world)
    assert found.worst_mm < 1e-3
    assert found.success
    assert found.disturbed == bool(noise)
    assert found.task == ("pick_up", "put_in")[index]
    assert len(found.tool_drift_mm) == len(found.object_drift_mm) == recorded[noise].episodes[index].length


def test_a_changed_action_shows_as_drift_from_there_on(
    recorded: dict[float, Dataset], world: World, monkeypatch: pytest.MonkeyPatch
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
