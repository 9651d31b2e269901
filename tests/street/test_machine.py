"""D1, M1, M2 and M7 over the whole loop: a machine that does anything, in any order, at any time.

The loop runs in a thread of its own, on a clock that only the machine moves: so the two never run at the same
time, and a failing example replays. Every chunk that is ever delivered bears marks by which its rows are
recognised where they come out.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from unittest import mock

import numpy as np
import pytest
from arm import BRAKING_S, DT_S, ROWS, SPEC, Logbook, check_motion
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from vla.bridge.errors import BridgeError
from vla.bridge.link import Reply
from vla.contract import ActionChunk, Axis, Observation, Plan, Prefix
from vla.runtime.asker import AskSettings
from vla.runtime.chunks import EXECUTIONS
from vla.runtime.clock import SimulatedClock
from vla.runtime.limits import ActionLimiter
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

MARK = Axis("mark", "1", 0.0, 2.0**22)
MARKED = replace(SPEC, action=(*SPEC.action, MARK), state=(*SPEC.state, MARK))
PROOF_S = 0.3
ASK = AskSettings(act_timeout_s=0.5, lost_s=math.inf, plan_period_s=0.2)
ENGAGE = EngageSettings(proof_s=PROOF_S, gap_s=1.0, starved_s=0.5)

SPOILS: dict[str, Callable[[ActionChunk], ActionChunk]] = {
    "not a number": lambda chunk: _with_cell(chunk, np.nan),
    "infinite": lambda chunk: _with_cell(chunk, np.inf),
    "absurd": lambda chunk: _with_cell(chunk, 1e9),
    "too wide": lambda chunk: replace(chunk, actions=np.pad(chunk.actions, ((0, 0), (0, 1)))),
    "too narrow": lambda chunk: replace(chunk, actions=chunk.actions[:, :-1].copy()),
    "float64": lambda chunk: replace(chunk, actions=chunk.actions.astype(np.float64)),  # pyright: ignore
    "no rows": lambda chunk: replace(chunk, actions=chunk.actions[:0].copy()),
    "of another clock": lambda chunk: replace(chunk, start_s=chunk.start_s + 3600.0),
    "of no time": lambda chunk: replace(chunk, dt_s=math.nan),
}


def _with_cell(chunk: ActionChunk, value: float) -> ActionChunk:
    rows = chunk.actions.copy()
    rows[len(rows) // 2, 0] = value
    return replace(chunk, actions=rows)


class HandedClock(SimulatedClock):
    """The loop's clock: it stands still unless the machine lets time pass; sleepers wake up late.

    Attributes:
        late_s: By how much each sleeper oversleeps is drawn up to this.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(100.0)
        self.late_s = 0.0
        self._dice = np.random.default_rng(seed)
        self._until_s = 100.0
        self._changed = threading.Condition()
        self._asleep = False

    def sleep_until(self, deadline_s: float) -> None:
        wakes_s = deadline_s + self.late_s * self._dice.random()
        with self._changed:
            while wakes_s > self._until_s:
                self._asleep = True
                self._changed.notify_all()
                self._changed.wait()
            super().sleep_until(wakes_s)

    def let_pass(self, seconds: float, thread: threading.Thread) -> None:
        """Let ``thread`` run for so long, until it sleeps again or has ended."""
        with self._changed:
            self._until_s = max(self._until_s, self.now_s()) + seconds
            self._asleep = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._asleep or not thread.is_alive(), 0.0)
        while not self._asleep and thread.is_alive():
            with self._changed:
                self._changed.wait_for(lambda: self._asleep, 0.001)


class MarkedLink:
    """Answers promptly or not at all; the machine adds what it likes.

    Attributes:
        words: The instruction that the next plan will hold.
        prompt: Whether questions are answered without the machine's doing.
        usable: The words that each chunk answers, by its number; those alone may be carried out.
    """

    spec, plans, dropped_replies = MARKED, True, 0

    def __init__(self, clock: SimulatedClock, seed: int) -> None:
        self.clock, self.words, self.prompt, self.delay_s = clock, "word 0", True, 0.0
        self.asked: list[tuple[int, str, Observation]] = []
        self.usable: dict[int, str] = {}
        self._dice = np.random.default_rng(seed)
        self._due: list[tuple[float, Reply]] = []
        self._chunks = self._numbers = 0

    def reset(self, seed: int) -> None:
        self._due.clear()

    def request_act(
        self, observation: Observation, instruction: str, prefix: Prefix | None = None, within_s: float = 0.0
    ) -> int:
        self._numbers += 1
        self.asked.append((self._numbers, instruction, observation))
        if self.prompt:
            self.say(self._numbers, self.chunk(), self.delay_s)
        return self._numbers

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        self._numbers += 1
        plan = Plan(goal, (self.words,), 0, ("active",))
        self._due.append((self.clock.now_s(), Reply("plan", self._numbers, plan, 0.0)))
        return self._numbers

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        now_s = self.clock.now_s()
        ready = [reply for due_s, reply in self._due if due_s <= now_s]
        self._due = [(due_s, reply) for due_s, reply in self._due if due_s > now_s]
        return ready

    def chunk(self, usable: bool = True) -> ActionChunk:
        """A new chunk that answers the latest question: a walk beyond all limits, and a mark per row."""
        _, words, observation = self.asked[-1]
        self._chunks += 1
        if usable:
            self.usable[self._chunks] = words
        shares = self._dice.uniform(-0.1, 1.1, 2) + np.cumsum(self._dice.normal(0, 0.1, (ROWS, 2)), 0)
        low, high = SPEC.action_low, SPEC.action_high
        marks = self._chunks * ROWS + np.arange(ROWS)
        rows = np.column_stack([low + shares * (high - low), marks]).astype(np.float32)
        return ActionChunk(rows, DT_S, observation.stamp_s)

    def say(self, seq: int, value: ActionChunk | BridgeError, delay_s: float = 0.0) -> None:
        self._due.append((self.clock.now_s() + delay_s, Reply("act", seq, value, delay_s)))


