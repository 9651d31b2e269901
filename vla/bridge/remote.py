"""A policy and a planner that live behind a bridge: the same contract, blocking, with a deadline."""

from __future__ import annotations

from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError, DeadlineMissed
from vla.contract import ActionChunk, Observation, Plan, Prefix, RobotSpec


class RemotePolicy:
    """A :class:`~vla.contract.Policy` over a client whose ``hello`` has succeeded. One thread per client."""

    def __init__(self, client: BridgeClient, deadline_s: float | None = None) -> None:
        """Wrap ``client``; :meth:`act` waits ``deadline_s``, the client's ``timeout_s`` by default."""
        self._client = client
        self._deadline_s = client.timeout_s if deadline_s is None else deadline_s

    @property
    def spec(self) -> RobotSpec:
        """The spec both ends agreed on."""
        return self._client.spec

    def reset(self, seed: int) -> None:
        """As :meth:`BridgeClient.reset`."""
        self._client.reset(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """The server's chunk.

        Raises:
            DeadlineMissed: no answer in time; a later one will be dropped.
            BridgeError: the server answered with an error.
        """
        seq = self._client.request_act(observation, instruction, prefix, self._deadline_s)
        reply = self._client.wait(seq, self._deadline_s)
        if reply is None:
            raise DeadlineMissed("act", self._client.endpoint, self._deadline_s)
        if isinstance(reply.value, ActionChunk):
            return reply.value
        raise _failure(reply.value)


class RemotePlanner:
    """A :class:`~vla.contract.Planner` over a client whose ``hello`` has succeeded. One thread per client."""

    def __init__(self, client: BridgeClient, deadline_s: float = 30.0) -> None:
        """Wrap ``client``; ``deadline_s`` is how long :meth:`plan` waits, in seconds."""
        self._client = client
        self._deadline_s = deadline_s

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """The server's plan; raises as :meth:`RemotePolicy.act`."""
        seq = self._client.request_plan(goal, observation, previous)
        reply = self._client.wait(seq, self._deadline_s)
        if reply is None:
            raise DeadlineMissed("plan", self._client.endpoint, self._deadline_s)
        if isinstance(reply.value, Plan):
            return reply.value
        raise _failure(reply.value)


def _failure(value: object) -> BridgeError:
    if isinstance(value, BridgeError):
        return value
    return BridgeError("bad_request", f"the reply holds a {type(value).__name__}")
