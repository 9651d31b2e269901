"""What each fault of the model side does: link, policy and planner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError
from vla.bridge.link import LocalLink, Reply
from vla.bridge.server import PolicyServer
from vla.conformance import check_planner, check_policy, sample_observation
from vla.contract import ActionChunk, Plan
from vla.drivers.mock import MockDriver
from vla.runtime.clock import MonotonicClock, SimulatedClock
from vla.runtime.faults import FAULTS, parse_faults
from vla.runtime.faulty_model import FaultyLink, FaultyPlanner, FaultyPolicy
from vla.runtime.injection import ModelFault
from vla.runtime.loop import ControlLoop, LoopSettings

STAMPS_S = [10.0 + i / 4 for i in range(12)]


class Steps:
    """Each call ticks one step off; the first call for a goal lays the plan."""

    def __init__(self) -> None:
        self.told: list[Plan | None] = []

    def plan(self, goal, observation, previous):
        self.told.append(previous)
        index = 0 if previous is None else min(previous.index + 1, 3)
        status = tuple("done" if i < index else "active" if i == index else "pending" for i in range(3))
        return Plan(goal, ("alpha", "beta", "gamma"), index, status)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def observe(spec) -> Callable:
    return lambda stamp_s=0.0: sample_observation(spec, int(4 * stamp_s), stamp_s)


# ------------------------------------------------------------------------------------------------ the policy


@pytest.fixture
def act(policy, observe) -> Callable[..., list[ActionChunk | None]]:
    """Asks four times a second, three seconds long; None where the policy failed."""

    def act(faults: str, seed: int = 0) -> list[ActionChunk | None]:
        clock = SimulatedClock(100.0)
        faulty = FaultyPolicy(policy, parse_faults(faults), clock, seed)
        faulty.reset(0)
        chunks = []
        for i, stamp_s in enumerate(STAMPS_S):
            clock.sleep_until(100.0 + i / 4)
            try:
                chunks.append(faulty.act(observe(stamp_s), "go"))
            except ModelFault:
                chunks.append(None)
        return chunks

    return act


def same(one: ActionChunk | None, other: ActionChunk | None) -> bool:
    if one is None or other is None:
        return one is other
    times = (one.dt_s, one.start_s) == (other.dt_s, other.start_s)
    return (
        times
        and one.actions.dtype == other.actions.dtype
        and one.actions.tobytes() == other.actions.tobytes()
    )


def test_a_policy_without_a_fault_that_is_due_is_the_policy_it_wraps(policy) -> None:
    faults = ",".join(f"policy={verb}@1000" for verb in FAULTS["policy"])
    check_policy(FaultyPolicy(policy, parse_faults(faults), SimulatedClock()), "go")


@pytest.mark.parametrize("verb", [verb for verb in FAULTS["policy"] if verb != "slow"])
def test_outside_its_window_the_policy_is_untouched_and_inside_repeatable(act, verb: str) -> None:
    amount = ":0.7" if verb == "intermittent" else ""
    truth, first, again = act(""), *(act(f"policy={verb}{amount}@1-2", seed=2) for _ in range(2))
    within = [i for i in range(12) if 1 <= i / 4 < 2]
    for i in range(12):
        assert same(first[i], again[i])
        assert same(first[i], truth[i]) or i in within
    assert not all(same(first[i], truth[i]) for i in within)


def test_policy_off_fails_by_name(policy, observe) -> None:
    faulty = FaultyPolicy(policy, parse_faults("policy=off"), SimulatedClock())
    with pytest.raises(ModelFault, match=r"policy does not answer \(fault policy=off\)"):
        faulty.act(observe(), "go")
    assert (faulty.injected, faulty.spec) == ({"policy=off": 1}, policy.spec)


def test_policy_stuck_repeats_its_first_actions_dated_anew(act) -> None:
    truth, chunks = act(""), act("policy=stuck@1")
    for true, chunk in zip(truth[4:], chunks[4:], strict=True):
        assert np.array_equal(chunk.actions, truth[4].actions)
        assert chunk.start_s == true.start_s


def test_policy_garbage_is_one_value_that_no_policy_means(act) -> None:
    truth, odd = act(""), set()
    for true, chunk in zip(
        truth * 3, [c for seed in range(3) for c in act("policy=garbage", seed)], strict=True
    ):
        changed = ~(chunk.actions == true.actions)
        assert changed.sum() == 1
        odd.add(str(chunk.actions[changed][0]))
    assert odd == {"nan", "inf", "-inf", "1e+38"}


def test_policy_wrong_is_reversed_or_misshapen(act) -> None:
    truth = act("")
    kinds = set()
    for seed in range(3):
        for true, chunk in zip(truth, act("policy=wrong", seed), strict=True):
            if same(replace(chunk, actions=chunk.actions[::-1]), true):
                kinds.add("reversed")
            else:
                kinds.add((str(chunk.actions.dtype), chunk.actions.shape))
    f4, f8 = "float32", "float64"
    assert kinds == {"reversed", (f4, (16, 1)), (f4, (16, 3)), (f8, (16, 2)), (f4, (0, 2))}


def test_policy_slow_takes_its_time_on_the_clock(policy, observe) -> None:
    clock = SimulatedClock()
    faulty = FaultyPolicy(policy, parse_faults("policy=slow:0.3@1-2"), clock)
    faulty.reset(0)
    for before, after in ((0.0, 0.0), (1.5, 1.8), (2.0, 2.0)):
        clock.sleep_until(before)
        faulty.act(observe(), "go")
        assert clock.now_s() == pytest.approx(after)


def test_a_stuck_policy_is_stuck_anew_after_a_reset(policy, observe) -> None:
    faulty = FaultyPolicy(policy, parse_faults("policy=stuck"), SimulatedClock())
    for stamp_s in (1.0, 2.0):
        faulty.reset(0)
        assert same(faulty.act(observe(stamp_s), "go"), policy.act(observe(stamp_s), "go"))


def test_a_reset_starts_the_policys_window_anew(policy, observe) -> None:
    clock = SimulatedClock()
    faulty = FaultyPolicy(policy, parse_faults("policy=off@1-2"), clock)
    for _ in range(2):
        faulty.reset(0)
        faulty.act(observe(), "go")
        clock.advance(1.5)
        with pytest.raises(ModelFault):
            faulty.act(observe(), "go")


# ----------------------------------------------------------------------------------------------- the planner


@pytest.fixture
def plan(observe) -> Callable[..., list[Plan | None]]:
    """Asks five times in five seconds, each time with the last plan that came; None where it failed."""

    def plan(faults: str, seed: int = 0, planner: Steps | None = None) -> list[Plan | None]:
        clock = SimulatedClock()
        faulty = FaultyPlanner(planner or Steps(), parse_faults(faults), clock, seed)
        last, plans = None, []
        for second in range(5):
            clock.sleep_until(float(second))
            try:
                last = faulty.plan("greek", observe(), last)
                plans.append(last)
            except ModelFault:
                plans.append(None)
        return plans

    return plan


def test_a_planner_without_a_fault_that_is_due_is_the_planner_it_wraps(observe) -> None:
    faults = ",".join(f"planner={verb}@1000" for verb in FAULTS["planner"])
    check_planner(FaultyPlanner(Steps(), parse_faults(faults), SimulatedClock()), "greek", observe())


@pytest.mark.parametrize("verb", ["stuck", "garbage", "wrong"])
def test_outside_its_window_the_planner_is_untouched_and_its_progress_is_not_lost(plan, verb: str) -> None:
    planner = Steps()
    truth, plans = plan(""), plan(f"planner={verb}@0.5-2.5", planner=planner)
    assert [plans[i] for i in (0, 3, 4)] == [truth[i] for i in (0, 3, 4)]
    assert plans[1:3] != truth[1:3]
    assert planner.told == [None, *truth[:4]]
    assert plans == plan(f"planner={verb}@0.5-2.5")


def test_a_plan_that_was_once_a_lie_is_the_truth_when_the_planner_gives_it(observe) -> None:
    inner, clock = Steps(), SimulatedClock()
    faulty = FaultyPlanner(inner, parse_faults("planner=stuck@0-1"), clock)
    first = faulty.plan("greek", observe(), None)
    assert faulty.plan("greek", observe(), first) == first
    clock.advance(1.0)
    again = faulty.plan("greek", observe(), None)
    assert again == first
    faulty.plan("greek", observe(), again)
    assert inner.told == [None, first, None, first]


def test_of_the_lies_told_the_last_few_are_remembered(observe) -> None:
    inner = Steps()
    faulty = FaultyPlanner(inner, parse_faults("planner=garbage"), SimulatedClock())
    lies = [faulty.plan("greek", observe(), None) for _ in range(100)]
    for lie in (lies[-1], lies[0]):
        faulty.plan("greek", observe(), lie)
    assert inner.told[-2] == Steps().plan("greek", observe(), None)
    assert inner.told[-1] == lies[0]


def test_planner_off_fails_by_name(plan, observe) -> None:
    assert plan("planner=off@0.5-2.5") == [plan("")[0], None, None, *plan("")[1:3]]
    with pytest.raises(ModelFault, match=r"planner does not answer \(fault planner=off\)"):
        FaultyPlanner(Steps(), parse_faults("planner=off"), SimulatedClock()).plan("x", observe(), None)


def test_a_planner_that_never_answered_is_over_its_fault_when_the_window_is(plan) -> None:
    assert plan("planner=off@0-2.5") == [None, None, None, *plan("")[:2]]


def test_planner_intermittent_fails_at_its_share_of_requests(plan) -> None:
    failed = [plan("planner=intermittent:0.4", seed).count(None) for seed in range(40)]
    assert sum(failed) == pytest.approx(80, abs=25)


def test_planner_stuck_makes_no_progress(plan) -> None:
    assert [p.index for p in plan("planner=stuck@0.5")] == [0, 1, 1, 1, 1]


def test_planner_wrong_and_garbage_change_the_words_alone(plan) -> None:
    assert all(p.steps == ("gamma", "beta", "alpha") for p in plan("planner=wrong"))
    for true, false in zip(plan(""), plan("planner=garbage"), strict=True):
        assert replace(false, steps=true.steps) == true
        assert not set(false.steps) & set(true.steps)


def test_planner_slow_takes_its_time_on_the_clock(observe) -> None:
    clock = SimulatedClock()
    FaultyPlanner(Steps(), parse_faults("planner=slow:3"), clock).plan("x", observe(), None)
    assert clock.now_s() == 3.0


# -------------------------------------------------------------------------------------------------- the link


@pytest.fixture
def hear(policy, observe) -> Callable[..., list[list[Reply]]]:
    """Asks for a chunk and a plan four times a second, and polls at the same times; three seconds."""

    def hear(faults: str, seed: int = 0) -> list[list[Reply]]:
        clock = SimulatedClock(100.0)
        link = FaultyLink(LocalLink(policy, Steps()), parse_faults(faults), clock, seed)
        link.reset(0)
        heard = []
        for i, stamp_s in enumerate(STAMPS_S):
            clock.sleep_until(100.0 + i / 4)
            link.request_act(observe(stamp_s), "go")
            link.request_plan("greek", observe(stamp_s), None)
            heard.append([replace(reply, latency_s=round(reply.latency_s, 1)) for reply in link.poll()])
        assert link.dropped_replies == 0
        return heard

    return hear


def seqs(heard: list[list[Reply]]) -> list[list[int]]:
    return [[reply.seq for reply in replies] for replies in heard]


def flat(heard: list[list[Reply]]) -> list[Reply]:
    return [reply for replies in heard for reply in replies]


def is_same(one: Reply, other: Reply) -> bool:
    if (one.verb, one.seq, one.latency_s) != (other.verb, other.seq, other.latency_s):
        return False
    if isinstance(one.value, ActionChunk) and isinstance(other.value, ActionChunk):
        return same(one.value, other.value)
    return repr(one.value) == repr(other.value)


@pytest.mark.parametrize("verb", FAULTS["link"])
def test_outside_its_window_the_link_is_untouched_and_inside_repeatable(hear, verb: str) -> None:
    amount = ":0.7" if verb == "intermittent" else ""
    truth, first, again = hear(""), *(hear(f"link={verb}{amount}@1-2", seed=2) for _ in range(2))
    assert seqs(first) == seqs(again)
    for i in (0, 1, 2, 3, 9, 10, 11):
        assert all(is_same(a, b) for a, b in zip(first[i], truth[i], strict=True))
    for mine, repeated in zip(flat(first), flat(again), strict=True):
        assert is_same(mine, repeated)
    assert any(
        not (len(a) == len(b) and all(map(is_same, a, b)))
        for a, b in zip(first[4:8], truth[4:8], strict=True)
    )


def test_link_off_lets_nothing_arrive(hear) -> None:
    assert seqs(hear("link=off@1-2"))[3:9] == [[7, 8], [], [], [], [], [17, 18]]


def test_link_stuck_repeats_the_last_answer_under_its_old_number(hear) -> None:
    assert seqs(hear("link=stuck@1-2"))[3:9] == [[7, 8]] * 5 + [[17, 18]]


def test_link_stuck_from_the_start_repeats_the_first_answer(hear) -> None:
    assert seqs(hear("link=stuck")) == [[1, 2]] * 12


def test_link_delayed_brings_answers_later_and_says_how_long_they_took(hear) -> None:
    heard = hear("link=delayed:0.5@1-2")
    assert seqs(heard)[3:11] == [
        [7, 8],
        [],
        [],
        [9, 10],
        [11, 12],
        [13, 14, 17, 18],
        [15, 16, 19, 20],
        [21, 22],
    ]
    assert {(r.seq, r.latency_s) for r in flat(heard) if 9 <= r.seq <= 18} == {
        *((seq, 0.5) for seq in range(9, 17)),
        *((seq, 0.0) for seq in (17, 18)),
    }


def test_link_delayed_is_waited_for_on_the_clock_and_no_longer_than_allowed(policy, observe) -> None:
    clock = SimulatedClock()
    link = FaultyLink(LocalLink(policy), parse_faults("link=delayed:0.5"), clock)
    link.reset(0)
    link.request_act(observe(), "go")
    assert link.poll(0.2) == []
    assert clock.now_s() == pytest.approx(0.2)
    assert len(link.poll(10.0)) == 1
    assert clock.now_s() == pytest.approx(0.5)


def test_link_garbage_is_random_bytes_and_an_unreadable_plan(hear) -> None:
    chunks = [r.value for r in flat(hear("link=garbage")) if isinstance(r.value, ActionChunk)]
    plans = [r.value for r in flat(hear("link=garbage")) if r.verb == "plan"]
    assert all(chunk.actions.shape == (16, 2) and chunk.actions.dtype == np.float32 for chunk in chunks)
    assert len({chunk.actions.tobytes() for chunk in chunks}) == 12
    assert all(isinstance(p, BridgeError) and p.code == "bad_request" for p in plans)


def test_link_intermittent_loses_its_share_of_answers(hear) -> None:
    lost = [24 - len(flat(hear("link=intermittent:0.25", seed))) for seed in range(20)]
    assert sum(lost) == pytest.approx(120, abs=30)


def test_the_reset_is_never_disturbed_and_starts_the_window(policy, observe) -> None:
    clock = SimulatedClock()
    link = FaultyLink(LocalLink(policy), parse_faults("link=off@0-1"), clock)
    clock.advance(5.0)
    link.reset(0)
    clock.advance(0.9)
    link.request_act(observe(), "go")
    assert link.poll() == []
    clock.advance(0.1)
    link.request_act(observe(), "go")
    assert len(link.poll()) == 1
    assert link.injected == {"link=off@0-1": 1}
    assert (link.spec, link.plans) == (policy.spec, False)


def test_a_reset_forgets_the_answers_of_the_run_before(policy, observe) -> None:
    clock = SimulatedClock()
    link = FaultyLink(LocalLink(policy), parse_faults("link=delayed:0.5, link=stuck@1"), clock)
    for _ in range(2):
        link.reset(0)
        clock.advance(1.0)
        link.request_act(observe(), "go")
        assert link.poll() == []
    clock.advance(0.5)
    (reply,) = link.poll()
    assert reply.seq == 2


@pytest.mark.parametrize(
    ("faults", "detail"),
    [
        ("policy=off", r"policy_failed: ModelFault"),
        ("planner=off", r"planner_failed: ModelFault"),
        ("link=off", r"no answer to 'plan' within"),
    ],
)
def test_a_fault_reaches_the_robot_over_a_real_bridge_by_name(spec, policy, faults: str, detail: str) -> None:
    """Each side takes its own faults out of the same text; the server's clock is its own."""
    injected, clock, stop = parse_faults(faults), SimulatedClock(), threading.Event()
    wall = MonotonicClock()
    policy = FaultyPolicy(policy, injected, wall)
    with PolicyServer(policy, FaultyPlanner(Steps(), injected, wall), model_id="tiny") as server:
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        try:
            with BridgeClient(server.endpoint, spec) as client:
                client.hello()
                link = FaultyLink(client, injected, clock)
                loop = ControlLoop(
                    MockDriver(spec, clock), link, clock, LoopSettings("lockstep", timeout_s=3600)
                )
                result = loop.run("greek")
        finally:
            stop.set()
            thread.join()
    assert result.reason == "model_lost"
    assert detail in result.detail
