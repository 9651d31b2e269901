"""Every version of the format reads alike, and damage is named."""

import io
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from vla.dataset.reader import Dataset
from vla.dataset.schema import DatasetError
from vla.dataset.video import encode
from vla.dataset.writer import DatasetWriter

LENGTHS = (6, 4, 5)
TASKS = ["open the drawer", "press the button"]
NUMBERS = {
    "observation.state": ("float32", [3]),
    "action": ("float32", [2]),
    "timestamp": ("float32", [1]),
    "frame_index": ("int64", [1]),
    "episode_index": ("int64", [1]),
    "index": ("int64", [1]),
    "task_index": ("int64", [1]),
}
FEATURES = {name: {"dtype": dtype, "shape": shape, "names": None} for name, (dtype, shape) in NUMBERS.items()}
FEATURES["observation.images.top"] = {"dtype": "video", "shape": [32, 32, 3], "names": None}
FEATURES["observation.images.side"] = {
    "dtype": "image",
    "shape": [3, 24, 32],
    "names": ["channels", "height", "width"],
}


def picture(index):
    return np.full((24, 32, 3), 3 * index, np.uint8)


def episode_table(e):
    start, n = sum(LENGTHS[:e]), LENGTHS[e]
    index = np.arange(start, start + n)
    cells = []
    for i in index:
        buffer = io.BytesIO()
        Image.fromarray(picture(i)).save(buffer, "PNG")
        cells.append({"bytes": buffer.getvalue(), "path": f"frame-{i:06d}.png"})
    return pa.table(
        {
            # Plain lists, as older writers store vectors.
            "observation.state": pa.array([[i, 2.0 * i, -i] for i in index], pa.list_(pa.float32())),
            "action": pa.array([[i, i + 0.5] for i in index], pa.list_(pa.float32())),
            "timestamp": pa.array(np.arange(n) / 10, pa.float32()),
            "frame_index": np.arange(n),
            "episode_index": np.full(n, e),
            "index": index,
            "task_index": np.full(n, e % 2),
            "observation.images.side": cells,
        }
    )


def shades(e):
    start = sum(LENGTHS[:e])
    return np.stack([np.full((32, 32, 3), 10 * (start + i), np.uint8) for i in range(LENGTHS[e])])


def write_info(root, version, **more):
    (root / "meta").mkdir(parents=True)
    info = {
        "codebase_version": version,
        "fps": 10,
        "robot_type": "arm",
        "features": FEATURES,
        "chunks_size": 2,
    }
    (root / "meta" / "info.json").write_text(json.dumps(info | more))


