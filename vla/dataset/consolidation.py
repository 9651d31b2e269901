"""Staged episodes become LeRobotDataset v3.0 files, in key order, without re-encoding.

Each call appends new data and video files, builds the whole new ``meta`` folder beside the old one and
swaps the two by renames. Until the swap the old dataset is untouched; after it the staged copies go.
:func:`recover` finishes or undoes whatever a crash left, so calling again is always right.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vla.dataset.schema import (
    DEFAULT_FEATURES,
    FILES_PER_CHUNK,
    DatasetError,
    Feature,
    column_keys,
    fsync,
    info_dict,
    read_json,
    tasks_table,
    video_keys,
)
from vla.dataset.shards import (
    Progress,
    Row,
    State,
    column_array,
    remove_unreferenced,
    write_data,
    write_videos,
)
from vla.dataset.staging import (
    QUERIES,
    STAGED,
    discard_leftovers,
    read_recipe,
    read_sidecar,
    staged_folders,
)
from vla.dataset.statistics import histogram_stats, plain, vector_stats

EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_HISTOGRAMS = "histograms.json"


def consolidate(root: Path | str, progress: Progress | None = None) -> int:
    """Move every staged episode of ``root`` into the v3.0 files; returns how many episodes there are now.

    Episodes already there keep their numbers; new ones follow in the order of their keys, whatever process
    staged them when. Other processes may go on staging meanwhile.

    Args:
        root: A dataset begun with ``DatasetWriter.create_or_resume``.
        progress: Called with (episodes copied, episodes to copy).

    Raises:
        DatasetError: nothing was begun at ``root``, or a staged episode is damaged.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder")
    with locked(root):
        recover(root)
        state = _load(root)
        folders = list(staged_folders(root).values())
        if folders:
            _append(root, state, folders, progress or (lambda done, total: None))
            _write_meta(root, state)
            recover(root)
        if state.rows and {path.name for path in (root / STAGED).glob("*")} <= {"recipe.json"}:
            (root / STAGED / "recipe.json").unlink(missing_ok=True)
            with suppress(OSError):  # it is gone, or another process has just begun an episode in it
                (root / STAGED).rmdir()
        return len(state.rows)


def recover(root: Path) -> None:
    """Finish an interrupted swap of ``meta``, then remove what the finished ``meta`` does not need.

    Call it inside :func:`locked`.
    """
    meta, ready, old = root / "meta", root / "meta.ready", root / "meta.old"
    if ready.exists():
        if meta.exists():
            shutil.rmtree(old, ignore_errors=True)
            meta.rename(old)
        ready.rename(meta)
        fsync(root)
    for leftover in (old, root / "meta.building"):
        shutil.rmtree(leftover, ignore_errors=True)
    taken = {int(line["key"]) for line in read_sidecar(root) if "key" in line}
    for key, folder in staged_folders(root).items():
        if key in taken:
            shutil.rmtree(folder)
    discard_leftovers(root)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the folder ``root`` against other consolidating processes; a crash releases it."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _load(root: Path) -> State:
    state = State(read_recipe(root))
    if not (root / "meta" / "info.json").exists():
        return state
    for path in sorted((root / "meta" / "episodes").rglob("*.parquet")):
        state.rows += pq.read_table(path).to_pylist()
    state.tasks = pq.read_table(root / "meta" / "tasks.parquet").column("task").to_pylist()
    state.sidecar = read_sidecar(root)
    path = root / "meta" / _HISTOGRAMS
    if len(state.sidecar) != len(state.rows) or not path.exists():
        raise DatasetError(f"{root} was not written here, so nothing can be appended: {path} does not fit")
    state.histograms = read_json(path)
    return state


def _append(root: Path, state: State, folders: list[Path], progress: Progress) -> None:
    """Write new data and video files for ``folders`` and extend ``state`` by their episodes."""
    recipe = state.recipe
    records = [read_json(folder / "episode.json") for folder in folders]
    remove_unreferenced(root, state)
    new: list[Row] = []
    for record in records:
        episode, start = len(state.rows), state.frames
        if record["task"] not in state.tasks:
            state.tasks.append(record["task"])
        row: Row = {
            "episode_index": episode,
            "tasks": [record["task"]],
            "length": record["length"],
            "dataset_from_index": start,
            "dataset_to_index": start + record["length"],
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        for key in video_keys(recipe.features):
            counts, pictures = record["histograms"][key]["counts"], record["histograms"][key]["pictures"]
            stats = histogram_stats(np.array(counts), pictures)
            row |= {f"stats/{key}/{name}": value for name, value in plain(stats).items()}
            total = state.histograms.setdefault(
                key, {"counts": np.zeros((3, 256), int).tolist(), "pictures": 0}
            )
            total["counts"] = (np.array(total["counts"]) + np.array(counts)).tolist()
            total["pictures"] += pictures
        state.rows.append(row)
        new.append(row)
        kept = {name: record[name] for name in ("key", "split", "success", "queries", "extra")}
        state.sidecar.append({"episode_index": episode, **kept})
    first_file = 1 + max(
        (r["data/chunk_index"] * FILES_PER_CHUNK + r["data/file_index"] for r in state.rows[: -len(new)]),
        default=-1,
    )
    write_data(root, state, new, folders, first_file, progress)
    for key in video_keys(recipe.features):
        write_videos(root, state, key, new, folders)


def _write_meta(root: Path, state: State) -> None:
    building = root / "meta.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    features, fps = state.recipe.features, state.recipe.fps
    info = info_dict(features, fps, state.recipe.robot_type, len(state.rows), state.frames, len(state.tasks))
    (building / "info.json").write_text(json.dumps(info, indent=4), "utf-8")
    (building / "stats.json").write_text(json.dumps(_dataset_stats(root, state), indent=4), "utf-8")
    (building / _HISTOGRAMS).write_text(json.dumps(state.histograms), "utf-8")
    (building / QUERIES).write_text("".join(json.dumps(line) + "\n" for line in state.sidecar), "utf-8")
    pq.write_table(tasks_table(state.tasks), building / "tasks.parquet", compression="snappy")
    episodes = building / Path(EPISODES_PATH.format(chunk_index=0, file_index=0)).relative_to("meta")
    episodes.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(state.rows), episodes, compression="snappy")
    folders = (path for name in ("data", "videos") for path in (root / name).rglob("*") if path.is_dir())
    for path in (*folders, *building.rglob("*"), building):
        fsync(path)
    building.rename(root / "meta.ready")
    fsync(root)


def _dataset_stats(root: Path, state: State) -> dict[str, Any]:
    """Statistics of every feature over the whole dataset, one column in memory at a time."""
    features: dict[str, Feature] = state.recipe.features | DEFAULT_FEATURES
    stats: dict[str, Any] = {}
    for key in video_keys(features):
        total = state.histograms[key]
        stats[key] = plain(histogram_stats(np.array(total["counts"]), total["pictures"]))
    paths = sorted((root / "data").rglob("file-*.parquet"))
    for key in column_keys(features):
        parts = [column_array(pq.read_table(path, columns=[key]), key) for path in paths]
        stats[key] = plain(vector_stats(np.concatenate(parts)))
    return stats
