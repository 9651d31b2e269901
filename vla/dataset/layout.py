"""Where each episode's rows and pictures lie, for LeRobotDataset v2.0, v2.1 and v3.0 alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from vla.dataset.schema import DatasetError, video_keys

VERSIONS = ("v2.0", "v2.1", "v3.0")


@dataclass(frozen=True, slots=True)
class VideoSpan:
    """Part of a video file.

    Attributes:
        path: The file.
        from_s: Where the episode begins in it, in seconds.
    """

    path: Path
    from_s: float


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode and where it lies.

    Attributes:
        index: Its number.
        length: Rows L.
        tasks: Its instructions.
        start: First row's number in the whole dataset.
        data: The parquet file with its rows.
        videos: Video feature name to its part of a video file.
    """

    index: int
    length: int
    tasks: tuple[str, ...]
    start: int
    data: Path
    videos: Mapping[str, VideoSpan]

    @property
    def stop(self) -> int:
        """One past the last row's number in the whole dataset."""
        return self.start + self.length


def read_tasks(root: Path, version: str) -> list[str]:
    """Task texts by task index.

    Raises:
        DatasetError: the task file is missing or damaged.
    """
    if version == "v3.0":
        table = read_table(root / "meta" / "tasks.parquet")
        texts = [name for name in table.column_names if name != "task_index"]
        if "task_index" not in table.column_names or len(texts) != 1:
            raise DatasetError(f"{root / 'meta' / 'tasks.parquet'} has columns {table.column_names}")
        pairs = zip(table.column("task_index").to_pylist(), table.column(texts[0]).to_pylist(), strict=True)
    else:
        lines = read_lines(root / "meta" / "tasks.jsonl")
        pairs = ((int(line["task_index"]), str(line["task"])) for line in lines)
    return [text for _, text in sorted(pairs)]


def read_episodes(root: Path, info: Mapping[str, Any]) -> list[Episode]:
    """All episodes in the order of their numbers.

    Raises:
        DatasetError: the episode files are missing, damaged or lack a column.
    """
    try:
        read = _episodes_v3 if info["codebase_version"] == "v3.0" else _episodes_v2
        return read(root, info)
    except KeyError as error:
        raise DatasetError(f"{root / 'meta'}: the episode list or info.json lacks {error}") from error


def _episodes_v3(root: Path, info: Mapping[str, Any]) -> list[Episode]:
    paths = sorted((root / "meta" / "episodes").rglob("*.parquet"))
    if not paths:
        raise DatasetError(f"{root / 'meta' / 'episodes'} holds no parquet file")
    rows: list[dict[str, Any]] = []
    for path in paths:
        wanted = [n for n in _schema(path).names if not n.startswith("stats/")]
        rows += read_table(path, wanted).to_pylist()
    keys = video_keys(info["features"])
    return [
        Episode(
            index=int(row["episode_index"]),
            length=int(row["length"]),
            tasks=tuple(row["tasks"]),
            start=int(row["dataset_from_index"]),
            data=root / _v3_path(info["data_path"], row, "data"),
            videos={
                key: VideoSpan(
                    root / _v3_path(info["video_path"], row, f"videos/{key}", video_key=key),
                    float(row[f"videos/{key}/from_timestamp"]),
                )
                for key in keys
            },
        )
        for row in sorted(rows, key=lambda row: row["episode_index"])
    ]


def _v3_path(template: str, row: Mapping[str, Any], prefix: str, **names: str) -> str:
    return template.format(
        chunk_index=int(row[f"{prefix}/chunk_index"]), file_index=int(row[f"{prefix}/file_index"]), **names
    )


def _episodes_v2(root: Path, info: Mapping[str, Any]) -> list[Episode]:
    lines = read_lines(root / "meta" / "episodes.jsonl")
    keys = video_keys(info["features"])
    episodes: list[Episode] = []
    start = 0
    for line in sorted(lines, key=lambda line: line["episode_index"]):
        index, length = int(line["episode_index"]), int(line["length"])
        place = {"episode_chunk": index // int(info["chunks_size"]), "episode_index": index}
        videos = {
            key: VideoSpan(root / info["video_path"].format(video_key=key, **place), 0.0) for key in keys
        }
        data = root / info["data_path"].format(**place)
        episodes.append(Episode(index, length, tuple(line["tasks"]), start, data, videos))
        start += length
    return episodes


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Objects of a JSON-lines file.

    Raises:
        DatasetError: the file is missing or a line is damaged; the message names file and line.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing")
    result: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            result.append(json.loads(line))
        except ValueError as error:
            raise DatasetError(f"{path} line {number} is damaged: {error}") from error
    return result


def read_table(
    path: Path, columns: list[str] | None = None, filters: pc.Expression | None = None
) -> pa.Table:
    """A parquet file, or those of its columns and rows that are asked for.

    Raises:
        DatasetError: the file is missing or damaged; the message names it.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing")
    try:
        return pads.dataset(path, format="parquet").to_table(columns, filters)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is damaged (truncated?): {error}") from error


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DatasetError(f"{path} is damaged (truncated?): {error}") from error
