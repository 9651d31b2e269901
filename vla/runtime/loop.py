"""The control loop: the only owner of time.

Each tick senses, lets the asker talk to the model side, and sends the action that is due now, or slows down
to a hold. Ticks lie on absolute deadlines; a late tick skips what it missed and never catches up in a burst.
Whether the arm may move at all is the supervisor's to say; how fast, the limiter's.
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
from vla.contract import ContractError, Driver, Kinematics, Observation
from vla.runtime.asker import Asker, AskSettings
from vla.runtime.bus import Bus
from vla.runtime.chunks import ChunkBuffer, buffer_named
from vla.runtime.clock import Clock, MonotonicClock
from vla.runtime.health import AgeMeter, HealthMeter, LoopHealth
from vla.runtime.limits import ActionLimiter, position_of
from vla.runtime.report import SAID, OnTick, Reason, RunResult, TickReport
from vla.runtime.supervisor import EngageSettings, Supervisor
from vla.runtime.tracking import TrackingMonitor

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
        engage: When the model side is trusted with the arm. In lock-step its first answer is proof enough.
        smooth: Whether motion is limited in jerk, too; needs ``handily[otg]``.
        max_late_s: A tick that is later than this is a protective stop.
        tracking_share: An axis that is further than this share of its range from its command for half a
            second is a protective stop; 0 means never.
    """

    pace: Literal["realtime", "lockstep"] = "realtime"
    timeout_s: float = 60.0
    ask: AskSettings = field(default_factory=AskSettings)
    engage: EngageSettings = field(default_factory=EngageSettings)
    smooth: bool = False
    max_late_s: float = 2.0
    tracking_share: float = 0.25

    def __post_init__(self) -> None:
        if self.pace not in PACES:
            raise ContractError(f"pace {self.pace!r} is not one of {', '.join(PACES)}")


class ControlLoop:
    """Carries out goals with one driver and one link.

    Attributes:
        supervisor: Says whether the arm may move. It outlives runs: a latched stop is still one in the next.
    """

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
        lockstep = self._settings.pace == "lockstep"
        self.supervisor = Supervisor(
            self._clock, EngageSettings(proof_s=0.0) if lockstep else self._settings.engage
        )

    def health(self) -> LoopHealth:
        """A summary of the present run, or of the last."""
        return self._meter.summary(self._link.dropped_replies)

    def run(self, goal: str, seed: int = 0, stop: threading.Event | None = None) -> RunResult:
        """Carry out ``goal`` until the plan is done, the planner refuses or answers, the time is up, ``stop``
        is set, the model side is lost or the supervisor latches a stop.

        The robot is at rest and holds when this returns.

        Args:
            goal: What the person asked for; without a planner it is the instruction, too.
            seed: Given to the policy's reset.
            stop: Checked once per tick; callbacks may set it.

        Raises:
            BridgeError: the model side did not take the reset.
            StateError: a stop is latched from before.
        """
        self.supervisor.engage()
        try:
            self._meter = HealthMeter()
            self._link.reset(seed)
            return _Run(self, self._driver, self._link, self._clock, self._settings, self._meter).play(
                goal, stop or threading.Event()
            )
        finally:
            self.supervisor.disengage()

    def report(self, report: TickReport) -> None:
        """Hand one tick's report to everyone who listens."""
        for consumer in self._on_tick:
            consumer(report)


