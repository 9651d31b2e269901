"""Small real datasets: moving colour gradients, seeded numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vla.dataset.writer import DatasetWriter, camera_features

Frames = dict[str, np.ndarray[Any, Any]]
FPS = 20
CAMERAS = {"front": (48, 64), "wrist": (32, 32)}
VECTORS = {"observation.state": 5, "action": 3, "label.entities": 6, "label.done": 2}


def smooth(length: int, height: int, width: int, phase: float) -> np.ndarray[Any, Any]:
    t = np.arange(length)[:, None, None]
    y, x = np.mgrid[:height, :width]
    waves = (x / 15 + t / 9 + phase, y / 13 - t / 11, (x + y) / 17 + t / 7 + phase)
    return np.stack([127 + 100 * np.sin(wave) for wave in waves], -1).astype(np.uint8)


@pytest.fixture(scope="session")
def features() -> dict[str, dict[str, Any]]:
    vectors = {n: {"dtype": "float32", "shape": [d], "names": None} for n, d in VECTORS.items()}
    flag = {"grasped": {"dtype": "bool", "shape": [1], "names": None}}
    return {**camera_features(CAMERAS), **vectors, **flag}


@pytest.fixture(scope="session")
def make_frames() -> Callable[[int, int], Frames]:
    def make(seed: int, length: int) -> Frames:
        rng = np.random.default_rng(seed)
        frames: Frames = {
            f"observation.images.{name}": smooth(length, *size, seed) for name, size in CAMERAS.items()
        }
        for name, width in VECTORS.items():
            frames[name] = rng.standard_normal((length, width)).astype(np.float32).cumsum(0) * 0.01
        frames["label.done"][-1, 0] = 1.0
        frames["grasped"] = rng.random(length) > 0.5
        return frames

    return make


LENGTHS = (12, 30, 7, 21, 16)
TASKS = ("push the red block", "open the drawer", "push the red block", "press the button", "open the drawer")


@pytest.fixture(scope="session")
def dataset_root(tmp_path_factory, features, make_frames) -> Path:
    """Five finished episodes, finished in two goes so that each kind of file comes twice. Read only."""
    root = tmp_path_factory.mktemp("datasets") / "five"
    writer = DatasetWriter.create_or_resume(root, features, FPS, "test-arm")
    for e, (length, task) in enumerate(zip(LENGTHS, TASKS, strict=True)):
        queries = [
            {"texts": [task], "family": task.split()[0], "target": e, "destination": -1, "point": None}
        ]
        split = "test" if e == 4 else "train"
        writer.add_episode(
            make_frames(e, length), task, queries, split=split, success=True, extra={"seed": 100 + e}
        )
        if e == 2:
            writer.finish()
    assert writer.finish() == 5
    return root
