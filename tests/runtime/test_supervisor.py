"""Whether the arm may move: laws of the states, and a machine that tries every order of events."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vla.runtime.clock import SimulatedClock
from vla.runtime.supervisor import LATCHED, EngageSettings, StateError, Supervisor

PROOF = EngageSettings(proof_s=1.0, gap_s=0.5, starved_s=1.0)
DT_S = 0.05


def make(start_s: float = 100.0) -> tuple[SimulatedClock, Supervisor]:
    clock = SimulatedClock(start_s)
    return clock, Supervisor(clock, PROOF)


def play(clock: SimulatedClock, supervisor: Supervisor, seconds: float, answers_every_s: float) -> float:
    """Ticks with something due at each; returns when the arm was first allowed to move, or infinity."""
    began_s, answered_s = clock.now_s(), clock.now_s()
    supervisor.answered()
    while clock.now_s() < began_s + seconds:
        clock.advance(DT_S)
        if clock.now_s() - answered_s >= answers_every_s - 1e-9:
            answered_s = clock.now_s()
            supervisor.answered()
        if supervisor.tick(fed=True):
            return clock.now_s() - began_s
    return float("inf")


def running() -> tuple[SimulatedClock, Supervisor]:
    clock, supervisor = make()
    supervisor.engage()
    play(clock, supervisor, 2.0, 0.4)
    assert supervisor.state == "running"
    return clock, supervisor


def test_the_first_motion_needs_a_second_of_answers() -> None:
    clock, supervisor = make()
    supervisor.engage()
    assert supervisor.state == "engaging"
    assert play(clock, supervisor, 5.0, 0.4) == pytest.approx(1.0, abs=DT_S + 1e-9)


def test_answers_with_gaps_are_no_proof() -> None:
    clock, supervisor = make()
    supervisor.engage()
    assert play(clock, supervisor, 20.0, 0.6) == float("inf")
    assert supervisor.state == "engaging"


def test_one_answer_is_no_proof_however_long_ago() -> None:
    clock, supervisor = make()
    supervisor.engage()
    supervisor.answered()
    clock.advance(30.0)
    assert not supervisor.tick(fed=True)


def test_nothing_due_holds_and_an_action_goes_on() -> None:
    clock, supervisor = running()
    assert not supervisor.tick(fed=False)
    assert supervisor.state == "holding"
    clock.advance(PROOF.starved_s)
    assert supervisor.tick(fed=True)
    assert supervisor.state == "running"


def test_starving_costs_the_trust() -> None:
    clock, supervisor = running()
    supervisor.tick(fed=False)
    clock.advance(PROOF.starved_s + DT_S)
    assert not supervisor.tick(fed=True)
    assert supervisor.state == "engaging"
    assert play(clock, supervisor, 5.0, 0.4) == pytest.approx(1.0, abs=DT_S + 1e-9)


def test_a_protective_stop_needs_a_person_and_then_proof() -> None:
    clock, supervisor = running()
    supervisor.protective_stop("tool_x is 0.3 m away")
    supervisor.protective_stop("something later")
    assert (supervisor.state, supervisor.reason) == ("protective_stop", "tool_x is 0.3 m away")
    with pytest.raises(StateError, match=r"protective_stop \(tool_x is 0.3 m away\); resume first"):
        supervisor.engage()
    with pytest.raises(StateError, match="only an emergency_stop is reset"):
        supervisor.reset()
    supervisor.disengage()
    assert play(clock, supervisor, 5.0, 0.4) == float("inf")
    supervisor.resume()
    assert not supervisor.tick(fed=True)
    assert play(clock, supervisor, 5.0, 0.4) == pytest.approx(1.0, abs=DT_S + 1e-9)


def test_a_reset_alone_never_moves() -> None:
    clock, supervisor = running()
    supervisor.emergency_stop("operator")
    with pytest.raises(StateError, match="only a protective_stop is resumed"):
        supervisor.resume()
    supervisor.reset()
    assert supervisor.state == "disengaged"
    assert play(clock, supervisor, 5.0, 0.4) == float("inf")


@settings(max_examples=60, stateful_step_count=60, deadline=None)
class SupervisorMachine(RuleBasedStateMachine):
    """Every order of events, against a model that remembers only what the promises speak of."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.supervisor = make()
        self.stopped: str | None = None
        self.asked_s: float | None = None
        self.answers_s: list[float] = []

    @rule(wait_s=st.sampled_from([0.01, 0.05, 0.3, 0.6, 1.1, 5.0]))
    def wait(self, wait_s: float) -> None:
        self.clock.advance(wait_s)

    @rule(count=st.integers(1, 12))
    def answers(self, count: int) -> None:
        for _ in range(count):
            self.clock.advance(0.2)
            self.supervisor.answered()
            self.answers_s.append(self.clock.now_s())

    @rule()
    def engage(self) -> None:
        if self.stopped:
            with pytest.raises(StateError):
                self.supervisor.engage()
        else:
            if self.supervisor.state == "disengaged":
                self.asked_s = self.clock.now_s()
            self.supervisor.engage()

    @rule()
    def disengage(self) -> None:
        self.supervisor.disengage()
        self.asked_s = None

    @rule()
    def protective_stop(self) -> None:
        self.supervisor.protective_stop("fault")
        self.stopped = self.stopped or "protective_stop"
        self.asked_s = None

    @rule()
    def emergency_stop(self) -> None:
        self.supervisor.emergency_stop("person")
        self.stopped, self.asked_s = "emergency_stop", None

    @rule()
    def resume(self) -> None:
        if self.stopped == "protective_stop":
            self.supervisor.resume()
            self.stopped, self.asked_s = None, self.clock.now_s()
        else:
            with pytest.raises(StateError):
                self.supervisor.resume()

    @rule()
    def reset(self) -> None:
        if self.stopped == "emergency_stop":
            self.supervisor.reset()
            self.stopped = None
        else:
            with pytest.raises(StateError):
                self.supervisor.reset()

    @rule(fed=st.booleans())
    def tick(self, fed: bool) -> None:
        before = self.supervisor.state
        moves = self.supervisor.tick(fed)
        if not moves:
            return
        assert fed
        assert self.stopped is None
        assert self.asked_s is not None, "the arm moved though nobody asked for it"
        if before == "engaging":
            recent = [s for s in self.answers_s if s >= self.asked_s]
            assert recent, "the arm moved though nothing had answered"
            assert self.clock.now_s() - recent[0] >= PROOF.proof_s - 1e-9
            assert self.clock.now_s() - recent[-1] <= PROOF.gap_s + 1e-9

    @invariant()
    def a_stop_stays_until_a_person_ends_it(self) -> None:
        assert self.supervisor.latched == (self.stopped is not None)
        if self.stopped:
            assert self.supervisor.state == self.stopped
            assert self.supervisor.state in LATCHED
            assert self.supervisor.reason


TestSupervisorMachine = SupervisorMachine.TestCase
