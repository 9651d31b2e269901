"""Laws of the control loop, most of them on a simulated clock."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vla.bridge.errors import BridgeError
from vla.bridge.link import LocalLink, Reply
from vla.contract import ActionChunk, ContractError, Plan, Prefix
from vla.drivers.mock import MockDriver
from vla.runtime.asker import AskSettings
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

REAL = LoopSettings(timeout_s=5.0, engage=EngageSettings(proof_s=0.0))
STEP = LoopSettings("lockstep", timeout_s=5.0)


def two_steps(goal, observation, previous):
    """Right until 0.1, then left until 0, then done."""
    index = 0 if previous is None else previous.index
    x = observation.state[0]
    if (index == 0 and x > 0.1) or (index == 1 and x < 0):
        index += 1
    status = tuple("done" if i < index else "active" if i == index else "pending" for i in range(2))
    return Plan(goal, ("go right", "go left"), index, status)  # pyright: ignore[reportArgumentType]


class Planner:
    plan = staticmethod(two_steps)


@pytest.mark.parametrize("settings", [REAL, STEP])
def test_the_arm_gets_there(spec, policy, clock, settings) -> None:
    driver = MockDriver(spec, clock)
    result = ControlLoop(driver, LocalLink(policy), clock, settings).run("go")
    assert (result.reason, result.health.ticks) == ("timeout", 100)
    assert driver.read().state[0] > 0.45


def test_lockstep_never_holds_and_repeats_bit_for_bit(spec, policy) -> None:
    runs = []
    for _ in range(2):
        clock, sent = SimulatedClock(), []
        link = LocalLink(policy, Planner())
        loop = ControlLoop(
            MockDriver(spec, clock), link, clock, STEP, [lambda tick, s=sent: s.append(tick.sent)]
        )
        result = loop.run("there and back", seed=3)
        assert (result.reason, result.health.holds) == ("plan_done", 0)
        runs.append(np.array(sent).tobytes())
    assert runs[0] == runs[1]


@pytest.mark.parametrize("settings", [REAL, STEP])
def test_a_policy_in_this_process_may_decide_anew_at_every_tick(spec, policy, clock, settings) -> None:
    policy.rows = 1
    health = ControlLoop(MockDriver(spec, clock), LocalLink(policy), clock, settings).run("go").health
    assert health.holds == 0
    assert health.chunks >= health.ticks


class Waverer:
    """Not sure for two seconds in the middle of its one step."""

    def plan(self, goal, observation, previous):
        sure = not 1.0 <= observation.stamp_s < 3.0
        return Plan(goal, ("go right",), 0, ("active" if sure else "pending",))


@pytest.mark.parametrize("settings", [REAL, STEP])
def test_the_arm_holds_while_the_current_step_waits_and_nobody_counts_as_lost(
    spec, policy, clock, settings
) -> None:
    reports: list[TickReport] = []
    settings = replace(settings, ask=AskSettings(plan_period_s=0.5, lost_s=1.0))
    loop = ControlLoop(
        MockDriver(spec, clock), LocalLink(policy, Waverer()), clock, settings, [reports.append]
    )
    result = loop.run("go")
    assert (result.reason, len(reports)) == ("timeout", 100)
    waiting = [report for report in reports if report.instruction is None]
    assert [waiting[0].now_s, waiting[-1].now_s] == pytest.approx([1.0, 2.95])
    assert all(report.held for report in waiting)
    assert np.array_equal(waiting[4].sent, waiting[-1].sent)  # at rest once it has braked
    assert not reports[-1].held


def test_an_hour_passes_without_drift_or_loss(spec, policy, clock) -> None:
    link = LocalLink(policy)
    result = ControlLoop(MockDriver(spec, clock), link, clock, replace(REAL, timeout_s=3600.0)).run("go")
    health = result.health
    assert health.ticks == 72_000
    assert (health.missed_ticks, health.refused_chunks, health.deadlines_missed) == (0, 0, 0)
    assert np.isclose(health.control_rate_hz, 20.0)
    assert health.holds == 0


def test_asking_ahead_hides_a_late_reply(spec, link, clock) -> None:
    link.delay_s = 0.3
    result = ControlLoop(MockDriver(spec, clock), link, clock, REAL).run("go")
    first_answer = 6
    assert result.health.holds == first_answer
    assert result.health.chunk_latency_p50_s == pytest.approx(0.3)


def test_a_reply_slower_than_the_chunk_means_holding_never_extrapolating(spec, link, clock) -> None:
    link.delay_s = 0.6
    reports: list[TickReport] = []
    result = ControlLoop(MockDriver(spec, clock), link, clock, REAL, [reports.append]).run("go")
    assert 0 < result.health.holds < result.health.ticks
    for before, after in pairwise(reports):
        if after.held:
            assert np.array_equal(before.sent, after.sent)


@pytest.mark.parametrize("phase", range(0, 20, 3))
def test_a_silent_model_is_held_then_reported_by_name(spec, link, clock, phase: int) -> None:
    link.silent_from_s = 1.0 + phase * spec.dt_s
    reports: list[TickReport] = []
    settings = replace(REAL, timeout_s=60.0, ask=AskSettings(lost_s=2.0, act_timeout_s=0.5))
    result = ControlLoop(MockDriver(spec, clock), link, clock, settings, [reports.append]).run("go")
    assert result.reason == "model_lost"
    assert "no answer to 'act' within 0.5 s" in result.detail
    last_motion = max(report.now_s for report in reports if not report.held)
    assert last_motion <= link.silent_from_s + 0.8
    assert link.silent_from_s + 1.9 < result.elapsed_s < link.silent_from_s + 3.0
    assert result.health.deadlines_missed >= 3


def test_an_error_is_ridden_through_and_shown(spec, link, policy, clock) -> None:
    def act(observation, instruction, prefix=None):
        if 1.0 < clock.now_s() < 2.0:
            return BridgeError("policy_failed", "out of memory")
        return policy.act(observation, instruction)

    link.answer = act
    result = ControlLoop(MockDriver(spec, clock), link, clock, REAL).run("go")
    assert result.reason == "timeout"
    assert result.health.errors > 0
    assert result.health.last_error == "policy_failed: out of memory"


def test_in_lockstep_an_error_or_silence_ends_the_run_by_name(spec, link, clock) -> None:
    link.delay_s = 0.0
    link.silent_from_s = 1.0
    silent = ControlLoop(MockDriver(spec, clock), link, clock, STEP).run("go")
    assert (silent.reason, "no answer to 'act'" in silent.detail) == ("model_lost", True)
    link.silent_from_s = float("inf")
    link.answer = lambda *_: BridgeError("policy_failed", "out of memory")
    failed = ControlLoop(MockDriver(spec, clock), link, clock, STEP).run("go")
    assert (failed.reason, failed.detail) == ("model_lost", "policy_failed: out of memory")


@pytest.mark.parametrize("settings", [REAL, STEP])
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_poisoned_chunk_stops_the_arm_where_it_is(spec, link, policy, clock, poison, settings) -> None:
    link.delay_s = 0.0

    def act(observation, instruction, prefix=None):
        chunk = policy.act(observation, instruction)
        if clock.now_s() > 1.0:
            chunk.actions[-1, 1] = poison
        return chunk

    link.answer = act
    reports: list[TickReport] = []
    result = ControlLoop(MockDriver(spec, clock), link, clock, settings, [reports.append]).run("go")
    assert result.health.refused_chunks > 0
    assert "gripper_gap" in result.health.last_error
    assert all(np.isfinite(report.sent).all() for report in reports)
    after = [report for report in reports if report.now_s > 1.5]
    assert all(report.held for report in after)
    assert np.ptp([report.sent for report in after], axis=0).max() == 0


def test_the_first_motion_never_jumps(spec, link, policy, clock) -> None:
    link.answer = lambda o, i: replace(policy.act(o, i), actions=np.tile(spec.action_high, (16, 1)))
    reports: list[TickReport] = []
    result = ControlLoop(MockDriver(spec, clock), link, clock, REAL, [reports.append]).run("go")
    sent = np.array([report.sent for report in reports])
    assert (np.abs(np.diff(sent, axis=0)) <= spec.action_max_step * (1 + 1e-5)).all()
    assert np.array_equal(sent[-1], spec.action_high)
    assert result.health.clipped > 0


@pytest.mark.parametrize("settings", [REAL, STEP])
def test_the_plan_is_followed_until_it_is_done(spec, link, policy, clock, settings) -> None:
    link.plans, link.plan_answer = True, two_steps
    if settings is STEP:
        link.delay_s = link.plan_delay_s = 0.0
    reports: list[TickReport] = []
    result = ControlLoop(MockDriver(spec, clock), link, clock, settings, [reports.append]).run(
        "there and back"
    )
    assert result.reason == "plan_done"
    assert result.plan is not None
    assert result.plan.status == ("done", "done")
    words = [report.instruction for report in reports if report.instruction]
    assert words == sorted(words, reverse=True)
    assert set(words) == {"go right", "go left"} == set(policy.heard)


@pytest.mark.parametrize("settings", [REAL, STEP])
@pytest.mark.parametrize(("kind", "reason"), [("cannot", "refused"), ("answer", "answered")])
def test_words_end_the_run_and_nothing_moves(spec, link, policy, clock, settings, kind, reason) -> None:
    link.plans = True
    link.plan_answer = lambda goal, observation, previous: Plan(goal, (), 0, (), "so it is", kind)
    if settings is STEP:
        link.delay_s = link.plan_delay_s = 0.0
    driver, reports = MockDriver(spec, clock), []
    start = driver.read().state
    result = ControlLoop(driver, link, clock, settings, [reports.append]).run("is it?")
    assert (result.reason, result.detail) == (reason, "so it is")
    assert [(entry.kind, entry.note) for entry in result.plans] == [(kind, "so it is")]
    assert 0.5 <= result.elapsed_s < 2.0
    assert np.array_equal(driver.read().state, start)
    assert all(report.held for report in reports)
    assert policy.heard == []


@pytest.mark.parametrize("looks", [1, 3])
def test_a_refusal_counts_when_enough_looks_in_a_row_agree(spec, link, clock, looks: int) -> None:
    link.plans = True
    answers = itertools.chain(
        ("there is none", "there are two", "", "there is none"), itertools.repeat("there are two")
    )

    def planned(goal, observation, previous):
        note = next(answers)
        return Plan(goal, (), 0, (), note, "cannot") if note else Plan(goal, ("go",), 0, ("active",))

    link.plan_answer = planned
    settings = replace(REAL, ask=AskSettings(plan_looks=looks))
    result = ControlLoop(MockDriver(spec, clock), link, clock, settings).run("go")
    assert result.reason == "refused"
    said = [entry.note for entry in result.plans]
    mind = ["there is none", "there are two", "", "there is none", "there are two"]
    assert said == (mind[:1] if looks == 1 else mind)


def test_so_many_looks_must_be_at_least_one() -> None:
    with pytest.raises(ContractError, match="plan_looks 0"):
        AskSettings(plan_looks=0)


def test_a_planner_that_falls_silent_after_a_refusal_is_lost_in_the_end(spec, link, clock) -> None:
    link.plans, link.silent_from_s = True, 0.2
    link.plan_answer = lambda goal, observation, previous: Plan(goal, (), 0, (), "so it is", "cannot")
    ask = AskSettings(plan_timeout_s=3.0, lost_s=1.0)
    settings = replace(REAL, timeout_s=60.0, ask=ask)
    result = ControlLoop(MockDriver(spec, clock), link, clock, settings).run("is it?")
    assert result.reason == "model_lost"
    assert 3.0 <= result.elapsed_s < 4.5


def test_a_chunk_of_the_old_instruction_is_never_carried_out_under_the_new(spec, link, policy, clock) -> None:
    link.plans, link.plan_answer = True, two_steps
    reports: list[TickReport] = []
    ControlLoop(MockDriver(spec, clock), link, clock, REAL, [reports.append]).run("there and back")
    changed = next(i for i, report in enumerate(reports) if report.instruction == "go left")
    x = [report.sent[0] for report in reports]
    assert all(b <= a for a, b in zip(x[changed - 1 :], x[changed:], strict=False))


def test_an_answer_to_a_question_given_up_is_not_taken_for_the_next(spec, link, clock) -> None:
    numbers = itertools.count(1)

    def ask(verb, delay_s, value):  # unlike a client this link does not judge what it hands on, and it forges
        seq = next(numbers)
        link._due = [
            (due_s, replace(late, value=replace(late.value, start_s=value.start_s)))
            for due_s, late in link._due
        ]
        link._due.append((clock.now_s() + delay_s, Reply(verb, seq, value, delay_s)))
        return seq

    link._ask, link.delay_s = ask, 0.7
    reports: list[TickReport] = []
    settings = replace(REAL, ask=AskSettings(act_timeout_s=0.5, lost_s=3.0))
    result = ControlLoop(MockDriver(spec, clock), link, clock, settings, [reports.append]).run("go")
    assert (result.reason, result.health.chunks) == ("model_lost", 0)
    assert result.health.stale_chunks >= 4
    assert all(report.held for report in reports)


def test_new_words_are_asked_about_at_once_even_while_an_answer_to_the_old_is_under_way(
    spec, link, policy, clock
) -> None:
    link.plans, link.delay_s = True, 1000.0
    link.plan_answer = lambda goal, *_: Plan(goal, ("a" if clock.now_s() < 1 else "b",), 0, ("active",))
    settings = replace(REAL, ask=AskSettings(act_timeout_s=1000.0, lost_s=1000.0))
    ControlLoop(MockDriver(spec, clock), link, clock, settings).run("go")
    assert policy.heard == ["a", "b"]


def test_the_first_command_starts_from_where_the_robot_is_held(spec, link, policy, clock) -> None:
    class Trusting(MockDriver):
        def write(self, action):
            return action.copy()

    link.answer = lambda o, i: replace(policy.act(o, i), actions=np.tile(spec.action_high, (16, 1)))
    driver, reports = Trusting(spec, clock), list[TickReport]()
    held, link.delay_s = driver.hold(), 0.0
    ControlLoop(driver, link, clock, STEP, [reports.append]).run("go")
    first = next(report for report in reports if not report.held)
    assert (np.abs(first.sent - held) <= spec.action_max_step * (1 + 1e-5)).all()


def test_what_was_really_sent_is_gone_on_from_and_reported(spec, link, policy, clock) -> None:
    wanted: list[np.ndarray] = []
    really: list[np.ndarray] = []

    class Halfway(MockDriver):
        def write(self, action):
            here = self.hold()
            wanted.append(action)
            really.append(super().write(((here + action) / 2).astype(np.float32)))
            return really[-1]

    link.answer = lambda o, i: replace(policy.act(o, i), actions=np.tile(spec.action_high, (16, 1)))
    reports: list[TickReport] = []
    ControlLoop(Halfway(spec, clock), link, clock, REAL, [reports.append]).run("go")
    moved = [report.sent for report in reports if not report.held]
    assert len(moved) > 50
    assert np.array_equal(moved, really[: len(moved)])
    steps = np.abs(np.array(wanted[1:]) - really[:-1])
    assert (steps <= spec.action_max_step * (1 + 1e-5)).all()


def test_the_model_side_is_told_the_rows_that_will_be_carried_out(spec, link, clock) -> None:
    told, ask = dict[float, Prefix | None](), link.request_act

    def request_act(observation, instruction, prefix=None, within_s=0.0):
        told[observation.stamp_s] = prefix
        return ask(observation, instruction, prefix, within_s)

    link.request_act = request_act
    reports: list[TickReport] = []
    ControlLoop(MockDriver(spec, clock), link, clock, REAL, [reports.append]).run("go")
    ticks = {report.observation.stamp_s: number for number, report in enumerate(reports)}
    frozen = 0
    for stamp_s, prefix in told.items():
        if prefix is not None:
            for report, row in zip(reports[ticks[stamp_s] :], prefix.actions[: prefix.frozen], strict=False):
                assert np.array_equal(report.sent, row)
                frozen += 1
    assert frozen > 10


def test_before_the_first_plan_the_arm_holds(spec, link, policy, clock) -> None:
    link.plans, link.plan_answer, link.plan_delay_s = True, two_steps, 2.0
    reports: list[TickReport] = []
    ControlLoop(MockDriver(spec, clock), link, clock, REAL, [reports.append]).run("there and back")
    assert all(report.held for report in reports if report.now_s < 2.0)
    assert not all(report.held for report in reports)


def test_a_stop_event_ends_the_run_within_a_tick(spec, policy, clock) -> None:
    stop = threading.Event()

    def on_tick(report: TickReport) -> None:
        if report.tick == 9:
            stop.set()

    result = ControlLoop(MockDriver(spec, clock), LocalLink(policy), clock, REAL, [on_tick]).run(
        "go", stop=stop
    )
    assert (result.reason, result.health.ticks) == ("stopped", 10)


def test_overruns_are_skipped_never_caught_up(spec, policy, clock) -> None:
    starts: list[float] = []
    rng = np.random.default_rng(0)

    def busy(report: TickReport) -> None:
        starts.append(report.now_s)
        clock.advance(float(rng.choice([0.0, 0.03, 0.07, 0.2, 1.0], p=[0.6, 0.1, 0.1, 0.1, 0.1])))

    settings = replace(REAL, timeout_s=60.0)
    health = ControlLoop(MockDriver(spec, clock), LocalLink(policy), clock, settings, [busy]).run("go").health
    assert min(np.diff(starts)) >= spec.dt_s / 2 - 1e-9
    assert health.missed_ticks > 0
    assert health.ticks + health.missed_ticks == pytest.approx(60.0 * spec.control_hz, abs=21)
    on_time = [s / spec.dt_s for s in starts]
    assert np.median(np.abs(np.array(on_time) - np.round(on_time))) < 1e-6


@pytest.mark.parametrize("late", [0.3, 0.7, 0.95, 1.49, 2.3])
def test_after_a_late_wake_up_ticks_do_not_crowd(spec, policy, late: float) -> None:
    class Drowsy(SimulatedClock):
        """Oversleeps every seventh time."""

        naps = 0

        def sleep_until(self, deadline_s: float) -> None:
            self.naps += 1
            super().sleep_until(deadline_s + (0 if self.naps % 7 else late * spec.dt_s))

    clock, starts = Drowsy(), list[float]()
    settings = replace(REAL, timeout_s=20.0)
    loop = ControlLoop(
        MockDriver(spec, clock), LocalLink(policy), clock, settings, [lambda tick: starts.append(tick.now_s)]
    )
    health = loop.run("go").health
    assert min(np.diff(starts)) >= spec.dt_s / 2 - 1e-9
    assert health.ticks + health.missed_ticks == pytest.approx(20.0 * spec.control_hz, abs=2)


def test_rates_hold_from_command_to_command_however_long_a_reading_takes(spec, link, policy, clock) -> None:
    rng = np.random.default_rng(0)
    written: list[tuple[float, np.ndarray]] = []

    class Sluggish(MockDriver):
        def read(self):
            clock.advance(float(rng.uniform(0.0, 0.02)))
            return super().read()

        def write(self, action):
            written.append((clock.now_s(), action.copy()))
            return action.copy()

    link.answer = lambda o, i: replace(policy.act(o, i), actions=np.tile(spec.action_high, (16, 1)))
    ControlLoop(Sluggish(spec, clock), link, clock, REAL).run("go")
    way = np.abs(np.diff([action for _, action in written], axis=0))
    took_s = np.diff([at_s for at_s, _ in written])
    assert way.max() > 0.9 * spec.action_max_step[0]
    assert took_s.min() < 0.8 * spec.dt_s
    assert (way <= [axis.max_rate for axis in spec.action] * took_s[:, None] + 1e-6).all()


@pytest.mark.parametrize("execution", ["rtc", "ensemble"])
def test_a_sensor_that_repeats_itself_is_not_acted_upon(spec, policy, clock, execution: str) -> None:
    class Frozen(MockDriver):
        def read(self):
            return replace(super().read(), stamp_s=min(clock.now_s(), 1.0))

    reports: list[TickReport] = []
    settings = replace(REAL, ask=AskSettings(execution=execution))
    ControlLoop(Frozen(spec, clock), LocalLink(policy), clock, settings, [reports.append]).run("go")
    assert not any(report.held for report in reports if 0 < report.now_s < 0.99)
    assert all(report.held for report in reports if report.now_s > 1.01)


def test_chunks_that_always_come_too_late_are_named(spec, link, clock) -> None:
    link.delay_s = 0.9
    settings = replace(REAL, timeout_s=60.0)
    result = ControlLoop(MockDriver(spec, clock), link, clock, settings).run("go")
    assert result.reason == "model_lost"
    assert "a chunk that lasts 0.8 s came 0.9" in result.detail
    assert result.health.holds == result.health.ticks


def test_a_driver_with_its_own_clock_works(spec, policy, clock) -> None:
    class Offset(MockDriver):
        def read(self):
            return replace(super().read(), stamp_s=clock.now_s() + 1e6)

    result = ControlLoop(Offset(spec, clock), LocalLink(policy), clock, STEP).run("go")
    assert result.health.holds == 0


def test_another_robot_than_the_models_is_refused_with_the_difference(spec, policy, clock) -> None:
    robot = replace(spec, control_hz=10.0)
    with pytest.raises(ContractError, match=r"control_hz: 10\.0 here, 20\.0 there"):
        ControlLoop(MockDriver(robot, clock), LocalLink(policy), clock)


def test_an_unknown_pace_is_refused_with_the_choices() -> None:
    with pytest.raises(ContractError, match="'fast' is not one of realtime, lockstep"):
        LoopSettings("fast")  # pyright: ignore[reportArgumentType]


def test_a_chunk_from_an_older_observation_is_counted_not_used(spec, link, policy, clock) -> None:
    late = iter(range(10**6))

    def act(observation, instruction, prefix=None):
        chunk = policy.act(observation, instruction)
        return ActionChunk(chunk.actions, chunk.dt_s, chunk.start_s - (10.0 if next(late) % 2 else 0.0))

    link.answer = act
    health = ControlLoop(MockDriver(spec, clock), link, clock, REAL).run("go").health
    assert health.stale_chunks > 0


def test_a_chunk_dated_into_the_future_does_not_outlive_those_after_it(spec, link, policy, clock) -> None:
    answers = itertools.count()

    def act(observation, instruction, prefix=None):
        chunk = policy.act(observation, instruction)
        return replace(chunk, start_s=chunk.start_s + (1e9 if next(answers) == 1 else 0.0))

    link.answer = act
    reports: list[TickReport] = []
    result = ControlLoop(MockDriver(spec, clock), link, clock, REAL, [reports.append]).run("go")
    assert result.health.stale_chunks == 1
    assert "from the observation it was asked about" in result.health.last_error
    assert result.reason == "timeout"
    assert not any(report.held for report in reports if report.now_s > 2.0)
