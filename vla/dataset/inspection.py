"""What is in a dataset, and what is wrong with it: behind ``handily dataset info`` and ``doctor``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vla.dataset.contact_sheet import contact_sheet
from vla.dataset.reader import Dataset, Pictures
from vla.dataset.schema import ACTION, DatasetError, read_json
from vla.dataset.statistics import plain, vector_stats

__all__ = ["Examination", "FeatureSummary", "Finding", "Summary", "contact_sheet", "examine", "summarize"]

Kind = Literal[
    "unreadable", "pictures", "timestamps", "numbering", "not_finite", "blank", "idle", "jump", "label"
]
# What makes a dataset unfit for training, against what is only worth knowing.
ERRORS: tuple[Kind, ...] = ("unreadable", "pictures", "timestamps", "numbering", "not_finite")
_IDLE_S = 1.0
_GRID_S = 1e-4
_SAME = 1e-4


@dataclass(frozen=True, slots=True)
class FeatureSummary:
    """One feature: name, dtype, shape and its statistics (min, max, mean, std, q01 ... as nested lists)."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    stats: dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Summary:
    """A dataset at a glance.

    Attributes:
        root: Its folder.
        version: Its format, for example "v3.0".
        robot_type: The robot's name.
        fps: Rows per second.
        episodes: How many.
        frames: Rows in all.
        duration_s: Their time in seconds.
        length: Shortest, median and longest episode, in rows.
        size_bytes: Bytes on disk.
        tasks: Instruction to number of episodes, most frequent first.
        splits: Split to number of episodes.
        families: Family of the labelled questions to number of episodes that ask one.
        features: Every feature.
    """

    root: Path
    version: str
    robot_type: str
    fps: float
    episodes: int
    frames: int
    duration_s: float
    length: tuple[int, int, int]
    size_bytes: int
    tasks: dict[str, int]
    splits: dict[str, int]
    families: dict[str, int]
    features: tuple[FeatureSummary, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth telling about one episode.

    Attributes:
        episode: Its number.
        kind: What was found; those in ``ERRORS`` make the dataset unfit.
        count: How many rows or pictures are concerned.
        detail: One line in words.
    """

    episode: int
    kind: Kind
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings.

    Attributes:
        episodes: Episodes looked at.
        frames: Rows looked at.
        idle_frames: Rows whose action is that of the row before.
        findings: In the order of episodes.
    """

    episodes: int
    frames: int
    idle_frames: int
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """True when no finding is an error."""
        return not any(finding.kind in ERRORS for finding in self.findings)


def summarize(dataset: Dataset) -> Summary:
    """Counts and statistics; statistics come from ``meta/stats.json``, or from the data where there is none.

    Raises:
        DatasetError: a file that is needed is missing or damaged.
    """
    lengths = [episode.length for episode in dataset.episodes] or [0]
    lines = [dataset.sidecar.get(episode.index, {}) for episode in dataset.episodes]
    families = (f for line in lines for f in {q.get("family", "") for q in line.get("queries", [])})
    stats = _stats(dataset)
    features = (
        FeatureSummary(name, str(f["dtype"]), tuple(int(n) for n in f["shape"]), stats.get(name, {}))
        for name, f in dataset.features.items()
    )
    return Summary(
        root=dataset.root,
        version=dataset.version,
        robot_type=dataset.robot_type,
        fps=float(dataset.fps),
        episodes=len(dataset.episodes),
        frames=dataset.frames,
        duration_s=dataset.frames / float(dataset.fps),
        length=(min(lengths), int(np.median(lengths)), max(lengths)),
        size_bytes=sum(path.stat().st_size for path in dataset.root.rglob("*") if path.is_file()),
        tasks=dict(Counter(task for episode in dataset.episodes for task in episode.tasks).most_common()),
        splits=dict(Counter(line.get("split", "train") for line in lines).most_common()),
        families=dict(Counter(families).most_common()),
        features=tuple(features),
    )


def _stats(dataset: Dataset) -> dict[str, dict[str, list[Any]]]:
    path = dataset.root / "meta" / "stats.json"
    if path.exists():
        return read_json(path)
    known = ("float32", "float64", "int64", "bool")
    names = [name for name, feature in dataset.features.items() if feature["dtype"] in known]
    parts = [dataset.columns(i, names) for i in range(len(dataset.episodes))]
    return {
        name: plain(vector_stats(np.concatenate([p[name].reshape(len(p[name]), -1) for p in parts])))
        for name in (names if parts else ())
    }


def examine(
    dataset: Dataset,
    max_step: NDArray[np.floating] | None = None,
    pictures: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Examination:
    """Read everything and tell what is odd. Damage becomes findings, never an exception.

    Args:
        dataset: What to look at.
        max_step: Largest legal change of each action scalar between rows, shape (A,); None takes five
            times the 95th percentile of the changes found.
        pictures: Decode every picture too.
        progress: Called with (episodes done, episodes in all).
    """
    report = progress or (lambda done, total: None)
    low, high, step = _action_ranges(dataset)
    limit = step if max_step is None else np.asarray(max_step) * (1 + 1e-3) + 1e-9
    findings: list[Finding] = []
    idle = 0
    with Pictures(dataset) as reader:
        for i, episode in enumerate(dataset.episodes):
            try:
                arrays = dataset.columns(i)
            except DatasetError as error:
                findings.append(Finding(i, "unreadable", episode.length, str(error)))
                continue
            findings += _check_rows(dataset, i, arrays)
            if ACTION in arrays and len(low):
                still = np.all(np.abs(np.diff(arrays[ACTION], axis=0)) <= _SAME * (high - low), axis=1)
                idle += int(np.sum(still))
                findings += _check_motion(i, arrays[ACTION], still, limit, float(dataset.fps))
            if not judged(dataset, i, arrays):
                findings.append(Finding(i, "label", episode.length, "nobody judged whether it succeeded"))
            if pictures:
                findings += _check_pictures(reader, i, arrays["timestamp"])
            report(i + 1, len(dataset.episodes))
    return Examination(len(dataset.episodes), dataset.frames, idle, tuple(findings))


def judged(dataset: Dataset, index: int, arrays: dict[str, NDArray[Any]]) -> bool:
    """True when an episode carries a verdict: in the sidecar, in ``next.success`` or in ``label.done``."""
    if (
        dataset.sidecar.get(dataset.episodes[index].index, {}).get("success") is not None
        or "next.success" in arrays
    ):
        return True
    return "label.done" in arrays and bool((arrays["label.done"][-1] > 0.5).any())


def _action_ranges(dataset: Dataset) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Lowest, highest action and the default limit of a step, (A,) each; empty without readable actions."""
    actions: list[NDArray[Any]] = []
    for i in range(len(dataset.episodes) if ACTION in dataset.features else 0):
        try:
            action = dataset.columns(i, [ACTION])[ACTION]
            actions.append(action[np.isfinite(action).all(1)])
        except DatasetError:
            continue  # told by the main pass
    if not sum(map(len, actions)):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    every = np.concatenate(actions)
    steps = np.concatenate([np.abs(np.diff(action, axis=0)) for action in actions])
    limit = np.full(every.shape[1], np.inf)
    for axis, column in enumerate(steps.T):
        moving = column[column > 0]
        if len(moving):
            limit[axis] = 5 * np.quantile(moving, 0.95)
    return every.min(0), every.max(0), limit


def _check_rows(dataset: Dataset, i: int, arrays: dict[str, NDArray[Any]]) -> Iterator[Finding]:
    episode = dataset.episodes[i]
    frame = np.arange(episode.length)
    off = np.abs(arrays["timestamp"][:, 0] - frame / float(dataset.fps)) > _GRID_S
    if off.any():
        first = int(off.argmax())
        found = float(arrays["timestamp"][first, 0])
        words = f"row {first} is at {found:.4f} s, expected {first / float(dataset.fps):.4f} s"
        yield Finding(i, "timestamps", int(off.sum()), words)
    for name, expected in (("frame_index", frame), ("index", frame + episode.start)):
        wrong = arrays[name][:, 0] != expected if name in arrays else np.zeros(1, bool)
        if wrong.any():
            yield Finding(i, "numbering", int(wrong.sum()), f"{name} is not continuous")
    for name, array in arrays.items():
        bad = array.dtype.kind == "f" and ~np.isfinite(array)
        if np.any(bad):
            yield Finding(i, "not_finite", int(np.sum(bad)), f"{name} holds values that are not finite")


def _check_motion(
    i: int, action: NDArray[Any], still: NDArray[Any], limit: NDArray[Any], fps: float
) -> Iterator[Finding]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(int)))
    longest = int((edges[1::2] - edges[::2]).max(initial=0))
    if longest > _IDLE_S * fps:
        yield Finding(i, "idle", longest, f"the action does not change for {longest / fps:.1f} s")
    jump = np.abs(np.diff(action, axis=0)) > limit
    if jump.any():
        row, axis = np.argwhere(jump)[0]
        size = float(action[row + 1, axis] - action[row, axis])
        yield Finding(i, "jump", int(jump.any(1).sum()), f"action {axis} jumps by {size:.4g} after row {row}")


def _check_pictures(reader: Pictures, i: int, timestamps: NDArray[Any]) -> Iterator[Finding]:
    try:
        arrays = reader.read(i, timestamps)
    except DatasetError as error:
        reader.close()
        yield Finding(i, "pictures", len(timestamps), str(error))
        return
    for key, images in arrays.items():
        flat = images.reshape(len(images), -1)
        blank = flat.max(1) == flat.min(1)
        if blank.any():
            yield Finding(i, "blank", int(blank.sum()), f"{key}: pictures of one colour")
