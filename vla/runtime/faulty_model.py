"""A model side with faults: the link on the robot's end, the policy and the planner on the server's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vla.bridge.errors import BridgeError
from vla.bridge.link import Link, Reply
from vla.contract import ActionChunk, Observation, Plan, Planner, Policy, Prefix, RobotSpec
from vla.runtime.clock import Clock
from vla.runtime.faults import Fault
from vla.runtime.injection import ODD, Injection, ModelFault

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PLANS_KEPT = 8
_ROUNDING_S = 1e-9


class FaultyLink:
    """A :class:`~vla.bridge.link.Link` around another, with its ``link`` faults.

    Requests always go out; what is falsified is what arrives. :meth:`reset` is never disturbed: it comes
    before the run, and windows count from its end.
    """

    def __init__(self, link: Link, faults: Iterable[Fault], clock: Clock, seed: int = 0) -> None:
        """Wrap ``link``; faults of other components are ignored, ``clock`` is the control loop's."""
        self._link = link
        self._injection = Injection(faults, ("link",), clock, seed)
        self._due: list[tuple[float, Reply]] = []
        self._last: dict[str, Reply] = {}

    @property
    def spec(self) -> RobotSpec:
        """The inner link's."""
        return self._link.spec

    @property
    def plans(self) -> bool:
        """The inner link's."""
        return self._link.plans

    @property
    def dropped_replies(self) -> int:
        """The inner link's; what the faults swallow is in :attr:`injected`."""
        return self._link.dropped_replies

    @property
    def injected(self) -> Mapping[str, int]:
        """How often each fault has struck so far, by the fault in its own grammar."""
        return self._injection.injected

    def reset(self, seed: int) -> None:
        """Reset the inner link; the run starts when it has answered."""
        self._link.reset(seed)
        self._due.clear()
        self._last.clear()
        self._injection.begin()

    def request_act(
        self,
        observation: Observation,
        instruction: str,
        prefix: Prefix | None = None,
        within_s: float = math.inf,
    ) -> int:
        """As the inner link."""
        return self._link.request_act(observation, instruction, prefix, within_s)

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        """As the inner link."""
        return self._link.request_plan(goal, observation, previous)

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """What the faults let arrive; waits up to ``timeout_s``, for delayed answers on the clock."""
        clock = self._injection.clock
        end_s = clock.now_s() + timeout_s
        for reply in self._link.poll(0.0 if self._due else timeout_s):
            self._take(reply)
        if self._due and timeout_s > 0:
            clock.sleep_until(min(end_s, min(due_s for due_s, _ in self._due)))
        now_s = clock.now_s()
        # A delay of whole ticks ends with a tick, not a rounding after it.
        ready = [reply for due_s, reply in self._due if due_s <= now_s + _ROUNDING_S]
        self._due = [(due_s, reply) for due_s, reply in self._due if due_s > now_s + _ROUNDING_S]
        return [reply for reply in ready if not self._injection.strikes("link", "off")]

    def _take(self, reply: Reply) -> None:
        """Falsify one answer, and file it under the time at which it is to arrive."""
        if self._injection.strikes("link", "intermittent"):
            return
        if reply.verb in self._last and self._injection.strikes("link", "stuck"):
            reply = self._last[reply.verb]
        self._last[reply.verb] = reply
        for fault in self._injection.strikes("link", "garbage"):
            reply = replace(reply, value=_scrambled(reply.value, self._injection.dice(fault)))
        wait_s = sum(fault.size for fault in self._injection.strikes("link", "delayed"))
        if wait_s:
            reply = replace(reply, latency_s=reply.latency_s + wait_s)
        self._due.append((self._injection.clock.now_s() + wait_s, reply))


