"""Whatever fails, the loop comes home, and no command leaves the limits.

Everything runs on one simulated clock. The model side behaves as the bridge does: requests are checked as the
client checks them, failures become error replies as the server makes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from vla.bridge import payload
from vla.bridge.errors import BridgeError, guarded
from vla.bridge.link import Reply
from vla.contract import ActionChunk, Plan
from vla.drivers.mock import MockDriver
from vla.runtime.asker import AskSettings
from vla.runtime.clock import SimulatedClock
from vla.runtime.faults import FAULTS, parse_faults
from vla.runtime.faulty_driver import FaultyDriver
from vla.runtime.faulty_model import FaultyLink, FaultyPlanner, FaultyPolicy
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import RunResult, TickReport

ROWS = [f"{component}={verb}" for component, effects in FAULTS.items() for verb in effects]
BEGIN_S = 3.0
DELAY_S = 0.1
END_S = 8.0
SETTINGS = LoopSettings(timeout_s=END_S, ask=AskSettings(lost_s=2.0))


class There:
    """Plans two steps without end."""

    def plan(self, goal, observation, previous):
        return Plan(goal, ("go right", "go left"), 0, ("active", "pending"))


class Wave:
    """Back and forth along the first axis, as a function of time alone; ignores what it sees."""

    def __init__(self, spec) -> None:
        self.spec = spec

    def reset(self, seed):
        del seed

    def act(self, observation, instruction, prefix=None):
        at_s = observation.stamp_s + np.arange(16) * self.spec.dt_s
        rows = np.stack([0.3 * np.sin(2 * at_s), 0.04 + 0.03 * np.sin(3 * at_s)], axis=1)
        return ActionChunk(rows.astype(np.float32), self.spec.dt_s, observation.stamp_s)


class Served:
    """A link to a policy and a planner that take turns, as on a server with a clock of its own."""

    plans = True
    dropped_replies = 0

    def __init__(self, spec, injected, clock: SimulatedClock, seed: int) -> None:
        self.spec, self._clock = spec, clock
        self._clocks = {"act": SimulatedClock(), "plan": SimulatedClock()}
        self._policy = FaultyPolicy(Wave(spec), injected, self._clocks["act"], seed)
        self._planner = FaultyPlanner(There(), injected, self._clocks["plan"], seed)
        self._numbers = itertools.count(1)
        self._due: list[tuple[float, Reply]] = []

    def reset(self, seed):
        self._policy.reset(seed)

    def request_act(self, observation, instruction, prefix=None, within_s=float("inf")):
        payload.pack_observation(observation, self.spec)
        return self._answer("act", lambda: self._chunk(observation, instruction, prefix))

    def request_plan(self, goal, observation, previous):
        payload.pack_observation(observation, self.spec)
        return self._answer("plan", lambda: self._planner.plan(goal, observation, previous))

    def poll(self, timeout_s=0.0):
        now_s = self._clock.now_s()
        ready = [reply for due_s, reply in self._due if due_s <= now_s]
        self._due = [(due_s, reply) for due_s, reply in self._due if due_s > now_s]
        return ready

    def _chunk(self, observation, instruction, prefix):
        chunk = self._policy.act(observation, instruction, prefix)
        payload.pack_chunk(chunk, self.spec)
        return chunk

    def _answer(self, verb: str, ask: Callable[[], ActionChunk | Plan]) -> int:
        clock, seq = self._clocks[verb], next(self._numbers)
        clock.sleep_until(self._clock.now_s())
        try:
            value = guarded(f"{'policy' if verb == 'act' else 'planner'}_failed", ask)
        except BridgeError as error:
            value = error
        due_s = clock.now_s() + DELAY_S
        self._due.append((due_s, Reply(verb, seq, value, due_s - self._clock.now_s())))
        return seq


class Watched(FaultyDriver):
    """Notes every command that the loop gives, before any fault or limit touches it."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.commands: list[np.ndarray] = []

    def write(self, action):
        self.commands.append(action.copy())
        return super().write(action)


@dataclass
class Story:
    """How a run with faults went."""

    result: RunResult
    commands: np.ndarray
    injected: int
    reports: list[TickReport] = field(default_factory=list)

    @property
    def moved_s(self) -> list[float]:
        """When the arm was commanded to move."""
        return [report.now_s for report in self.reports if not report.held]


def play(spec, faults: str, seed: int = 0) -> Story:
    clock, injected = SimulatedClock(), parse_faults(faults)
    driver = Watched(MockDriver(spec, clock), injected, clock, seed)
    served = Served(spec, injected, clock, seed)
    link = FaultyLink(served, injected, clock, seed)
    reports: list[TickReport] = []
    result = ControlLoop(driver, link, clock, SETTINGS, [reports.append]).run("there", seed)
    counts = (driver.injected, link.injected, served._policy.injected, served._planner.injected)
    total = sum(sum(count.values()) for count in counts)
    return Story(result, np.array(driver.commands), total, reports)


@pytest.mark.parametrize("window", ["", "@3-5"])
@pytest.mark.parametrize("fault", ROWS)
def test_the_loop_comes_home_and_every_command_is_legal(spec, fault: str, window: str) -> None:
    story = play(spec, fault + window)
    assert story.result.reason
    assert story.injected > 0
    assert np.isfinite(story.commands).all()
    if len(story.commands):
        assert (story.commands >= spec.action_low - 1e-6).all()
        assert (story.commands <= spec.action_high + 1e-6).all()
    for report in story.reports:
        assert report.held or np.isfinite(report.sent).all() or fault == "driver=garbage"


