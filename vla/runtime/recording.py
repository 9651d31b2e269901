"""A recorded run as arrays, read back from the dataset it was recorded into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.contract import RobotSpec
from vla.runtime.spool import RecordingError


@dataclass(frozen=True, slots=True)
class Recording:
    """N ticks of one run.

    Attributes:
        spec: The robot, as it was then.
        goal: What the person asked for.
        images: Camera name to uint8 RGB of shape (N, H, W, 3); they have been through a video. Empty when not
            asked for.
        state: float32 of shape (N, S).
        sent: What was really sent after each observation, float32 of shape (N, A).
        time_s: When each tick began, since the first, float64 of shape (N,).
        stamp_s: When each observation was sensed, since the first tick's beginning, float64 of shape (N,).
        chunk_age_s: Time since the observation that the chunk in use answers, float64 of shape (N,); -1 where
            there was none.
        held: Where the robot stayed where it was, bool of shape (N,).
        robot_state: What the robot was in at each tick, N names of :data:`~vla.runtime.supervisor.STATES`.
        instructions: The words in force at each tick, N in all; empty where there were none yet.
        success: The verdict; None when nobody judged.
        interrupted: Whether the recorder was killed before the run ended.
        reason: Why the run ended.
        model: Which policy acted.
        facts: What the caller of ``begin_episode`` gave.
    """

    spec: RobotSpec
    goal: str
    images: Mapping[str, NDArray[np.uint8]]
    state: NDArray[np.float32]
    sent: NDArray[np.float32]
    time_s: NDArray[np.float64]
    stamp_s: NDArray[np.float64]
    chunk_age_s: NDArray[np.float64]
    held: NDArray[np.bool_]
    robot_state: tuple[str, ...]
    instructions: tuple[str, ...]
    success: bool | None
    interrupted: bool
    reason: str
    model: str
    facts: Mapping[str, Any]


def read_recording(root: Path | str, index: int, pictures: bool = True) -> Recording:
    """Read one run.

    Args:
        root: The dataset's folder.
        index: Episode index.
        pictures: Decode the cameras too.

    Raises:
        RecordingError: the episode is not a recorded run, but for example a demonstration.
        DatasetError: there is no such episode, or a file is damaged.
    """
    from vla.dataset.reader import Dataset  # pyarrow and av: not for those who only record

    dataset = Dataset.open(root)
    columns = dataset.episode(index) if pictures else dataset.columns(index)
    line = dataset.sidecar.get(index, {})
    run = line.get("extra", {}).get("run")
    if run is None:
        raise RecordingError(f"episode {index} of {dataset.root} is not a recorded run")
    words = ["", *run["instructions"]]
    return Recording(
        spec=RobotSpec.from_dict(run["spec"]),
        goal=run["goal"],
        images={name: columns[key] for name, key in dataset.cameras.items() if key in columns},
        state=columns["observation.state"],
        sent=columns["action"],
        time_s=columns["run.time_s"][:, 0],
        stamp_s=columns["run.stamp_s"][:, 0],
        chunk_age_s=columns["run.chunk_age_s"][:, 0],
        held=columns["run.held"][:, 0],
        robot_state=tuple(run["states"][code] for code in columns["run.state"][:, 0]),
        instructions=tuple(words[code + 1] for code in columns["run.instruction"][:, 0]),
        success=line["success"],
        interrupted=run["interrupted"],
        reason=run["reason"],
        model=run["model"],
        facts=line["extra"]["facts"],
    )
