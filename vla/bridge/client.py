"""The robot's end of the bridge: it asks, with a deadline, and never waits longer than it said."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

from vla.bridge.authority import ClientSecurity
from vla.bridge.backoff import Backoff
from vla.bridge.connection import Connection, ServerInfo
from vla.bridge.errors import BridgeError, DeadlineMissed, read_error
from vla.bridge.images import check_encoding
from vla.bridge.ledger import Asked, DroppedReplies
from vla.bridge.link import Reply
from vla.bridge.payload import pack_act, pack_observation, pack_plan, unpack_chunk, unpack_plan
from vla.bridge.schema import Wish
from vla.bridge.sockets import HEARTBEAT_S
from vla.bridge.wire import Message
from vla.contract import ActionChunk, ContractError, Observation, Plan, Prefix, RobotSpec


class BridgeClient:
    """A session with a :class:`~vla.bridge.server.PolicyServer`, for one thread; call :meth:`hello` first.

    A reply counts only while its question is awaited, see :class:`~vla.bridge.ledger.Ledger`. A lost session
    is taken up again from :meth:`poll`, see :class:`~vla.bridge.connection.Connection`; until that has
    succeeded nothing is sent, and the caller holds.
    """

    def __init__(
        self,
        endpoint: str,
        spec: RobotSpec,
        timeout_s: float = 2.0,
        *,
        images: str = "raw",
        model_id: str | None = None,
        normalisation_digest: str | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        backoff: Backoff | None = None,
        security: ClientSecurity | None = None,
    ) -> None:
        """Connect lazily.

        Args:
            endpoint: For example ``"tcp://127.0.0.1:5555"``.
            spec: This robot; the server must serve exactly it.
            timeout_s: Deadline of blocking calls, in seconds.
            images: How to send pictures, one of :data:`vla.bridge.images.ENCODINGS`.
            model_id: The only model to accept; None accepts any.
            normalisation_digest: The only scales to accept; None accepts any.
            heartbeat_s: Period of pings; a server that is silent for three of them is gone.
            backoff: Delays between attempts to come back; 50 ms to 2 s by default.
            security: Keys; without them only loopback may be reached: an arm obeys no stranger.

        Raises:
            ContractError: ``images`` is unknown or needs Pillow, or the endpoint is not loopback although
                there are no keys.
        """
        check_encoding(images)
        self.endpoint = endpoint
        self._spec, self._images = spec, images
        self._backlog: deque[Reply] = deque()
        wish = Wish(spec, images, model_id, normalisation_digest)
        self._connection = Connection(endpoint, wish, timeout_s, heartbeat_s, backoff or Backoff(), security)

    @property
    def timeout_s(self) -> float:
        """Deadline of blocking calls, in seconds; may be set."""
        return self._connection.timeout_s

    @timeout_s.setter
    def timeout_s(self, timeout_s: float) -> None:
        self._connection.timeout_s = timeout_s

    @property
    def spec(self) -> RobotSpec:
        """This robot's spec."""
        return self._spec

    @property
    def plans(self) -> bool:
        """True when the server said at the handshake that it plans."""
        return self._connection.info is not None and self._connection.info.plans

    @property
    def connected(self) -> bool:
        """True while there is a session, as of the latest :meth:`poll` or blocking call."""
        return self._connection.connected

    @property
    def refusal(self) -> BridgeError | None:
        """Why the server refused the latest hello, for example since it serves another model now; or None."""
        return self._connection.refusal

    @property
    def drops(self) -> DroppedReplies:
        """Replies thrown away so far, by kind."""
        return self._connection.ledger.drops

    @property
    def dropped_replies(self) -> int:
        """Replies thrown away so far, of all kinds."""
        return self.drops.total

    def hello(self) -> ServerInfo:
        """Open a new session, with whatever model is there unless the constructor named one.

        Raises:
            BridgeError: code ``schema_mismatch`` with one line per differing field, ``protocol_version``, or
                ``busy``.
            DeadlineMissed: no answer within ``timeout_s``.
        """
        self._backlog.clear()
        return self._connection.open()

    def request_act(
        self,
        observation: Observation,
        instruction: str,
        prefix: Prefix | None = None,
        within_s: float = math.inf,
    ) -> int:
        """Ask for a chunk without waiting; the reply comes from :meth:`poll`.

        An earlier act request that is still unanswered is given up, and so is this one after ``within_s``.
        When there is no session nothing is sent and no reply will come: the caller's own deadline tells.

        Raises:
            ContractError: the observation or the prefix does not fit the spec.
        """
        body, frames = pack_act(observation, instruction, prefix, within_s, self._spec, self._images)
        self._forget("act")
        return self._connection.ask("act", body, frames, within_s)

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        """Ask for a plan without waiting; as :meth:`request_act`, without a deadline."""
        body, frames = pack_observation(observation, self._spec, self._images)
        self._forget("plan")
        return self._connection.ask("plan", body | {"goal": goal, "previous": pack_plan(previous)}, frames)

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """Replies to act and plan requests still awaited; waits up to ``timeout_s`` for the first.

        A request that was under way when the session was lost is answered with code ``connection_lost``.
        This is also where a loss is noticed and a lost session taken up again: call it at every tick.
        """
        deadline_s = time.monotonic() + timeout_s
        self._listen(0.0 if self._backlog else timeout_s)
        while not self._backlog and (left_s := deadline_s - time.monotonic()) > 0:
            self._listen(left_s)
        replies = list(self._backlog)
        self._backlog.clear()
        return replies

    def wait(self, seq: int, timeout_s: float) -> Reply | None:
        """The reply to request ``seq``, or None when none came in time: the request is then given up.

        Replies to other requests are kept for :meth:`poll`.
        """
        deadline_s = time.monotonic() + timeout_s
        self._listen(0.0 if self._backlog else timeout_s)
        while (found := self._pick(seq)) is None and (left_s := deadline_s - time.monotonic()) > 0:
            self._listen(left_s)
        self._connection.ledger.forget(seq)
        return found

    def reset(self, seed: int) -> None:
        """Make the policy forget everything before its next act; act requests under way are given up.

        Raises:
            DeadlineMissed: no answer within ``timeout_s``.
            BridgeError: the server refused, or the connection was lost.
        """
        self._connection.ledger.give_up("act")
        self._forget("act")
        self._call("reset", {"seed": seed})

    def health(self) -> dict[str, Any]:
        """The server's counters, see :meth:`PolicyServer.health`; raises as :meth:`reset`."""
        return dict(self._call("health", {}))

    def close(self) -> None:
        """Say goodbye and let go of the socket; twice is fine."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _call(self, verb: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask what the server answers at once, and wait for the answer."""
        connection = self._connection
        if connection.info is None:
            raise BridgeError("no_session", f"{verb!r} before 'hello'")
        deadline_s = time.monotonic() + self.timeout_s
        while not connection.connected and (left_s := deadline_s - time.monotonic()) > 0:
            self._listen(left_s)
        left_s = deadline_s - time.monotonic()
        seq = connection.ask(verb, body, within_s=left_s, wait_s=left_s)
        while seq in connection.ledger:
            for asked, answer in self._listen(deadline_s - time.monotonic()):
                if asked.seq == seq:
                    if isinstance(answer, BridgeError):
                        raise answer
                    if answer.verb == "error":
                        raise read_error(answer)
                    return answer.body
        raise DeadlineMissed(verb, self.endpoint, self.timeout_s)

    def _listen(self, timeout_s: float) -> list[tuple[Asked, Message | BridgeError]]:
        """Put replies to act and plan requests into the backlog; returns those to others."""
        heard = self._connection.listen(timeout_s)
        now_s = time.monotonic()
        for asked, answer in heard:
            if asked.verb in ("act", "plan"):
                self._backlog.append(Reply(asked.verb, asked.seq, self._value(answer), now_s - asked.sent_s))
        return [(asked, answer) for asked, answer in heard if asked.verb not in ("act", "plan")]

    def _pick(self, seq: int) -> Reply | None:
        found = next((reply for reply in self._backlog if reply.seq == seq), None)
        self._backlog = deque(reply for reply in self._backlog if reply is not found)
        return found

    def _forget(self, verb: str) -> None:
        self._backlog = deque(reply for reply in self._backlog if reply.verb != verb)

    def _value(self, answer: Message | BridgeError) -> ActionChunk | Plan | BridgeError:
        try:
            if isinstance(answer, BridgeError):
                return answer
            if answer.verb == "act":
                return unpack_chunk(answer, self._spec)
            if answer.verb == "plan":
                plan = unpack_plan(answer.body.get("plan"))
                return plan or BridgeError("planner_failed", "the reply holds no plan")
            return read_error(answer)
        except ContractError as error:
            return BridgeError("bad_request", f"unreadable reply: {error}")