@pytest.mark.parametrize("fault", ["state=wrong", "policy=wrong", "link=garbage", "link=intermittent:0.5"])
def test_the_same_seed_gives_the_same_run(spec, fault: str) -> None:
    one, other = (play(spec, f"{fault}@3-4", seed=3) for _ in range(2))
    assert one.commands.tobytes() == other.commands.tobytes()
    assert one.result.reason == other.result.reason


def test_without_faults_the_arm_moves_all_the_time(spec) -> None:
    story = play(spec, "")
    assert story.result.reason == "timeout"
    assert max(story.moved_s) > END_S - 0.1
    assert not any(report.held for report in story.reports if report.now_s > BEGIN_S)


CHUNK_S = 16 / 20


@pytest.mark.parametrize("fault", ["link=off", "link=stuck", "policy=off", "policy=slow:5"])
def test_where_no_motion_comes_the_arm_holds_within_a_chunk(spec, fault: str) -> None:
    story = play(spec, f"{fault}@3")
    assert BEGIN_S < max(story.moved_s) <= BEGIN_S + CHUNK_S + DELAY_S + 0.05
    assert story.result.reason == "model_lost"
    assert story.result.health.holds > 0


@pytest.mark.parametrize("verb", FAULTS["planner"])
def test_while_the_planner_fails_the_plan_that_stands_is_carried_out(spec, verb: str) -> None:
    story = play(spec, f"planner={verb}@3")
    assert story.result.reason == "timeout"
    assert max(story.moved_s) > END_S - 1.0


def test_a_policy_whose_chunks_are_misshapen_moves_the_arm_by_its_reversed_ones_alone(spec) -> None:
    """Reversed rows are legal rows: no check can tell them. All else is an error of the policy's."""
    story = play(spec, "policy=wrong@3")
    assert story.result.health.errors > 5
    assert story.result.health.last_error == "policy_failed: WireError"


@pytest.mark.parametrize("fault", ["policy=garbage", "link=garbage"])
@pytest.mark.parametrize("seed", range(3))
def test_nonsense_never_moves_the_arm(spec, fault: str, seed: int) -> None:
    story = play(spec, f"{fault}@3", seed)
    assert max(story.moved_s) <= BEGIN_S + CHUNK_S + DELAY_S
    assert story.result.health.refused_chunks > 0
    assert story.result.reason == "model_lost"


def test_nonsense_is_counted_and_named(spec) -> None:
    assert play(spec, "link=garbage@3").result.health.refused_chunks > 0
    health = play(spec, "policy=garbage@3").result.health
    assert health.refused_chunks > 0
    assert "not a finite number" in health.last_error


@pytest.mark.parametrize(
    "fault", ["link=delayed:0.2", "link=intermittent:0.1", "policy=intermittent:0.2", "policy=slow:0.2"]
)
def test_answers_that_come_late_or_not_always_are_ridden_through(spec, fault: str) -> None:
    story = play(spec, f"{fault}@3")
    assert story.result.reason == "timeout"
    assert max(story.moved_s) > END_S - 2.0


def test_an_old_reading_that_says_so_is_never_acted_upon_twice(spec) -> None:
    story = play(spec, "driver=delayed:0.5@3")
    stamps = [report.observation.stamp_s for report in story.reports if not report.held]
    assert all(a < b for a, b in itertools.pairwise(stamps))


@pytest.mark.parametrize("window", ["", "@3", "@3.02-3.4"])
def test_a_robot_that_does_not_answer_ends_the_run_by_name(spec, window: str) -> None:
    story = play(spec, f"driver=off{window}")
    assert story.result.reason != "timeout"
    assert f"driver=off{window}" in story.result.detail
    assert all(t <= BEGIN_S for t in story.moved_s)


def test_one_or_two_calls_that_fail_are_ridden_through_holding(spec) -> None:
    """A window of one period: a read fails, or a write; the arm goes on afterwards."""
    story = play(spec, "driver=off@3.02-3.07")
    assert story.result.reason == "timeout"
    assert max(story.moved_s) > END_S - 0.5


@pytest.mark.parametrize("fault", ["driver=stuck", "state.tool_x=stuck", "state.tool_x=wrong:0.3"])
def test_an_arm_that_is_not_where_it_was_told_to_be_is_stopped_by_name(spec, fault: str) -> None:
    story = play(spec, f"{fault}@3")
    assert story.result.reason not in ("timeout", "model_lost")
    assert "tool_x" in story.result.detail
    assert max(story.moved_s) < BEGIN_S + 2.0


def test_a_state_that_is_not_finite_ends_the_run_by_name(spec) -> None:
    story = play(spec, "state=garbage@3")
    assert story.result.reason not in ("timeout", "model_lost")
    assert "state" in story.result.detail
    assert max(story.moved_s) < BEGIN_S + CHUNK_S


def test_a_driver_that_talks_nonsense_ends_the_run_by_name(spec) -> None:
    story = play(spec, "driver=garbage@3")
    assert story.result.reason not in ("timeout", "model_lost")
    assert "sent" in story.result.detail
    assert max(story.moved_s) < BEGIN_S + CHUNK_S
