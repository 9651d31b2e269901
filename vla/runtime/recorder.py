"""Records runs into a LeRobotDataset: one write per control tick here, all else in a process of its own.

Each tick is appended raw to the episode's spool (:mod:`vla.runtime.spool`); when the episode has ended,
:mod:`vla.runtime.encoder`, a separate process, encodes and commits it. Killed at any instant, this process
loses nothing that a tick has written; the encoder, or the next recorder, encodes what was left.

>>> with RunRecorder("recordings", driver.spec, model="digest of the checkpoint") as recorder:
...     loop = ControlLoop(driver, link, on_tick=[recorder])
...     recorder.begin_episode("push the red block left", {"seed": 3})
...     result = loop.run("push the red block left", seed=3)
...     recorder.end_episode(result.reason, success=True, detail=result.detail)
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from vla.contract import ContractError, RobotSpec
from vla.runtime.lock import RECORDER_LOCK, FolderLock
from vla.runtime.report import TickReport
from vla.runtime.spool import RecordingError, SpoolWriter

NEEDED = ("pyarrow", "av")
"""What the encoder imports beyond numpy."""


class RunRecorder:
    """An ``on_tick`` consumer. A context manager; ``close`` twice is fine.

    Trouble while a robot moves is no reason to disturb it: after the constructor nothing here raises because
    of a disk or the encoder. It is told by :attr:`error`, and what had been recorded stays.

    Attributes:
        root: The dataset's folder.
        error: The latest thing that went wrong, in words; None so far.
        episodes: Key of each run in the dataset to its episode index, as far as the encoder has said.
    """

    def __init__(self, root: Path | str, spec: RobotSpec, model: str = "", start_s: float = 60.0) -> None:
        """Take the folder, start the encoder, and wait until it has found everything in order.

        Runs that an earlier recorder left are encoded in the background from now on.

        Args:
            root: A new or empty folder, or one with recordings of the same robot.
            spec: The robot; picture sides must be even.
            model: Which policy acts, stored with each episode, for example the checkpoint's digest.
            start_s: Longest wait for the encoder, in seconds.

        Raises:
            RecordingError: pyarrow or av is missing, another recorder is at work in ``root``, or ``root``
                holds something else.
        """
        absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if absent:
            raise RecordingError(f"recording needs {' and '.join(absent)}: pip install 'handily[record]'")
        self.root = Path(root)
        self.error: str | None = None
        self.episodes: dict[int, int] = {}
        self._spec = spec
        self._model = model
        self._spool: SpoolWriter | None = None
        self._broken = False
        self._left_out, self._why_left_out = 0, ""
        self._next: int | None = None
        self._heard = b""
        self._lock = FolderLock.take(self.root, RECORDER_LOCK)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in close)
        self._encoder = subprocess.Popen(
            [sys.executable, "-m", "vla.runtime.encoder", str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is this process's to handle: the encoder goes on to the end
        )
        self._tell(spec.to_dict())
        if not self._listen(start_s, until_ready=True):
            error = self.error or f"{self.root}: the encoder said nothing for {start_s:g} s"
            self._encoder.kill()
            self.close()
            raise RecordingError(error)

    def begin_episode(self, goal: str, facts: Mapping[str, Any] | None = None) -> int | None:
        """Everything from now on belongs to a new run; one that is still open counts as interrupted.

        Call it while the robot stands still: it waits for the disk.

        Args:
            goal: What the person asked for; becomes the episode's task.
            facts: JSON types worth keeping. A simulated run needs ``"seed"``, that of its scene, to be
                replayed.

        Returns:
            The run's key; None when it cannot be recorded, see :attr:`error`.

        Raises:
            ContractError: ``goal`` has no words, or ``facts`` is not JSON.
        """
        if not goal.strip():
            raise ContractError("goal is empty; a recording needs words for its task")
        about = {"goal": goal, "model": self._model, "facts": dict(facts or {}), "began": _now()}
        try:
            json.dumps(about, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ContractError(f"facts cannot be stored as JSON: {error}") from error
        self._hand_over()
        self._listen(0.0)
        assert self._next is not None, "the encoder has said which key is free"
        key, self._next = self._next, self._next + 1
        try:
            self._spool = SpoolWriter(self.root, key, self._spec, about)
        except OSError as error:
            self.error = f"run {key} is not recorded: {error}"
            return None
        return key

    def __call__(self, report: TickReport) -> None:
        """Append one tick to the open run, if there is one.

        A report that breaks the contract is left out, and counted with the episode: the dataset has no place
        for values that are not finite. A full disk ends the recording of this run.
        """
        if self._spool is None or self._broken:
            return
        try:
            self._spool.tick(report)
        except ContractError as error:
            self._left_out += 1
            self._why_left_out = self._why_left_out or f"tick {report.tick}: {error}"
        except OSError as error:
            self._broken = True
            self.error = f"run {self._spool.key} is recorded only up to tick {report.tick}: {error}"

    def end_episode(self, reason: str, success: bool | None = None, detail: str = "") -> None:
        """Close the open run, if there is one, and hand it to the encoder.

        Args:
            reason: Why it ended, for example :attr:`~vla.runtime.report.RunResult.reason`.
            success: Whether it succeeded; None when nobody judged.
            detail: One line for a person.
        """
        if self._spool is None:
            return
        if self._left_out:
            self.error = f"{self._left_out} ticks are left out, the first because of {self._why_left_out}"
        ended = {"reason": reason, "detail": detail, "success": success, "left_out": self._left_out}
        try:
            self._spool.end(ended)
        except OSError as error:
            self.error = f"run {self._spool.key} counts as interrupted: {error}"
        self._hand_over()
        self._listen(0.0)

    def close(self, timeout_s: float = 600.0) -> None:
        """Wait until everything is encoded, and let go of the folder.

        An open run counts as interrupted. After ``timeout_s`` the encoder is left to finish by itself.
        """
        self._hand_over()
        if not self._log.closed:
            self._tell("close")
            self._listen(timeout_s)
            if self._encoder.poll() is None:
                self.error = f"still encoding after {timeout_s:g} s; process {self._encoder.pid} goes on"
            for pipe in (self._encoder.stdin, self._encoder.stdout, self._log):
                assert pipe is not None, "it was made with pipes"
                pipe.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _hand_over(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._tell(self._spool.key)
        self._spool, self._broken = None, False
        self._left_out, self._why_left_out = 0, ""

    def _tell(self, word: object) -> None:
        assert self._encoder.stdin is not None, "it was made with a pipe"
        try:
            os.write(self._encoder.stdin.fileno(), json.dumps(word).encode() + b"\n")
        except BrokenPipeError:
            self._died()

    def _listen(self, timeout_s: float, until_ready: bool = False) -> bool:
        """Take in what the encoder says until it has ended, the time is up or, if asked, it is ready.

        Returns:
            Whether it has said that it is ready, now or before.
        """
        assert self._encoder.stdout is not None, "it was made with a pipe"
        pipe = self._encoder.stdout.fileno()
        deadline_s = time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while not (until_ready and self._next is not None):
            if not poll.poll(max(0.0, 1e3 * (deadline_s - time.monotonic()))):
                break
            data = os.read(pipe, 1 << 16)
            if not data:
                if self._encoder.wait() != 0:
                    self._died()
                break
            *lines, self._heard = (self._heard + data).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        return self._next is not None

    def _take(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            self._next = int(message["ready"])
        if "error" in message:
            self.error = message["error"]
        for key, index in message.get("episodes", {}).items():
            self.episodes[int(key)] = int(index)

    def _died(self) -> None:
        """The encoder is gone. Spooling goes on; the next recorder encodes it all."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "no word")
        self.error = self.error or f"the encoder ended early ({last}); the next recorder encodes what is left"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
