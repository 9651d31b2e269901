"""What stops the arm, and what it takes to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vla.bridge.link import LocalLink
from vla.contract import ActionChunk, ContractError, Observation
from vla.drivers.mock import MockDriver
from vla.runtime.asker import AskSettings
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings, StateError

SETTINGS = LoopSettings(timeout_s=5.0, engage=EngageSettings(proof_s=0.0))


class Sabotaged(MockDriver):
    """Counts its readings, notes its writes, and lets a test spoil both."""

    def __init__(self, spec: Any, clock: SimulatedClock) -> None:
        super().__init__(spec, clock)
        self.readings = 0
        self.written: list[tuple[float, NDArray[np.float32]]] = []
        self.spoil_reading: Callable[[int, Observation], Observation] = lambda n, seen: seen
        self.stuck = False
        self._now_s = clock.now_s

    def read(self) -> Observation:
        self.readings += 1
        return self.spoil_reading(self.readings, super().read())

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        self.written.append((self._now_s(), action.copy()))
        return action.copy() if self.stuck else super().write(action)


def play(driver: MockDriver, policy: Any, clock: SimulatedClock, settings=SETTINGS, *on_tick: Any):
    loop = ControlLoop(driver, LocalLink(policy), clock, settings, on_tick)
    return loop, loop.run("go")


def test_nothing_moves_before_the_model_side_has_proved_to_be_alive(spec, policy, clock) -> None:
    driver, reports = Sabotaged(spec, clock), list[TickReport]()
    settings = replace(SETTINGS, engage=EngageSettings(proof_s=1.0))
    play(driver, policy, clock, settings, reports.append)
    first_s, first = driver.written[0]
    assert 1.0 <= first_s <= 1.0 + 2 * spec.dt_s
    assert {r.state for r in reports if r.now_s < 1.0} == {"engaging"}
    # The first command is where the arm is, up to one legal step.
    start = reports[0].observation.state
    assert (np.abs(first - start) <= spec.action_max_step + 1e-6).all()


@pytest.mark.parametrize(("faults", "stops"), [(2, False), (3, True)])
@pytest.mark.parametrize("kind", ["raises", "nan", "shape"])
def test_two_bad_readings_are_ridden_through_and_a_third_stops(
    spec, policy, clock, faults: int, stops: bool, kind: str
) -> None:
    driver = Sabotaged(spec, clock)

    def spoil(number: int, seen: Observation) -> Observation:
        if not 20 <= number < 20 + faults:
            return seen
        if kind == "raises":
            raise OSError("no status packet")
        bad = np.full_like(seen.state, np.nan) if kind == "nan" else seen.state[:1]
        return replace(seen, state=bad)

    driver.spoil_reading = spoil
    loop, result = play(driver, policy, clock)
    assert result.health.bad_readings == faults
    if not stops:
        assert (result.reason, loop.supervisor.state) == ("timeout", "disengaged")
        return
    assert result.reason == "protective_stop"
    wanted = {"raises": "OSError: no status packet", "nan": "not finite", "shape": "expected float32"}
    assert wanted[kind] in result.detail
    assert all(at_s < 23 * spec.dt_s for at_s, _ in driver.written)


@pytest.mark.parametrize("lost", [1, 2])
def test_commands_that_failed_are_not_made_up_for_in_a_leap(spec, link, policy, clock, lost: int) -> None:
    given: list[tuple[bool, NDArray[np.float32]]] = []

    class Noisy(MockDriver):
        def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
            fails = 4 <= len(given) < 4 + lost
            given.append((not fails, action.copy()))
            if fails:
                raise OSError("no status packet")
            return action.copy()

    link.answer = lambda o, i: replace(policy.act(o, i), actions=np.tile(spec.action_high, (16, 1)))
    reports: list[TickReport] = []
    ControlLoop(Noisy(spec, clock), link, clock, SETTINGS, [reports.append]).run("go")
    assert sum(not arrived for arrived, _ in given) == lost
    arm = np.array([0.0, 0.04], np.float32)
    for arrived, action in given:
        assert (np.abs(action - arm) <= spec.action_max_step + 1e-6).all()
        arm = action if arrived else arm
    recorded = [report.sent for report in reports if not report.held]
    assert np.array_equal(recorded[3 + lost], given[3][1])


def test_a_delta_that_failed_is_recorded_as_no_change(spec, clock) -> None:
    step = tuple(replace(axis, low=-0.05, high=0.05) for axis in spec.action)
    spec = replace(spec, action=step, semantics="delta_tool")

    class Forward:
        def __init__(self) -> None:
            self.spec = spec

        def reset(self, seed: int) -> None:
            del seed

        def act(self, observation: Observation, instruction: str, prefix: object = None) -> ActionChunk:
            del instruction, prefix
            return ActionChunk(np.full((16, 2), 0.001, np.float32), spec.dt_s, observation.stamp_s)

    class Noisy(Sabotaged):
        def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
            sent = super().write(action)
            if len(self.written) == 10:
                raise OSError("no status packet")
            return sent

    reports: list[TickReport] = []
    play(Noisy(spec, clock), Forward(), clock, SETTINGS, reports.append)
    still = [report.tick for report in reports if not report.held and not report.sent.any()]
    assert len(still) == 1
    assert reports[still[0] - 1].sent.all()


def test_a_driver_that_says_nonsense_about_what_it_sent_stops(spec, policy, clock) -> None:
    class Lying(MockDriver):
        def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
            super().write(action)
            return np.full_like(action, np.nan)

    _, result = play(Lying(spec, clock), policy, clock)
    assert result.reason == "protective_stop"
    assert "says it sent" in result.detail


def test_an_arm_that_does_not_follow_stops_within_its_patience(spec, policy, clock) -> None:
    driver = Sabotaged(spec, clock)
    driver.stuck, policy.step = True, 0.04
    _, result = play(driver, policy, clock, replace(SETTINGS, tracking_share=0.05))
    assert result.reason == "protective_stop"
    assert "from where it was told to be" in result.detail
    off = next(at_s for at_s, command in driver.written if abs(command[0] - driver.read().state[0]) > 0.05)
    assert result.elapsed_s <= off + 0.5 + 3 * spec.dt_s


def test_a_start_far_from_the_command_stops_before_any_motion(spec, policy, clock) -> None:
    driver = Sabotaged(spec, clock)
    driver.spoil_reading = lambda number, seen: replace(seen, state=spec.action_high.copy())
    _, result = play(driver, policy, clock)
    assert (result.reason, driver.written) == ("protective_stop", [])


def test_a_loop_that_is_far_too_late_stops(spec, policy, clock) -> None:
    def stall(report: TickReport) -> None:
        if report.tick == 20:
            clock.advance(3.0)

    _, result = play(MockDriver(spec, clock), policy, clock, SETTINGS, stall)
    assert result.reason == "protective_stop"
    assert "the control loop was 2.9" in result.detail


def test_an_emergency_stop_ends_motion_and_only_resets_and_engagement_bring_it_back(
    spec, policy, clock
) -> None:
    driver = Sabotaged(spec, clock)
    loop: ControlLoop

    def press(report: TickReport) -> None:
        if report.tick == 20 and report.now_s < 2.0:
            loop.supervisor.emergency_stop("a hand in the way")

    loop = ControlLoop(driver, LocalLink(policy), clock, SETTINGS, [press])
    result = loop.run("go")
    assert (result.reason, result.detail) == ("emergency_stop", "a hand in the way")
    assert driver.written[-1][0] <= 20 * spec.dt_s  # the limits allow this arm to stop at once
    written = len(driver.written)
    with pytest.raises(StateError, match="emergency_stop"):
        loop.run("go")
    loop.supervisor.reset()
    assert len(driver.written) == written
    assert loop.run("go").reason == "timeout"
    assert len(driver.written) > written


def test_a_protective_stop_is_still_one_in_the_next_run(spec, policy, clock) -> None:
    loop = ControlLoop(MockDriver(spec, clock), LocalLink(policy), clock, SETTINGS)
    loop.supervisor.protective_stop("a test")
    with pytest.raises(StateError, match="a test"):
        loop.run("go")
    loop.supervisor.resume()
    assert loop.run("go").reason == "timeout"


def test_what_was_sensed_too_long_ago_is_not_asked_about(spec, policy, clock) -> None:
    driver = Sabotaged(spec, clock)

    def spoil(number: int, seen: Observation) -> Observation:
        return replace(seen, stamp_s=seen.stamp_s - (0.3 if 20 <= number < 60 else 0.0))

    driver.spoil_reading = spoil
    heard: list[float] = []
    act = policy.act

    def noting(observation: Observation, instruction: str, prefix: Any = None):
        heard.append(clock.now_s() - observation.stamp_s)
        return act(observation, instruction, prefix)

    policy.act = noting
    _, result = play(driver, policy, clock)
    assert result.health.old_observations == 40
    assert max(heard) < 0.07 + 1e-9


def test_a_picture_of_the_wrong_size_is_named_when_the_run_ends(spec, policy, clock) -> None:
    driver = Sabotaged(spec, clock)

    def act(observation: Observation, instruction: str, prefix: Any = None):
        raise ContractError("image 'front' is uint8 (4, 4, 3), expected uint8 (8, 8, 3)")

    policy.act = act
    settings = replace(SETTINGS, timeout_s=60.0, ask=AskSettings(lost_s=1.0))
    _, result = play(driver, policy, clock, settings)
    assert result.reason == "model_lost"
    assert "image 'front'" in result.detail
