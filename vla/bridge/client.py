"""The robot's end of the bridge: it asks, with a deadline, and never waits longer than it said."""

from __future__ import annotations

import itertools
import math
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import zmq

from vla.bridge import wire
from vla.bridge.authority import ClientSecurity, check_endpoint
from vla.bridge.errors import BridgeError, DeadlineMissed, guarded, read_error
from vla.bridge.link import Reply
from vla.bridge.wire import Message, WireError
from vla.contract import ActionChunk, ContractError, Observation, Plan, Prefix, RobotSpec


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server said of itself at the handshake.

    Attributes:
        model_id: Which model answers.
        plans: Whether it plans, too.
    """

    model_id: str
    plans: bool


@dataclass(frozen=True, slots=True)
class _Pending:
    verb: str
    sent_s: float


class BridgeClient:
    """A session with a :class:`~vla.bridge.server.PolicyServer`, for one thread; call :meth:`hello` first.

    Every request gets a number that rises strictly within the session. A reply counts only while its number
    is awaited: late, duplicate, reordered and foreign replies are dropped and counted.
    """

    def __init__(
        self,
        endpoint: str,
        spec: RobotSpec,
        timeout_s: float = 2.0,
        security: ClientSecurity | None = None,
    ) -> None:
        """Connect lazily.

        Args:
            endpoint: For example ``"tcp://127.0.0.1:5555"``.
            spec: This robot; the server must serve exactly it.
            timeout_s: Deadline of blocking calls, in seconds.
            security: Keys; without them only loopback may be reached: an arm obeys no stranger.

        Raises:
            ContractError: the endpoint is not loopback and there are no keys.
        """
        check_endpoint(endpoint, security is not None)
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.dropped_replies = 0
        self._spec = spec
        self._info: ServerInfo | None = None
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._backlog: deque[Reply] = deque()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.sndhwm = self._socket.rcvhwm = 8
        self._socket.maxmsgsize = wire.max_frame_bytes(spec)
        self._socket.ipv6 = "[" in endpoint
        if security is not None:
            security.protect(self._socket)
        self._socket.connect(endpoint)

    @property
    def spec(self) -> RobotSpec:
        """This robot's spec."""
        return self._spec

    @property
    def plans(self) -> bool:
        """True when the server said at the handshake that it plans."""
        return self._info is not None and self._info.plans

    def hello(self) -> ServerInfo:
        """Open a new session.

        Raises:
            BridgeError: code ``spec_mismatch`` with one line per differing field, or ``protocol_version``.
            DeadlineMissed: no answer within ``timeout_s``.
        """
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._pending.clear()
        self._backlog.clear()
        body = self._call("hello", {"spec": self._spec.to_dict()})
        theirs = guarded("bad_request", lambda: RobotSpec.from_dict(body.get("spec") or {}))
        if lines := self._spec.differences(theirs):
            raise BridgeError("spec_mismatch", f"{self.endpoint} serves {theirs.name!r}", tuple(lines))
        self._info = ServerInfo(wire.text(body, "model_id"), body.get("plans") is True)
        return self._info

    def request_act(
        self,
        observation: Observation,
        instruction: str,
        prefix: Prefix | None = None,
        within_s: float = math.inf,
    ) -> int:
        """Ask for a chunk without waiting; the reply comes from :meth:`poll`.

        An earlier act request that is still unanswered is given up. When the server is not reachable nothing
        is sent and no reply will come: the caller's own deadline tells.

        Raises:
            ContractError: the observation does not fit the spec.
        """
        body, frames = wire.pack_observation(observation, self._spec)
        ahead, rows = wire.pack_prefix(prefix, self._spec)
        return self._request("act", body | ahead | {"instruction": instruction}, frames + rows)

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        """Ask for a plan without waiting; as :meth:`request_act`."""
        body, frames = wire.pack_observation(observation, self._spec)
        return self._request("plan", body | {"goal": goal, "previous": wire.pack_plan(previous)}, frames)

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """Replies to act and plan requests still awaited; waits up to ``timeout_s`` for the first."""
        replies = list(self._backlog)
        self._backlog.clear()
        deadline = time.monotonic() + timeout_s
        while True:
            wait_s = 0.0 if replies else max(0.0, deadline - time.monotonic())
            arrived = self._receive(wait_s)
            if arrived is None:
                return replies
            reply = self._accept(arrived)
            if reply is not None:
                replies.append(reply)

    def wait(self, seq: int, timeout_s: float) -> Reply | None:
        """The reply to request ``seq``, or None when none came in time: the request is then given up.

        Replies to other requests are kept for :meth:`poll`.
        """
        deadline = time.monotonic() + timeout_s
        found: Reply | None = None
        others: list[Reply] = []
        while True:
            for reply in self.poll(max(0.0, deadline - time.monotonic())):
                if reply.seq == seq:
                    found = reply
                else:
                    others.append(reply)
            if found or time.monotonic() >= deadline:
                self._pending.pop(seq, None)
                self._backlog.extend(others)
                return found

    def reset(self, seed: int) -> None:
        """Make the policy forget everything; act requests under way are given up.

        Raises:
            DeadlineMissed: no answer within ``timeout_s``.
            BridgeError: the server refused.
        """
        self._give_up("act")
        self._call("reset", {"seed": seed})

    def health(self) -> dict[str, Any]:
        """The server's counters, see :meth:`PolicyServer.health`; raises as :meth:`reset`."""
        return dict(self._call("health", {}))

    def close(self) -> None:
        """Let go of the socket; twice is fine."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _call(self, verb: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        seq = self._request(verb, body, (), wait_s=self.timeout_s)
        deadline = time.monotonic() + self.timeout_s
        while (message := self._receive(max(0.0, deadline - time.monotonic()))) is not None:
            if message.seq == seq and message.session == self._session and seq in self._pending:
                del self._pending[seq]
                if message.verb == "error":
                    raise read_error(message)
                return message.body
            reply = self._accept(message)
            if reply is not None:
                self._backlog.append(reply)
        self._pending.pop(seq, None)
        raise DeadlineMissed(verb, self.endpoint, self.timeout_s)

    def _request(
        self, verb: str, body: Mapping[str, Any], frames: tuple[bytes, ...], wait_s: float = 0.0
    ) -> int:
        self._give_up(verb)
        seq = next(self._numbers)
        self._pending[seq] = _Pending(verb, time.monotonic())
        if self._socket.poll(int(wait_s * 1000), zmq.POLLOUT):
            self._socket.send_multipart(wire.encode(Message(verb, self._session, seq, body, frames)))
        return seq

    def _give_up(self, verb: str) -> None:
        self._pending = {seq: asked for seq, asked in self._pending.items() if asked.verb != verb}
        self._backlog = deque(reply for reply in self._backlog if reply.verb != verb)

    def _receive(self, timeout_s: float) -> Message | None:
        deadline = time.monotonic() + timeout_s
        while self._socket.poll(max(0, int(1000 * (deadline - time.monotonic()) + 0.999))):
            try:
                return wire.decode(self._socket.recv_multipart(), wire.max_frames(self._spec))
            except WireError:
                self.dropped_replies += 1
        return None

    def _accept(self, message: Message) -> Reply | None:
        asked = self._pending.get(message.seq) if message.session == self._session else None
        if asked is None or message.verb not in (asked.verb, "error"):
            self.dropped_replies += 1
            return None
        del self._pending[message.seq]
        return Reply(asked.verb, message.seq, self._value(message), time.monotonic() - asked.sent_s)

    def _value(self, message: Message) -> ActionChunk | Plan | BridgeError:
        try:
            if message.verb == "act":
                return wire.unpack_chunk(message, self._spec)
            if message.verb == "plan":
                plan = wire.unpack_plan(message.body.get("plan"))
                return plan or BridgeError("planner_failed", "the reply holds no plan")
            return read_error(message)
        except ContractError as error:
            return BridgeError("bad_request", f"unreadable {message.verb} reply: {error}")
