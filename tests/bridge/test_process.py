"""Two processes: the server in one, the robot in the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError
from vla.bridge.process import ServerProcess
from vla.bridge.remote import RemotePolicy
from vla.conformance import check_policy

TINY = Path(__file__).with_name("tiny_server.py")

ROBOT = """
import sys
from tiny_server import SPEC
from vla.bridge.client import BridgeClient
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings

clock = SimulatedClock()
with BridgeClient(sys.argv[1], SPEC) as client, MockDriver(SPEC, clock) as driver:
    client.hello()
    result = ControlLoop(driver, client, clock, LoopSettings("lockstep", timeout_s=3.0)).run("go")
    assert result.reason == "timeout", result
    assert result.health.holds == 0, result
    assert driver.read().state[0] > 0.3, driver.read().state
strangers = {"torch", "mujoco", "transformers"} & set(sys.modules)
assert not strangers, strangers
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., ServerProcess]:
    def run(*mode: str, timeout_s: float = 30.0) -> ServerProcess:
        where = tmp_path / "endpoint"
        return ServerProcess(
            [sys.executable, str(TINY), str(where), *mode], where, tmp_path / "log", timeout_s
        )

    return run


def _gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().split(") ")[1][0] == "Z"


def test_a_remote_policy_in_another_process_conforms(start, spec) -> None:
    with start() as server, BridgeClient(server.endpoint, spec) as client:
        assert client.hello().model_id == "ramp"
        check_policy(RemotePolicy(client), "go")
        server.close()
        assert not server.alive


def test_the_robot_process_moves_the_arm_and_never_loads_the_learning_stack(start) -> None:
    with start() as server:
        robot = subprocess.run(
            [sys.executable, "-c", ROBOT, server.endpoint],
            env=os.environ | {"PYTHONPATH": str(TINY.parent)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert robot.returncode == 0, robot.stderr


def test_a_server_that_dies_at_birth_says_why(start) -> None:
    with pytest.raises(BridgeError, match="exit code 1") as death:
        start("fail")
    assert death.value.code == "server_died"
    assert death.value.lines == ("no checkpoint of that name",)


def test_a_server_that_never_announces_itself_is_ended(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(BridgeError, match=r"said nothing for 0\.2 s"):
        ServerProcess(sleeper, tmp_path / "endpoint", tmp_path / "log", timeout_s=0.2)


def test_an_orphaned_server_ends_itself(tmp_path: Path) -> None:
    where = tmp_path / "endpoint"
    parent_code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {str(TINY)!r}, {str(where)!r}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + 20
    while not where.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    while not _gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)
