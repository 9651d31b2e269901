"""A policy that lives behind an openpi server: the same contract, blocking, with a deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from vla.bridge.errors import BridgeError, DeadlineMissed, one_line
from vla.bridge.frontdesk import LoopThread
from vla.bridge.groups import numbers, table
from vla.bridge.ndarrays import CodecError, pack, restore, unpack
from vla.bridge.openpi_mapping import OpenpiMapping
from vla.contract import ActionChunk, ContractError, Observation, Prefix, RobotSpec
from vla.extras import needs

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed

MAX_ROWS = 1024
_SLACK_BYTES = 256 * 1024
_RETRY_S = 0.05
_MESSAGE_TOO_BIG = 1009


class OpenpiPolicy:
    """A :class:`~vla.contract.Policy` that asks an openpi server; one call at a time.

    openpi's replies carry no request number, so a reply that is late cannot be told from the next one: after
    a missed deadline, and after any error, the connection is given up and the next call makes a new one.
    """

    def __init__(
        self,
        url: str,
        spec: RobotSpec,
        deadline_s: float = 2.0,
        mapping: OpenpiMapping | None = None,
        api_key: str | None = None,
        dt_s: float | None = None,
    ) -> None:
        """Connect lazily.

        Args:
            url: For example ``"ws://127.0.0.1:8000"``; ``wss`` for a server behind TLS.
            spec: This robot.
            deadline_s: Longest wait for a chunk, connecting included, in seconds.
            mapping: The server's names for what the robot senses; LIBERO's by default.
            api_key: Sent as ``Authorization: Api-Key``.
            dt_s: Seconds between the rows of a chunk, unsaid by openpi; the control period by default.

        Raises:
            ContractError: the URL is no websocket's, the mapping does not cover the robot, or the package
                ``websockets`` is missing.
        """
        if not url.startswith(("ws://", "wss://")):
            raise ContractError(f"url {url!r} must begin with ws:// or wss://")
        with needs("compat"):
            import websockets.asyncio.client  # noqa: F401  (to say now, not at the first act)
        self._mapping = mapping or OpenpiMapping.libero(spec)
        self._mapping.check(spec)
        self._url, self._spec, self._deadline_s = url, spec, deadline_s
        self._api_key = api_key
        self._dt_s = spec.dt_s if dt_s is None else dt_s
        self._max_bytes = 8 * MAX_ROWS * len(spec.action) + _SLACK_BYTES
        self._connection: ClientConnection | None = None
        self._closed = False
        self._loop = LoopThread("openpi-policy")

    @property
    def spec(self) -> RobotSpec:
        """This robot's spec; openpi has no handshake to compare it in."""
        return self._spec

    def reset(self, seed: int) -> None:
        """Give up the connection. openpi has no seeds: how far its server begins anew is its own affair."""
        self._loop.run(self._let_go())

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """The server's chunk, its values unjudged; ``prefix`` is ignored.

        Raises:
            ContractError: the observation does not fit the spec.
            DeadlineMissed: no answer in time, or no server to connect to.
            BridgeError: code ``policy_failed``, the server answered with an error; or ``bad_request``, its
                answer is not openpi's or does not fit the spec.
        """
        observation.check(self._spec)
        request = pack(self._mapping.write(observation, instruction, self._spec), "openpi")
        try:
            data = self._loop.run(self._ask(request))
        except TimeoutError:
            raise DeadlineMissed("act", self._url, self._deadline_s) from None
        try:
            rows = self._rows(data)
        except ContractError as error:
            self._loop.run(self._let_go())
            raise BridgeError("bad_request", f"unreadable answer: {error}") from error
        return ActionChunk(rows, self._dt_s, observation.stamp_s)

    def close(self) -> None:
        """Let go of the connection; twice is fine."""
        if not self._closed:
            self._closed = True
            self._loop.run(self._let_go())
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _rows(self, data: str | bytes) -> Any:
        if isinstance(data, str):
            raise CodecError("a text frame where metadata was due")
        reply, _ = restore(unpack(data, self._max_bytes), ("openpi",))
        rows = numbers("actions", table("the answer", reply).get("actions"), axes=2)
        if rows.shape[1] != len(self._spec.action) or len(rows) > MAX_ROWS:
            wanted = f"(1..{MAX_ROWS}, {len(self._spec.action)})"
            raise CodecError(f"'actions' have shape {rows.shape}, expected {wanted}")
        return rows

    async def _ask(self, request: bytes) -> str | bytes:
        from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

        done = False
        try:
            async with asyncio.timeout(self._deadline_s):
                while True:
                    try:
                        answer = await self._exchange(request)
                        done = True
                        return answer
                    except InvalidStatus as error:
                        raise BridgeError("policy_failed", f"{self._url} refused: {error}") from error
                    except (OSError, WebSocketException) as error:
                        if isinstance(error, ConnectionClosed) and _too_big(error):
                            words = f"unreadable answer: longer than {self._max_bytes} bytes"
                            raise BridgeError("bad_request", words) from error
                        await self._let_go()
                        await asyncio.sleep(_RETRY_S)
        finally:
            if not done:
                await self._let_go()

    async def _exchange(self, request: bytes) -> bytes:
        connection = self._connection or await self._connect()
        await connection.send(request)
        answer = await connection.recv()
        if isinstance(answer, str):
            raise BridgeError("policy_failed", f"{self._url} answered: {one_line(answer)}")
        return answer

    async def _connect(self) -> ClientConnection:
        from websockets.asyncio.client import connect

        headers = {"Authorization": f"Api-Key {self._api_key}"} if self._api_key else None
        self._connection = await connect(
            self._url,
            compression=None,
            max_size=self._max_bytes,
            max_queue=1,
            open_timeout=None,
            ping_interval=None,  # the deadline tells, and openpi's server answers no ping while it infers
            additional_headers=headers,
            proxy=None,
        )
        greeting = await self._connection.recv()
        if isinstance(greeting, str):
            raise BridgeError("policy_failed", f"{self._url} answered: {one_line(greeting)}")
        return self._connection

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.transport.abort()


def _too_big(error: ConnectionClosed) -> bool:
    """Whether it was we who closed, since the message was longer than what is read."""
    return error.sent is not None and error.sent.code == _MESSAGE_TOO_BIG
