"""The data and video files of a v3.0 dataset: staged episodes are copied into them, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    data_schema,
    fsync,
    video_keys,
)
from vla.dataset.staging import Recipe, array_column
from vla.dataset.statistics import plain, vector_stats
from vla.dataset.video import codec_parameters, join

Progress = Callable[[int, int], None]
Row = dict[str, Any]


@dataclass(slots=True)
class State:
    """A dataset while it grows.

    Attributes:
        recipe: What its episodes share.
        rows: One row of the episodes parquet per episode.
        tasks: Task texts by task index.
        sidecar: Lines of ``meta/queries.jsonl``.
        histograms: Video feature to ``{"counts": (3, 256) lists, "pictures": int}`` of sampled pictures.
    """

    recipe: Recipe
    rows: list[Row] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    sidecar: list[Row] = field(default_factory=list)
    histograms: dict[str, Row] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Rows in all."""
        return int(self.rows[-1]["dataset_to_index"]) if self.rows else 0


def write_data(
    root: Path, state: State, new: list[Row], folders: list[Path], number: int, progress: Progress
) -> None:
    """Copy the rows of the staged ``folders`` into data files, and their place into the rows ``new``.

    Files from ``number`` on are written; a file is closed when it passes the size limit, and every episode
    is one row group, so that readers can fetch it alone.
    """
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


def write_videos(root: Path, state: State, key: str, new: list[Row], folders: list[Path]) -> None:
    """Join the staged videos of the feature ``key`` into files, and note their place in the rows ``new``."""
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


def _episode_table(state: State, row: Row, path: Path, schema: pa.Schema) -> pa.Table:
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


def remove_unreferenced(root: Path, state: State) -> None:
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
