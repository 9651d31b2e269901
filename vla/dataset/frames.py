"""A filled training cache: memory-mapped pictures and numbers, gathered in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vla.dataset.schema import ACTION, STATE, DatasetError, read_json


@dataclass(frozen=True, slots=True)
class FrameCache:
    """A filled cache. F rows in all, of which N have their pictures kept; E episodes.

    Attributes:
        fps: Rows per second.
        stride: Pictures are kept for rows 0, stride, 2 stride, ... of every episode.
        images: Camera name to memory-mapped uint8 RGB (N, H, W, 3).
        columns: Feature name to memory-mapped (F, d): ``observation.state``, ``action``, ``label.*``, ...
        frame_index_of: Row in the whole dataset of each kept picture, int64 (N,), ascending.
        bounds: Episode e owns rows ``bounds[e]`` to ``bounds[e + 1]``, int64 (E + 1,).
        tasks: Instruction of each episode, E of them.
        queries: Labelled questions of each episode, E lists.
        splits: Split of each episode, "train" where the dataset does not say.
        features: The dataset's description of its features.
    """

    fps: float
    stride: int
    images: Mapping[str, NDArray[np.uint8]]
    columns: Mapping[str, NDArray[Any]]
    frame_index_of: NDArray[np.int64]
    bounds: NDArray[np.int64]
    tasks: tuple[str, ...]
    queries: tuple[list[dict[str, Any]], ...]
    splits: tuple[str, ...]
    features: Mapping[str, Mapping[str, Any]]

    @property
    def state(self) -> NDArray[np.float32]:
        """``observation.state``, (F, S)."""
        return self.columns[STATE]

    @property
    def action(self) -> NDArray[np.float32]:
        """``action``, (F, A)."""
        return self.columns[ACTION]

    def episode_of(self, frames: NDArray[np.integer]) -> NDArray[np.int64]:
        """Episode number of each row of the dataset; same shape as ``frames``."""
        return np.searchsorted(self.bounds, frames, side="right") - 1

    def gather(self, camera: str, pictures: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Kept pictures by their number 0..N-1, shape (B,), as uint8 RGB (B, H, W, 3) in the order asked.

        Reads the file in ascending order, which is what a disk and the page cache like.

        Raises:
            DatasetError: no such camera.
        """
        if camera not in self.images:
            raise DatasetError(f"camera {camera!r} is not in the cache; it has {sorted(self.images)}")
        order = np.argsort(pictures, kind="stable")
        source = self.images[camera]
        out = np.empty((len(pictures), *source.shape[1:]), np.uint8)
        for place, picture in zip(order, np.asarray(pictures)[order], strict=True):
            out[place] = source[picture]
        return out

    def chunk(self, feature: str, frames: NDArray[np.integer], length: int) -> NDArray[Any]:
        """Rows ``frame .. frame + length - 1`` of a feature, (B, length, d).

        Past the end of an episode its last row is repeated.
        """
        last = self.bounds[self.episode_of(frames) + 1] - 1
        rows = np.minimum(np.asarray(frames)[:, None] + np.arange(length), last[:, None])
        return self.columns[feature][rows]

    @classmethod
    def open_stills(cls, directory: Path | str) -> Self:
        """Map a filled cache of scenes without motion, where every episode has one row.

        Raises:
            DatasetError: see :meth:`open`; or it is the cache of demonstrations.
        """
        cache = cls.open(directory)
        if len(cache.frame_index_of) != len(cache.tasks) or np.any(np.diff(cache.bounds) != 1):
            raise DatasetError(f"{directory} holds demonstrations' cache, not stills")
        return cache

    @classmethod
    def open(cls, directory: Path | str) -> Self:
        """Map a filled cache.

        Raises:
            DatasetError: there is none, it is not yet filled, or one of its files is missing or damaged.
        """
        directory = Path(directory)
        if not (directory / "cache.json").exists():
            raise DatasetError(f"{directory} holds no filled cache ({directory / 'cache.json'} is missing)")
        about = read_json(directory / "cache.json")
        return cls(
            fps=about["fps"],
            stride=about["stride"],
            images={name: _map(directory / image_file(name)) for name in about["cameras"]},
            columns={name: _map(directory / column_file(name)) for name in about["columns"]},
            frame_index_of=np.array(_map(directory / "frame_index_of.npy")),
            bounds=np.array(about["bounds"], np.int64),
            tasks=tuple(about["tasks"]),
            queries=tuple(about["queries"]),
            splits=tuple(about["splits"]),
            features=about["features"],
        )


def allocate(
    directory: Path,
    cameras: Mapping[str, tuple[int, int]],
    columns: Mapping[str, tuple[str, int]],
    pictures: int,
    rows: int,
) -> None:
    """Make the empty arrays of a cache in an existing folder.

    Args:
        directory: The cache's folder.
        cameras: Camera name to (H, W).
        columns: Feature name to (dtype, d).
        pictures: N pictures of each camera.
        rows: F rows of each feature.
    """
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        image_file(camera): ("uint8", (pictures, *size, 3)) for camera, size in cameras.items()
    }
    shapes |= {column_file(name): (dtype, (rows, width)) for name, (dtype, width) in columns.items()}
    for name, (dtype, shape) in shapes.items():
        np.lib.format.open_memmap(directory / name, mode="w+", dtype=np.dtype(dtype), shape=shape).flush()


def image_file(camera: str) -> str:
    """Name of the file with a camera's pictures."""
    return f"images.{camera}.npy"


def column_file(feature: str) -> str:
    """Name of the file with a feature's numbers."""
    return f"column.{feature}.npy"


def _map(path: Path) -> NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path} is missing or damaged: {error}") from error
