"""What a process holds while it is at rest: memory that is its alone, open files, threads. Linux only."""

from __future__ import annotations

import ctypes
import gc
import os
from dataclasses import dataclass
from pathlib import Path

_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Residue:
    """One look.

    Attributes:
        memory_mib: Private pages, in MiB: those that no other process maps. The resident set would count
            pages of shared libraries, too, which come and go with the page cache.
        files: Open file descriptors.
        threads: Threads.
    """

    memory_mib: float
    files: int
    threads: int


def settle() -> None:
    """Give back what this process no longer uses, so that what is left is what it holds on to."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def residue(process: int | None = None) -> Residue:
    """What ``process``, by default this one, holds now.

    Raises:
        OSError: there is no such process, or no /proc.
    """
    folder = Path(f"/proc/{process or os.getpid()}")
    private_kib = 0
    for line in (folder / "smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            private_kib += int(line.split()[1])
    files = len(os.listdir(folder / "fd")) - (process is None)  # the listing is itself an open file
    return Residue(private_kib / _KIB_PER_MIB, files, len(os.listdir(folder / "task")))
