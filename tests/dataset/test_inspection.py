"""A healthy dataset passes; each kind of damage or oddity is told, with its episode."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vla.dataset.inspection import examine, summarize
from vla.dataset.reader import Dataset
from vla.dataset.writer import DatasetWriter

LENGTHS = (12, 30, 7, 21, 16)


@pytest.fixture
def copy(tmp_path, dataset_root):
    shutil.copytree(dataset_root, tmp_path / "copy")
    return tmp_path / "copy"


def kinds(examination):
    return {(finding.episode, finding.kind) for finding in examination.findings}


def rewrite(path, change):
    """Change the columns of a data file, given as a dict of arrays and lists."""
    table = pq.read_table(path)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    change(columns)
    pq.write_table(pa.table(columns, schema=table.schema), path)


def test_a_healthy_dataset_has_no_findings(dataset_root):
    calls = []
    examination = examine(
        Dataset.open(dataset_root), progress=lambda done, total: calls.append((done, total))
    )
    assert examination.findings == ()
    assert examination.healthy
    assert (examination.episodes, examination.frames) == (5, sum(LENGTHS))
    assert calls[-1] == (5, 5)


def test_summary_counts(dataset_root, make_frames):
    summary = summarize(Dataset.open(dataset_root))
    assert (summary.episodes, summary.frames, summary.version) == (5, sum(LENGTHS), "v3.0")
    assert summary.duration_s == sum(LENGTHS) / 20
    assert summary.length == (7, 16, 30)
    assert summary.tasks == {"push the red block": 2, "open the drawer": 2, "press the button": 1}
    assert summary.splits == {"train": 4, "test": 1}
    assert summary.families == {"push": 2, "open": 2, "press": 1}
    assert summary.size_bytes > 10_000
    action = next(feature for feature in summary.features if feature.name == "action")
    every = np.concatenate([make_frames(i, n)["action"] for i, n in enumerate(LENGTHS)])
    np.testing.assert_allclose(action.stats["max"], every.max(0), atol=1e-6)


def test_statistics_are_computed_where_the_dataset_has_none(copy):
    stored = {f.name: f.stats for f in summarize(Dataset.open(copy)).features}
    (copy / "meta" / "stats.json").unlink()
    computed = {f.name: f.stats for f in summarize(Dataset.open(copy)).features}
    np.testing.assert_allclose(computed["action"]["q90"], stored["action"]["q90"], atol=1e-9)


def test_truncated_video_is_told_once_per_episode_in_it(copy):
    path = copy / "videos" / "observation.images.wrist" / "chunk-000" / "file-001.mp4"
    path.write_bytes(path.read_bytes()[:-300])
    examination = examine(Dataset.open(copy))
    assert (4, "pictures") in kinds(examination)
    assert not examination.healthy
    assert all("file-001.mp4" in f.detail for f in examination.findings)
    assert examine(Dataset.open(copy), pictures=False).healthy


def test_missing_data_is_told_and_the_rest_still_examined(copy):
    (copy / "data" / "chunk-000" / "file-000.parquet").unlink()
    assert kinds(examine(Dataset.open(copy))) == {(0, "unreadable"), (1, "unreadable"), (2, "unreadable")}


def test_times_off_the_grid_gaps_and_infinities(copy):
    def change(columns):
        columns["timestamp"][2] += 0.013  # episode 3, row 2
        columns["index"][21] += 5  # episode 4, row 0
        columns["action"][25][1] = float("inf")  # episode 4, row 4

    rewrite(copy / "data" / "chunk-000" / "file-001.parquet", change)
    examination = examine(Dataset.open(copy), max_step=np.full(3, 10.0))
    assert kinds(examination) >= {(3, "timestamps"), (4, "numbering"), (4, "not_finite")}
    assert (3, "pictures") in kinds(examination)
    assert not examination.healthy


@pytest.fixture
def recorded(tmp_path, features, make_frames):
    def record(change, **options):
        writer = DatasetWriter.create_or_resume(tmp_path / "new", features, 20, "arm")
        frames = make_frames(0, 60)
        change(frames)
        writer.add_episode(frames, "push", **options)
        writer.finish()
        return Dataset.open(tmp_path / "new")

    return record


def test_idle_time_and_jumps_are_told_but_are_no_damage(recorded):
    def change(frames):
        frames["action"][10:40] = frames["action"][10]
        frames["action"][50:, 2] += 5.0

    examination = examine(recorded(change, success=True))
    assert kinds(examination) == {(0, "idle"), (0, "jump")}
    assert examination.idle_frames == 29
    assert examination.healthy
    jump = next(f for f in examination.findings if f.kind == "jump")
    assert "action 2" in jump.detail
    assert "row 49" in jump.detail


def test_a_limit_of_the_robot_decides_what_is_a_jump(recorded):
    dataset = recorded(lambda frames: None, success=True)
    largest = np.abs(np.diff(dataset.columns(0)["action"], axis=0)).max(0)
    assert examine(dataset, max_step=largest).findings == ()
    assert kinds(examine(dataset, max_step=0.9 * largest)) == {(0, "jump")}


def test_episodes_nobody_judged_and_blank_pictures(recorded):
    def change(frames):
        frames["label.done"][:] = 0
        frames["observation.images.front"][5:8] = 0

    examination = examine(recorded(change))
    assert kinds(examination) == {(0, "label"), (0, "blank")}
    assert next(f for f in examination.findings if f.kind == "blank").count == 3
