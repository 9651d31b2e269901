"""The model's end of the bridge: one policy, perhaps a planner, answering robots over ZeroMQ."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import zmq

from vla.bridge import wire
from vla.bridge.authority import ServerSecurity, check_endpoint, user_id
from vla.bridge.errors import BridgeError, error_reply, guarded
from vla.bridge.plan_worker import PlanWorker
from vla.bridge.wire import Message, WireError
from vla.contract import ContractError, Planner, Policy, RobotSpec

_POLL_MS = 50
_MAX_SESSIONS = 16
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Session:
    name: str
    last_seq: int


class PolicyServer:
    """Serves a policy to robots whose spec equals the policy's.

    One thread owns the socket and runs the policy; plans are made in a second thread, so that planning never
    delays acting. All sessions share the one policy: serve one robot at a time when the policy has a state.
    """

    def __init__(
        self,
        policy: Policy,
        planner: Planner | None = None,
        endpoint: str = "tcp://127.0.0.1:0",
        model_id: str = "unnamed",
        security: ServerSecurity | None = None,
    ) -> None:
        """Bind.

        Args:
            policy: Answers ``act``.
            planner: Answers ``plan``; without one a plan request is refused by name.
            endpoint: A TCP endpoint; port 0 picks a free one.
            model_id: Told to every client, 1 to 4096 characters.
            security: Keys and allow-list; without them only loopback may be bound.

        Raises:
            ContractError: the endpoint is not TCP, not loopback although there are no keys, or not to be had.
        """
        check_endpoint(endpoint, security is not None)
        self._security = security
        self._policy = policy
        self._planner = planner
        self._spec: RobotSpec = policy.spec
        self._model_id = model_id
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        counted = ("acts", "plans", "superseded", "replayed", "malformed", "revoked", "failed")
        self._counts = dict.fromkeys(counted, 0)
        self._act_s: deque[float] = deque(maxlen=512)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.sndhwm = self._socket.rcvhwm = 8
        self._socket.maxmsgsize = wire.max_frame_bytes(self._spec)
        self._socket.setsockopt(zmq.HANDSHAKE_IVL, 500)
        self._socket.ipv6 = "[" in endpoint
        if security is not None:
            security.protect(self._socket)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ContractError(f"cannot bind {endpoint!r}: {error}") from error
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def serve(self, stop: threading.Event) -> None:
        """Answer until ``stop`` is set; checked at least every 50 ms between requests."""
        worker = PlanWorker(self._planner, self._context) if self._planner else None
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        if worker:
            poller.register(worker.results, zmq.POLLIN)
        try:
            while not stop.is_set():
                ready = dict(poller.poll(_POLL_MS))
                if worker and worker.results in ready:
                    self._counts["plans"] += 1
                    self._socket.send_multipart(worker.results.recv_multipart())
                if self._socket in ready:
                    for identity, message in self._drain():
                        self._answer(identity, message, worker)
        finally:
            if worker:
                worker.close()

    def health(self) -> dict[str, Any]:
        """Counters since the start, and the policy's recent time per act in seconds (0 before the first)."""
        times = np.array(self._act_s) if self._act_s else np.zeros(1)
        return {
            "model_id": self._model_id,
            "sessions": len(self._sessions),
            "act_p50_s": float(np.percentile(times, 50)),
            "act_p95_s": float(np.percentile(times, 95)),
            **self._counts,
        }

    def close(self) -> None:
        """Unbind, after :meth:`serve` has returned; twice is fine."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _drain(self) -> list[tuple[bytes, Message]]:
        """All that has arrived, without acts that a newer act of the same client has made pointless."""
        arrived: list[tuple[bytes, Message]] = []
        while len(arrived) < 64 and self._socket.poll(0):
            identity, frames, admitted = self._receive()
            try:
                message = wire.decode(frames, wire.max_frames(self._spec))
            except WireError as error:
                self._counts["malformed"] += 1
                _log.warning("dropped a malformed message: %s", error)
                continue
            if admitted:
                arrived.append((identity, message))
            else:
                self._turn_away(identity, message)
        newest = {identity: i for i, (identity, message) in enumerate(arrived) if message.verb == "act"}
        kept = [
            (identity, message)
            for i, (identity, message) in enumerate(arrived)
            if message.verb != "act" or newest[identity] == i
        ]
        self._counts["superseded"] += len(arrived) - len(kept)
        return kept

    def _receive(self) -> tuple[bytes, list[bytes], bool]:
        """The next message: from whom, its frames, and whether that peer may (still) speak."""
        if self._security is None:
            identity, *frames = self._socket.recv_multipart()
            return identity, frames, True
        parts = self._socket.recv_multipart(copy=False)
        identity, *frames = (part.bytes for part in parts)
        return identity, frames, self._security.admits(user_id(parts[0]))

    def _turn_away(self, identity: bytes, message: Message) -> None:
        self._sessions.pop(identity, None)
        self._counts["revoked"] += 1
        error = BridgeError("revoked", "this key is no longer allowed here")
        self._socket.send_multipart([identity, *wire.encode(error_reply(message, error))])

    def _answer(self, identity: bytes, message: Message, worker: PlanWorker | None) -> None:
        try:
            reply = self._handle(identity, message, worker)
        except ContractError as error:
            reply = error_reply(message, BridgeError("bad_request", str(error)))
        except BridgeError as error:
            reply = error_reply(message, error)
        if reply is not None:
            self._counts["failed"] += reply.verb == "error"
            self._socket.send_multipart([identity, *wire.encode(reply)])

    def _handle(self, identity: bytes, message: Message, worker: PlanWorker | None) -> Message | None:
        if message.version != wire.PROTOCOL:
            versions = f"server speaks {wire.PROTOCOL}, client {message.version}"
            raise BridgeError("protocol_version", versions)
        if message.verb == "hello":
            return self._hello(identity, message)
        session = self._sessions.get(identity)
        if session is None or session.name != message.session:
            raise BridgeError("no_session", f"{message.verb!r} before 'hello', or after the server restarted")
        if message.seq <= session.last_seq:
            self._counts["replayed"] += 1
            return None
        session.last_seq = message.seq
        self._sessions.move_to_end(identity)
        if message.verb == "act":
            return self._act(message)
        if message.verb == "plan":
            self._plan(identity, message, worker)
            return None
        if message.verb == "reset":
            seed = wire.integer(message.body, "seed")
            guarded("policy_failed", lambda: self._policy.reset(seed))
            return Message("reset", message.session, message.seq)
        if message.verb == "health":
            return Message("health", message.session, message.seq, self.health())
        raise BridgeError("bad_request", f"verb {message.verb!r} is not a request")

    def _hello(self, identity: bytes, message: Message) -> Message:
        theirs = message.body.get("spec")
        if not isinstance(theirs, dict):
            raise BridgeError("bad_request", "'hello' needs the robot's spec")
        robot = guarded("bad_request", lambda: RobotSpec.from_dict(theirs))
        if lines := robot.differences(self._spec):
            wanted = f"the robot differs from what {self._model_id!r} was made for (robot here, model there)"
            raise BridgeError("spec_mismatch", wanted, tuple(lines))
        self._sessions[identity] = _Session(message.session, message.seq)
        while len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        plans = self._planner is not None
        body = {"spec": self._spec.to_dict(), "model_id": self._model_id, "plans": plans}
        return Message("hello", message.session, message.seq, body)

    def _act(self, message: Message) -> Message:
        observation = wire.unpack_observation(message, self._spec)
        instruction = wire.text(message.body, "instruction")
        prefix = wire.unpack_prefix(message, self._spec)
        began = time.monotonic()
        body, frames = guarded(
            "policy_failed",
            lambda: wire.pack_chunk(self._policy.act(observation, instruction, prefix), self._spec),
        )
        self._act_s.append(time.monotonic() - began)
        self._counts["acts"] += 1
        return Message("act", message.session, message.seq, body, frames)

    def _plan(self, identity: bytes, message: Message, worker: PlanWorker | None) -> None:
        if worker is None:
            raise BridgeError("planner_absent", f"{self._model_id!r} is served without a planner")
        goal = wire.text(message.body, "goal")
        observation = wire.unpack_observation(message, self._spec)
        worker.submit(identity, message, goal, observation, wire.unpack_plan(message.body.get("previous")))
