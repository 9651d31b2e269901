"""What a control loop tells: one report per tick, one result at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from vla.contract import Observation, Plan
from vla.runtime.diary import PlanEntry
from vla.runtime.health import LoopHealth
from vla.runtime.supervisor import State

Reason = Literal[
    "plan_done", "refused", "answered", "timeout", "stopped", "model_lost",
    "protective_stop", "emergency_stop",
]  # fmt: skip
SAID: Final = ("refused", "answered")
"""Reasons that end a run in words instead of deeds."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """One control period, as it happened.

    Attributes:
        tick: 0 for the first.
        now_s: When it began, on the loop's clock.
        observation: What was sensed at its beginning.
        plan: The plan as of this tick; None before the first.
        instruction: The plan's current words; None before the first plan.
        sent: What the driver really sent, float32 of shape (A,).
        held: True when nothing was due and the robot stayed where it was.
        missed_ticks: Periods skipped just before this one.
        health: Summarises the loop so far; costs about 0.3 ms, so call it a few times per second at most.
        state: The supervisor's state in this tick.
        chunk_age_s: Time since the observation that the current chunk answers; None without a chunk.
    """

    tick: int
    now_s: float
    observation: Observation
    plan: Plan | None
    instruction: str | None
    sent: NDArray[np.float32]
    held: bool
    missed_ticks: int
    health: Callable[[], LoopHealth]
    state: State = "running"
    chunk_age_s: float | None = None


OnTick = Callable[[TickReport], None]
"""Called after each command; its time counts against the control period."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        reason: ``plan_done``: the planner says so. ``refused``: it says that it cannot be done. ``answered``:
            it answers a question; ``detail`` holds its words, here and there. ``timeout``: the time was up.
            ``stopped``: somebody asked. ``model_lost``: the model side fell silent or failed, the robot
            holds; ``detail`` says how. ``protective_stop``, ``emergency_stop``: the supervisor has latched;
            ``detail`` says why.
        detail: One line for a person; empty unless there is something to say.
        plan: The last plan; None when there never was one.
        elapsed_s: From the first tick to the last, on the loop's clock.
        health: The final summary.
        plans: Every change of the plan, in order.
    """

    reason: Reason
    detail: str
    plan: Plan | None
    elapsed_s: float
    health: LoopHealth
    plans: tuple[PlanEntry, ...] = ()
