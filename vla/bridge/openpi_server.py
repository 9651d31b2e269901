"""A policy for openpi's clients: their websocket protocol, as openpi-client 0.1.2 speaks it.

The server speaks first: one binary frame of metadata. Then the client sends observations and gets chunks, one
in flight, msgpack both ways with arrays in openpi's own form; ``GET /healthz`` answers ``OK``. What differs
from openpi's server: sizes are bounded, an error is one line of ``code: words`` instead of a traceback, and
browsers are turned away (a web page may open a websocket to this machine; it always says its origin).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from vla.bridge.errors import BridgeError
from vla.bridge.frontdesk import (
    FrontDesk,
    LoopThread,
    Visit,
    check_address,
    max_request_bytes,
    refusal,
    same_key,
)
from vla.bridge.ndarrays import CodecError, pack, restore, unpack
from vla.bridge.openpi_mapping import OpenpiMapping, read_openpi
from vla.contract import ContractError, Policy
from vla.extras import MissingExtra, needs

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

_MAX_CLIENTS = 16
_INTERNAL_ERROR = 1011
_PARTING_S = 1.0


class OpenpiServer:
    """Answers openpi clients from construction to :meth:`close`, in threads of its own.

    Plain websockets carry no encryption: whoever sees the traffic sees the pictures and the key. Beyond
    loopback put a tunnel around it. Each connection draws its noise anew (see
    :class:`~vla.bridge.frontdesk.FrontDesk`); openpi knows no reset.
    """

    def __init__(
        self,
        policy: Policy,
        host: str = "127.0.0.1",
        port: int = 8000,
        api_key: str | None = None,
        mappings: Sequence[OpenpiMapping] = (),
        model_id: str = "unnamed",
        patience_s: float = 30.0,
    ) -> None:
        """Bind, and begin to answer.

        Args:
            policy: Asked by one thread; :func:`vla.bridge.sharing.share` it when others ask it, too.
            host: To listen at; beyond loopback only with ``api_key``.
            port: 0 picks a free one.
            api_key: What a client's ``Authorization: Api-Key`` header must hold; None asks for none.
            mappings: Dialects of the observation, in order of preference; LIBERO's and ALOHA's by default.
            model_id: Told to every client.
            patience_s: Longest wait for one chunk, in seconds; then the client gets an error.

        Raises:
            ContractError: ``host`` needs a key, a mapping does not cover the robot, the port cannot be bound,
                or the package ``websockets`` is missing.
        """
        check_address(host, port, api_key)
        self._spec = policy.spec
        self._mappings = tuple(mappings) or (
            OpenpiMapping.libero(self._spec),
            OpenpiMapping.aloha(self._spec),
        )
        for mapping in self._mappings:
            mapping.check(self._spec)
        self._api_key = api_key
        metadata = {
            "model_id": model_id,
            "robot": self._spec.name,
            "control_hz": float(self._spec.control_hz),
            "action": [axis.name for axis in self._spec.action],
        }
        self._metadata = pack(metadata, "openpi")
        self._clients = 0
        self._closed = False
        self._server: Server | None = None
        self._desk = FrontDesk(policy, patience_s)
        self._loop = LoopThread("openpi-server")
        try:
            self._server = self._loop.run(self._listen(host, port))
        except (OSError, MissingExtra) as error:
            self.close()
            raise ContractError(f"cannot serve openpi at {host}:{port}: {error}") from error
        name = f"[{host}]" if ":" in host else host
        self.endpoint = f"ws://{name}:{next(iter(self._server.sockets)).getsockname()[1]}"

    def close(self) -> None:
        """Stop listening and let every client go; twice is fine."""
        if not self._closed:
            self._closed = True
            if self._server is not None:
                self._loop.run(_unlisten(self._server))
            self._loop.close()
            self._desk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def _listen(self, host: str, port: int) -> Server:
        with needs("compat"):
            from websockets.asyncio.server import serve

        return await serve(
            self._converse,
            host,
            port,
            process_request=self._admit,
            origins=[None],
            compression=None,
            max_size=max_request_bytes(self._spec),
            max_queue=1,
            open_timeout=5,
            close_timeout=2,
            server_header=None,
        )

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/healthz":
            return connection.respond(200, "OK\n")
        given = request.headers.get_all("Authorization")
        if self._api_key is not None and not (
            len(given) == 1 and same_key(given[0], f"Api-Key {self._api_key}")
        ):
            return connection.respond(401, "Unauthorized\n")
        if self._clients >= _MAX_CLIENTS:
            return connection.respond(503, f"{_MAX_CLIENTS} clients are connected already\n")
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        self._clients += 1
        try:
            await connection.send(self._metadata)
            await self._answer_all(connection)
        except ConnectionClosed:
            pass
        except (ContractError, BridgeError) as error:
            try:
                await connection.send(refusal(error))
                await connection.close(_INTERNAL_ERROR, "the reason stands in the frame before")
            except ConnectionClosed:
                pass
        finally:
            self._clients -= 1

    async def _answer_all(self, connection: ServerConnection) -> None:
        visit = Visit()
        total_ms: float | None = None
        while True:
            data = await connection.recv()
            began = time.monotonic()
            if isinstance(data, str):
                raise CodecError("a text frame; observations are binary")
            given, _ = restore(unpack(data, max_request_bytes(self._spec)), ("openpi",))
            observation, instruction = read_openpi(given, self._spec, self._mappings, began)
            chunk, policy_s = await self._desk.act(visit, observation, instruction)
            timing = {"infer_ms": (time.monotonic() - began) * 1e3}
            if total_ms is not None:
                timing["prev_total_ms"] = total_ms
            reply: dict[str, Any] = {
                "actions": chunk.actions,
                "policy_timing": {"infer_ms": policy_s * 1e3},
                "server_timing": timing,
            }
            await connection.send(pack(reply, "openpi"))
            total_ms = (time.monotonic() - began) * 1e3


async def _unlisten(server: Server) -> None:
    server.close()
    with suppress(TimeoutError):  # a client whose policy hangs is cut off when the loop ends
        async with asyncio.timeout(_PARTING_S):
            await server.wait_closed()
