"""The loop's correspondence with the model side: what to ask, when, and what to make of the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from vla.bridge.errors import BridgeError
from vla.bridge.link import Link, Reply
from vla.contract import ActionChunk, ContractError, Observation, Plan
from vla.runtime.chunks import ChunkBuffer
from vla.runtime.diary import PlanDiary
from vla.runtime.health import HealthMeter
from vla.runtime.limits import ActionLimiter

_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class AskSettings:
    """When to ask, and how long to wait.

    Attributes:
        execution: How chunks are carried out, one of :data:`vla.runtime.chunks.EXECUTIONS`.
        replan_s: Age of a chunk at which the next one is asked for, in seconds.
        act_timeout_s: A chunk request older than this is given up and made anew.
        plan_period_s: Least time between plan requests.
        plan_looks: So many plans in a row must say the same before a refusal or an answer counts, at least 1;
            the arm rests meanwhile.
        plan_timeout_s: A plan request older than this is given up and made anew.
        lost_s: The model side counts as lost when it has owed a usable chunk for this long.
        max_age_s: What is older than this, see :class:`vla.runtime.health.AgeMeter`, is not asked about.
        lockstep_timeout_s: How long lock-step waits for any one answer. Wall time, and long, since there a
            slow machine must not change the outcome.
    """

    execution: str = "rtc"
    replan_s: float = 0.4
    act_timeout_s: float = 1.0
    plan_period_s: float = 0.5
    plan_looks: int = 2
    plan_timeout_s: float = 30.0
    lost_s: float = 5.0
    max_age_s: float = 0.07
    lockstep_timeout_s: float = 120.0

    def __post_init__(self) -> None:
        if self.plan_looks < 1:
            raise ContractError(f"plan_looks {self.plan_looks} must be at least 1")


@dataclass(frozen=True, slots=True)
class _Asked:
    seq: int
    at_s: float
    stamp_s: float


class Asker:
    """Keeps at most one chunk request and one plan request under way, and the buffer filled."""

    def __init__(
        self,
        link: Link,
        limiter: ActionLimiter,
        buffer: ChunkBuffer,
        meter: HealthMeter,
        settings: AskSettings,
        on_chunk: Callable[[], None] = lambda: None,
    ) -> None:
        """Correspond over ``link``; ``on_chunk`` is called when a usable chunk has come."""
        self._link = link
        self._limiter = limiter
        self._buffer = buffer
        self._meter = meter
        self._settings = settings
        self._on_chunk = on_chunk
        self._asked: dict[str, _Asked] = {}
        self._goal = ""
        self._next_plan_s = 0.0
        self._owed_since_s: float | None = None
        self._failure: BridgeError | None = None
        self._began_s = 0.0
        self._agreeing = 0
        self.plan: Plan | None = None
        self.diary = PlanDiary()

    @property
    def closing(self) -> Plan | None:
        """A refusal or an answer that enough plans in a row agree upon, else None."""
        agreed = self._agreeing >= self._settings.plan_looks
        return self.plan if self.plan is not None and self.plan.kind != "steps" and agreed else None

    @property
    def instruction(self) -> str | None:
        """The words to act on; None before the first plan, when it is done, and while its current step waits.

        A step that is not ``"active"`` waits: the planner is not sure what to do, and the arm holds.
        """
        if self.plan is None or self.plan.done or self.plan.status[self.plan.index] != "active":
            return None
        return self.plan.instruction

    @property
    def awaits(self) -> bool:
        """True while a request is under way."""
        return bool(self._asked)

    def begin(self, goal: str, now_s: float) -> None:
        """Start on ``goal``; without a planner it is itself the one instruction."""
        self._goal = goal
        self._next_plan_s = now_s
        self._owed_since_s = now_s
        self._began_s = now_s
        if not self._link.plans:
            self.plan = Plan(goal, (goal,), 0, ("active",))
            self.diary.note(self.plan, 0.0)

    def advance(self, observation: Observation, now_s: float) -> str | None:
        """Read what has arrived and ask what is due; never waits.

        Returns:
            Why the model side counts as lost, in one line, or None.
        """
        self.listen(now_s)
        if self._meter.observation_age_s <= self._settings.max_age_s:
            self._ask_plan(observation, now_s)
            self._ask_act(observation, now_s)
        else:
            self._meter.old_observations += 1
        self.listen(now_s)  # a link inside this process has answered already
        return self._lost(now_s)

    def listen(self, now_s: float) -> None:
        """Take in what has arrived; never waits and asks nothing."""
        for reply in self._link.poll():
            self._take(reply, now_s)

    def advance_waiting(self, observation: Observation, now_s: float) -> str | None:
        """Ask what is due and wait for each answer, so that the outcome does not depend on the machine's
        load.

        Returns:
            As :meth:`advance`; here one silence or one failure is enough.
        """
        self._failure = None
        self._ask_plan(observation, now_s)
        self._await("plan", now_s)
        self._ask_act(observation, now_s)
        self._await("act", now_s)
        return None if self._failure is None else str(self._failure)

    def _await(self, verb: str, now_s: float) -> None:
        timeout_s = self._settings.lockstep_timeout_s
        while verb in self._asked and self._failure is None:
            replies = self._link.poll(timeout_s)
            for reply in replies:
                self._take(reply, now_s)
            if not replies:
                self._fail(BridgeError("deadline_missed", f"no answer to {verb!r} within {timeout_s:g} s"))

    def _ask_plan(self, observation: Observation, now_s: float) -> None:
        if not self._link.plans or self._waits("plan", now_s, self._settings.plan_timeout_s):
            return
        if now_s >= self._next_plan_s:
            self._next_plan_s = now_s + self._settings.plan_period_s
            asking = partial(self._link.request_plan, self._goal, observation, self.plan)
            self._ask("plan", observation, now_s, asking)

    def _ask_act(self, observation: Observation, now_s: float) -> None:
        if self.instruction is None or self._waits("act", now_s, self._settings.act_timeout_s):
            return
        if self._buffer.wants(observation.stamp_s):
            prefix = self._buffer.prefix(observation.stamp_s)
            within_s = self._settings.act_timeout_s
            if self._owed_since_s is None:
                self._owed_since_s = now_s
            asking = partial(self._link.request_act, observation, self.instruction, prefix, within_s)
            self._ask("act", observation, now_s, asking)

    def _ask(self, verb: str, observation: Observation, now_s: float, request: Callable[[], int]) -> None:
        try:
            self._asked[verb] = _Asked(request(), now_s, observation.stamp_s)
        except ContractError as error:  # a picture of the wrong size, for example
            self._fail(BridgeError("bad_request", str(error)))

    def _waits(self, verb: str, now_s: float, timeout_s: float) -> bool:
        """True while a request is under way; one that is too old is given up and counted."""
        asked = self._asked.get(verb)
        if asked is None:
            return False
        if now_s - asked.at_s < timeout_s:
            return True
        del self._asked[verb]
        self._meter.deadlines_missed += 1
        self._meter.last_error = f"no answer to {verb!r} within {timeout_s:g} s"
        return False

    def _take(self, reply: Reply, now_s: float) -> None:
        asked = self._asked.get(reply.verb)
        if asked is None or asked.seq != reply.seq:
            self._meter.stale_chunks += reply.verb == "act"
            return
        del self._asked[reply.verb]
        if isinstance(reply.value, BridgeError):
            self._fail(reply.value)
        elif isinstance(reply.value, Plan):
            self._take_plan(reply.value, now_s)
        else:
            self._take_chunk(reply.value, reply.latency_s, asked, now_s)

    def _take_plan(self, plan: Plan, now_s: float) -> None:
        before, last = self.instruction, self.plan
        agrees = last is not None and (last.kind, last.note) == (plan.kind, plan.note)
        self._agreeing = self._agreeing + 1 if agrees else 1
        self.plan = plan
        self.diary.note(plan, now_s - self._began_s)
        if self.instruction != before or self.instruction is None:
            # What was meant for the old words must not be carried out under the new ones, nor be waited for.
            self._buffer.clear()
            self._asked.pop("act", None)
            self._owed_since_s = now_s

    def _take_chunk(self, chunk: ActionChunk, latency_s: float, asked: _Asked, now_s: float) -> None:
        late_s = now_s - asked.at_s
        self._buffer.delayed(late_s)
        refusal = self._limiter.refusal(chunk)
        if refusal is not None:
            self._meter.refused_chunks += 1
            self._meter.last_error = refusal
            self._buffer.clear()
        elif abs(off_s := chunk.start_s - asked.stamp_s) > _ROUNDING_S:
            # Whose clock it tells does not matter: it is not the one that says when a row is due.
            self._meter.stale_chunks += 1
            self._meter.last_error = f"a chunk starts {off_s:+.3f} s from the observation it was asked about"
        elif late_s >= (lasts_s := len(chunk.actions) * chunk.dt_s) and not self._buffer.waits:
            self._meter.stale_chunks += 1
            self._meter.last_error = f"a chunk that lasts {lasts_s:g} s came {late_s:.2f} s late"
        elif not self._buffer.put(chunk):
            self._meter.stale_chunks += 1
        else:
            self._meter.chunk(latency_s)
            self._owed_since_s = None
            self._on_chunk()

    def _fail(self, error: BridgeError) -> None:
        self._meter.errors += error.code != "deadline_missed"
        self._meter.deadlines_missed += error.code == "deadline_missed"
        self._meter.last_error = str(error)
        self._failure = error

    def _lost(self, now_s: float) -> str | None:
        if self._owed_since_s is None or now_s - self._owed_since_s < self._patience_s():
            return None
        silence = f"no usable answer for {now_s - self._owed_since_s:.1f} s"
        return f"{silence}; last: {self._meter.last_error}" if self._meter.last_error else silence

    def _patience_s(self) -> float:
        return self._settings.plan_timeout_s if self.instruction is None else self._settings.lost_s