class Restless(Logbook):
    """Its stamps lag behind by a different time at each reading, and may even go back."""

    lag_s = 0.0
    dice = np.random.default_rng(0)

    def read(self) -> Observation:
        seen = super().read()
        return replace(seen, stamp_s=seen.stamp_s - self.lag_s * self.dice.random())


@dataclass(frozen=True)
class Carried:
    """A row that reached the limiter."""

    at_s: float
    row: np.ndarray

    @property
    def mark(self) -> int:
        return int(self.row[-1])


class Street(RuleBasedStateMachine):
    """A control loop, a link, and everything that may happen to them."""

    ticks = rows = 0

    @initialize(execution=st.sampled_from(EXECUTIONS), seed=st.integers(0, 2**32 - 1))
    def begin(self, execution: str, seed: int) -> None:
        self.execution = execution
        self.clock, self.reports = HandedClock(seed), list[TickReport]()
        self.driver, self.link = Restless(MARKED, self.clock), MarkedLink(self.clock, seed)
        self.driver.dice = np.random.default_rng(seed)
        self.carried: list[Carried] = []
        settings = LoopSettings(
            timeout_s=math.inf, ask=replace(ASK, execution=execution), engage=ENGAGE, max_late_s=math.inf
        )
        self.loop = ControlLoop(self.driver, self.link, self.clock, settings, [self.reports.append])
        self.latched_s: float | None = None
        self.failure: BaseException | None = None
        self.judged = self.read = self.heard = 0
        self.start()
        self.live(1.0, 0.0, 0.0, 0.0)

    @rule()
    def start(self) -> None:
        """A person starts a run, unless there is one or a stop is latched."""
        if self.running or self.loop.supervisor.latched:
            return
        self.engaged_s, self.stop = self.clock.now_s(), threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self.clock.let_pass(0.0, self.thread)

    @property
    def running(self) -> bool:
        return hasattr(self, "thread") and self.thread.is_alive()

    def _run(self) -> None:
        street = self

        class Gate(ActionLimiter):
            def apply(self, action, elapsed_s=None):
                street.carried.append(Carried(street.clock.now_s(), action.copy()))
                return super().apply(action, elapsed_s)

        try:
            with mock.patch("vla.runtime.loop.ActionLimiter", Gate):
                self.loop.run("go", stop=self.stop)
        except BaseException as error:  # the machine's own thread raises it
            self.failure = error

    @rule(
        seconds=st.sampled_from([0.05, 0.3, 1.0, 2.0]),
        delay_s=st.sampled_from([0.0, 0.0, 0.12, 0.3, 0.6]),
        late_s=st.sampled_from([0.0, 0.0, 0.5 * DT_S, 1.5 * DT_S, 5 * DT_S]),
        lag_s=st.sampled_from([0.0, 0.0, 0.06]),
    )
    def live(self, seconds: float, delay_s: float, late_s: float, lag_s: float) -> None:
        """The model side answers, well or badly in time, and so do clock and sensors."""
        self.link.prompt, self.link.delay_s = True, delay_s
        self.clock.late_s, self.driver.lag_s = late_s, lag_s
        self._pass(seconds)

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.5]))
    def silence(self, seconds: float) -> None:
        self.link.prompt = False
        self._pass(seconds)

    @rule(
        spoil=st.sampled_from([None, None, *SPOILS]),
        copies=st.integers(1, 3),
        seq_off=st.sampled_from([0, 0, 0, -1, -2, 5]),
        delay_s=st.sampled_from([0.0, 0.02, 0.4]),
        seconds=st.sampled_from([0.05, 0.1, 0.5]),
    )
    def answer(self, spoil: str | None, copies: int, seq_off: int, delay_s: float, seconds: float) -> None:
        """The newest question is answered by hand: again, wrongly, or in another one's name."""
        if not self.link.asked:
            return
        self.link.prompt = False
        seq = self.link.asked[-1][0] + seq_off
        for _ in range(copies):
            chunk = self.link.chunk(usable=spoil is None and seq_off == 0)
            self.link.say(seq, SPOILS[spoil](chunk) if spoil else chunk, delay_s)
        self._pass(seconds)

    @rule(code=st.sampled_from(["connection_lost", "policy_failed", "too_late"]))
    def failure_is_told(self, code: str) -> None:
        if self.link.asked:
            self.link.say(self.link.asked[-1][0], BridgeError(code, "so it is"))
            self._pass(DT_S)

    @rule(number=st.integers(0, 3))
    def new_words(self, number: int) -> None:
        self.link.words = f"word {number}"

    @rule(which=st.sampled_from(["protective_stop", "emergency_stop"]))
    def stop_it(self, which: str) -> None:
        getattr(self.loop.supervisor, which)("somebody saw something")
        self._latch()

    def _latch(self) -> None:
        self.latched_s = self.clock.now_s() if self.latched_s is None else self.latched_s
        self._pass(DT_S)

    @rule()
    def unlatch(self) -> None:
        """A person ends the stop, which moves nothing by itself."""
        supervisor = self.loop.supervisor
        if supervisor.latched:
            supervisor.resume() if supervisor.state == "protective_stop" else supervisor.reset()
            self.latched_s, self.engaged_s = None, self.clock.now_s()

    @rule()
    def finish(self) -> None:
        self.stop.set()
        self._pass(DT_S)

    @rule(delay_s=st.sampled_from([0.0, 0.12, 0.3]))
    def all_is_well_again(self, delay_s: float) -> None:
        """A person has put everything right, and the arm moves."""
        self.finish()
        self.live(1.0, delay_s, 0.0, 0.0)
        assert not self.running
        self.unlatch()
        self.start()
        carried = len(self.carried)
        self.live(3.0, delay_s, 0.0, 0.0)
        assert len(self.carried) > carried + ROWS

    def _pass(self, seconds: float) -> None:
        if self.running:
            self.clock.let_pass(seconds, self.thread)

    @invariant()
    def the_promises_hold(self) -> None:
        if not hasattr(self, "thread"):
            return
        if self.failure is not None:
            raise self.failure
        Judge(self).judge()
        self.judged, self.read = len(self.carried), len(self.driver.written)
        self.heard = len(self.reports)

    def teardown(self) -> None:
        if self.running:
            self.stop.set()
            self.clock.let_pass(60.0, self.thread)
            self.thread.join(10.0)
            assert not self.thread.is_alive()
            self.the_promises_hold()
        if hasattr(self, "reports"):
            type(self).ticks += len(self.reports)
            type(self).rows += len(self.carried)


