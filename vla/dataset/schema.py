"""What a LeRobotDataset v3.0 says about its columns: features, info.json and parquet schemas.

A *feature* is the format's own dictionary ``{"dtype": str, "shape": [int, ...], "names": ...}``. Written
here are scalars and vectors of float32, float64, int64 and bool, and H.264 video; the reader takes more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from vla.contract import RobotSpec

Feature = dict[str, Any]
Features = dict[str, Feature]

VERSION = "v3.0"
CAMERA_PREFIX = "observation.images."
STATE = "observation.state"
ACTION = "action"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
FILES_PER_CHUNK = 1000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200

# The five columns every LeRobotDataset has; they are derived, never given by the caller.
DEFAULT_FEATURES: Features = {
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}

_ARROW_TYPES = {"float32": pa.float32(), "float64": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}


class DatasetError(ValueError):
    """A dataset on disk, or something given to be written, is not as it must be; the message says where."""


def camera_features(cameras: Mapping[str, tuple[int, int]]) -> Features:
    """Video features ``observation.images.<camera>`` of shape (H, W, 3) from camera name to (H, W)."""
    names = ["height", "width", "channels"]
    return {
        f"{CAMERA_PREFIX}{name}": {"dtype": "video", "shape": [height, width, 3], "names": names}
        for name, (height, width) in cameras.items()
    }


def robot_features(spec: RobotSpec, labels: Mapping[str, int] | None = None) -> Features:
    """Features of a robot's episodes: its cameras, ``observation.state`` (S,), ``action`` (A,) and labels.

    Args:
        spec: The robot; axis names become the features' names.
        labels: Name to width d of further float32 vectors, for example ``{"label.done": 9}``.
    """
    state, action = [axis.name for axis in spec.state], [axis.name for axis in spec.action]
    features = camera_features({name: (size[0], size[1]) for name, size in spec.cameras.items()})
    features[STATE] = {"dtype": "float32", "shape": [len(state)], "names": state}
    features[ACTION] = {"dtype": "float32", "shape": [len(action)], "names": action}
    for name, width in (labels or {}).items():
        features[name] = {"dtype": "float32", "shape": [width], "names": None}
    return features


def checked_features(features: Mapping[str, Mapping[str, Any]]) -> Features:
    """A plain copy of ``features`` without the default columns.

    Raises:
        DatasetError: a key holds ``/``, or a dtype or shape is not one the writer can put on disk.
    """
    result: Features = {}
    for key, feature in features.items():
        if key in DEFAULT_FEATURES:
            continue
        if "/" in key:
            raise DatasetError(f"feature {key!r} must not contain '/'")
        dtype, shape = feature.get("dtype"), [int(n) for n in feature.get("shape", ())]
        if dtype == "video":
            if len(shape) != 3 or shape[2] != 3 or shape[0] % 2 or shape[1] % 2:
                raise DatasetError(f"video feature {key!r} has shape {shape}, expected [even H, even W, 3]")
        elif dtype not in _ARROW_TYPES:
            raise DatasetError(
                f"feature {key!r} has dtype {dtype!r}; known: video, {', '.join(_ARROW_TYPES)}"
            )
        elif len(shape) != 1 or shape[0] < 1:
            raise DatasetError(f"feature {key!r} has shape {shape}, expected [d] with d >= 1")
        result[key] = {"dtype": dtype, "shape": shape, "names": feature.get("names")}
    if not result:
        raise DatasetError("a dataset needs at least one feature besides the default columns")
    return result


def video_keys(features: Mapping[str, Feature]) -> list[str]:
    """Names of the features that are stored as video."""
    return [key for key, feature in features.items() if feature["dtype"] == "video"]


def column_keys(features: Mapping[str, Feature]) -> list[str]:
    """Names of the features that are columns of the data parquet."""
    return [key for key, feature in features.items() if feature["dtype"] != "video"]


def column_type(feature: Feature) -> pa.DataType:
    """Arrow type of a feature's column: a scalar for shape [1], a fixed-size list for shape [d]."""
    scalar, (width,) = _ARROW_TYPES[feature["dtype"]], feature["shape"]
    return scalar if width == 1 else pa.list_(scalar, width)


def data_schema(features: Mapping[str, Feature]) -> pa.Schema:
    """Schema of a data parquet, with the ``datasets`` library's own description in its metadata."""
    described: dict[str, Any] = {}
    for key in column_keys(features):
        feature = features[key]
        value = {"dtype": feature["dtype"], "_type": "Value"}
        width = feature["shape"][0]
        # "Sequence" is read by every release of that library; "List" only by the fourth major one.
        described[key] = value if width == 1 else {"feature": value, "length": width, "_type": "Sequence"}
    fields = [pa.field(key, column_type(features[key])) for key in column_keys(features)]
    return pa.schema(fields, {"huggingface": json.dumps({"info": {"features": described}})})


def tasks_table(tasks: list[str]) -> pa.Table:
    """``meta/tasks.parquet``: row i is task i; pandas reads the text back as the index, named "task"."""
    columns = [("task_index", "int64", "int64"), ("task", "unicode", "object")]
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [
            {
                "name": None,
                "field_name": None,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": None,
            }
        ],
        "columns": [
            {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": stored, "metadata": None}
            for name, kind, stored in columns
        ],
        "pandas_version": "2.2.0",
    }
    table = pa.table(
        {"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks, pa.string())}
    )
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def info_dict(
    features: Mapping[str, Feature], fps: int, robot_type: str, episodes: int, frames: int, tasks: int
) -> dict[str, Any]:
    """The content of ``meta/info.json`` for a v3.0 dataset."""
    described: Features = {}
    for key, feature in {**features, **DEFAULT_FEATURES}.items():
        described[key] = dict(feature)
        if feature["dtype"] == "video":
            height, width, channels = feature["shape"]
            described[key]["info"] = {
                "video.height": height,
                "video.width": width,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.fps": fps,
                "video.channels": channels,
                "video.is_depth_map": False,
                "is_depth_map": False,
                "has_audio": False,
            }
    return {
        "codebase_version": VERSION,
        "robot_type": robot_type,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": DATA_FILE_MB,
        "video_files_size_in_mb": VIDEO_FILE_MB,
        "fps": fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if video_keys(features) else None,
        "features": described,
    }


def read_json(path: Path) -> Any:
    """Parsed JSON.

    Raises:
        DatasetError: the file is missing or is not JSON; the message names it.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing") from None
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path} cannot be read as JSON: {error}") from error


def fsync(path: Path) -> None:
    """Push a file's or a folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` atomically: a reader sees the old file or the new one, never half."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, "utf-8")
    fsync(partial)
    partial.replace(path)
    fsync(path.parent)