class FaultyPolicy:
    """A :class:`~vla.contract.Policy` around another, with its ``policy`` faults, for the server's side.

    Windows count from the latest reset. It answers one request at a time: a server that batches asks it one
    by one.
    """

    def __init__(self, policy: Policy, faults: Iterable[Fault], clock: Clock, seed: int = 0) -> None:
        """Wrap ``policy``; faults of other components are ignored, ``clock`` is the server's."""
        self._policy = policy
        self._injection = Injection(faults, ("policy",), clock, seed)
        self._first: dict[Fault, ActionChunk] = {}

    @property
    def spec(self) -> RobotSpec:
        """The inner policy's."""
        return self._policy.spec

    @property
    def injected(self) -> Mapping[str, int]:
        """How often each fault has struck so far, by the fault in its own grammar."""
        return self._injection.injected

    def reset(self, seed: int) -> None:
        """Reset the inner policy; the run starts now."""
        self._policy.reset(seed)
        self._first.clear()
        self._injection.begin()

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """The inner policy's chunk, falsified.

        Raises:
            ModelFault: the policy is off, or intermittently so.
        """
        _disturb(self._injection, "policy")
        chunk = self._policy.act(observation, instruction, prefix)
        for fault in self._injection.strikes("policy", "stuck", "garbage", "wrong"):
            chunk = self._falsified(fault, chunk)
        return chunk

    def _falsified(self, fault: Fault, chunk: ActionChunk) -> ActionChunk:
        dice = self._injection.dice(fault)
        if fault.verb == "stuck":
            return replace(self._first.setdefault(fault, chunk), start_s=chunk.start_s)
        if fault.verb == "wrong":
            return replace(chunk, actions=_misshapen(chunk.actions, int(dice.integers(5))))
        actions = chunk.actions.copy()
        actions[tuple(dice.integers(actions.shape))] = dice.choice(ODD)
        return replace(chunk, actions=actions)


class FaultyPlanner:
    """A :class:`~vla.contract.Planner` around another, with its ``planner`` faults, for the server's side.

    The inner planner never sees a falsified plan: as ``previous`` it gets the plan that it gave itself.
    Windows count from the first request for a new goal.
    """

    def __init__(self, planner: Planner, faults: Iterable[Fault], clock: Clock, seed: int = 0) -> None:
        """Wrap ``planner``; faults of other components are ignored, ``clock`` is the server's."""
        self._planner = planner
        self._injection = Injection(faults, ("planner",), clock, seed)
        self._first: dict[Fault, Plan] = {}
        self._true: dict[Plan, Plan] = {}
        self._goal: str | None = None

    @property
    def injected(self) -> Mapping[str, int]:
        """How often each fault has struck so far, by the fault in its own grammar."""
        return self._injection.injected

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """The inner planner's plan, falsified.

        Raises:
            ModelFault: the planner is off, or intermittently so.
        """
        if goal != self._goal:
            self._goal = goal
            self._first.clear()
            self._true.clear()
            self._injection.begin()
        _disturb(self._injection, "planner")
        if previous is not None:
            previous = self._true.get(previous, previous)
        plan = true = self._planner.plan(goal, observation, previous)
        for fault in self._injection.strikes("planner", "stuck", "garbage", "wrong"):
            plan = self._falsified(fault, plan)
        self._true.pop(plan, None)
        if plan is not true:
            self._true[plan] = true
            if len(self._true) > _PLANS_KEPT:
                del self._true[next(iter(self._true))]
        return plan

    def _falsified(self, fault: Fault, plan: Plan) -> Plan:
        if fault.verb == "stuck":
            return self._first.setdefault(fault, plan)
        if fault.verb == "wrong":
            return replace(plan, steps=plan.steps[::-1])
        dice = self._injection.dice(fault)
        return replace(plan, steps=tuple("".join(dice.choice(list(_LETTERS), len(s))) for s in plan.steps))


def _disturb(injection: Injection, component: str) -> None:
    """What befalls any request: it takes time, or it fails."""
    for fault in injection.strikes(component, "slow"):
        injection.clock.sleep_until(injection.clock.now_s() + fault.size)
    for fault in injection.strikes(component, "off", "intermittent"):
        raise ModelFault(f"the {component} does not answer (fault {fault})")


def _misshapen(actions: NDArray[np.float32], how: int) -> NDArray[np.float32]:
    """Rows in reverse, a column less, a column more, another dtype, or no rows."""
    if how == 0:
        return np.ascontiguousarray(actions[::-1])
    if how == 1:
        return actions[:, :-1].copy()
    if how == 2:
        return np.concatenate([actions, actions[:, :1]], axis=1)
    return actions.astype(np.float64) if how == 3 else actions[:0].copy()  # pyright: ignore[reportReturnType]


def _scrambled(
    value: ActionChunk | Plan | BridgeError, dice: np.random.Generator
) -> ActionChunk | Plan | BridgeError:
    """What random bytes leave of an answer whose frame survives; of a plan, which is text, nothing does."""
    if isinstance(value, ActionChunk):
        noise = np.frombuffer(dice.bytes(value.actions.nbytes), np.float32).reshape(value.actions.shape)
        return replace(value, actions=noise)
    return BridgeError("bad_request", "unreadable reply") if isinstance(value, Plan) else value
