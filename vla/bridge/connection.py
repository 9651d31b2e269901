"""The robot's side of a session: said hello to, watched, lost and taken up again, and never waited for."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import zmq

from vla.bridge import sockets, wire
from vla.bridge.authority import ClientSecurity
from vla.bridge.backoff import Backoff
from vla.bridge.errors import BridgeError, DeadlineMissed, read_error
from vla.bridge.ledger import Asked, Ledger
from vla.bridge.payload import reply_limits
from vla.bridge.schema import MOST_RESUMED, Schema, Wish
from vla.bridge.wire import Message, WireError
from vla.contract import ContractError

_STEP_S = 0.05  # at least so often a waiting call looks after the session
_PROBE_S = 0.5
_REDIAL_S = 1.0
_WORK = ("act", "plan")  # takes the time it takes
_TALK = ("hello", "reset", "health")  # is answered at once, even while the policy hangs


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server said of itself at the handshake.

    Attributes:
        model_id: Which model answers.
        plans: Whether it plans, too.
        normalisation: Digest of its scales between units and network, or empty.
        schema: Digest of all that both ends agreed on, see :class:`~vla.bridge.schema.Schema`.
    """

    model_id: str
    plans: bool
    normalisation: str
    schema: str


class Connection:
    """One socket, and the session over it.

    The session is lost when the server does not know it, when the transport breaks, or when the server does
    not even answer what needs no thought. Then hello is said again, after delays that grow, under a new name
    and only to the model and the scales of the first time.
    """

    def __init__(
        self,
        endpoint: str,
        wish: Wish,
        timeout_s: float,
        heartbeat_s: float,
        backoff: Backoff,
        security: ClientSecurity | None = None,
    ) -> None:
        """Connect lazily.

        Args:
            endpoint: The server's.
            wish: What to insist on.
            timeout_s: How long to wait for the answer to a hello.
            heartbeat_s: Period of pings; a server that is silent for three of them is gone.
            backoff: Delays between attempts to come back.
            security: Keys, or None.
        """
        self.info: ServerInfo | None = None
        self.connected = False
        self.refusal: BridgeError | None = None
        self.ledger = Ledger()
        self.timeout_s = timeout_s
        self._endpoint, self._wish, self._backoff = endpoint, wish, backoff
        self._wanted = wish
        self._resumes: deque[str] = deque(maxlen=MOST_RESUMED)  # this client's, whoever heard of them
        self._probe = 0
        self._due_s = self._heard_s = 0.0
        self._lost: list[tuple[Asked, BridgeError]] = []
        self._limits = reply_limits(wish.spec)
        self._heartbeat_s, self._security = heartbeat_s, security
        self._context = zmq.Context()
        self._dial()

    def open(self) -> ServerInfo:
        """Begin a session anew, without what an earlier one agreed upon; waits for the answer.

        An earlier one of this connection ends with it: its hold on the policy goes over.

        Raises:
            BridgeError: the server refused.
            DeadlineMissed: no answer within ``timeout_s``.
        """
        self.info, self.refusal, self.connected = None, None, False
        self._wanted = self._wish
        self.ledger.end()
        deadline_s = time.monotonic() + self.timeout_s
        while self.info is None and (left_s := deadline_s - time.monotonic()) > 0:
            if self.ledger.awaits("hello"):
                self.listen(left_s)
            elif self._socket.poll(math.ceil(1000 * min(left_s, _STEP_S)), zmq.POLLOUT):
                self._greet()
            else:
                self._dial_anew()
            if self.refusal is not None:
                raise self.refusal
        self.ledger.give_up("hello")
        if self.info is None:
            raise DeadlineMissed("hello", self._endpoint, self.timeout_s)
        return self.info

    def ask(
        self,
        verb: str,
        body: Mapping[str, Any],
        frames: tuple[wire.Frame, ...] = (),
        within_s: float = math.inf,
        wait_s: float = 0.0,
    ) -> int:
        """Send a request, unless there is no session or the socket takes nothing within ``wait_s``.

        Returns:
            Its number, either way; it is awaited for ``within_s`` if there is a session.
        """
        if not self.connected:
            self.ledger.give_up(verb)
            return self.ledger.number()
        asked = self.ledger.ask(verb, time.monotonic(), within_s)
        self._send(Message(verb, self.ledger.session, asked.seq, body, frames), wait_s)
        return asked.seq

    def listen(self, timeout_s: float) -> list[tuple[Asked, Message | BridgeError]]:
        """Take in what has arrived and look after the session.

        Args:
            timeout_s: How long to wait for something to arrive; after at most 50 ms it returns anyhow.

        Returns:
            Requests still awaited, each with its reply, or with code ``connection_lost`` when there will be
            none.
        """
        ready = self._ready(min(timeout_s, _STEP_S))
        # Before anything is read: an answer that has lain here beyond its deadline is too late all the same.
        expired = self.ledger.expire(time.monotonic(), _WORK)
        heard: list[tuple[Asked, Message | BridgeError]] = []
        while ready:
            if self._socket in ready:
                self._read(heard)
            else:
                self._events.recv_multipart()
                self._lose(time.monotonic(), "the connection broke")
            ready = self._ready(0.0)
        now_s = time.monotonic()
        self._doubt(expired, now_s)
        if self.info is not None and not self.connected and now_s >= self._due_s:
            self._come_back()
        lost, self._lost = self._lost, []
        return [*heard, *lost]

    def close(self) -> None:
        """Say goodbye and let go of the socket; twice is fine."""
        if not self._socket.closed:
            if self.connected:
                self._socket.linger = 100  # ms: for the goodbye, which frees the policy for another robot
                self._send(Message("goodbye", self.ledger.session, self.ledger.number()))
            self._hang_up()
        self._context.term()

    def _dial(self) -> None:
        self._socket = sockets.connecting_socket(
            self._context, self._endpoint, self._limits, self._heartbeat_s, self._security
        )
        self._events = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._events, zmq.POLLIN)
        self._dialled_s = time.monotonic()

    def _hang_up(self) -> None:
        self._socket.disable_monitor()
        self._events.close()
        self._socket.close()

    def _dial_anew(self) -> None:
        """Take another socket if this one has had its time: libzmq reconnects by itself when a peer goes
        away, but gives a socket up for good when what came over it was not its protocol.
        """
        if time.monotonic() - self._dialled_s >= _REDIAL_S:
            self._hang_up()
            self._dial()

    def _ready(self, timeout_s: float) -> dict[Any, int]:
        """What can be read, the socket or the events of its connection; waits for the first."""
        return dict(self._poller.poll(math.ceil(1000 * max(0.0, timeout_s))))

    def _read(self, heard: list[tuple[Asked, Message | BridgeError]]) -> None:
        try:
            message = wire.decode(sockets.receive(self._socket, self._limits))
        except WireError:
            self.ledger.drop("malformed")
            return
        self._heard_s = time.monotonic()
        asked = self.ledger.admit(message)
        if asked is not None and not self._took(asked, message):
            heard.append((asked, message))

    def _send(self, message: Message, wait_s: float = 0.0) -> None:
        """Send, unless the socket takes nothing: there is no connection, or nobody reads."""
        frames = wire.encode(message)
        try:
            sockets.send(self._socket, frames)
        except zmq.Again:  # or so it seemed: a send may overlook room that has just been made
            if self._socket.poll(math.ceil(1000 * max(0.0, wait_s)), zmq.POLLOUT):
                sockets.send(self._socket, frames)

    def _took(self, asked: Asked, message: Message) -> bool:
        """Deal with what concerns the session; True when the caller need not know."""
        if asked.verb == "hello":
            self._welcome(message)
        elif message.verb == "error" and message.body.get("code") == "no_session":
            self._lose(self._heard_s, "the server does not know this session")
        return asked.verb == "hello" or asked.seq == self._probe

    def _doubt(self, expired: list[Asked], now_s: float) -> None:
        """Where work was not answered in time: is it slow, or is nobody there?"""
        for asked in self.ledger.expire(now_s, _TALK):
            if asked.verb == "hello":
                self._dial_anew()
            self._lose(now_s, f"it did not answer {asked.verb!r} either")
        if self.connected and any(self._heard_s < asked.sent_s for asked in expired):
            self._probe = self.ask("health", {}, within_s=min(_PROBE_S, self.timeout_s))

    def _lose(self, now_s: float, why: str) -> None:
        """The session is over, and hello is due after a while."""
        for asked in self.ledger.end():
            if asked.verb != "hello" and asked.seq != self._probe:
                words = f"{self._endpoint} will not answer {asked.verb!r}: {why}"
                self._lost.append((asked, BridgeError("connection_lost", words)))
        self.connected = False
        self._due_s = now_s + self._backoff.next_s()

    def _come_back(self) -> None:
        if self.ledger.awaits("hello"):
            return
        if self._socket.poll(0, zmq.POLLOUT):
            self._greet()
        else:
            self._dial_anew()

    def _greet(self) -> None:
        self.ledger.begin()
        asked = self.ledger.ask("hello", time.monotonic(), self.timeout_s)
        body = self._wanted.pack() | {"resumes": list(self._resumes)}
        self._resumes.append(self.ledger.session)  # whether or not its answer will be heard
        self._send(Message("hello", self.ledger.session, asked.seq, body))

    def _welcome(self, message: Message) -> None:
        try:
            if message.verb == "error":
                raise read_error(message)
            self.info = self._agree(message.body)
        except ContractError as error:
            self.refusal = BridgeError("bad_request", f"unreadable 'hello' reply: {error}")
        except BridgeError as error:
            self.refusal = error
        else:
            self.connected, self.refusal = True, None
            self._backoff.reset()
            self._resumes = deque([self.ledger.session], MOST_RESUMED)
            self._wanted = replace(
                self._wish, model_id=self.info.model_id, normalisation=self.info.normalisation
            )
            return
        self._due_s = self._heard_s + self._backoff.next_s()

    def _agree(self, body: Mapping[str, Any]) -> ServerInfo:
        wanted = self._wanted
        schema = Schema.unpack(body, wanted.images)
        ours, theirs = replace(schema, spec=wanted.spec).digest(), wire.text(body, "schema")
        lines = wanted.differences(schema, (wanted.images,))
        if not lines and ours != theirs:
            lines = [f"schema: {ours!r} here, {theirs!r} there"]
        if lines:
            raise BridgeError("schema_mismatch", f"{self._endpoint} serves something else", tuple(lines))
        return ServerInfo(schema.model_id, body.get("plans") is True, schema.normalisation, ours)