class Judge:
    """Knows what was delivered and what came out, and nothing of what happened in between."""

    def __init__(self, street: Street) -> None:
        self.street = street

    def judge(self) -> None:
        street = self.street
        written = street.driver.written[max(0, street.read - 3) :]  # the acceleration looks back by three
        assert all(np.isfinite(command).all() for _, command in written), "M2"
        check_motion(written, MARKED)
        new = street.carried[street.judged :]
        assert all(np.isfinite(one.row).all() for one in new), "M2"
        if street.execution != "ensemble":  # which averages rows, and their marks
            self._rows(new)
        if street.latched_s is not None:
            self._latched(street.latched_s)
        for one in new:
            assert one.at_s >= street.engaged_s + PROOF_S - 1e-6 or one.at_s < street.engaged_s, "no proof"

    def _rows(self, new: list[Carried]) -> None:
        street = self.street
        for one in new:
            assert one.mark // ROWS in street.link.usable, f"M2, D2: row of chunk {one.mark // ROWS}"
        marks = [one.mark for one in street.carried[max(0, street.judged - 1) :]]
        assert all(a < b for a, b in pairwise(marks)), f"D1: {marks[-5:]}"
        words = {report.now_s: report.instruction for report in street.reports[street.heard :]}
        for one in new:
            assert street.link.usable[one.mark // ROWS] == words[one.at_s], "a row for other words"

    def _latched(self, since_s: float) -> None:
        """M7: what moves is braking, and it ends; counted in time as the limits count it."""
        assert not [one for one in self.street.carried if one.at_s > since_s], "M7: a row after the stop"
        written = self.street.driver.written
        braked_s = sum(
            min(after_s - before_s, DT_S)
            for (before_s, before), (after_s, after) in pairwise(written)
            if after_s > since_s and not np.array_equal(before, after)
        )
        assert braked_s <= BRAKING_S + 1e-6, f"M7: the arm moved for {braked_s:.3f} s after the stop"


def play(examples: int, **how: Any) -> None:
    Street.ticks = Street.rows = 0
    steps = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
        **how,
    )
    run_state_machine_as_test(Street, settings=steps)
    assert Street.rows > 80 * examples


def test_whatever_happens_on_the_street_the_promises_hold() -> None:
    play(60, derandomize=True, database=None)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nor_does_anything_else_that_may_happen_break_them() -> None:
    play(1500)
