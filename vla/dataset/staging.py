"""Episodes on their way into a dataset: each is committed alone, atomically, by any process.

``<root>/staged/<key>/`` holds one whole episode: ``data.parquet``, one mp4 per camera and ``episode.json``.
It is written under a temporary name, pushed to the disk, then renamed: after a crash an episode is there
or it is not. :mod:`vla.dataset.consolidation` turns staged episodes into the v3.0 files.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vla.dataset.schema import (
    DEFAULT_FEATURES,
    VERSION,
    DatasetError,
    Features,
    checked_features,
    column_keys,
    column_type,
    fsync,
    read_json,
    video_keys,
    write_text,
)
from vla.dataset.statistics import image_histogram
from vla.dataset.video import encode

STAGED = "staged"
QUERIES = "queries.jsonl"
_PARTIAL = ".partial-"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What every episode of a dataset shares.

    Attributes:
        features: The features without the default columns.
        fps: Pictures and rows per second.
        robot_type: The robot's name.
    """

    features: Features
    fps: int
    robot_type: str


def write_recipe(root: Path, recipe: Recipe) -> None:
    """Begin a dataset at ``root``, or make sure that the one already there has this very recipe.

    Raises:
        DatasetError: ``root`` holds another recipe, another format version or foreign files.
    """
    if recipe.fps < 1:
        raise DatasetError(f"fps {recipe.fps} must be an integer >= 1")
    if (root / STAGED / "recipe.json").exists() or (root / "meta" / "info.json").exists():
        _compare(root, read_recipe(root), recipe)
    elif root.exists() and any((root / name).exists() for name in ("data", "videos", "meta")):
        raise DatasetError(f"{root} holds files of something else; give an empty or a new folder")
    _store(root, recipe)


def _store(root: Path, recipe: Recipe) -> None:
    folder = root / STAGED
    folder.mkdir(parents=True, exist_ok=True)
    content = {"features": recipe.features, "fps": recipe.fps, "robot_type": recipe.robot_type}
    write_text(folder / "recipe.json", json.dumps(content, indent=2))


def _compare(root: Path, here: Recipe, asked: Recipe) -> None:
    for field in ("fps", "robot_type"):
        if getattr(here, field) != getattr(asked, field):
            raise DatasetError(
                f"{root} has {field} {getattr(here, field)!r}, asked for {getattr(asked, field)!r}"
            )
    for key in sorted(here.features.keys() | asked.features.keys()):
        if here.features.get(key) != asked.features.get(key):
            raise DatasetError(
                f"{root}: feature {key!r} is {here.features.get(key)} on disk, "
                f"asked for {asked.features.get(key)}"
            )


def read_recipe(root: Path) -> Recipe:
    """The recipe of the dataset at ``root``, staged or finished.

    Raises:
        DatasetError: nothing was begun there, or it is of another format version.
    """
    staged = root / STAGED / "recipe.json"
    if staged.exists():
        content = read_json(staged)
    else:
        content = read_json(root / "meta" / "info.json")
        if content.get("codebase_version") != VERSION:
            raise DatasetError(
                f"{root} is a {content.get('codebase_version')} dataset; only {VERSION} can be written to"
            )
    features = {
        key: {"dtype": value["dtype"], "shape": value["shape"], "names": value.get("names")}
        for key, value in content["features"].items()
    }
    return Recipe(checked_features(features), int(content["fps"]), str(content["robot_type"]))


def staged_folders(root: Path) -> dict[int, Path]:
    """Key to folder of every complete episode that is staged and not yet consolidated, in key order."""
    if not (root / STAGED).is_dir():
        return {}
    return {int(path.name): path for path in sorted((root / STAGED).iterdir()) if path.name.isdigit()}


def read_sidecar(root: Path) -> list[dict[str, Any]]:
    """Lines of ``meta/queries.jsonl``, one per consolidated episode, in episode order; [] without one.

    Raises:
        DatasetError: a line is not JSON.
    """
    path = root / "meta" / QUERIES
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    except ValueError as error:
        raise DatasetError(f"{path} is damaged: {error}") from error


def staged_keys(root: Path | str) -> set[int]:
    """Keys of all episodes that are safely on disk under ``root``, staged or already consolidated."""
    root = Path(root)
    return set(staged_folders(root)) | {int(line["key"]) for line in read_sidecar(root) if "key" in line}


