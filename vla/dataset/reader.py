"""Read a LeRobotDataset of any version as arrays: one episode at a time, or all of them in one pass."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from vla.dataset.consolidation import locked, recover
from vla.dataset.layout import VERSIONS, Episode, read_episodes, read_table, read_tasks
from vla.dataset.schema import CAMERA_PREFIX, DatasetError, Features, read_json, video_keys
from vla.dataset.staging import read_sidecar, staged_folders
from vla.dataset.video import TOLERANCE_S, VideoReader


class Dataset:
    """A dataset on disk; make it with :meth:`open`. Holds no file open between calls.

    Attributes:
        root: Its folder.
        info: The content of ``meta/info.json``.
        version: "v2.0", "v2.1" or "v3.0".
        fps: Rows per second.
        robot_type: The robot's name.
        features: Feature name to its dictionary, default columns included.
        episodes: Every episode, in order.
        tasks: Task texts by task index.
    """

    def __init__(self, root: Path, info: Mapping[str, Any]) -> None:
        self.root = root
        self.info = info
        self.version: str = info["codebase_version"]
        self.fps = info["fps"]
        self.robot_type = str(info.get("robot_type"))
        self.features: Features = info["features"]
        self.tasks = read_tasks(root, self.version)
        self.episodes = read_episodes(root, info)
        self._table: tuple[int, pa.Table] | None = None

    @classmethod
    def open(cls, root: Path | str) -> Self:
        """Read the description of the dataset in the folder ``root``.

        Raises:
            DatasetError: the folder holds no dataset, or one of an unknown version, or a damaged one.
        """
        root = Path(root)
        if not (root / "meta").exists() and (root / "meta.ready").exists():
            with locked(root):  # a writer was killed between the two renames of its last step
                recover(root)
        if not (root / "meta" / "info.json").exists() and (staged := staged_folders(root)):
            raise DatasetError(f"{root} holds {len(staged)} staged episodes; consolidate them before reading")
        info = read_json(root / "meta" / "info.json")
        version = info.get("codebase_version") if isinstance(info, dict) else None
        if version not in VERSIONS:
            raise DatasetError(
                f"{root / 'meta' / 'info.json'}: version {version!r}, known: {', '.join(VERSIONS)}"
            )
        for name in ("fps", "features", "data_path"):
            if name not in info:
                raise DatasetError(f"{root / 'meta' / 'info.json'} lacks {name!r}")
        return cls(root, info)

    @property
    def cameras(self) -> dict[str, str]:
        """Camera name, without the prefix ``observation.images.``, to the name of its feature."""
        kinds = ("video", "image")
        return {k.removeprefix(CAMERA_PREFIX): k for k, f in self.features.items() if f["dtype"] in kinds}

    @property
    def frames(self) -> int:
        """Rows in all."""
        return sum(episode.length for episode in self.episodes)

    @cached_property
    def sidecar(self) -> Mapping[int, Mapping[str, Any]]:
        """Episode index to its line of ``meta/queries.jsonl``: key, split, success, queries, extra."""
        return {int(line["episode_index"]): line for line in read_sidecar(self.root)}

    def queries(self, index: int) -> list[dict[str, Any]]:
        """Labelled questions about an episode; [] where there are none."""
        return list(self.sidecar.get(self.episodes[index].index, {}).get("queries", []))

    def columns(self, index: int, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """An episode's numbers: feature name to array of shape (L, *shape), strings as (L, 1) objects.

        Args:
            index: The episode.
            names: Which features; None for every one that is neither video nor image.

        Raises:
            DatasetError: unknown episode or feature, or a data file that is missing, damaged or too short.
        """
        table = self.rows(index)
        if names is None:
            pictures = set(self.cameras.values())
            names = [name for name in self.features if name not in pictures]
        missing = [name for name in names if name not in table.column_names]
        if missing:
            path = self.episodes[index].data
            raise DatasetError(f"{path} lacks columns {missing}; it has {table.column_names}")
        return {name: _array(table.column(name), self.features[name]) for name in names}

    def episode(self, index: int, tolerance_s: float = TOLERANCE_S) -> dict[str, NDArray[Any]]:
        """All of an episode: numbers as in :meth:`columns`, pictures as uint8 RGB (L, H, W, 3).

        Raises:
            DatasetError: a file is missing, damaged or has no picture at a row's time.
        """
        arrays = self.columns(index)
        with Pictures(self, tolerance_s) as pictures:
            return arrays | pictures.read(index, arrays["timestamp"])

    def stream(
        self, indices: Sequence[int] | None = None, tolerance_s: float = TOLERANCE_S
    ) -> Iterator[tuple[Episode, dict[str, NDArray[Any]]]]:
        """Episodes in ascending order; each video file is opened and decoded once, from front to back.

        Args:
            indices: Which episodes, ascending; None for all.
            tolerance_s: Largest distance between a row's time and its picture's.

        Raises:
            DatasetError: as :meth:`episode`.
        """
        with Pictures(self, tolerance_s) as pictures:
            for index in range(len(self.episodes)) if indices is None else indices:
                arrays = self.columns(index)
                yield self.episodes[index], arrays | pictures.read(index, arrays["timestamp"])

    def rows(self, index: int) -> pa.Table:
        """An episode's rows of its data file, as they are.

        Raises:
            DatasetError: unknown episode, or a data file that is missing, damaged or of another length.
        """
        if not 0 <= index < len(self.episodes):
            raise DatasetError(f"episode {index} is outside 0..{len(self.episodes) - 1}")
        episode = self.episodes[index]
        if self._table is None or self._table[0] != index:
            table = read_table(episode.data, filters=pc.field("episode_index") == episode.index)
            if len(table) != episode.length:
                raise DatasetError(
                    f"{episode.data} holds {len(table)} rows of episode {index}, expected {episode.length}"
                )
            self._table = (index, table)
        return self._table[1]


class Pictures:
    """Decodes episodes' pictures, keeping a video open while episodes follow in it. A context manager.

    Args:
        dataset: Whose pictures.
        tolerance_s: Largest distance between a row's time and its picture's.
    """

    def __init__(self, dataset: Dataset, tolerance_s: float = TOLERANCE_S) -> None:
        self._dataset = dataset
        self._tolerance_s = tolerance_s
        self._open: dict[str, VideoReader] = {}

    def read(self, index: int, timestamps: NDArray[Any]) -> dict[str, NDArray[np.uint8]]:
        """Feature name to uint8 RGB (L, H, W, 3) at an episode's ascending ``timestamps`` (L, 1), seconds.

        Raises:
            DatasetError: a file is missing or damaged, or has no picture at one of the times.
        """
        episode, result = self._dataset.episodes[index], {}
        for key in video_keys(self._dataset.features):
            span = episode.videos[key]
            times_s = span.from_s + timestamps[:, 0].astype(np.float64)
            result[key] = self._reader(key, span.path).read(times_s)
        for key in self._dataset.cameras.values():
            if key not in result:
                result[key] = _images(self._dataset.rows(index).column(key), self._dataset.root, episode.data)
        return result

    def close(self) -> None:
        """Close every video; reading opens them again."""
        for reader in self._open.values():
            reader.close()
        self._open.clear()

    def _reader(self, key: str, path: Path) -> VideoReader:
        current = self._open.get(key)
        if current is not None and current.path == path:
            return current
        if current is not None:
            current.close()
        self._open[key] = VideoReader(path, self._tolerance_s)
        return self._open[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _array(column: pa.ChunkedArray, feature: Mapping[str, Any]) -> NDArray[Any]:
    shape = tuple(int(n) for n in feature["shape"]) or (1,)
    flat = column.combine_chunks()
    while isinstance(flat, pa.ExtensionArray | pa.ListArray | pa.FixedSizeListArray | pa.LargeListArray):
        flat = flat.storage if isinstance(flat, pa.ExtensionArray) else flat.flatten()
    values = flat.to_numpy(zero_copy_only=False)
    if feature["dtype"] != "string":
        values = values.astype(feature["dtype"], copy=False)
    return values.reshape(len(column), *shape)


def _images(column: pa.ChunkedArray, root: Path, source: Path) -> NDArray[np.uint8]:
    pictures = []
    for cell in column.to_pylist():
        try:
            origin = io.BytesIO(cell["bytes"]) if cell.get("bytes") else root / cell["path"]
            pictures.append(np.asarray(Image.open(origin).convert("RGB")))
        except OSError as error:
            raise DatasetError(f"{source}: picture {cell.get('path')!r} cannot be read: {error}") from error
    return np.stack(pictures)
