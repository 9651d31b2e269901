"""M4: a model side that falls silent stops the arm in the promised time, wherever in a chunk it happens.

On a simulated clock, so exact; measured on what the driver was told, and nothing else. A write commands where
the arm shall be a period later.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from arm import CHUNK_S, DT_S, ROWS, SPEC, Logbook, Wave, check_motion, moving_s, stands_by_s

from vla.bridge.errors import BridgeError
from vla.bridge.link import Reply
from vla.contract import ActionChunk, Observation, Plan, Prefix
from vla.runtime.asker import AskSettings
from vla.runtime.chunks import EXECUTIONS
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

SILENCES = ("no answer", "connection lost", "not a number", "too late")
SILENCE_S = 3.0
TOO_LATE_S = 1.2
PROOF_S = 1.0
ACT_TIMEOUT_S = 1.0
ROUNDING_S = 1e-6


def tick_from_s(at_s: float) -> float:
    """The first tick that does not come before ``at_s``."""
    return math.ceil(at_s / DT_S - ROUNDING_S) * DT_S if math.isfinite(at_s) else at_s


class SilentLink:
    """Answers after ``delay_s``, until it has a silence."""

    spec, plans, dropped_replies = SPEC, False, 0

    def __init__(self, clock: SimulatedClock, delay_s: float) -> None:
        self.clock, self.delay_s, self.policy = clock, delay_s, Wave()
        self.silence: str | None = None
        self.delivered: list[tuple[float, ActionChunk]] = []
        self.poisoned_s = math.inf
        self._numbers = itertools.count(1)
        self._due: list[tuple[float, Reply]] = []

    def strike(self, silence: str) -> None:
        """Fall silent in a certain way; what is under way is no exception."""
        self.silence, self.poisoned_s = silence, math.inf
        if silence == "too late":
            self._due = [(due_s + TOO_LATE_S, reply) for due_s, reply in self._due]
        elif silence != "not a number":
            gone = BridgeError("connection_lost", "the connection broke")
            self._due = [(0.0, replace(r, value=gone)) for _, r in self._due if silence == "connection lost"]

    def reset(self, seed: int) -> None:
        self._due.clear()

    def request_act(
        self, observation: Observation, instruction: str, prefix: Prefix | None = None, within_s: float = 0.0
    ) -> int:
        seq, chunk = next(self._numbers), self.policy.act(observation, instruction, prefix)
        late_s = TOO_LATE_S if self.silence == "too late" else 0.0
        if self.silence not in ("no answer", "connection lost"):
            due_s = self.clock.now_s() + self.delay_s + late_s
            self._due.append((due_s, Reply("act", seq, chunk, self.delay_s + late_s)))
        return seq

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        raise AssertionError("there is no planner to ask")

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        now_s = self.clock.now_s()
        ready = [reply for due_s, reply in self._due if due_s <= now_s + ROUNDING_S]
        self._due = [(due_s, reply) for due_s, reply in self._due if due_s > now_s + ROUNDING_S]
        return [self._handed_on(reply, now_s) for reply in ready]

    def _handed_on(self, reply: Reply, now_s: float) -> Reply:
        if isinstance(reply.value, BridgeError):
            return reply
        assert isinstance(reply.value, ActionChunk)
        if self.silence == "not a number":
            self.poisoned_s = min(self.poisoned_s, now_s)
            rows = reply.value.actions.copy()
            rows[-1, 0] = np.nan
            return replace(reply, value=replace(reply.value, actions=rows))
        if self.silence is None and reply.latency_s < ACT_TIMEOUT_S:
            self.delivered.append((now_s, reply.value))
        return reply


@dataclass(frozen=True)
class Silence:
    """One silence as it was: when it struck, when the last chunk before it ended, and when it was over."""

    phase: int
    struck_s: float
    ends_s: float
    over_s: float


class Street:
    """A loop whose link falls silent again and again, one row of the chunk later each time."""

    def __init__(self, execution: str, silence: str, replan_s: float, delay_s: float) -> None:
        self.execution, self.silence, self.replan_s = execution, silence, replan_s
        self.clock = SimulatedClock(1000.0)
        self.driver, self.link = Logbook(SPEC, self.clock), SilentLink(self.clock, delay_s)
        ask = AskSettings(execution, replan_s, ACT_TIMEOUT_S, lost_s=math.inf)
        settings = LoopSettings(timeout_s=math.inf, ask=ask, engage=EngageSettings(proof_s=PROOF_S))
        self.silences: list[Silence] = []
        self._story, self._stop = self._tell(), threading.Event()
        self.loop = ControlLoop(self.driver, self.link, self.clock, settings, [self._on_tick])

    def run(self) -> None:
        """Until all phases have been seen."""
        assert self.loop.run("go", stop=self._stop).reason == "stopped"

    def _on_tick(self, report: TickReport) -> None:
        if next(self._story, "the end"):
            self._stop.set()

    def _tell(self) -> Iterator[None]:
        """What happens, from tick to tick."""
        for phase in range(ROWS):
            while self.loop.supervisor.state != "running":
                yield
            yield from itertools.repeat(None, ROWS)
            chunks = len(self.link.delivered)
            while len(self.link.delivered) == chunks:
                yield
            yield from itertools.repeat(None, phase)
            struck_s, ends_s = self.clock.now_s(), self._ends_s()
            self.link.strike(self.silence)
            yield from itertools.repeat(None, round(SILENCE_S / DT_S))
            ends_s = min(ends_s, tick_from_s(self.link.poisoned_s))
            self.link.silence = None
            self.silences.append(Silence(phase, struck_s, ends_s, self.clock.now_s()))
        yield from itertools.repeat(None, 4 * ROWS)

    def _ends_s(self) -> float:
        """When the last chunk ends: a synchronous one ``replan_s`` after the tick that took it."""
        delivered_s, chunk = self.link.delivered[-1]
        if self.execution == "synchronous":
            return tick_from_s(delivered_s) + self.replan_s
        return chunk.start_s + CHUNK_S


# Asked for ahead of time, as by default; and when all of it is spent, so that it reaches its last row.
WAYS = {"ahead": (0.4, 0.12), "spent": (CHUNK_S, 0.0)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("execution", EXECUTIONS)
def test_the_arm_stands_in_the_promised_time_and_comes_back_with_proof(
    execution: str, silence: str, way: str
) -> None:
    street = Street(execution, silence, *WAYS[way])
    street.run()
    check_motion(street.driver.written)
    moved_s = moving_s(street.driver.written)
    assert len(street.silences) == ROWS
    for one in street.silences:
        stood_s = moved_s[moved_s < one.over_s].max() + DT_S  # when the last moving command was reached
        assert stood_s <= stands_by_s(one.struck_s, one.ends_s) + ROUNDING_S, one
        assert stood_s >= one.ends_s - ROUNDING_S, one  # no row was left out
        first_s = moved_s[moved_s > one.over_s].min()
        assert first_s >= one.over_s + PROOF_S - ROUNDING_S, one
        assert first_s <= one.over_s + ACT_TIMEOUT_S + PROOF_S + CHUNK_S, one
