"""Who may work in a folder of recordings: one recorder, and one encoder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from vla.runtime.spool import SPOOL, RecordingError

RECORDER_LOCK = "recorder.lock"
ENCODER_LOCK = "encoder.lock"


class FolderLock:
    """A file that one process at a time holds; its death lets go. A context manager.

    Make it with :meth:`take`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, root: Path, name: str, wait: bool = False) -> Self:
        """Take the lock ``name`` in the spool of ``root``, which is made.

        Raises:
            RecordingError: another process holds it, and ``wait`` is False.
        """
        (root / SPOOL).mkdir(parents=True, exist_ok=True)
        path = root / SPOOL / name
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise RecordingError(
                f"{root} is being recorded into by process {holder}; end it or give another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let go; twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()
