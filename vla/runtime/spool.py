"""Where a running episode lies until it is encoded: two files that only ever grow.

``<root>/spool/<key>.jsonl`` says in words what the run is: its first line the robot, the goal and the
caller's facts, then one line per new instruction, in the end one line with how it ended. ``<key>.ticks``
holds one record of fixed size per control tick, raw, each with the CRC-32 of its content; the whole file maps
as one numpy array (:func:`tick_type`). A process may be killed at any byte: a torn last line is not JSON, a
torn last record is short or fails its checksum, and both are ignored. A run without a last line was
interrupted.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError, RobotSpec
from vla.runtime.report import TickReport
from vla.runtime.supervisor import STATES

SPOOL = "spool"
"""Name of the folder inside a dataset's."""
_FORMAT = 2
_NUMBERS = struct.Struct("<idddBB")
_NO_CHUNK_S = -1.0
_STATE_CODES = {name: code for code, name in enumerate(STATES)}


class RecordingError(ContractError):
    """A run cannot be recorded, or is not a recording; the message says what to do."""


def tick_type(spec: RobotSpec) -> np.dtype[Any]:
    """One record of a ``.ticks`` file; ``crc`` covers every byte after itself.

    Fields bear the names of the dataset's features, those without a dot come to be ``run.*``.
    ``chunk_age_s`` is -1 where there was no chunk.
    """
    fields: list[tuple[Any, ...]] = [
        ("crc", "<u4"),
        ("instruction", "<i4"),
        ("time_s", "<f8"),
        ("stamp_s", "<f8"),
        ("chunk_age_s", "<f8"),
        ("state", "u1"),
        ("held", "?"),
        ("observation.state", "<f4", (len(spec.state),)),
        ("action", "<f4", (len(spec.action),)),
    ]
    fields += [
        (f"observation.images.{name}", "u1", (*size, 3)) for name, size in sorted(spec.cameras.items())
    ]
    return np.dtype(fields)


@dataclass(frozen=True, slots=True)
class SpooledRun:
    """What is whole of one spooled run.

    Attributes:
        key: Its number.
        about: The first line: ``spec``, ``goal``, ``model``, ``facts``, ``began`` (wall clock), ``pid``.
        spec: The robot.
        instructions: The words behind the ticks' ``instruction``; -1 there means none yet.
        ended: The last line: ``reason``, ``detail``, ``success``, ``left_out``; None when interrupted.
        ticks: Records of :func:`tick_type`, shape (N,), mapped from the file, not read.
    """

    key: int
    about: Mapping[str, Any]
    spec: RobotSpec
    instructions: Mapping[int, str]
    ended: Mapping[str, Any] | None
    ticks: NDArray[Any]

    @property
    def lasted_s(self) -> float:
        """From the start of the first tick to the end of the last, in seconds; 0 without ticks."""
        times_s = self.ticks["time_s"]
        return float(times_s[-1] - times_s[0]) + self.spec.dt_s if len(times_s) else 0.0