class _Run:
    """One run of a loop, from engaging to rest."""

    def __init__(
        self,
        loop: ControlLoop,
        driver: Driver,
        link: Link,
        clock: Clock,
        settings: LoopSettings,
        meter: HealthMeter,
    ) -> None:
        spec = driver.spec
        self._loop, self._clock, self._settings, self._meter = loop, clock, settings, meter
        self._supervisor, self._spec = loop.supervisor, spec
        self._bus = Bus(driver, loop.supervisor, meter)
        tool_of = driver.tool_of if isinstance(driver, Kinematics) else None
        self._limiter = ActionLimiter(spec, tool_of=tool_of, smooth=settings.smooth)
        self._buffer: ChunkBuffer = buffer_named(settings.ask.execution, settings.ask.replan_s, spec.dt_s / 2)
        self._asker = Asker(link, self._limiter, self._buffer, meter, settings.ask, loop.supervisor.answered)
        self._ages = AgeMeter()
        self._tracking = TrackingMonitor(spec, settings.tracking_share, 0.5)
        self._sent = np.zeros(len(spec.action), np.float32)
        self._sent_s = -math.inf
        self._last_stamp_s = -math.inf

    def play(self, goal: str, stop: threading.Event) -> RunResult:
        """Tick until there is a reason to end and the arm is at rest."""
        self._take_hold()
        began_s = self._clock.now_s()
        self._asker.begin(goal, began_s)
        period, missed = 0, 0
        ended: Reason | None = None
        detail = ""
        while True:
            now_s = self._clock.now_s()
            observation = self._bus.read()
            if observation is not None:
                self._meter.observation_age_s = self._ages.age_s(observation, self._clock.now_s())
                self._watch(observation, now_s)
            if ended is None:
                lost = self._advance(observation, now_s)
                ended = self._ending(lost, now_s - began_s >= self._settings.timeout_s, stop)
                detail = self._asker.plan.note if ended in SAID and self._asker.plan else lost or ""
            if self._supervisor.latched:
                ended, detail = self._supervisor.state, self._supervisor.reason  # pyright: ignore[reportAssignmentType]
            if ended is not None and self._limiter.at_rest:
                self._bus.hold()
                elapsed_s = now_s - began_s
                asker = self._asker
                return RunResult(
                    ended, detail, asker.plan, elapsed_s, self._loop.health(), asker.diary.entries
                )
            self._meter.tick(now_s)
            held = self._act(observation if ended is None else None)
            if observation is not None:
                self._report(now_s, observation, held, missed)
            soonest_s = now_s + self._spec.dt_s / 2  # after a tick that itself began late
            missed = self._missed(began_s + (period + 1) * self._spec.dt_s, soonest_s)
            period += 1 + missed
            self._idle(max(began_s + period * self._spec.dt_s, soonest_s))

    def _take_hold(self) -> None:
        """Hold, which tells where the robot is commanded to be, so that the first motion cannot jump."""
        sent = None
        while sent is None and not self._supervisor.latched:
            sent = self._bus.hold()
        state = None
        while state is None and not self._supervisor.latched:
            observation = self._bus.read()
            state = None if observation is None else observation.state
        if sent is not None and state is not None:
            self._sent = sent
            self._limiter.start(position_of(self._spec, sent, state))

    def _advance(self, observation: Observation | None, now_s: float) -> str | None:
        if observation is None:
            self._asker.listen(now_s)
            return None
        if self._settings.pace == "lockstep":
            return self._asker.advance_waiting(observation, now_s)
        return self._asker.advance(observation, now_s)

    def _watch(self, observation: Observation, now_s: float) -> None:
        """Stop when the arm is not where it was told to be; before its first motion without patience."""
        fresh = self._supervisor.state == "engaging"
        fault = self._tracking.fault(observation.state, self._sent, now_s, at_once=fresh)
        if fault is not None:
            self._supervisor.protective_stop(fault)

    def _act(self, observation: Observation | None) -> bool:
        """Send what is due, or slow down to a hold; True when nothing was due or allowed."""
        action = None
        if observation is not None and observation.stamp_s > self._last_stamp_s:
            self._last_stamp_s = observation.stamp_s
            action = self._buffer.take(observation.stamp_s)
        self._meter.chunk_age_s = self._age_s(observation) or 0.0
        allowed = self._supervisor.tick(action is not None)
        now_s = self._clock.now_s()  # limits hold from command to command: reading and asking took time
        elapsed_s = now_s - self._sent_s
        if action is not None and allowed:
            command = self._limiter.apply(action, elapsed_s)
            self._meter.clipped += not np.array_equal(command, action)
            sent = self._write(command)
        else:
            self._meter.holds += 1
            at_rest = self._limiter.at_rest
            command = self._limiter.brake(elapsed_s)  # at rest, too: the next motion begins from none
            sent = self._bus.hold() if at_rest else self._write(command)
        if sent is not None:
            self._sent, self._sent_s = sent, now_s
        return action is None or not allowed

    def _write(self, command: NDArray[np.float32]) -> NDArray[np.float32] | None:
        sent = self._bus.write(command)
        if sent is None and self._spec.semantics == "delta_tool":
            self._sent = np.zeros_like(self._sent)
        # What is not known to have been sent was not: else the next command would make up for it in a leap.
        self._limiter.sent(self._sent if sent is None else sent)
        return sent

    def _age_s(self, observation: Observation | None) -> float | None:
        return None if observation is None else self._buffer.age_s(observation.stamp_s)

    def _idle(self, deadline_s: float) -> None:
        """Sleep, with an ear to the link, so that a reply's latency is known to 5 ms instead of a period."""
        while self._asker.awaits and (now_s := self._clock.now_s()) + _LISTEN_S < deadline_s:
            self._clock.sleep_until(now_s + _LISTEN_S)
            self._asker.listen(self._clock.now_s())
        self._clock.sleep_until(deadline_s)

    def _report(self, now_s: float, observation: Observation, held: bool, missed: int) -> None:
        self._loop.report(
            TickReport(
                tick=self._meter.ticks - 1,
                now_s=now_s,
                observation=observation,
                plan=self._asker.plan,
                instruction=self._asker.instruction,
                sent=self._sent,
                held=held,
                missed_ticks=missed,
                state=self._supervisor.state,
                chunk_age_s=self._age_s(observation),
                health=self._loop.health,
            )
        )

    def _missed(self, deadline_s: float, soonest_s: float) -> int:
        """How many periods to skip when the next tick was due at ``deadline_s``.

        A tick may start up to half a period late, later ones are skipped; and none starts before
        ``soonest_s``, half a period after the last, however late that one was woken.
        """
        late_s = self._clock.now_s() - deadline_s
        missed = max(0, math.ceil(max(late_s, soonest_s - deadline_s) * self._spec.control_hz - 0.5))
        self._meter.missed_ticks += missed
        if late_s > self._settings.max_late_s:
            self._supervisor.protective_stop(f"the control loop was {late_s:.2f} s late")
        return missed

    def _ending(self, lost: str | None, time_is_up: bool, stop: threading.Event) -> Reason | None:
        if stop.is_set():
            return "stopped"
        plan = self._asker.plan
        if self._asker.closing is not None:
            return "refused" if self._asker.closing.kind == "cannot" else "answered"
        if plan is not None and plan.kind == "steps" and plan.done:
            return "plan_done"
        if lost is not None:
            return "model_lost"
        return "timeout" if time_is_up else None
