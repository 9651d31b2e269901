"""A run sent again to a robot like the one that made it goes the same way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vla.bridge.link import LocalLink
from vla.contract import ContractError
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.recording import Recording
from vla.runtime.replay import replay
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings


@pytest.fixture
def recording(spec, policy, clock) -> Recording:
    reports: list[TickReport] = []

    def change(report: TickReport) -> None:
        policy.step = 0.01 if report.tick % 40 < 20 else -0.02

    settings = LoopSettings(timeout_s=4.0, engage=EngageSettings(proof_s=0.0))
    ControlLoop(MockDriver(spec, clock), LocalLink(policy), clock, settings, [reports.append, change]).run(
        "go"
    )
    count = len(reports)
    return Recording(
        spec=spec,
        goal="go",
        images={},
        state=np.array([report.observation.state for report in reports]),
        sent=np.array([report.sent for report in reports]),
        time_s=np.arange(count) / 20,
        stamp_s=np.arange(count) / 20,
        chunk_age_s=np.zeros(count),
        held=np.array([report.held for report in reports]),
        robot_state=("running",) * count,
        instructions=("go",) * count,
        success=None,
        interrupted=False,
        reason="timeout",
        model="",
        facts={},
    )


class Watched(MockDriver):
    """Notes when each command came and what it was."""

    def __init__(self, spec, clock, offset: float = 0.0) -> None:
        super().__init__(spec, clock)
        self.times_s: list[float] = []
        self.commands: list[np.ndarray] = []
        self.holds = 0
        self._watched = clock
        self._position[0] += offset

    def write(self, action):
        self.times_s.append(self._watched.now_s())
        self.commands.append(action)
        return super().write(action)

    def hold(self):
        self.holds += 1
        return super().hold()


def test_the_same_robot_goes_the_same_way_at_the_control_rate(spec, recording):
    clock = SimulatedClock(50.0)
    driver = Watched(spec, clock)
    deviation = replay(driver, recording, clock)
    assert np.ptp(recording.state[:, 0]) > 0.1, "it moved"
    assert deviation.shape == (2,)
    assert deviation.max() < 1e-6
    assert len(driver.times_s) == (~recording.held).sum() > 70
    assert np.allclose(np.diff(driver.times_s), spec.dt_s)
    assert driver.holds == 2 + recording.held.sum()


def test_from_elsewhere_it_gets_there_within_the_limits_and_says_how_far_it_was(spec, recording):
    clock = SimulatedClock()
    driver = Watched(spec, clock, offset=-0.4)
    deviation = replay(driver, recording, clock)
    assert deviation[0] == pytest.approx(0.4, abs=0.06)
    steps = np.abs(np.diff([driver.commands[0], *driver.commands], axis=0))
    assert (steps <= spec.action_max_step + 1e-6).all()
    assert abs(driver.commands[0][0] - (-0.4)) <= spec.action_max_step[0] + 1e-6
    assert np.allclose(driver.commands[-1], recording.sent[-1])


def test_a_slow_tick_delays_and_never_bursts(spec, recording):
    clock = SimulatedClock()

    class Slow(Watched):
        def read(self):
            if len(self.times_s) == 10:
                clock.advance(0.5)
            return super().read()

    driver = Slow(spec, clock)
    assert replay(driver, recording, clock).max() < 1e-6
    gaps_s = np.diff(driver.times_s)
    assert gaps_s.min() > spec.dt_s - 1e-9
    assert gaps_s.max() == pytest.approx(0.55, abs=0.06)


def test_another_robot_is_refused(spec, recording, clock):
    other = dataclasses.replace(spec, control_hz=50.0)
    with pytest.raises(ContractError, match=r"control_hz: 50\.0 here, 20\.0 there"):
        replay(Watched(other, clock), recording, clock)


def test_the_robot_holds_even_when_it_fails(spec, recording, clock):
    class Failing(Watched):
        def read(self):
            if len(self.times_s) == 5:
                raise OSError("unplugged")
            return super().read()

    driver = Failing(spec, clock)
    with pytest.raises(OSError, match="unplugged"):
        replay(driver, recording, clock)
    assert driver.holds == 2 + recording.held[:6].sum()
