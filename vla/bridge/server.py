"""The model's end of the bridge: one policy, perhaps a planner, answering robots over ZeroMQ."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import replace
from typing import Any, Self

import zmq

from vla.bridge import sockets, wire
from vla.bridge.authority import ServerSecurity, user_id
from vla.bridge.batcher import ActJob, Batcher
from vla.bridge.errors import BridgeError, error_reply
from vla.bridge.images import offered
from vla.bridge.mailbox import Mailbox
from vla.bridge.payload import request_limits, unpack_act, unpack_observation, unpack_plan
from vla.bridge.plan_worker import PlanJob, PlanWorker
from vla.bridge.schema import MOST_RESUMED, Schema, Wish
from vla.bridge.sessions import Episode, Session, Sessions
from vla.bridge.settings import ServerSettings
from vla.bridge.tally import Tally
from vla.bridge.waiting import Finished
from vla.bridge.wire import Message, WireError
from vla.contract import ContractError, Planner, Policy, RobotSpec

_POLL_S = 0.05
_AWAY_S = 0.005  # so long the policy may think before somebody stands in at the socket
_PATIENCE_S = 2.0
_AT_ONCE = 64  # messages read before anything else gets a turn
_log = logging.getLogger(__name__)


class PolicyServer:
    """Serves a policy to robots whose spec equals the policy's.

    The thread that runs the policy has the socket, too: between a question and its answer lies no change of
    threads. While the policy thinks, or hangs, the thread that called :meth:`serve` stands in and answers all
    that needs no thought. The planner has a thread of its own. Memory per robot is bounded: of each, one act
    and one plan request wait.
    """

    def __init__(
        self,
        policy: Policy,
        planner: Planner | None = None,
        endpoint: str = "tcp://127.0.0.1:0",
        model_id: str = "unnamed",
        normalisation_digest: str = "",
        settings: ServerSettings | None = None,
        security: ServerSecurity | None = None,
    ) -> None:
        """Bind.

        Args:
            policy: Answers ``act``; several robots at once if it is a :class:`~vla.contract.BatchPolicy`.
            planner: Answers ``plan``; without one a plan request is refused by name.
            endpoint: A TCP endpoint; port 0 picks a free one.
            model_id: Told to every client, 1 to 4096 characters.
            normalisation_digest: Of the scales between units and network; empty when there are none to name.
            settings: How to share the policy.
            security: Keys and allow-list; without them only loopback may be bound.

        Raises:
            ContractError: the endpoint is not TCP, not loopback although there are no keys, or not to be had.
        """
        self._security = security
        self._settings = settings or ServerSettings()
        self._spec: RobotSpec = policy.spec
        self._schema = Schema(self._spec, model_id, normalisation_digest)
        self._limits = request_limits(self._spec)
        self._sessions = Sessions(self._settings.max_sessions, self._settings.session_timeout_s)
        self.tally = Tally()
        self._context = zmq.Context()
        try:
            self._socket = sockets.listening_socket(
                self._context, endpoint, self._limits, self._settings.heartbeat_s, security
            )
        except ContractError:
            self._context.term()
            raise
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._finished: Mailbox[Finished] = Mailbox()
        self._batcher = Batcher(policy, self._settings.max_batch, self._settings.batch_window_s)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._finished, zmq.POLLIN)
        self._helm = threading.Lock()  # whoever has it may touch the socket and the sessions
        self._plan_worker = PlanWorker(planner, self._finished) if planner else None

    def serve(self, stop: threading.Event) -> None:
        """Answer until ``stop`` is set, which is seen within 50 ms; once per server.

        A policy that hangs then is left behind after 2 s, in a daemon thread.

        Raises:
            RuntimeError: the thread that answers has died of a defect; its traceback has been printed.
        """
        worker = threading.Thread(target=self._work, args=(stop,), name="policy", daemon=True)
        if self._plan_worker:
            self._plan_worker.start()
        worker.start()
        try:
            while not stop.wait(_AWAY_S):
                if not worker.is_alive():
                    raise RuntimeError("the policy server's thread has ended before it was told to")
                if self._batcher.busy_s > _AWAY_S:
                    self._stand_in(stop)
        finally:
            worker.join(_PATIENCE_S)
            if self._plan_worker:
                self._plan_worker.close()

    def _work(self, stop: threading.Event) -> None:
        """Tend the socket, and think when there is something to think about."""
        with self._helm:
            while not stop.is_set():
                self._tend(min(_POLL_S, self._batcher.delay_s()))
                if self._batcher.delay_s() > 0:
                    continue
                finished = self._think()
                if stop.is_set():  # by now the socket may be closed
                    return
                self._hand_out(finished)

    def _think(self) -> Finished:
        """One turn of the policy, without the helm."""
        self._helm.release()
        try:
            return self._batcher.answer()
        finally:
            if not self._helm.acquire(blocking=False):
                self._finished.wake()  # whoever stands in shall look up
                self._helm.acquire()

    def _stand_in(self, stop: threading.Event) -> None:
        """Tend the socket until the policy has done with its present work."""
        with self._helm:
            while self._batcher.busy_s > 0 and not stop.is_set():
                self._tend(_POLL_S)

    def _tend(self, timeout_s: float) -> None:
        """Wait for something to arrive, send the plans that are ready and take in what has come.

        Bounded, so that nobody who floods the socket keeps the policy from its work.
        """
        timeout_ms = math.ceil(1000 * timeout_s)
        for _ in range(_AT_ONCE):
            ready = dict(self._poller.poll(timeout_ms))
            if not ready:
                return
            if self._finished.fileno() in ready:
                for finished in self._finished.take():
                    self._hand_out(finished)
            if self._socket in ready:
                self._read()
            timeout_ms = 0

    def health(self) -> dict[str, Any]:
        """Who is served and how well.

        Returns:
            The counters of :data:`vla.bridge.tally.COUNTS` by name, and ``model_id``, ``normalisation``,
            ``uptime_s``, ``sessions``, ``waiting`` (acts), ``busy_s`` (how long the policy has been at its
            present work: one that hangs shows here), ``act_p50_s`` and ``act_p95_s`` (from receipt to
            reply, of the latest 512) and ``batch_mean`` (requests per turn of the policy).
        """
        return {
            "model_id": self._schema.model_id,
            "normalisation": self._schema.normalisation,
            "uptime_s": time.monotonic() - self.tally.began_s,
            "sessions": len(self._sessions),
            "waiting": len(self._batcher.waiting),
            "busy_s": self._batcher.busy_s,
            "act_p50_s": self.tally.percentile_s(50),
            "act_p95_s": self.tally.percentile_s(95),
            "batch_mean": self.tally.batch.mean,
            **self.tally.counts,
        }

    def close(self) -> None:
        """Unbind, after :meth:`serve` has returned; twice is fine."""
        self._socket.close()
        self._context.term()
        self._finished.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _read(self) -> None:
        """Take in the message that waits."""
        first = self._socket.recv(copy=False)
        identity, received_s = first.bytes, time.monotonic()
        try:
            message = wire.decode(sockets.receive(self._socket, self._limits, first.more))
        except WireError as error:
            self.tally.counts["malformed"] += 1
            count = self.tally.counts["malformed"]
            if count.bit_count() == 1:  # 1, 2, 4, ...: a flood must not fill a disk
                _log.warning("dropped malformed message %d: %s", count, error)
            return
        if self._security is None or self._security.admits(user_id(first)):
            self._answer(identity, message, received_s)
        else:
            self._turn_away(identity, message)

    def _turn_away(self, identity: bytes, message: Message) -> None:
        """Part from a robot whose key has been revoked while it was connected."""
        self.tally.counts["revoked"] += 1
        session = self._sessions.find(identity)
        if session is not None:
            self._goodbye(session)
        error = BridgeError("revoked", "this key is no longer allowed here")
        self._send(identity, error_reply(message.session, message.seq, error))

    def _answer(self, identity: bytes, message: Message, received_s: float) -> None:
        try:
            reply = self._handle(identity, message, received_s)
        except ContractError as error:
            reply = error_reply(message.session, message.seq, BridgeError("bad_request", str(error)))
        except BridgeError as error:
            reply = error_reply(message.session, message.seq, error)
        if reply is not None:
            self._send(identity, reply)

    def _handle(self, identity: bytes, message: Message, received_s: float) -> Message | None:
        if message.version != wire.PROTOCOL:
            versions = f"server speaks {wire.PROTOCOL}, client {message.version}"
            raise BridgeError("protocol_version", versions)
        session = self._sessions.find(identity)
        if session is not None and message.seq <= session.last_seq:
            self.tally.counts["replayed"] += 1
            return None
        if message.verb not in ("act", "plan") and message.arrays:
            raise WireError(f"{message.verb!r} with {len(message.arrays)} array frames, expected none")
        if message.verb == "hello":
            return self._hello(identity, message, received_s)
        if session is None or session.name != message.session:
            raise BridgeError("no_session", f"{message.verb!r} before 'hello', or after the server restarted")
        session.last_seq, session.heard_s = message.seq, received_s
        match message.verb:
            case "act":
                return self._act(session, message, received_s)
            case "plan":
                return self._plan(session, message, received_s)
            case "reset":
                session.episode = Episode(wire.integer(message.body, "seed"))
                self._withdraw(session)
                return Message("reset", message.session, message.seq)
            case "health":
                return Message("health", message.session, message.seq, self.health())
            case "goodbye":
                return self._goodbye(session)
            case _:
                raise BridgeError("bad_request", f"verb {message.verb!r} is not a request")

    def _hello(self, identity: bytes, message: Message, received_s: float) -> Message:
        wish = Wish.unpack(message.body)
        resumes = wire.texts(message.body, "resumes", most=MOST_RESUMED, high=64)
        if lines := wish.differences(self._schema, offered()):
            wanted = "the robot wants something else than is served (robot here, server there)"
            raise BridgeError("schema_mismatch", wanted, tuple(lines))
        earlier = self._sessions.find(identity)
        session = Session(identity, message.session, wish.images, message.seq, received_s, Episode(0))
        for gone in (self._sessions.open(session, resumes), earlier):
            if gone is not None:
                self._leave(gone)
        reply = replace(self._schema, images=wish.images).pack() | {"plans": self._plan_worker is not None}
        return Message("hello", message.session, message.seq, reply)

    def _act(self, session: Session, message: Message, received_s: float) -> None:
        if not self._batcher.batches:
            self._sessions.hold(session, received_s)
        request, within_s = unpack_act(message, self._spec, session.images)
        deadline_s = received_s + within_s
        job = ActJob(session, message.seq, received_s, deadline_s, request, session.episode)
        self.tally.counts["superseded"] += self._batcher.waiting.put(job)

    def _plan(self, session: Session, message: Message, received_s: float) -> None:
        if self._plan_worker is None:
            raise BridgeError("planner_absent", "the policy is served without a planner")
        goal = wire.text(message.body, "goal")
        previous = unpack_plan(message.body.get("previous"))
        observation = unpack_observation(message, self._spec, session.images)
        job = PlanJob(session, message.seq, received_s, math.inf, goal, observation, previous)
        self.tally.counts["superseded"] += self._plan_worker.waiting.put(job)

    def _withdraw(self, session: Session) -> None:
        self.tally.counts["superseded"] += self._batcher.waiting.withdraw(session)

    def _goodbye(self, session: Session) -> None:
        self._sessions.close(session)
        self._leave(session)

    def _leave(self, session: Session) -> None:
        self._batcher.waiting.leave(session)
        if self._plan_worker:
            self._plan_worker.waiting.leave(session)

    def _hand_out(self, finished: Finished) -> None:
        """Send what a worker has finished to those who are still there."""
        now_s = time.monotonic()
        for job, reply in finished.answers:
            if self._sessions.alive(job.session):
                self._send(job.session.identity, reply)
            else:
                self.tally.counts["unsent"] += 1
            if reply.verb == "act":
                self.tally.act(finished.began_s - job.received_s, now_s - job.received_s)
            self.tally.counts["plans"] += reply.verb == "plan"
            self.tally.counts["too_late"] += reply.body.get("code") == "too_late"
        if finished.computed and isinstance(finished.answers[0][0], ActJob):
            self.tally.counts["batches"] += 1
            self.tally.batch.observe(finished.computed)

    def _send(self, identity: bytes, reply: Message) -> None:
        self.tally.counts["failed"] += reply.verb == "error"
        try:
            sockets.send(self._socket, [identity, *wire.encode(reply)])
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            self.tally.counts["unsent"] += 1
            session = self._sessions.find(identity)
            if error.errno == zmq.EHOSTUNREACH and session is not None:
                self._goodbye(session)
