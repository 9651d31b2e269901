"""What a control loop would like of the operating system: to run first, and never to wait for memory."""

from __future__ import annotations

import ctypes
import gc
import os
from dataclasses import dataclass

_MCL_CURRENT, _MCL_FUTURE = 1, 2
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 * 1024 * 1024  # the most that glibc takes for the second


@dataclass(frozen=True, slots=True)
class Scheduling:
    """What was granted.

    Attributes:
        policy: In words, for example ``"SCHED_FIFO 50"`` or ``"ordinary (not permitted)"``.
        memory: ``"locked"``, or ``"not locked"`` with the reason.
    """

    policy: str
    memory: str

    @property
    def granted(self) -> bool:
        """True when the process runs in real time with its memory locked."""
        return self.policy.startswith("SCHED_FIFO") and self.memory == "locked"


def check_priority(priority: int) -> None:
    """Raise :class:`ValueError` unless ``priority`` is one that :func:`request_realtime` takes."""
    if not 0 <= priority <= 99:
        raise ValueError(f"realtime_priority={priority} is outside 0..99; 0 asks for nothing")


def request_realtime(priority: int) -> Scheduling:
    """Ask for ``SCHED_FIFO`` and locked memory for this process; what is refused is reported, never raised.

    Args:
        priority: 1 to 99; 0 asks for nothing.

    Returns:
        What was granted.

    Raises:
        ValueError: the priority is out of range.
    """
    check_priority(priority)
    if priority == 0:
        return Scheduling("ordinary", "not locked")
    # What exists now will not be looked at by the garbage collector again.
    gc.collect()
    gc.freeze()
    return Scheduling(_policy(priority), _memory())


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed instead of giving it back to the system.

    A picture's buffer is large enough that glibc returns it at once and then pays for the same pages again,
    one fault each, with the next picture. False where the C library is another one.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, 2 * _KEPT_BYTES) and mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES))


def _policy(priority: int) -> str:
    if not hasattr(os, "sched_setscheduler"):
        return "ordinary (this system has no SCHED_FIFO)"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        return f"ordinary (SCHED_FIFO {priority}: {error.strerror})"
    return f"SCHED_FIFO {priority}"


def _memory() -> str:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        refused = libc.mlockall(_MCL_CURRENT | _MCL_FUTURE)
    except (OSError, AttributeError):
        return "not locked (this system has no mlockall)"
    return f"not locked ({os.strerror(ctypes.get_errno())})" if refused else "locked"