def write_v2(root, version):
    write_info(
        root,
        version,
        data_path="data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        video_path="videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    )
    episodes = [{"episode_index": e, "tasks": [TASKS[e % 2]], "length": n} for e, n in enumerate(LENGTHS)]
    tasks = [{"task_index": i, "task": task} for i, task in enumerate(TASKS)]
    for name, lines in (("episodes", episodes), ("tasks", tasks)):
        (root / "meta" / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for e in range(3):
        data = root / f"data/chunk-{e // 2:03d}/episode_{e:06d}.parquet"
        video = root / f"videos/chunk-{e // 2:03d}/observation.images.top/episode_{e:06d}.mp4"
        for path in (data, video):
            path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(episode_table(e), data)
        encode(video, shades(e), 10)


def write_v3(root, version):
    """As another writer might: one data and video file for all, the episode list in two files."""
    write_info(
        root,
        version,
        data_path="data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        video_path="videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    )
    key = "videos/observation.images.top"
    rows = [
        {"episode_index": e, "tasks": [TASKS[e % 2]], "length": n, "dataset_from_index": sum(LENGTHS[:e])}
        | {"data/chunk_index": 0, "data/file_index": 0, f"{key}/chunk_index": 0, f"{key}/file_index": 0}
        | {f"{key}/from_timestamp": sum(LENGTHS[:e]) / 10, "stats/action/max": [1.0, 2.0]}
        for e, n in enumerate(LENGTHS)
    ]
    for file, part in enumerate((rows[:2], rows[2:])):
        path = root / f"meta/episodes/chunk-000/file-{file:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(part), path)
    tasks = pa.table({"task_index": [1, 0], "__index_level_0__": TASKS[::-1]})
    pq.write_table(tasks, root / "meta/tasks.parquet")
    (root / "data/chunk-000").mkdir(parents=True)
    pq.write_table(pa.concat_tables(map(episode_table, range(3))), root / "data/chunk-000/file-000.parquet")
    video = root / key / "chunk-000" / "file-000.mp4"
    video.parent.mkdir(parents=True)
    encode(video, np.concatenate([shades(e) for e in range(3)]), 10)


WRITERS = {"v2.0": write_v2, "v2.1": write_v2, "v3.0": write_v3}


@pytest.mark.parametrize("version", WRITERS)
def test_every_version_gives_the_same_arrays(tmp_path, version):
    WRITERS[version](tmp_path, version)
    dataset = Dataset.open(tmp_path)
    assert (dataset.version, dataset.fps, dataset.tasks) == (version, 10, TASKS)
    assert [(e.start, e.stop, e.tasks) for e in dataset.episodes] == [
        (0, 6, ("open the drawer",)),
        (6, 10, ("press the button",)),
        (10, 15, ("open the drawer",)),
    ]
    assert dataset.cameras == {"top": "observation.images.top", "side": "observation.images.side"}
    streamed = list(dataset.stream())
    for e in (2, 0, 1):
        arrays = dataset.episode(e)
        index = np.arange(sum(LENGTHS[:e]), sum(LENGTHS[: e + 1]))
        np.testing.assert_array_equal(arrays["observation.state"], np.stack([index, 2 * index, -index], 1))
        np.testing.assert_array_equal(arrays["action"], np.stack([index, index + 0.5], 1))
        np.testing.assert_array_equal(arrays["index"][:, 0], index)
        np.testing.assert_array_equal(arrays["observation.images.side"], [picture(i) for i in index])
        shade = arrays["observation.images.top"].mean((1, 2, 3)) / 10
        np.testing.assert_array_equal(np.rint(shade), index)
        for name, array in streamed[e][1].items():
            np.testing.assert_array_equal(array, arrays[name])


def test_a_folder_without_a_dataset_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"info\.json is missing"):
        Dataset.open(tmp_path)


def test_an_unknown_version_lists_the_known_ones(tmp_path):
    write_info(tmp_path, "v1.6")
    with pytest.raises(DatasetError, match=r"'v1.6', known: v2.0, v2.1, v3.0"):
        Dataset.open(tmp_path)


def test_staged_episodes_ask_to_be_consolidated(tmp_path, features, make_frames):
    DatasetWriter.create_or_resume(tmp_path, features, 20, "arm").add_episode(make_frames(0, 4), "push")
    with pytest.raises(DatasetError, match="1 staged episodes"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize(
    "name", ["data/chunk-000/file-001.parquet", "videos/observation.images.wrist/*/*.mp4"]
)
@pytest.mark.parametrize("keep", [None, 0, 100, 0.7])
def test_missing_and_truncated_files_are_named(tmp_path, dataset_root, name, keep):
    root = tmp_path / "copy"
    shutil.copytree(dataset_root, root)
    path = sorted(root.glob(name))[-1]
    if keep is None:
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    dataset = Dataset.open(root)
    with pytest.raises(DatasetError, match=path.name):
        dataset.episode(4)
    dataset.columns(0)


def test_rows_that_are_not_there_are_counted(tmp_path):
    write_v2(tmp_path, "v2.1")
    pq.write_table(episode_table(1).slice(0, 3), tmp_path / "data/chunk-000/episode_000001.parquet")
    with pytest.raises(DatasetError, match="holds 3 rows of episode 1, expected 4"):
        Dataset.open(tmp_path).columns(1)


def test_unknown_episodes_and_columns_name_the_choices(dataset_root):
    dataset = Dataset.open(dataset_root)
    with pytest.raises(DatasetError, match=r"episode 5 is outside 0\.\.4"):
        dataset.columns(5)
    with pytest.raises(DatasetError, match="reward"):
        dataset.columns(0, ["reward"])