def stage_episode(
    root: Path | str,
    key: int,
    frames: Mapping[str, NDArray[Any]],
    task: str,
    queries: Sequence[Mapping[str, Any]] | None = None,
    *,
    split: str = "train",
    success: bool | None = None,
    extra: Mapping[str, Any] | None = None,
) -> bool:
    """Commit one episode; safe to call from many processes at once, each with keys of its own.

    Args:
        root: A dataset begun with ``DatasetWriter.create_or_resume``.
        key: Unique number >= 0 of the episode; episodes are later ordered by it.
        frames: Feature name to array with leading axis L >= 1: video uint8 (L, H, W, 3), others (L, d) or,
            for d = 1, also (L,). Exactly the features of the recipe.
        task: The instruction, not empty.
        queries: Labelled questions about the episode, JSON types or numpy numbers only.
        split: For example "train" or "test".
        success: Whether the episode succeeded; None when nobody judged.
        extra: Anything else worth keeping, as free as ``queries``, for example the seed of the scene.

    Returns:
        False when an episode of this key was there already and this one was dropped.

    Raises:
        DatasetError: the arrays do not fit the recipe, or a value is illegal.
    """
    root = Path(root)
    recipe = read_recipe(root)
    if key < 0:
        raise DatasetError(f"episode key {key} must be >= 0")
    if not task.strip():
        raise DatasetError(f"episode {key} has an empty task")
    length = _check_frames(key, frames, recipe.features)
    if key in staged_keys(root):
        return False
    record = {
        "key": key,
        "length": length,
        "task": task,
        "split": split,
        "success": success,
        "extra": dict(extra or {}),
        "queries": [dict(query) for query in queries or ()],
    }
    _to_json(key, record)
    if not (root / STAGED / "recipe.json").exists():
        _store(root, recipe)  # workers must not depend on ``meta``, which is swapped while they work
    partial = root / STAGED / f"{_PARTIAL}{key}-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    histograms: dict[str, Any] = {}
    for name in video_keys(recipe.features):
        encode(partial / f"{name}.mp4", frames[name], recipe.fps)
        counts, pictures = image_histogram(frames[name])
        histograms[name] = {"counts": counts.tolist(), "pictures": pictures}
    pq.write_table(_table(frames, recipe.features, length), partial / "data.parquet", compression="snappy")
    text = _to_json(key, record | {"histograms": histograms})
    (partial / "episode.json").write_text(text, "utf-8")
    return _commit(partial, root / STAGED / f"{key:012d}")


def _to_json(key: int, record: Mapping[str, Any]) -> str:
    def numbers(value: object) -> object:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        raise TypeError(f"{value!r} is not JSON")

    try:
        return json.dumps(record, default=numbers, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"episode {key}: queries or extra cannot be stored: {error}") from error


def _commit(partial: Path, final: Path) -> bool:
    for path in (*partial.iterdir(), partial):
        fsync(path)
    try:
        partial.rename(final)
    except OSError:
        if not final.exists():
            raise
        shutil.rmtree(partial)
        return False
    fsync(final.parent)
    return True


def _check_frames(key: int, frames: Mapping[str, NDArray[Any]], features: Features) -> int:
    unknown = frames.keys() - features.keys() - DEFAULT_FEATURES.keys()
    missing = features.keys() - frames.keys()
    if unknown or missing:
        raise DatasetError(
            f"episode {key}: missing features {sorted(missing)}, unknown features {sorted(unknown)}; "
            f"the dataset has {sorted(features)}"
        )
    length = len(next(iter(frames.values())))
    for name, feature in features.items():
        array, shape = frames[name], tuple(feature["shape"])
        dtype = "uint8" if feature["dtype"] == "video" else feature["dtype"]
        fits = array.shape == (length, *shape) or (shape == (1,) and array.shape == (length,))
        if not fits or str(array.dtype) != dtype or length < 1:
            raise DatasetError(
                f"episode {key}: {name!r} is {array.dtype} {array.shape}, "
                f"expected {dtype} {(length, *shape)} with at least one row"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise DatasetError(f"episode {key}: {name!r} holds a value that is not finite")
    return length


def _table(frames: Mapping[str, NDArray[Any]], features: Features, length: int) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for name in column_keys(features):
        columns[name] = array_column(frames[name].reshape(length, -1), column_type(features[name]))
    # A dataset of pictures alone still needs its length in the file.
    return pa.table(columns or {"frame_index": pa.array(range(length), pa.int64())})


def array_column(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """An Arrow column of type ``kind`` from an array of shape (L, d)."""
    flat = pa.array(np.ascontiguousarray(values).ravel())
    if not pa.types.is_fixed_size_list(kind):
        return flat.cast(kind)
    return cast(pa.Array, pa.FixedSizeListArray.from_arrays(flat, type=kind))


def discard_leftovers(root: Path) -> None:
    """Remove what processes that are gone have left half-written."""
    for path in (root / STAGED).glob(f"{_PARTIAL}*"):
        if not Path(f"/proc/{path.name.rpartition('-')[2]}").exists():
            shutil.rmtree(path, ignore_errors=True)
    for path in (root / STAGED).glob("recipe.json.*.partial"):
        if not Path(f"/proc/{path.name.split('.')[-2]}").exists():
            path.unlink(missing_ok=True)
