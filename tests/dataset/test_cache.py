"""The cache holds what the dataset holds, is filled once, and never passes for another's."""

import json
import shutil

import numpy as np
import pytest

from vla.dataset.cache import FrameCache, build_cache
from vla.dataset.reader import Dataset
from vla.dataset.schema import DatasetError
from vla.dataset.writer import DatasetWriter

LENGTHS = (12, 30, 7, 21, 16)


@pytest.mark.parametrize("stride", [1, 3])
def test_gathered_batches_are_the_dataset(tmp_path, dataset_root, stride):
    dataset = Dataset.open(dataset_root)
    cache = build_cache(dataset, tmp_path, stride)
    assert len(cache.frame_index_of) == sum(-(-n // stride) for n in LENGTHS)
    pick = np.random.default_rng(0).integers(0, len(cache.frame_index_of), 40)
    frames = cache.frame_index_of[pick]
    arrays = [dataset.episode(i) for i in range(5)]
    for camera in ("front", "wrist"):
        every = np.concatenate([a[f"observation.images.{camera}"] for a in arrays])
        np.testing.assert_array_equal(cache.gather(camera, pick), every[frames])
    for name in ("observation.state", "action", "label.entities", "label.done"):
        every = np.concatenate([a[name] for a in arrays])
        np.testing.assert_array_equal(cache.columns[name], every)
    np.testing.assert_array_equal(cache.bounds, np.concatenate([[0], np.cumsum(LENGTHS)]))
    assert cache.tasks[1] == "open the drawer"
    assert cache.queries[3][0]["target"] == 3
    assert cache.splits == ("train",) * 4 + ("test",)


def test_chunks_stop_at_the_end_of_their_episode(tmp_path, dataset_root):
    cache = build_cache(Dataset.open(dataset_root), tmp_path)
    chunk = cache.chunk("action", np.array([2, 10, 41]), 4)
    np.testing.assert_array_equal(chunk[0], cache.action[2:6])
    np.testing.assert_array_equal(chunk[1], cache.action[[10, 11, 11, 11]])
    np.testing.assert_array_equal(chunk[2], cache.action[[41] * 4])
    np.testing.assert_array_equal(cache.episode_of(np.array([0, 11, 12, 41, 42, 85])), [0, 0, 1, 1, 2, 4])


def test_a_filled_cache_is_opened_not_filled_again(tmp_path, dataset_root):
    dataset, calls = Dataset.open(dataset_root), []
    build_cache(dataset, tmp_path, 2, lambda done, total: calls.append((done, total)))
    assert calls[0] == (0, 5)
    assert calls[-1] == (5, 5)
    calls.clear()
    build_cache(dataset, tmp_path, 2, lambda done, total: calls.append((done, total)))
    assert calls == []


def test_an_interrupted_filling_goes_on_where_it_stopped(tmp_path, dataset_root):
    dataset = Dataset.open(dataset_root)
    whole = build_cache(dataset, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "part")
    # As if the process had died with episodes 1 and 2 not yet written.
    (tmp_path / "part" / "cache.json").rename(tmp_path / "part" / "building.json")
    filled = np.load(tmp_path / "part" / "filled.npy", mmap_mode="r+")
    images = np.load(tmp_path / "part" / "images.front.npy", mmap_mode="r+")
    filled[1:3], images[12:49] = 0, 0
    with pytest.raises(DatasetError, match="no filled cache"):
        FrameCache.open(tmp_path / "part")
    calls = []
    again = build_cache(dataset, tmp_path / "part", progress=lambda done, total: calls.append(done))
    assert calls[0] == 3
    np.testing.assert_array_equal(again.images["front"], whole.images["front"])


def test_a_failed_filling_is_not_a_cache(tmp_path, dataset_root):
    root = tmp_path / "copy"
    shutil.copytree(dataset_root, root)
    next(root.rglob("videos/**/file-001.mp4")).unlink()
    with pytest.raises(DatasetError, match=r"file-001\.mp4 is missing"):
        build_cache(Dataset.open(root), tmp_path / "cache")
    assert not (tmp_path / "cache" / "cache.json").exists()


def test_a_stale_cache_is_rebuilt(tmp_path, features, make_frames):
    writer = DatasetWriter.create_or_resume(tmp_path / "data", features, 20, "arm")
    writer.add_episode(make_frames(0, 6), "push")
    writer.finish()
    assert len(build_cache(Dataset.open(tmp_path / "data"), tmp_path / "cache").action) == 6
    writer.add_episode(make_frames(1, 5), "push")
    writer.finish()
    grown = build_cache(Dataset.open(tmp_path / "data"), tmp_path / "cache")
    np.testing.assert_array_equal(grown.action[6:], make_frames(1, 5)["action"])
    assert len(build_cache(Dataset.open(tmp_path / "data"), tmp_path / "cache", 4).frame_index_of) == 4


def test_foreign_folders_are_left_alone(tmp_path, dataset_root):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DatasetError, match=r"thesis\.txt"):
        build_cache(Dataset.open(dataset_root), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_damage_and_unknown_cameras_are_named(tmp_path, dataset_root):
    cache = build_cache(Dataset.open(dataset_root), tmp_path)
    with pytest.raises(DatasetError, match=r"'side' is not in the cache; it has \['front', 'wrist'\]"):
        cache.gather("side", np.array([0]))
    (tmp_path / "images.wrist.npy").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"images\.wrist\.npy"):
        FrameCache.open(tmp_path)
    assert json.loads((tmp_path / "cache.json").read_text())["stride"] == 1


def test_pictures_of_another_size_than_announced_are_refused(tmp_path, dataset_root):
    root = tmp_path / "copy"
    shutil.copytree(dataset_root, root)
    info = json.loads((root / "meta" / "info.json").read_text())
    info["features"]["observation.images.wrist"]["shape"] = [64, 64, 3]
    (root / "meta" / "info.json").write_text(json.dumps(info))
    with pytest.raises(DatasetError, match=r"'wrist' in episode 0 have shape \(32, 32, 3\)"):
        build_cache(Dataset.open(root), tmp_path / "cache", workers=1)
