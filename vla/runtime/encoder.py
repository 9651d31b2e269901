"""The recording process: spooled runs become episodes of a LeRobotDataset, away from the control loop.

``python -m vla.runtime.encoder ROOT`` is started by :class:`~vla.runtime.recorder.RunRecorder`. It reads
lines of JSON from its input: first the robot's spec, then numbers of runs that have ended, last ``"close"``.
It answers with lines of JSON: ``{"ready": key}``, then ``{"episodes": {key: episode index}}`` and
``{"error": text}`` as they come. A run leaves the spool only when it is staged, that is safely on the disk.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from vla.contract import ContractError, RobotSpec
from vla.dataset.consolidation import consolidate
from vla.dataset.schema import ACTION, CAMERA_PREFIX, STATE, DatasetError, Features, robot_features
from vla.dataset.staging import read_sidecar, stage_episode, staged_folders, staged_keys
from vla.dataset.writer import DatasetWriter
from vla.runtime.lock import ENCODER_LOCK, RECORDER_LOCK, FolderLock
from vla.runtime.spool import (
    SPOOL,
    RecordingError,
    SpooledRun,
    has_begun,
    read_spool,
    remove_spool,
    spooled_keys,
)
from vla.runtime.supervisor import STATES

SHORTEST_S = 1.0
"""An interrupted run that lasted less is dropped: nothing can be learned from it."""

RUN_COLUMNS = {
    "run.time_s": "float64",
    "run.stamp_s": "float64",
    "run.held": "bool",
    "run.chunk_age_s": "float64",
    "run.state": "int64",
    "run.instruction": "int64",
}
"""What is stored beside the standard features, one number per row. ``time_s``: when the tick began;
``stamp_s``: when its observation was sensed; both since the first tick, on the robot's clocks. ``held``: the
robot stayed where it was. ``chunk_age_s``: since the observation that the chunk in use answers, -1 without
one. ``state``: place in ``STATES``. ``instruction``: place in the episode's instructions, -1 for none yet."""

Tell = Callable[[dict[str, Any]], None]


def run_features(spec: RobotSpec) -> Features:
    """Features of a robot's recordings: the standard ones and :data:`RUN_COLUMNS`."""
    columns = {name: {"dtype": kind, "shape": [1], "names": None} for name, kind in RUN_COLUMNS.items()}
    return robot_features(spec) | columns


def recover(root: Path) -> list[str]:
    """Encode what a killed recorder has left, unless another is at work.

    Returns:
        What could not be encoded and stays where it is, in words.
    """
    if not (root / SPOOL).is_dir() or not (spooled_keys(root) or staged_folders(root)):
        return []
    try:
        recorder = FolderLock.take(root, RECORDER_LOCK)
    except RecordingError:
        return []
    problems: list[str] = []
    with recorder, FolderLock.take(root, ENCODER_LOCK, wait=True):
        _finish(root, spooled_keys(root), lambda message: problems.extend(_errors(message)))
    return problems


def _errors(message: Mapping[str, Any]) -> list[str]:
    return [message["error"]] if "error" in message else []


def encode_run(root: Path, key: int) -> None:
    """Stage one spooled run, unless it is too short to be worth it, and take it out of the spool.

    Raises:
        DatasetError, RecordingError, OSError: it could not be staged; it stays in the spool.
    """
    if has_begun(root, key):
        run = read_spool(root, key)
        if len(run.ticks) > 0 and (run.ended is not None or run.lasted_s >= SHORTEST_S):
            verdict = (run.ended or {}).get("success")
            # A run that was staged before its spool could be removed is staged only once.
            stage_episode(root, key, _frames(run), run.about["goal"], success=verdict, extra=_extra(run))
    remove_spool(root, key)


