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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vla.dataset.schema import (
    DATA_FILE_MB,
    DATA_PATH,
    DEFAULT_FEATURES,
    FILES_PER_CHUNK,
    VIDEO_FILE_MB,
    VIDEO_PATH,
    DatasetError,
    Feature,
    column_keys,
    data_schema,
    fsync,
    info_dict,
    read_json,
    tasks_table,
    video_keys,
)
from vla.dataset.staging import (
    QUERIES,
    STAGED,
    Recipe,
    array_column,
    discard_leftovers,
    read_recipe,
    read_sidecar,
    staged_folders,
)
from vla.dataset.statistics import histogram_stats, plain, vector_stats
from vla.dataset.video import codec_parameters, join

Progress = Callable[[int, int], None]
Row = dict[str, Any]
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_HISTOGRAMS = "histograms.json"


@dataclass(slots=True)
class _State:
    """The dataset as it will be: episode rows, tasks, sidecar lines and picture histograms."""

    recipe: Recipe
    rows: list[Row] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    sidecar: list[Row] = field(default_factory=list)
    histograms: dict[str, Row] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        return int(self.rows[-1]["dataset_to_index"]) if self.rows else 0


def consolidate(root: Path, progress: Progress | None = None) -> int:
    """Move every staged episode of ``root`` into the v3.0 files; returns how many episodes there are now.

    Episodes already there keep their numbers; new ones follow in the order of their keys, whatever process
    staged them when. Other processes may go on staging meanwhile.

    Args:
        root: A dataset begun with ``DatasetWriter.create_or_resume``.
        progress: Called with (episodes copied, episodes to copy).

    Raises:
        DatasetError: nothing was begun at ``root``, or a staged episode is damaged.
    """
    read_recipe(root)
    with locked(root):
        recover(root)
        state = _load(root)
        folders = list(staged_folders(root).values())
        if folders:
            _append(root, state, folders, progress or (lambda done, total: None))
            _write_meta(root, state)
            recover(root)
        if state.rows and [path.name for path in (root / STAGED).glob("*")] == ["recipe.json"]:
            shutil.rmtree(root / STAGED)
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


def _load(root: Path) -> _State:
    state = _State(read_recipe(root))
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


def _append(root: Path, state: _State, folders: list[Path], progress: Progress) -> None:
    """Write new data and video files for ``folders`` and extend ``state`` by their episodes."""
    recipe = state.recipe
    records = [read_json(folder / "episode.json") for folder in folders]
    _remove_unreferenced(root, state)
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
    _write_data(root, state, new, folders, first_file, progress)
    for key in video_keys(recipe.features):
        _write_videos(root, state, key, new, folders)


def _write_data(
    root: Path, state: _State, new: list[Row], folders: list[Path], number: int, progress: Progress
) -> None:
    features = state.recipe.features | DEFAULT_FEATURES
    schema = data_schema(features)
    position = 0
    while position < len(new):
        chunk, index = divmod(number, FILES_PER_CHUNK)
        path = root / DATA_PATH.format(chunk_index=chunk, file_index=index)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as sink, pq.ParquetWriter(sink, schema, compression="snappy") as writer:
            while position < len(new) and sink.tell() < DATA_FILE_MB * 2**20:
                row = new[position]
                table = _episode_table(state, row, folders[position] / "data.parquet", schema)
                writer.write_table(table, row_group_size=row["length"])
                row |= {"data/chunk_index": chunk, "data/file_index": index}
                position += 1
                progress(position, len(new))
        fsync(path)
        number += 1


def _episode_table(state: _State, row: Row, path: Path, schema: pa.Schema) -> pa.Table:
    """One episode's rows with the default columns added; its vector statistics go into ``row``."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DatasetError(f"{path} is damaged: {error}") from error
    length, frame = row["length"], np.arange(row["length"], dtype=np.int64)
    derived = {
        "timestamp": (frame / state.recipe.fps).astype(np.float32),
        "frame_index": frame,
        "episode_index": np.full(length, row["episode_index"], np.int64),
        "index": frame + row["dataset_from_index"],
        "task_index": np.full(length, state.tasks.index(row["tasks"][0]), np.int64),
    }
    columns = []
    for name in schema.names:
        if name in derived:
            values = derived[name][:, None]
            columns.append(array_column(values, schema.field(name).type))
        else:
            columns.append(table.column(name).combine_chunks())
            values = column_array(table, name)
        row |= {f"stats/{name}/{stat}": value for stat, value in plain(vector_stats(values)).items()}
    return pa.Table.from_arrays(columns, schema=schema)


def column_array(table: pa.Table, name: str) -> NDArray[Any]:
    """A scalar or fixed-size-list column as an array of shape (L, d)."""
    column = table.column(name).combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        flat = column.flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(len(column), column.type.list_size)
    return column.to_numpy(zero_copy_only=False).reshape(len(column), 1)


def _write_videos(root: Path, state: _State, key: str, new: list[Row], folders: list[Path]) -> None:
    names = (f"videos/{key}/chunk_index", f"videos/{key}/file_index")
    old = state.rows[: -len(new)]
    number = 1 + max((row[names[0]] * FILES_PER_CHUNK + row[names[1]] for row in old), default=-1)
    for members in _video_groups([folder / f"{key}.mp4" for folder in folders]):
        chunk, index = divmod(number, FILES_PER_CHUNK)
        path = root / VIDEO_PATH.format(video_key=key, chunk_index=chunk, file_index=index)
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [folders[i] / f"{key}.mp4" for i in members]
        join(parts, [new[i]["length"] for i in members], path, state.recipe.fps)
        fsync(path)
        frame = 0
        for i in members:
            start, frame = frame, frame + new[i]["length"]
            new[i] |= {names[0]: chunk, names[1]: index}
            new[i][f"videos/{key}/from_timestamp"] = start / state.recipe.fps
            new[i][f"videos/{key}/to_timestamp"] = frame / state.recipe.fps
        number += 1


def _video_groups(parts: list[Path]) -> Iterator[list[int]]:
    """Runs of neighbouring parts that fit one file: same decoder set-up, size within the limit."""
    group: list[int] = []
    size, setup = 0, b""
    for i, part in enumerate(parts):
        own = codec_parameters(part)
        if group and (own != setup or size >= VIDEO_FILE_MB * 2**20):
            yield group
            group, size = [], 0
        group.append(i)
        size, setup = size + part.stat().st_size, own
    if group:
        yield group


def _remove_unreferenced(root: Path, state: _State) -> None:
    """Files of an interrupted append: readers that take every parquet under ``data`` must not see them."""
    known = set()
    for row in state.rows:
        chunk, index = row["data/chunk_index"], row["data/file_index"]
        known.add(root / DATA_PATH.format(chunk_index=chunk, file_index=index))
        for key in video_keys(state.recipe.features):
            chunk, index = row[f"videos/{key}/chunk_index"], row[f"videos/{key}/file_index"]
            known.add(root / VIDEO_PATH.format(video_key=key, chunk_index=chunk, file_index=index))
    for path in [*(root / "data").rglob("file-*.parquet"), *(root / "videos").rglob("file-*.mp4")]:
        if path not in known:
            path.unlink()


def _write_meta(root: Path, state: _State) -> None:
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
    for path in (*building.rglob("*"), building):
        fsync(path)
    building.rename(root / "meta.ready")
    fsync(root)


def _dataset_stats(root: Path, state: _State) -> dict[str, Any]:
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
