"""What goes into a dataset comes out of it, in the exact files that LeRobotDataset v3.0 asks for."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from vla.contract import Axis, RobotSpec
from vla.dataset.reader import Dataset
from vla.dataset.schema import DatasetError
from vla.dataset.writer import DatasetWriter, robot_features, stage_episode, staged_keys

LENGTHS = (12, 30, 7, 21, 16)
VECTORS = ("observation.state", "action", "label.entities", "label.done")


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


def test_round_trip_keeps_numbers_exactly_and_pictures_closely(dataset_root, make_frames):
    dataset = Dataset.open(dataset_root)
    assert [episode.length for episode in dataset.episodes] == list(LENGTHS)
    for index, length in enumerate(LENGTHS):
        given, got = make_frames(index, length), dataset.episode(index)
        for name in VECTORS:
            assert got[name].dtype == np.float32
            np.testing.assert_array_equal(got[name], given[name])
        np.testing.assert_array_equal(got["grasped"][:, 0], given["grasped"])
        for camera in ("front", "wrist"):
            key = f"observation.images.{camera}"
            assert got[key].shape == given[key].shape
            # Each picture on its own: one that is shifted by a frame would fall far below.
            assert min(map(psnr, got[key], given[key])) > 30


def test_default_columns_count_rows_and_time(dataset_root):
    dataset = Dataset.open(dataset_root)
    columns = [dataset.columns(i) for i in range(5)]
    index = np.concatenate([c["index"][:, 0] for c in columns])
    np.testing.assert_array_equal(index, np.arange(sum(LENGTHS)))
    for i, c in enumerate(columns):
        np.testing.assert_array_equal(c["frame_index"][:, 0], np.arange(LENGTHS[i]))
        np.testing.assert_allclose(c["timestamp"][:, 0], np.arange(LENGTHS[i]) / 20, atol=1e-6)
        assert {dataset.tasks[t] for t in c["task_index"][:, 0]} == set(dataset.episodes[i].tasks)


def test_stats_are_those_of_the_whole_data_not_an_envelope(dataset_root, make_frames):
    stats = json.loads((dataset_root / "meta" / "stats.json").read_text())
    for name in VECTORS:
        every = np.concatenate([make_frames(i, n)[name] for i, n in enumerate(LENGTHS)]).astype(float)
        for key, q in {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}.items():
            np.testing.assert_allclose(stats[name][key], np.quantile(every, q, axis=0), atol=1e-6)
        np.testing.assert_allclose(stats[name]["mean"], every.mean(0), atol=1e-6)
        np.testing.assert_allclose(stats[name]["std"], every.std(0), atol=1e-6)
        np.testing.assert_allclose(stats[name]["max"], every.max(0), atol=1e-6)
        assert stats[name]["count"] == [sum(LENGTHS)]
    front = stats["observation.images.front"]
    assert np.shape(front["mean"]) == (3, 1, 1)
    pictures = np.concatenate([make_frames(i, n)["observation.images.front"] for i, n in enumerate(LENGTHS)])
    np.testing.assert_allclose(np.ravel(front["mean"]), pictures.mean((0, 1, 2)) / 255, atol=0.02)


def test_files_are_where_and_how_the_format_says(dataset_root):
    info = json.loads((dataset_root / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (5, sum(LENGTHS), 3)
    assert info["splits"] == {"train": "0:5"}
    assert info["features"]["observation.images.front"]["info"]["video.codec"] == "h264"
    files = sorted((dataset_root / "data" / "chunk-000").iterdir())
    assert [path.name for path in files] == ["file-000.parquet", "file-001.parquet"]
    assert [pq.ParquetFile(path).num_row_groups for path in files] == [3, 2]
    assert b"huggingface" in pq.read_schema(files[0]).metadata
    assert pq.read_metadata(files[0]).row_group(0).column(0).compression == "SNAPPY"
    tasks = pq.read_table(dataset_root / "meta" / "tasks.parquet")
    assert tasks.schema.pandas_metadata["index_columns"] == ["task"]
    assert tasks.to_pydict() == {
        "task_index": [0, 1, 2],
        "task": ["push the red block", "open the drawer", "press the button"],
    }
    episodes = pq.read_table(dataset_root / "meta" / "episodes" / "chunk-000" / "file-000.parquet")
    row = episodes.to_pylist()[1]
    assert (row["dataset_from_index"], row["dataset_to_index"]) == (12, 42)
    assert row["videos/observation.images.front/from_timestamp"] == pytest.approx(12 / 20)
    assert row["videos/observation.images.front/to_timestamp"] == pytest.approx(42 / 20)
    assert len(row["stats/action/q99"]) == 3
    assert not (dataset_root / "staged").exists()


def test_labels_travel_beside_the_standard_files(dataset_root):
    dataset = Dataset.open(dataset_root)
    assert [dataset.queries(i)[0]["target"] for i in range(5)] == [0, 1, 2, 3, 4]
    assert dataset.sidecar[4]["split"] == "test"
    assert dataset.sidecar[3]["extra"] == {"seed": 103}
    assert dataset.sidecar[2]["key"] == 2


def test_resume_refuses_another_recipe_by_name(dataset_root, features):
    with pytest.raises(DatasetError, match="fps 20, asked for 30"):
        DatasetWriter.create_or_resume(dataset_root, features, 30, "test-arm")
    other = {**features, "action": {"dtype": "float32", "shape": [9], "names": None}}
    with pytest.raises(DatasetError, match="feature 'action'"):
        DatasetWriter.create_or_resume(dataset_root, other, 20, "test-arm")


def test_a_folder_with_foreign_data_is_refused(tmp_path, features):
    (tmp_path / "data").mkdir()
    with pytest.raises(DatasetError, match="something else"):
        DatasetWriter.create_or_resume(tmp_path, features, 20, "test-arm")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: f.pop("action"), "missing features.*action"),
        (lambda f: f.update(extra=f["action"]), "unknown features.*extra"),
        (lambda f: f.update(action=f["action"][:-1]), "'action' is float32"),
        (lambda f: f.update(action=f["action"].astype(float)), "'action' is float64"),
        (lambda f: f["action"].__setitem__((3, 1), np.nan), "'action' holds a value that is not finite"),
        (lambda f: f.update({"observation.images.wrist": f["observation.images.front"]}), "images.wrist"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_leave_nothing(tmp_path, features, make_frames, spoil, words):
    writer = DatasetWriter.create_or_resume(tmp_path, features, 20, "test-arm")
    frames = make_frames(0, 5)
    spoil(frames)
    with pytest.raises(DatasetError, match=words):
        writer.add_episode(frames, "push")
    assert [path.name for path in (tmp_path / "staged").iterdir()] == ["recipe.json"]


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ({"dtype": "video", "shape": [31, 32, 3]}, "even H"),
        ({"dtype": "complex64", "shape": [2]}, "known: video, float32"),
        ({"dtype": "float32", "shape": [2, 2]}, "expected \\[d\\]"),
    ],
)
def test_features_that_cannot_be_stored_are_refused(tmp_path, feature, words):
    with pytest.raises(DatasetError, match=words):
        DatasetWriter.create_or_resume(tmp_path, {"thing": feature}, 20, "test-arm")


def test_a_key_is_committed_once(tmp_path, features, make_frames):
    DatasetWriter.create_or_resume(tmp_path, features, 20, "test-arm")
    assert stage_episode(tmp_path, 7, make_frames(0, 5), "push")
    assert not stage_episode(tmp_path, 7, make_frames(1, 9), "pull")
    assert staged_keys(tmp_path) == {7}


def test_a_robot_describes_its_own_features(tmp_path):
    axes = (Axis("tool_x", "m", -1, 1), Axis("gap", "m", 0, 0.08))
    spec = RobotSpec("arm", axes, axes, {"front": (32, 48)}, 20.0)
    features = robot_features(spec, {"label.done": 9})
    writer = DatasetWriter.create_or_resume(tmp_path, features, 20, spec.name)
    assert writer.recipe.features["action"]["names"] == ["tool_x", "gap"]
    assert writer.recipe.features["observation.images.front"]["shape"] == [32, 48, 3]
    assert writer.recipe.features["label.done"]["shape"] == [9]


def test_labels_may_hold_numpy_numbers_but_nothing_that_json_cannot(tmp_path, features, make_frames):
    DatasetWriter.create_or_resume(tmp_path, features, 20, "arm")
    query = {"target": np.int64(3), "point": np.array([0.5, 0.25, 0.0], np.float32)}
    stage_episode(tmp_path, 0, make_frames(0, 4), "push", [query])
    for bad in ({"point": float("nan")}, {"point": object()}):
        with pytest.raises(DatasetError, match="episode 1: queries or extra"):
            stage_episode(tmp_path, 1, make_frames(0, 4), "push", [bad])
    DatasetWriter.create_or_resume(tmp_path, features, 20, "arm").finish()
    assert Dataset.open(tmp_path).queries(0) == [{"target": 3, "point": [0.5, 0.25, 0.0]}]
