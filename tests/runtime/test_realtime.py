"""The loop over real sockets: on the real clock, and in lock-step."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from vla.bridge.client import BridgeClient
from vla.bridge.link import LocalLink
from vla.bridge.process import ServerProcess
from vla.bridge.server import PolicyServer
from vla.contract import Axis, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.asker import AskSettings
from vla.runtime.clock import MonotonicClock, SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport

TINY = Path(__file__).parents[1] / "bridge" / "tiny_server.py"


@pytest.fixture
def robot(spec: RobotSpec) -> RobotSpec:
    axes = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
    return RobotSpec("tiny", axes, axes, {"front": (8, 6), "arm": (4, 4)}, 20.0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_or_hung_server_is_held_then_reported_by_name(
    robot, tmp_path: Path, how: signal.Signals
) -> None:
    where = tmp_path / "endpoint"
    command = [sys.executable, str(TINY), str(where)]
    settings = LoopSettings(timeout_s=20.0, ask=AskSettings(act_timeout_s=0.2, lost_s=0.8))
    with (
        ServerProcess(command, where, tmp_path / "log", 30.0) as server,
        BridgeClient(server.endpoint, robot) as client,
        MockDriver(robot, MonotonicClock()) as driver,
    ):
        client.hello()
        reports: list[TickReport] = []

        def sabotage(report: TickReport) -> None:
            reports.append(report)
            if report.tick == 45:
                os.kill(server.pid, how)

        try:
            result = ControlLoop(driver, client, settings=settings, on_tick=[sabotage]).run("go")
        finally:
            if server.alive:
                os.kill(server.pid, signal.SIGCONT)
    assert result.reason == "model_lost"
    assert "'act'" in result.detail
    assert not any(report.held for report in reports[30:46])
    assert all(report.held for report in reports[-5:])
    assert np.ptp([report.sent for report in reports[-5:]], axis=0).max() == 0
    assert result.elapsed_s < 5.0
    assert result.health.period_mean_s == pytest.approx(robot.dt_s, rel=0.2)


def test_in_lockstep_neither_the_bridge_nor_a_slow_machine_changes_a_byte(spec, policy) -> None:
    def run(link) -> bytes:
        clock, reports = SimulatedClock(), list[TickReport]()
        settings = LoopSettings("lockstep", timeout_s=4.0)
        ControlLoop(MockDriver(spec, clock), link, clock, settings, [reports.append]).run("go", seed=1)
        assert not any(report.held for report in reports)
        return b"".join(report.sent.tobytes() + report.observation.state.tobytes() for report in reports)

    local = run(LocalLink(policy))
    act, pauses = policy.act, iter([0.0, 0.06, 0.0, 0.02, 0.1] * 100)

    def slow(observation, instruction, prefix=None):
        time.sleep(next(pauses))
        return act(observation, instruction)

    policy.act = slow
    stop = threading.Event()
    with PolicyServer(policy) as server, BridgeClient(server.endpoint, spec) as client:
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        client.hello()
        remote = run(client)
        stop.set()
        thread.join()
    assert remote == local
