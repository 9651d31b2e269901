"""D1, M1, M2 and M7 over the whole loop: a machine that does anything, in any order, at any time.

The loop runs in a thread of its own, on a clock that only the machine moves: so the two never run at the same
time, and a failing example replays. Every chunk that is ever delivered bears marks by which its rows are
recognised where they come out.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from unittest import mock

import numpy as np
import pytest
from arm import BRAKING_S, DT_S, ROWS, check_motion
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from stage import MARKED, SPOILS, HandedClock, MarkedLink, Restless

from vla.bridge.errors import BridgeError
from vla.runtime.asker import AskSettings
from vla.runtime.chunks import EXECUTIONS
from vla.runtime.limits import ActionLimiter
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

PROOF_S = 0.3
ASK = AskSettings(act_timeout_s=0.5, lost_s=math.inf, plan_period_s=0.2)
ENGAGE = EngageSettings(proof_s=PROOF_S, gap_s=1.0, starved_s=0.5)


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

    rows = 0

    @initialize(execution=st.sampled_from(EXECUTIONS), seed=st.integers(0, 2**32 - 1))
    def begin(self, execution: str, seed: int) -> None:
        self.execution = execution
        self.clock, self.reports = HandedClock(seed), list[TickReport]()
        self.driver, self.link = Restless(MARKED, self.clock), MarkedLink(self.clock, seed)
        self.driver.dice = np.random.default_rng(seed)
        self.carried: list[Carried] = []
        ask = replace(ASK, execution=execution)
        how = LoopSettings(timeout_s=math.inf, ask=ask, engage=ENGAGE, max_late_s=math.inf)
        self.loop = ControlLoop(self.driver, self.link, self.clock, how, [self.reports.append])
        self.latched_s: float | None = None
        self.failure: BaseException | None = None
        self.judged = self.read = self.heard = 0
        self.start()
        self.live(1.0, 0.0, 0.0, 0.0)

    @rule()
    def start(self) -> None:
        """A person starts a run, unless there is one or a stop is latched."""
        if not self.clock.working and not self.loop.supervisor.latched:
            self.engaged_s, self.stop = self.clock.now_s(), threading.Event()
            self.clock.start(self._run)

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
        self.clock.let_pass(seconds)

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.5]))
    def silence(self, seconds: float) -> None:
        self.link.prompt = False
        self.clock.let_pass(seconds)

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
        self.clock.let_pass(seconds)

    @rule(code=st.sampled_from(["connection_lost", "policy_failed", "too_late"]))
    def failure_is_told(self, code: str) -> None:
        if self.link.asked:
            self.link.say(self.link.asked[-1][0], BridgeError(code, "so it is"))
            self.clock.let_pass(DT_S)

    @rule(number=st.integers(0, 3))
    def new_words(self, number: int) -> None:
        self.link.words = f"word {number}"

    @rule(which=st.sampled_from(["protective_stop", "emergency_stop"]))
    def stop_it(self, which: str) -> None:
        getattr(self.loop.supervisor, which)("somebody saw something")
        self._latch()

    def _latch(self) -> None:
        self.latched_s = self.clock.now_s() if self.latched_s is None else self.latched_s
        self.clock.let_pass(DT_S)

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
        self.clock.let_pass(DT_S)

    @rule(delay_s=st.sampled_from([0.0, 0.12, 0.3]))
    def all_is_well_again(self, delay_s: float) -> None:
        """A person has put everything right, and the arm moves."""
        self.finish()
        self.live(1.0, delay_s, 0.0, 0.0)
        assert not self.clock.working
        self.unlatch()
        self.start()
        carried = len(self.carried)
        self.live(3.0, delay_s, 0.0, 0.0)
        assert len(self.carried) > carried + ROWS

    @invariant()
    def the_promises_hold(self) -> None:
        if not hasattr(self, "clock"):
            return
        if self.failure is not None:
            raise self.failure
        Judge(self).judge()
        self.judged, self.read = len(self.carried), len(self.driver.written)
        self.heard = len(self.reports)

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            self.finish()
            self.clock.let_pass(60.0)
            assert not self.clock.working
            self.the_promises_hold()
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
        """M7: what moves is braking, and it ends; counted in time as the limits count it.

        A change of rate takes from the middle of one command's time to the middle of the next: half a period
        more, where the command before the stop was a short one.
        """
        assert not [one for one in self.street.carried if one.at_s > since_s], "M7: a row after the stop"
        written = self.street.driver.written
        braked_s = sum(
            min(after_s - before_s, DT_S)
            for (before_s, before), (after_s, after) in pairwise(written)
            if after_s > since_s and not np.array_equal(before, after)
        )
        assert braked_s <= BRAKING_S + DT_S / 2 + 1e-6, (
            f"M7: the arm moved for {braked_s:.3f} s after the stop"
        )


def play(examples: int, **how: Any) -> None:
    Street.rows = 0
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
