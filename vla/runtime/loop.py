"""The control loop: the only owner of time.

Each tick senses, lets the asker talk to the model side, and sends the action that is due now, or holds.
Ticks lie on absolute deadlines; a late tick skips what it missed and never catches up in a burst.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla.bridge.link import Link
from vla.contract import ContractError, Driver, Observation, Plan
from vla.runtime.asker import Asker, AskSettings
from vla.runtime.chunks import ChunkBuffer
from vla.runtime.clock import Clock, MonotonicClock
from vla.runtime.health import HealthMeter, LoopHealth
from vla.runtime.limits import ActionLimiter, position_of
from vla.runtime.report import OnTick, Reason, RunResult, TickReport

PACES = ("realtime", "lockstep")
_LISTEN_S = 0.005


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How a loop runs.

    Attributes:
        pace: ``"realtime"`` never waits for the model side and holds when it is late. ``"lockstep"`` waits
            for every answer before time moves on, which makes a simulation's outcome independent of machine
            load.
        timeout_s: The run ends after this long on the loop's clock.
        ask: When to ask the model side, and how long to wait.
    """

    pace: Literal["realtime", "lockstep"] = "realtime"
    timeout_s: float = 60.0
    ask: AskSettings = field(default_factory=AskSettings)

    def __post_init__(self) -> None:
        if self.pace not in PACES:
            raise ContractError(f"pace {self.pace!r} is not one of {', '.join(PACES)}")


class ControlLoop:
    """Carries out goals with one driver and one link."""

    def __init__(
        self,
        driver: Driver,
        link: Link,
        clock: Clock | None = None,
        settings: LoopSettings | None = None,
        on_tick: Sequence[OnTick] = (),
    ) -> None:
        """Put a loop together.

        Args:
            driver: The robot, opened by the caller, who also closes it.
            link: The model side, after its handshake.
            clock: The operating system's by default; a ``SimulatedClock`` runs as fast as the driver can.
            settings: Pace and times.
            on_tick: Called in order after each tick's command: recording, display, video.

        Raises:
            ContractError: driver and link disagree on the spec; the message holds one line per difference.
        """
        if lines := driver.spec.differences(link.spec):
            raise ContractError("the driver differs from the model side:\n  " + "\n  ".join(lines))
        self._driver = driver
        self._link = link
        self._clock = clock or MonotonicClock()
        self._settings = settings or LoopSettings()
        self._on_tick = tuple(on_tick)
        self._meter = HealthMeter()

    def health(self) -> LoopHealth:
        """A summary of the present run, or of the last."""
        return self._meter.summary(self._link.dropped_replies)

    def run(self, goal: str, seed: int = 0, stop: threading.Event | None = None) -> RunResult:
        """Carry out ``goal`` until the plan is done, the time is up, ``stop`` is set or the model side is
        lost.

        The robot holds when this returns.

        Args:
            goal: What the person asked for; without a planner it is the instruction, too.
            seed: Given to the policy's reset.
            stop: Checked once per tick; callbacks may set it.

        Raises:
            BridgeError: the model side did not take the reset.
        """
        spec, settings = self._driver.spec, self._settings
        self._meter = HealthMeter()
        self._link.reset(seed)
        limiter = ActionLimiter(spec)
        buffer = ChunkBuffer(settings.ask.replan_s, spec.dt_s / 2)
        asker = Asker(self._link, limiter, buffer, self._meter, settings.ask)
        advance = asker.advance_waiting if settings.pace == "lockstep" else asker.advance
        # Holding first tells where the robot is commanded to be, so the first motion cannot jump.
        sent = self._driver.hold()
        limiter.start(position_of(spec, sent, self._driver.read().state))
        began_s = self._clock.now_s()
        asker.begin(goal, began_s)
        period, missed, last_stamp_s = 0, 0, -math.inf
        while True:
            now_s = self._clock.now_s()
            observation = self._driver.read()
            lost = advance(observation, now_s)
            ended = _ending(lost, asker.plan, now_s - began_s >= settings.timeout_s, stop)
            if ended is not None:
                self._driver.hold()
                return RunResult(ended, lost or "", asker.plan, now_s - began_s, self.health())
            self._meter.tick(now_s)
            action = buffer.at(observation.stamp_s) if observation.stamp_s > last_stamp_s else None
            last_stamp_s = max(last_stamp_s, observation.stamp_s)
            sent = self._command(action, limiter)
            self._report(now_s, observation, asker, sent, action is None, missed)
            missed = self._missed(began_s + (period + 1) * spec.dt_s)
            period += 1 + missed
            self._idle(asker, began_s + period * spec.dt_s)

    def _idle(self, asker: Asker, deadline_s: float) -> None:
        """Sleep, with an ear to the link, so that a reply's latency is known to 5 ms instead of a period."""
        while asker.awaits and (now_s := self._clock.now_s()) + _LISTEN_S < deadline_s:
            self._clock.sleep_until(now_s + _LISTEN_S)
            asker.listen(self._clock.now_s())
        self._clock.sleep_until(deadline_s)

    def _command(self, action: NDArray[np.float32] | None, limiter: ActionLimiter) -> NDArray[np.float32]:
        if action is None:
            self._meter.holds += 1
            if limiter.at_rest:
                return self._driver.hold()
            command = limiter.brake()
        else:
            command = limiter.apply(action)
            self._meter.clipped += not np.array_equal(command, action)
        sent = self._driver.write(command)
        limiter.sent(sent)
        return sent

    def _report(
        self,
        now_s: float,
        observation: Observation,
        asker: Asker,
        sent: NDArray[np.float32],
        held: bool,
        missed: int,
    ) -> None:
        report = TickReport(
            tick=self._meter.ticks - 1,
            now_s=now_s,
            observation=observation,
            plan=asker.plan,
            instruction=asker.instruction,
            sent=sent,
            held=held,
            missed_ticks=missed,
            health=self.health,
        )
        for consumer in self._on_tick:
            consumer(report)

    def _missed(self, deadline_s: float) -> int:
        """How many periods to skip when the next tick was due at ``deadline_s``.

        A tick may start up to half a period late, later ones are skipped: so no two ticks ever start closer
        together than half a period.
        """
        late_s = self._clock.now_s() - deadline_s
        missed = max(0, math.ceil(late_s * self._driver.spec.control_hz - 0.5))
        self._meter.missed_ticks += missed
        return missed


def _ending(
    lost: str | None, plan: Plan | None, time_is_up: bool, stop: threading.Event | None
) -> Reason | None:
    if stop is not None and stop.is_set():
        return "stopped"
    if plan is not None and plan.done:
        return "plan_done"
    if lost is not None:
        return "model_lost"
    return "timeout" if time_is_up else None
