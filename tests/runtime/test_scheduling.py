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


@pytest.mark.parametrize("priority", [-1, 100])
def test_priorities_have_a_range(priority: int) -> None:
    with pytest.raises(ValueError, match="outside 0"):
        request_realtime(priority)