class SpoolWriter:
    """Appends one run. Nothing is buffered here: what a call has written survives this process.

    Attributes:
        key: The run's number.
    """

    def __init__(self, root: Path, key: int, spec: RobotSpec, about: Mapping[str, Any]) -> None:
        """Begin a run; its first line is on the disk when this returns.

        Args:
            root: The dataset's folder.
            key: Unique number of the run.
            spec: The robot.
            about: JSON types; ``spec`` and ``pid`` are added.

        Raises:
            OSError: the disk is full, or the run exists.
        """
        self.key = key
        self._cameras = sorted(spec.cameras)
        self._spec = spec
        self._began_s: float | None = None
        self._codes: dict[str | None, int] = {None: -1}
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        words, ticks = _paths(root, key)
        self._words = os.open(words, flags, 0o644)
        try:
            first = {"format": _FORMAT, "spec": spec.to_dict(), "pid": os.getpid(), **about}
            _write_all(self._words, _line(first))
            os.fsync(self._words)
            self._ticks = os.open(ticks, flags, 0o644)
        except OSError:
            os.close(self._words)
            raise

    def tick(self, report: TickReport) -> None:
        """Append one tick: one system call, plus one when the instruction is new.

        Raises:
            ContractError: the report does not fit the robot, or holds a number that is not finite; nothing
                was written.
            OSError: the disk is full; what came before stays readable.
        """
        observation, sent = report.observation, report.sent
        observation.check(self._spec)
        if sent.shape != (len(self._spec.action),) or not np.isfinite(sent).all():
            raise ContractError(f"sent is {sent.tolist()}, expected {len(self._spec.action)} finite numbers")
        if report.state not in _STATE_CODES:
            raise ContractError(f"robot state {report.state!r} is not one of {', '.join(STATES)}")
        began_s = report.now_s if self._began_s is None else self._began_s
        numbers = _NUMBERS.pack(
            self._code(report.instruction),
            report.now_s - began_s,
            observation.stamp_s - began_s,
            _NO_CHUNK_S if report.chunk_age_s is None else report.chunk_age_s,
            _STATE_CODES[report.state],
            report.held,
        )
        head = numbers + observation.state.tobytes() + sent.astype("<f4", copy=False).tobytes()
        # Views on the arrays: the kernel copies them once, Python never.
        images = [np.ascontiguousarray(observation.images[name]).data.cast("B") for name in self._cameras]
        crc = zlib.crc32(head)
        for image in images:
            crc = zlib.crc32(image, crc)
        record = [crc.to_bytes(4, "little"), head, *images]
        written = os.writev(self._ticks, record)
        if written < sum(map(len, record)):
            _write_all(self._ticks, b"".join(record)[written:])
        self._began_s = began_s

    def end(self, ended: Mapping[str, Any]) -> None:
        """Append the last line.

        Raises:
            OSError: the disk is full; the run then counts as interrupted.
        """
        # Begins a new line whatever a full disk has left of the one before.
        _write_all(self._words, b"\n" + _line({"ended": ended}))

    def close(self) -> None:
        """Close both files; to be called once."""
        os.close(self._words)
        os.close(self._ticks)

    def _code(self, instruction: str | None) -> int:
        code = self._codes.get(instruction)
        if code is None:
            # Before the tick that refers to it, so that no tick ever refers to nothing.
            code = len(self._codes) - 1
            _write_all(self._words, _line({"code": code, "instruction": instruction}))
            self._codes[instruction] = code
        return code


def read_spool(root: Path, key: int) -> SpooledRun:
    """Whatever is whole of a run, finished or not.

    Raises:
        RecordingError: its first line is missing or damaged, so nothing can be made of it. No bytes in the
            two files raise anything else.
    """
    words, ticks = _paths(root, key)
    lines = _whole_lines(words.read_bytes())
    if not lines or lines[0].get("format") != _FORMAT:
        raise RecordingError(f"{words} does not begin like a run (format {_FORMAT})")
    try:
        spec = RobotSpec.from_dict(lines[0].get("spec"))
        kind = tick_type(spec)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:  # numpy has its own, for sizes
        raise RecordingError(f"{words} begins with no robot: {error}") from error
    ended = next((line["ended"] for line in lines if isinstance(line.get("ended"), dict)), None)
    return SpooledRun(key, lines[0], spec, _instructions(lines), ended, _whole_ticks(ticks, kind))


def has_begun(root: Path, key: int) -> bool:
    """False for a run whose recorder was killed before its first line was whole: there is nothing in it."""
    return _paths(root, key)[1].exists()  # made after that line


def spooled_keys(root: Path) -> list[int]:
    """Numbers of the runs that lie in the spool, ascending."""
    return sorted(int(path.stem) for path in (root / SPOOL).glob("*.jsonl"))


def remove_spool(root: Path, key: int) -> None:
    """Remove a run; interrupted, calling again is right."""
    words, ticks = _paths(root, key)
    ticks.unlink(missing_ok=True)
    words.unlink(missing_ok=True)


def _paths(root: Path, key: int) -> tuple[Path, Path]:
    stem = root / SPOOL / f"{key:012d}"
    return stem.with_suffix(".jsonl"), stem.with_suffix(".ticks")


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, allow_nan=False).encode() + b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _whole_lines(data: bytes) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for line in data.split(b"\n")[:-1]:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            lines.append(content)
    return lines


def _instructions(lines: list[dict[str, Any]]) -> dict[int, str]:
    """They are numbered in the order in which they come."""
    found: dict[int, str] = {}
    for line in lines:
        if line.get("code") == len(found) and isinstance(line.get("instruction"), str):
            found[len(found)] = line["instruction"]
    return found


def _whole_ticks(path: Path, kind: np.dtype[Any]) -> NDArray[Any]:
    """The records up to the first that is short or damaged."""
    count = path.stat().st_size // kind.itemsize if path.exists() else 0
    if not count:
        return np.zeros(0, kind)
    ticks = np.memmap(path, kind, "r", shape=(count,))
    bytes_of = ticks.view(np.uint8).reshape(count, kind.itemsize)
    for i in range(count):
        if zlib.crc32(bytes_of[i, 4:].data) != int(ticks["crc"][i]):
            return ticks[:i]
    return ticks
