"""What happened on the way to a goal, by the simulator's truth, and why it ended as it did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sim.goals.judge import judge
from sim.goals.model import ImpossibleError
from sim.goals.world import GoalWorld
from sim.objects import POOL
from sim.truth import Query, Truth
from vla.contract import Plan
from vla.planner.patience import HOME, LOOK_AGAIN
from vla.planner.symbols import Symbols
from vla.runtime.report import SAID

CAUSES: Final = (
    "wrong plan", "step failed", "stopped too early", "timed out", "moved something", "protective stop",
)  # fmt: skip
"""Why an episode failed.

``wrong plan``: the planner refused or answered, or the judge found its last plan wrong. ``step failed``: a
right step was not done in all its tries. ``stopped too early``: the planner took the goal for reached.
``timed out``: the whole took too long. ``moved something``: where nothing was to be moved. ``protective
stop``: the supervisor's.
"""
STILL_M: Final = 0.02
"""An object further than this from where it began has been moved."""
_ENDED: Final = ("plan_done", *SAID)
"""The loop's reasons when it was the planner that ended the run."""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at one instruction.

    Attributes:
        words: The instruction.
        family: Its task family, "" where its words mean nothing on the table.
        began_s: When it became current, in seconds since the episode began.
        ended_s: When something else did.
        done_s: When it first was done by the simulator's truth; None where it never was.
        planned: The judge found the plan right that began with it, in the state in which it began.
    """

    words: str
    family: str
    began_s: float
    ended_s: float
    done_s: float | None
    planned: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How an episode ended.

    Attributes:
        reason: The loop's, see :class:`vla.runtime.report.RunResult`.
        plan: The last plan; None when there never was one.
        gave_up: The step that was tried in vain, or None.
    """

    reason: str
    plan: Plan | None
    gave_up: str | None = None


class Ledger:
    """Keeps book while an episode is played.

    Attributes:
        tries: Every attempt that is over.
        replans: How often what remained of the plan was not what was left of it before.
    """

    def __init__(self, world: GoalWorld) -> None:
        """Open the book in a world that has been laid."""
        self._world, self._truth = world, world.truth()
        self._so_since_s: dict[int, float] = {}
        self._open: Try | None = None
        self._query: Query | None = None
        self._remaining: tuple[str, ...] | None = None
        self.tries: list[Try] = []
        self.replans = 0

    def look(
        self, now_s: float, plan: Plan | None, instruction: str | None, state: Symbols, truth: Truth
    ) -> None:
        """Note what is so now.

        Args:
            now_s: Seconds since the episode began.
            plan: The present plan.
            instruction: What the arm acts on; None while it waits.
            state: What is so, in words.
            truth: The same in numbers.
        """
        for i, atom in enumerate(self._world.goal.desire):
            if atom.holds(state):
                self._so_since_s.setdefault(i, now_s)
        undone = self._open is not None and self._open.done_s is None
        if self._open is not None and undone and self._query is not None and self._world.judge(self._query):
            self._open = replace(self._open, done_s=round(now_s, 2))
        if plan is not None:
            self._follow(plan)
        if instruction is not None and (self._open is None or instruction != self._open.words):
            self.close(now_s)
            if instruction != HOME and plan is not None:
                self._begin(now_s, plan, instruction, state)

    def close(self, now_s: float) -> None:
        """The present attempt is over."""
        if self._open is not None:
            self.tries.append(replace(self._open, ended_s=round(now_s, 2)))
        self._open = self._query = None

    def verdict(self, ending: Ending) -> tuple[bool, str, str]:
        """Success, one of :data:`CAUSES` ("" for a success), and a line about it."""
        goal, state = self._world.goal, self._world.symbols()
        said = "" if ending.plan is None else ending.plan.note
        if goal.saying is not None:
            return self._verdict_of_saying(ending, state)
        missed = [atom for atom in goal.desire if not atom.holds(state)]
        if not missed and not self._in_order():
            return False, "wrong plan", "things were not done in the order in which they were asked for"
        if not missed:
            return True, "", ""
        last = self.tries[-1] if self.tries else None
        right = last is None or last.planned
        if ending.reason not in (*_ENDED, "timeout"):
            return False, "protective stop", ending.reason
        if ending.reason == "timeout" or ending.plan is None:
            return False, "timed out" if right else "wrong plan", f"during {last.words!r}" if last else ""
        if ending.gave_up is not None:
            return False, "step failed" if right else "wrong plan", ending.gave_up
        if ending.plan.kind != "steps":
            return False, "wrong plan", f"{ending.plan.kind}: {said}"
        return False, "stopped too early" if right else "wrong plan", f"not so: {missed[0]}"

    def _verdict_of_saying(self, ending: Ending, state: Symbols) -> tuple[bool, str, str]:
        if ending.plan is None or ending.reason not in _ENDED:
            words = self.tries[-1].words if self.tries else "nothing"
            return False, "wrong plan", f"did {words!r}"
        verdict = judge(self._world.goal, state, ending.plan)
        if not verdict.valid:
            return False, "wrong plan", verdict.why
        moved = self._moved()
        return not moved, "moved something" if moved else "", moved

    def _moved(self) -> str:
        """What was moved since the episode began, in words; "" where nothing was."""
        before, now = self._truth, self._world.truth()
        offset_m = np.linalg.norm(now.position_m[: len(POOL)] - before.position_m[: len(POOL)], axis=1)
        names = self._world.goal.names
        found = [names.get(int(row), "something") for row in np.flatnonzero(offset_m > STILL_M)]
        if abs(now.drawer_open_m - before.drawer_open_m) > STILL_M:
            found.append("drawer")
        if now.button_pressed and not before.button_pressed:
            found.append("button")
        return ", ".join(found)

    def _in_order(self) -> bool:
        if not self._world.goal.ordered:
            return True
        times = [self._so_since_s.get(i, np.inf) for i in range(len(self._world.goal.desire))]
        return times == sorted(times)

    def _follow(self, plan: Plan) -> None:
        """Count the plan where it is another one than what was left of the last."""
        remaining = tuple(step for step in plan.steps[plan.index :] if step not in (HOME, LOOK_AGAIN))
        if self._remaining is not None and plan.kind == "steps":
            expected = (self._remaining[i:] for i in range(len(self._remaining) + 1))
            self.replans += remaining not in expected
        self._remaining = remaining

    def _begin(self, now_s: float, plan: Plan, words: str, state: Symbols) -> None:
        try:
            self._query = self._world.query(words)
        except ImpossibleError:
            self._query = None
        family = "" if self._query is None else self._query.family
        planned = judge(self._world.goal, state, plan).valid
        self._open = Try(words, family, round(now_s, 2), round(now_s, 2), None, planned)
