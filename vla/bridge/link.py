"""How a control loop asks for motion and plans: without blocking, answers come when polled.

:class:`~vla.bridge.client.BridgeClient` is a link to another process; :class:`LocalLink` keeps everything in
this one.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass
from typing import Protocol

from vla.bridge.errors import BridgeError
from vla.contract import ActionChunk, Observation, Plan, Planner, Policy, Prefix, RobotSpec


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one request.

    Attributes:
        verb: The request's verb, ``"act"`` or ``"plan"`` when read from :meth:`Link.poll`.
        seq: The number that the request returned.
        value: What was asked for, or why it was not given.
        latency_s: Wall time from request to answer, in seconds.
    """

    verb: str
    seq: int
    value: ActionChunk | Plan | BridgeError
    latency_s: float


class Link(Protocol):
    """What the control loop needs from the model side."""

    @property
    def spec(self) -> RobotSpec: ...

    @property
    def plans(self) -> bool:
        """True when the other side has a planner."""
        ...

    @property
    def dropped_replies(self) -> int:
        """Late, duplicate or reordered replies thrown away so far."""
        ...

    def reset(self, seed: int) -> None:
        """Make the policy forget everything; waits for the answer."""
        ...

    def request_act(
        self,
        observation: Observation,
        instruction: str,
        prefix: Prefix | None = None,
        within_s: float = math.inf,
    ) -> int:
        """Ask for a chunk; an earlier unanswered ask is given up.

        Args:
            observation: What the robot senses.
            instruction: What it is to do.
            prefix: What it is about to do anyway.
            within_s: The answer is worthless after so many seconds: the other side need not begin with it.

        Returns:
            The request's number.
        """
        ...

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        """Ask for a plan; returns the request's number. An earlier unanswered ask is given up."""
        ...

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """Answers that have arrived; waits up to ``timeout_s`` for the first."""
        ...


class LocalLink:
    """A link to a policy in this process that answers inside the request: lock-step runs, cheap policies."""

    def __init__(self, policy: Policy, planner: Planner | None = None) -> None:
        self._policy = policy
        self._planner = planner
        self._numbers = itertools.count(1)
        self._replies: dict[str, Reply] = {}
        self.dropped_replies = 0

    @property
    def spec(self) -> RobotSpec:
        """The policy's spec."""
        return self._policy.spec

    @property
    def plans(self) -> bool:
        """True when a planner was given."""
        return self._planner is not None

    def reset(self, seed: int) -> None:
        """Reset the policy and forget unread answers."""
        self._replies.clear()
        self._policy.reset(seed)

    def request_act(
        self,
        observation: Observation,
        instruction: str,
        prefix: Prefix | None = None,
        within_s: float = math.inf,
    ) -> int:
        """Run the policy now; its chunk waits for :meth:`poll`."""
        began = time.monotonic()
        return self._keep("act", self._policy.act(observation, instruction, prefix), began)

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        """Run the planner now; its plan waits for :meth:`poll`.

        Raises:
            BridgeError: there is no planner.
        """
        if self._planner is None:
            raise BridgeError("planner_absent", "this link has no planner")
        began = time.monotonic()
        return self._keep("plan", self._planner.plan(goal, observation, previous), began)

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """The unread answers, oldest first; never waits."""
        replies = sorted(self._replies.values(), key=lambda reply: reply.seq)
        self._replies.clear()
        return replies

    def _keep(self, verb: str, value: ActionChunk | Plan, began: float) -> int:
        self.dropped_replies += verb in self._replies
        seq = next(self._numbers)
        self._replies[verb] = Reply(verb, seq, value, time.monotonic() - began)
        return seq
