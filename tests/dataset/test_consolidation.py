"""Killed at any instant, a dataset loses at most the episode that was being written."""

import random
import shutil
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from vla.dataset.consolidation import consolidate
from vla.dataset.inspection import examine
from vla.dataset.reader import Dataset
from vla.dataset.writer import DatasetWriter

FEATURES = {"action": {"dtype": "float32", "shape": [2], "names": None}}
CAMERAS = {"front": (32, 32)}

RECORDER = """
import os, sys
from pathlib import Path
import numpy as np
from vla.dataset.writer import DatasetWriter

def open_writer(root):
    features = {"action": {"dtype": "float32", "shape": [2], "names": None}}
    return DatasetWriter.create_or_resume(root, features, 10, "arm", cameras={"front": (32, 32)})

def episode(key):
    images = np.full((4, 32, 32, 3), 10 * (key % 20), np.uint8)
    return {"action": np.full((4, 2), key, np.float32), "observation.images.front": images}

def record(root):
    writer = open_writer(root)
    while True:
        for _ in range(3):
            key = max(writer.keys, default=-1) + 1
            print(f"begin {key}", flush=True)
            writer.add_episode(episode(key), f"task {key}")
            print(f"done {key}", flush=True)
        writer.finish()
"""

# A clean process per instant: the hook ends it, without any clean-up, at the n-th change of any folder.
CRASHER = """
import shutil
root = Path(sys.argv[1])
writer = open_writer(root / "begun")
writer.add_episode(episode(0), "task 0")
writer.finish()
writer.add_episode(episode(1), "task 1")
writer.add_episode(episode(2), "task 2")

for instant in range(1, 200):
    writer.root = root / str(instant)
    shutil.copytree(root / "begun", writer.root)
    child = os.fork()
    if child == 0:
        seen = 0
        def hook(event, arguments):
            global seen
            seen += event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
            seen += event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & os.O_CREAT)
            if seen == instant:
                os._exit(9)
        sys.addaudithook(hook)
        writer.finish()
        writer.add_episode(episode(3), "task 3")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code != 9:
        break
"""


def reopened(root):
    writer = DatasetWriter.create_or_resume(root, FEATURES, 10, "arm", cameras=CAMERAS)
    keys = writer.keys
    writer.finish()
    dataset = Dataset.open(root)
    assert [dataset.sidecar[i]["key"] for i in range(len(dataset.episodes))] == sorted(keys)
    assert examine(dataset).healthy
    for i, key in enumerate(sorted(keys)):
        arrays = dataset.episode(i)
        assert (arrays["action"] == key).all()
        assert np.abs(arrays["observation.images.front"].astype(int) - 10 * (key % 20)).max() <= 4
    return keys


def test_kill_at_random_instants_loses_at_most_the_episode_in_hand(tmp_path):
    chance, keys = random.Random(0), set()
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", RECORDER + f"\nrecord(Path({str(tmp_path)!r}))"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines[1].startswith("done")
        time.sleep(chance.uniform(0.05, 0.7))
        process.kill()
        lines += process.stdout.read().splitlines()
        process.wait()
        done = {int(line.split()[1]) for line in lines if line.startswith("done")}
        begun = {int(line.split()[1]) for line in lines if line.startswith("begin")}
        keys = reopened(tmp_path)
        assert done <= keys
        assert keys <= set(range(min(begun))) | begun
        assert keys == set(range(len(keys)))
    assert len(keys) > 8


def test_a_crash_at_any_change_of_the_folder_is_survived(tmp_path):
    script = [sys.executable, "-c", RECORDER + CRASHER, str(tmp_path)]
    codes = subprocess.run(script, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout.split()
    # The whole story must have been cut at each of its changes, or this proves little.
    assert codes.count("9") >= 30
    assert codes[-1] == "0"
    for instant in range(1, len(codes)):
        root = tmp_path / str(instant)
        consolidate(root)
        keys = reopened(root)
        assert keys in ({0, 1, 2}, {0, 1, 2, 3})
        # Readers that take every file below data/ must not meet the remains of the crash.
        assert sum(pq.read_metadata(path).num_rows for path in root.rglob("data/**/*.parquet")) == 4 * len(
            keys
        )
        assert {path.name for path in root.iterdir()} == {"data", "meta", "videos"}


def test_finishing_again_changes_nothing(dataset_root, features):
    before = {path: path.stat().st_mtime_ns for path in dataset_root.rglob("*") if path.is_file()}
    writer = DatasetWriter.create_or_resume(dataset_root, features, 20, "test-arm")
    assert writer.finish() == 5
    assert {path: path.stat().st_mtime_ns for path in dataset_root.rglob("*") if path.is_file()} == before


def test_nothing_to_finish_is_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(ValueError, match=str(tmp_path)):
        DatasetWriter(tmp_path, None).finish()  # type: ignore[arg-type]


def test_a_reader_finishes_a_swap_that_was_cut_between_its_renames(tmp_path, dataset_root):
    root = tmp_path / "copy"
    shutil.copytree(dataset_root, root)
    shutil.copytree(root / "meta", root / "meta.old")
    (root / "meta").rename(root / "meta.ready")
    assert len(Dataset.open(root).episodes) == 5
    assert not any((root / f"meta.{name}").exists() for name in ("ready", "old"))
