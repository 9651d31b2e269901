"""``handily doctor --robot``: anyone may ask a running robot how it is."""

from __future__ import annotations

import threading

import pytest
from typer.testing import CliRunner

from vla.bridge.link import LocalLink
from vla.cli import app
from vla.contract import ActionChunk, Axis, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.clock import MonotonicClock
from vla.runtime.loop import ControlLoop
from vla.runtime.operator import Operator
from vla.runtime.station import RobotStation

JOINT = Axis("joint", "rad", -1.0, 1.0, 1.0)
SPEC = RobotSpec("arm", (JOINT,), (JOINT,), {}, 20.0, "absolute_joint")


class Still:
    spec = SPEC

    def reset(self, seed: int) -> None:
        pass

    def act(self, observation, instruction, prefix=None) -> ActionChunk:
        return ActionChunk(observation.state[None], SPEC.dt_s, observation.stamp_s)


@pytest.fixture
def desk():
    """The endpoint of a robot that waits for a goal."""
    station, stop = RobotStation(), threading.Event()
    loop = ControlLoop(MockDriver(SPEC, MonotonicClock()), LocalLink(Still()), None, None, [station])
    nothing = {"begin": lambda *_: None, "finish": lambda *_: {}}
    thread = threading.Thread(target=station.serve, args=(loop, stop, nothing["begin"], nothing["finish"]))
    thread.start()
    yield station.endpoint
    stop.set()
    thread.join(10)


def test_a_running_robot_tells_how_its_loop_keeps_time_and_whether_it_is_stopped(desk: str) -> None:
    done = CliRunner().invoke(app, ["doctor", "--robot", desk])
    assert done.exit_code == 0, done.output
    for words in ("disengaged", "period p99", "missed 0", "chunk age", "observation age"):
        assert words in done.output
    with Operator(desk) as anyone:
        anyone.emergency_stop("smoke")
    done = CliRunner().invoke(app, ["doctor", "--robot", desk])
    assert done.exit_code == 1
    assert "smoke" in done.output
