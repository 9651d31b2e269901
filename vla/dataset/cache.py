"""Training's view of a dataset: decoded once into memory-mapped arrays, then gathered in microseconds.

A cache folder holds ``images.<camera>.npy`` uint8 (N, H, W, 3), one ``column.<feature>.npy`` (F, d) per
numeric feature, ``filled.npy`` (E,) flags and a JSON description with a fingerprint of the dataset. It is
filled under ``building.json``, which becomes ``cache.json`` when all is there, so an interrupted filling
goes on where it stopped and a half-filled cache is never read.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vla.dataset.frames import FrameCache, allocate, column_file, image_file
from vla.dataset.reader import Dataset, Pictures
from vla.dataset.schema import DatasetError, read_json, write_text

__all__ = ["FrameCache", "build_cache", "fingerprint"]

_FORMAT = 1
_BLOCK = 16  # episodes decoded between two notes of progress; what an interruption may cost


def build_cache(
    dataset: Dataset,
    directory: Path | str,
    stride: int = 1,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 2,
) -> FrameCache:
    """Open the cache in ``directory``, filling it first where it is absent, unfinished or out of date.

    Args:
        dataset: What to cache.
        directory: The cache's own folder; created, and rewritten when it belongs to other data.
        stride: Keep the pictures of every ``stride``-th row of each episode; numbers are kept at full rate.
        progress: Called with (episodes filled, episodes in all).
        workers: Threads that decode; decoding releases the interpreter lock.

    Raises:
        DatasetError: the dataset is empty or damaged, ``stride`` < 1, or ``directory`` holds foreign files.
    """
    directory, report = Path(directory), progress or (lambda done, total: None)
    if stride < 1:
        raise DatasetError(f"stride {stride} must be >= 1")
    if not dataset.episodes:
        raise DatasetError(f"{dataset.root} holds no episode")
    print_ = fingerprint(dataset, stride)
    if (directory / "cache.json").exists() and read_json(directory / "cache.json")["fingerprint"] == print_:
        return FrameCache.open(directory)
    _prepare(dataset, directory, stride, print_)
    filled = np.load(directory / "filled.npy", mmap_mode="r+")
    blocks = list(_blocks(np.flatnonzero(filled == 0).tolist()))
    report(int(filled.sum()), len(filled))
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(_fill, dataset, directory, stride, block) for block in blocks]
        try:
            for job in as_completed(jobs):
                filled[job.result()] = 1
                filled.flush()
                report(int(filled.sum()), len(filled))
        finally:
            for job in jobs:
                job.cancel()
    (directory / "building.json").replace(directory / "cache.json")
    return FrameCache.open(directory)


def fingerprint(dataset: Dataset, stride: int) -> str:
    """Hex SHA-256 of what a cache depends on: description, episodes, labels, file sizes and ``stride``."""
    digest = hashlib.sha256(json.dumps([_FORMAT, stride, dataset.info], sort_keys=True).encode())
    paths: set[Path] = set()
    for e in dataset.episodes:
        spans = [
            (key, str(span.path.relative_to(dataset.root)), span.from_s) for key, span in e.videos.items()
        ]
        digest.update(json.dumps([e.index, e.length, e.tasks, spans, dataset.sidecar.get(e.index)]).encode())
        paths |= {e.data, *(span.path for span in e.videos.values())}
    for path in sorted(paths):
        size = path.stat().st_size if path.is_file() else -1
        digest.update(f"{path.relative_to(dataset.root)} {size}\n".encode())
    return digest.hexdigest()


def _prepare(dataset: Dataset, directory: Path, stride: int, print_: str) -> None:
    """Lay out the arrays of an empty cache, unless this very cache is already half filled."""
    directory.mkdir(parents=True, exist_ok=True)
    building = directory / "building.json"
    if building.exists() and read_json(building)["fingerprint"] == print_:
        return
    for path in list(directory.iterdir()):
        ours = path.suffix == ".npy" or path.name.endswith(".partial")
        if not ours and path.name not in ("cache.json", "building.json"):
            raise DatasetError(
                f"{directory} is not a cache: it holds {path.name}; give it a folder of its own"
            )
    # The description goes first: without it an interrupted clearing could pass for a cache.
    for path in sorted(directory.iterdir(), key=lambda path: path.suffix):
        path.unlink()
    lengths = np.array([episode.length for episode in dataset.episodes])
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    kept = np.concatenate([np.arange(a, b, stride) for a, b in pairwise(bounds)])
    columns = _column_widths(dataset)
    allocate(
        directory,
        {camera: _size(dataset.features[key]) for camera, key in dataset.cameras.items()},
        {name: (dataset.features[name]["dtype"], width) for name, width in columns.items()},
        pictures=len(kept),
        rows=int(bounds[-1]),
    )
    np.save(directory / "frame_index_of.npy", kept)
    np.save(directory / "filled.npy", np.zeros(len(lengths), np.uint8))
    sidecar = [dataset.sidecar.get(episode.index, {}) for episode in dataset.episodes]
    about = {
        "fingerprint": print_,
        "fps": dataset.fps,
        "stride": stride,
        "cameras": list(dataset.cameras),
        "columns": list(columns),
        "bounds": bounds.tolist(),
        "tasks": [episode.tasks[0] if episode.tasks else "" for episode in dataset.episodes],
        "queries": [line.get("queries", []) for line in sidecar],
        "splits": [line.get("split", "train") for line in sidecar],
        "features": dataset.features,
    }
    write_text(building, json.dumps(about))


def _fill(shared: Dataset, directory: Path, stride: int, block: Sequence[int]) -> list[int]:
    """Copy a block of episodes into the arrays and push them to the disk."""
    dataset = copy.copy(shared)  # it remembers the rows read last, so threads must not share one
    lengths = np.array([episode.length for episode in dataset.episodes])
    rows = np.concatenate([[0], np.cumsum(lengths)])
    kept = np.concatenate([[0], np.cumsum(-(-lengths // stride))])
    images = {name: np.load(directory / image_file(name), mmap_mode="r+") for name in dataset.cameras}
    columns = {
        name: np.load(directory / column_file(name), mmap_mode="r+") for name in _column_widths(dataset)
    }
    with Pictures(dataset) as pictures:
        for index in block:
            arrays = dataset.columns(index, [*columns, "timestamp"])
            for name, target in columns.items():
                target[rows[index] : rows[index + 1]] = arrays[name].reshape(len(arrays[name]), -1)
            shown = pictures.read(index, arrays["timestamp"][::stride])
            for camera, target in images.items():
                found = shown[dataset.cameras[camera]]
                if found.shape[1:] != target.shape[1:]:
                    raise DatasetError(
                        f"{dataset.root}: pictures of {camera!r} in episode {index} have shape "
                        f"{found.shape[1:]}, info.json says {target.shape[1:]}"
                    )
                target[kept[index] : kept[index + 1]] = found
    for target in (*images.values(), *columns.values()):
        target.flush()
    return list(block)


def _column_widths(dataset: Dataset) -> dict[str, int]:
    skipped = ("video", "image", "string", "language")
    return {
        name: int(np.prod(feature["shape"], dtype=int))
        for name, feature in dataset.features.items()
        if feature["dtype"] not in skipped
    }


def _blocks(indices: Iterable[int]) -> Iterable[list[int]]:
    block: list[int] = []
    for index in indices:
        if block and (len(block) == _BLOCK or index != block[-1] + 1):
            yield block
            block = []
        block.append(index)
    if block:
        yield block


def _size(feature: Mapping[str, Any]) -> tuple[int, int]:
    shape = [int(n) for n in feature["shape"]]
    # Some datasets put the channels first.
    return (shape[0], shape[1]) if shape[2] in (1, 3, 4) else (shape[1], shape[2])