def _frames(run: SpooledRun) -> dict[str, NDArray[Any]]:
    # Pictures are views on the mapped file: an hour of them never lies in memory.
    frames = {key: run.ticks[key] for key in (f"{CAMERA_PREFIX}{name}" for name in run.spec.cameras)}
    frames |= {key: np.array(run.ticks[key]) for key in (STATE, ACTION)}
    return frames | {
        key: run.ticks[key.removeprefix("run.")].astype(kind) for key, kind in RUN_COLUMNS.items()
    }


def _extra(run: SpooledRun) -> dict[str, Any]:
    ended = run.ended or {"reason": "interrupted", "detail": "", "left_out": 0}
    about = {name: run.about[name] for name in ("goal", "model", "began")}
    words = [run.instructions.get(code, "") for code in range(max(run.instructions, default=-1) + 1)]
    return {
        "facts": run.about["facts"],
        "run": about
        | {name: ended[name] for name in ("reason", "detail", "left_out")}
        | {
            "interrupted": run.ended is None,
            "instructions": words,
            "states": list(STATES),
            "control_hz": run.spec.control_hz,
            "spec": run.spec.to_dict(),
        },
    }


def _next_key(root: Path) -> int:
    # In this order: a run that leaves the spool in between is found among the staged.
    keys = spooled_keys(root)
    return max([*keys, *staged_keys(root)], default=-1) + 1


def _finish(root: Path, keys: Iterable[int], tell: Tell) -> None:
    """Encode these runs and bring the dataset up to date; what fails is told and stays for the next start."""
    failures = (DatasetError, ContractError, OSError, FFmpegError)
    for key in keys:
        try:
            encode_run(root, key)
        except failures as error:
            tell({"error": f"run {key} is not encoded yet: {error}"})
    fresh = staged_folders(root)
    if not fresh:
        return
    try:
        consolidate(root)
    except failures as error:
        tell({"error": f"the dataset is not brought up to date yet: {error}"})
        return
    tell({"episodes": {x["key"]: x["episode_index"] for x in read_sidecar(root) if x["key"] in fresh}})


def _batches(descriptor: int) -> Iterator[list[Any]]:
    """Whole lines of JSON as they come, all that are there at once; ends with the other end."""
    rest = b""
    while data := os.read(descriptor, 1 << 16):
        *lines, rest = (rest + data).split(b"\n")
        if lines:
            yield [json.loads(line) for line in lines]


def serve(root: Path, source: int, tell: Tell) -> None:
    """Do what the module says until ``source``, a file descriptor, is closed.

    When that happens without ``"close"`` the recorder has been killed: what it left is encoded at once.
    """
    recorder = os.getppid()
    batches = _batches(source)
    spec = RobotSpec.from_dict(next(batches, [{}])[0])
    fps = max(1, round(spec.control_hz))
    DatasetWriter.create_or_resume(root, run_features(spec), fps, spec.name)
    first = _next_key(root)
    tell({"ready": first})
    with FolderLock.take(root, ENCODER_LOCK, wait=True):
        _finish(root, (key for key in spooled_keys(root) if key < first), tell)
        for batch in batches:
            _finish(root, (key for key in batch if key != "close"), tell)
            if "close" in batch:
                return
        _finish(root, [key for key in spooled_keys(root) if _written_by(root, key, recorder)], tell)


def _written_by(root: Path, key: int, pid: int) -> bool:
    try:
        return read_spool(root, key).about["pid"] == pid
    except (RecordingError, OSError):
        return False


def _step_back() -> None:
    """Leave the processor to the control loop, whose real-time scheduling this process has inherited."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(10)


def main() -> None:
    """Serve standard input and output; see the module."""
    _step_back()

    def tell(message: dict[str, Any]) -> None:
        try:
            os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            return  # the recorder was killed; its runs are finished all the same

    try:
        serve(Path(sys.argv[1]), sys.stdin.fileno(), tell)
    except (DatasetError, ContractError, OSError) as error:
        tell({"error": str(error)})


if __name__ == "__main__":
    main()
