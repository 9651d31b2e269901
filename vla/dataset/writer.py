"""The one way into a dataset: episodes go in, a LeRobotDataset v3.0 comes out, whatever crashes between.

>>> writer = DatasetWriter.create_or_resume(root, robot_features(spec), fps=20, robot_type=spec.name)
>>> writer.add_episode({"observation.state": states, "action": actions, ...}, "push the red block left")
>>> writer.finish()

Several processes may fill one dataset: one calls ``create_or_resume``, each calls
:func:`~vla.dataset.staging.stage_episode` with keys of its own, the first calls ``finish`` in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from vla.dataset.consolidation import Progress, consolidate, locked, recover
from vla.dataset.schema import camera_features, checked_features, robot_features
from vla.dataset.staging import Recipe, read_recipe, stage_episode, staged_keys, write_recipe

__all__ = [
    "DatasetWriter",
    "camera_features",
    "consolidate",
    "robot_features",
    "stage_episode",
    "staged_keys",
]


class DatasetWriter:
    """Adds episodes to one dataset; make it with :meth:`create_or_resume`."""

    def __init__(self, root: Path, recipe: Recipe) -> None:
        self.root = root
        self.recipe = recipe

    @classmethod
    def create_or_resume(
        cls,
        root: Path | str,
        features: Mapping[str, Mapping[str, Any]],
        fps: int,
        robot_type: str,
        cameras: Mapping[str, tuple[int, int]] | None = None,
    ) -> Self:
        """Begin a dataset in an empty or new folder, or go on with the one that is there.

        Args:
            root: The dataset's folder.
            features: Feature name to ``{"dtype", "shape", "names"}``; dtype is video, float32, float64,
                int64 or bool. The default columns (timestamp, ...) are added by themselves.
            fps: Rows per second, the same for video.
            robot_type: The robot's name.
            cameras: Camera name to (H, W); each adds the video feature ``observation.images.<camera>``.

        Raises:
            DatasetError: a feature is illegal, or the folder holds something that does not agree.
        """
        root = Path(root)
        recipe = Recipe(checked_features({**features, **camera_features(cameras or {})}), fps, robot_type)
        root.mkdir(parents=True, exist_ok=True)
        with locked(root):
            recover(root)
            write_recipe(root, recipe)
        return cls(root, read_recipe(root))

    @property
    def keys(self) -> set[int]:
        """Keys of the episodes that are safely on disk."""
        return staged_keys(self.root)

    def add_episode(
        self,
        frames: Mapping[str, NDArray[Any]],
        task: str,
        queries: Sequence[Mapping[str, Any]] | None = None,
        *,
        split: str = "train",
        success: bool | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> int:
        """Commit one episode under the next free key, which is returned; arguments as in ``stage_episode``.

        Raises:
            DatasetError: the arrays do not fit the features.
        """
        key = max(self.keys, default=-1) + 1
        stage_episode(self.root, key, frames, task, queries, split=split, success=success, extra=extra)
        return key

    def finish(self, progress: Progress | None = None) -> int:
        """Bring the v3.0 files up to date with every staged episode; returns the number of episodes.

        The writer stays usable: more episodes can be added and finished later.
        """
        return consolidate(self.root, progress)
