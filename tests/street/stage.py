"""What the machine of the whole street plays with: a clock, a link and a driver that do as they are told."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from arm import DT_S, ROWS, SPEC, Logbook

from vla.bridge.errors import BridgeError
from vla.bridge.link import Reply
from vla.contract import ActionChunk, Axis, Observation, Plan, Prefix
from vla.runtime.clock import SimulatedClock

MARK = Axis("mark", "1", 0.0, 2.0**22)
MARKED = replace(SPEC, action=(*SPEC.action, MARK), state=(*SPEC.state, MARK))

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
    """The clock of work in a thread: it stands still unless time is let pass; sleepers wake up late.

    Attributes:
        late_s: By how much each sleeper oversleeps is drawn up to this.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(100.0)
        self.late_s = 0.0
        self._dice = np.random.default_rng(seed)
        self._until_s = 100.0
        self._changed = threading.Condition()
        self._rests = True
        self.working = False

    def start(self, work: Callable[[], None]) -> None:
        """Begin ``work`` in a thread, and return when it first sleeps."""
        self.working, self._rests = True, False
        threading.Thread(target=self._work, args=(work,), daemon=True).start()
        self.let_pass(0.0)

    def sleep_until(self, deadline_s: float) -> None:
        wakes_s = deadline_s + self.late_s * self._dice.random()
        with self._changed:
            while wakes_s > self._until_s:
                self._rest()
                self._changed.wait()
            super().sleep_until(wakes_s)

    def let_pass(self, seconds: float) -> None:
        """Let the work go on for so long, until it sleeps again or has ended; the caller waits."""
        with self._changed:
            self._until_s = max(self._until_s, self.now_s()) + seconds
            if self.working:
                self._rests = False
                self._changed.notify_all()
                assert self._changed.wait_for(lambda: self._rests, 60.0), "it neither sleeps nor ends"

    def _work(self, work: Callable[[], None]) -> None:
        work()
        with self._changed:
            self.working = False
            self._rest()

    def _rest(self) -> None:
        self._rests = True
        self._changed.notify_all()


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
