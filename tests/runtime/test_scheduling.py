"""What is refused is reported, never raised; what is granted is real."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vla.runtime import scheduling
from vla.runtime.scheduling import request_realtime

REPORT = (
    "import os\n"
    "from vla.runtime.scheduling import request_realtime\n"
    "granted = request_realtime(10)\n"
    "print(granted.policy == 'SCHED_FIFO 10', os.sched_getscheduler(0) == os.SCHED_FIFO, granted.granted)\n"
)


def test_nothing_is_asked_for_by_default() -> None:
    assert request_realtime(0).policy == "ordinary"
    assert not request_realtime(0).granted


def test_what_it_says_is_what_the_system_says() -> None:
    done = subprocess.run([sys.executable, "-c", REPORT], capture_output=True, text=True, timeout=60)
    said, real, _ = done.stdout.split()
    assert said == real, done.stdout + done.stderr


def test_a_refusal_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(scheduling, "_memory", lambda: "not locked (Cannot allocate memory)")
    monkeypatch.setattr(scheduling.gc, "freeze", lambda: None)
    refused = request_realtime(50)
    assert refused.policy == "ordinary (SCHED_FIFO 50: Operation not permitted)"
    assert refused.memory == "not locked (Cannot allocate memory)"
    assert not refused.granted


def test_a_pictures_buffer_costs_no_new_pages_the_second_time() -> None:
    script = (
        "import ctypes, resource, sys\n"
        "from vla.runtime.scheduling import keep_freed_memory\n"
        "if sys.argv[1] == 'kept': assert keep_freed_memory()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]\n"
        "libc.free.argtypes = [ctypes.c_void_p]\n"
        "def touch():\n"
        "    there = [libc.malloc(1 << 20) for _ in range(4)]\n"
        "    for place in there: ctypes.memset(place, 1, 1 << 20)\n"
        "    for place in there: libc.free(place)\n"
        "for _ in range(3): touch()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(10): touch()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    faults = {
        way: int(subprocess.run([sys.executable, "-c", script, way], capture_output=True, check=True).stdout)
        for way in ("kept", "given back")
    }
    assert faults["kept"] < 100 < faults["given back"]


@pytest.mark.parametrize("priority", [-1, 100])
def test_priorities_have_a_range(priority: int) -> None:
    with pytest.raises(ValueError, match="outside 0"):
        request_realtime(priority)
