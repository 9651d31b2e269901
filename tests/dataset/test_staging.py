"""Many processes may fill one dataset: who was first must not show."""

import hashlib
import subprocess
import sys

from vla.dataset.consolidation import consolidate
from vla.dataset.reader import Dataset
from vla.dataset.writer import DatasetWriter, staged_keys

WORKER = """
import sys
from pathlib import Path
import numpy as np
from vla.dataset.writer import stage_episode
for key in map(int, sys.argv[2:]):
    rng = np.random.default_rng(key)
    length = 4 + key % 5
    shade = np.linspace(0, 255, length * 32 * 32 * 3).reshape(length, 32, 32, 3).astype(np.uint8)
    frames = {"action": rng.random((length, 2), np.float32), "observation.images.front": shade}
    stage_episode(Path(sys.argv[1]), key, frames, f"task {key % 3}", [{"texts": [str(key)]}])
"""
FEATURES = {"action": {"dtype": "float32", "shape": [2], "names": None}}


def collect(root, *shares):
    """One worker process per share of keys, all at once; then every byte that was written, hashed by file."""
    DatasetWriter.create_or_resume(root, FEATURES, 10, "arm", cameras={"front": (32, 32)})
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, str(root), *map(str, s)]) for s in shares]
    assert [worker.wait() for worker in workers] == [0] * len(workers)
    assert staged_keys(root) == {key for share in shares for key in share}
    consolidate(root)
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_results_do_not_depend_on_which_worker_staged_what_when(tmp_path):
    alone = collect(tmp_path / "alone", [2, 3, 5, 8, 13, 21])
    together = collect(tmp_path / "together", [21, 3, 8], [13, 5, 2])
    assert alone == together
    dataset = Dataset.open(tmp_path / "together")
    assert [dataset.sidecar[i]["key"] for i in range(6)] == [2, 3, 5, 8, 13, 21]
    assert [episode.length for episode in dataset.episodes] == [6, 7, 4, 7, 7, 5]


def test_keys_stay_known_after_consolidation(tmp_path):
    collect(tmp_path, [4, 1])
    assert staged_keys(tmp_path) == {1, 4}
    assert DatasetWriter.create_or_resume(
        tmp_path, FEATURES, 10, "arm", cameras={"front": (32, 32)}
    ).keys == {1, 4}
