"""A policy that lives behind a GR00T server: the same contract, blocking, with a deadline."""

from __future__ import annotations

import time
from typing import Any, Self, cast

import zmq

from vla.bridge.errors import BridgeError, DeadlineMissed, one_line
from vla.bridge.groot_mapping import GrootMapping, Schema
from vla.bridge.ndarrays import CodecError, Form, pack, restore, unpack
from vla.contract import ActionChunk, ContractError, Observation, Prefix, RobotSpec

MAX_ROWS = 1024
_SLACK_BYTES = 256 * 1024
_OLD_ERROR = b"ERROR"


class GrootPolicy:
    """A :class:`~vla.contract.Policy` that asks a GR00T server; one thread per policy.

    Request and reply alternate on this protocol's socket and nothing numbers them: after a missed deadline
    the socket is given up, and with it the late reply.
    """

    def __init__(
        self,
        endpoint: str,
        spec: RobotSpec,
        deadline_s: float = 2.0,
        schema: Schema = "n1.6",
        form: Form = "npy",
        mapping: GrootMapping | None = None,
        api_token: str | None = None,
        dt_s: float | None = None,
    ) -> None:
        """Connect lazily.

        Args:
            endpoint: For example ``"tcp://127.0.0.1:5555"``.
            spec: This robot.
            deadline_s: Longest wait for an answer, in seconds.
            schema: ``"n1.5"`` flat keys, ``"n1.6"`` maps of maps, also for N1.7.
            form: ``"npy"`` for servers up to early N1.7, ``"msgpack_numpy"`` for later ones.
            mapping: The server's names for this robot; :meth:`GrootMapping.of` its spec by default.
            api_token: Sent with every request, in the clear.
            dt_s: Seconds between the rows of a chunk, unsaid by GR00T; the control period by default.

        Raises:
            ContractError: the schema or form is unknown, or the mapping does not cover the robot.
        """
        if schema not in ("n1.5", "n1.6") or form not in ("npy", "msgpack_numpy"):
            raise ContractError(
                f"schema {schema!r} must be n1.5 or n1.6, and form {form!r} npy or msgpack_numpy"
            )
        self._mapping = mapping or GrootMapping.of(spec)
        self._mapping.check(spec)
        self._endpoint, self._spec, self._deadline_s = endpoint, spec, deadline_s
        self._schema: Schema = schema
        self._form: Form = form
        self._api_token = api_token
        self._dt_s = spec.dt_s if dt_s is None else dt_s
        self._max_bytes = 8 * MAX_ROWS * len(spec.action) + _SLACK_BYTES
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None

    @property
    def spec(self) -> RobotSpec:
        """This robot's spec; GR00T has no handshake to compare it in."""
        return self._spec

    def reset(self, seed: int) -> None:
        """Begin anew, the seed among the ``options`` for servers that read it; N1.5 has no reset to send.

        Raises:
            DeadlineMissed: no answer in time.
            BridgeError: the server refused.
        """
        if self._schema == "n1.6":
            self._call("reset", {"options": {"seed": seed}})

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """The server's chunk, its values unjudged; ``prefix`` is ignored.

        Raises:
            ContractError: the observation does not fit the spec.
            DeadlineMissed: no answer in time.
            BridgeError: code ``policy_failed``, the server answered with an error; or ``bad_request``, its
                answer is not GR00T's or does not fit the spec.
        """
        observation.check(self._spec)
        sensed = self._mapping.write(observation, instruction, self._spec, self._schema)
        n15 = self._schema == "n1.5"
        answer = self._call("get_action", sensed if n15 else {"observation": sensed, "options": None})
        try:
            if not n15:
                if not isinstance(answer, list) or not answer:
                    raise CodecError(f"a {type(answer).__name__}, expected [actions, info]")
                answer = cast(list[Any], answer)[0]
            rows = self._mapping.read_actions(answer, self._spec, self._schema)
            if len(rows) > MAX_ROWS:
                raise CodecError(f"{len(rows)} rows, expected 1..{MAX_ROWS}")
        except ContractError as error:
            raise BridgeError("bad_request", f"unreadable answer: {error}") from error
        return ActionChunk(rows, self._dt_s, observation.stamp_s)

    def close(self) -> None:
        """Let go of the socket; twice is fine."""
        self._let_go()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _call(self, endpoint: str, data: dict[str, Any]) -> Any:
        request: dict[str, Any] = {"endpoint": endpoint, "data": data}
        if self._api_token is not None:
            request["api_token"] = self._api_token
        packed = pack(request, self._form)
        deadline = time.monotonic() + self._deadline_s
        socket = self._socket or self._connect()
        if socket.poll(_left_ms(deadline), zmq.POLLOUT):
            socket.send(packed)
            if socket.poll(_left_ms(deadline)):
                return self._read(socket.recv_multipart())
        self._let_go()
        raise DeadlineMissed(endpoint, self._endpoint, self._deadline_s)

    def _read(self, frames: list[bytes]) -> Any:
        if frames == [_OLD_ERROR]:
            raise BridgeError("policy_failed", f"{self._endpoint} answered ERROR")
        try:
            if len(frames) != 1:
                raise CodecError(f"{len(frames)} frames, expected one")
            answer, _ = restore(unpack(frames[0], self._max_bytes), ("npy", "msgpack_numpy"))
        except ContractError as error:
            raise BridgeError("bad_request", f"unreadable answer: {error}") from error
        if isinstance(answer, dict) and "error" in answer:
            words = cast(dict[str, Any], answer)["error"]
            reason = one_line(words) if isinstance(words, str) else "no reason given"
            raise BridgeError("policy_failed", f"{self._endpoint} answered: {reason}")
        return answer

    def _connect(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.REQ)
        socket.linger = 0
        socket.maxmsgsize = self._max_bytes
        socket.connect(self._endpoint)
        self._socket = socket
        return socket

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _left_ms(deadline: float) -> int:
    return max(0, int(1000 * (deadline - time.monotonic()) + 0.999))
