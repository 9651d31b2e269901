"""A policy for GR00T's clients: their ZeroMQ protocol, N1.5 to N1.7, in either of its two array forms.

One msgpack message each way: ``{"endpoint", "data", "api_token"}``, then the result or ``{"error": "code:
words"}``. Which array form and which observation layout a client speaks is read off its request, and it is
answered in kind. ``get_action`` of N1.6 ignores its ``options``. ``kill`` is refused: a server is stopped
where it was started.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, Self

import zmq
import zmq.asyncio

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
from vla.bridge.groot_mapping import GrootMapping, Schema, is_batched
from vla.bridge.groups import table
from vla.bridge.ndarrays import CodecError, Form, pack, restore, unpack
from vla.contract import ContractError, Policy

_FORMS: tuple[Form, ...] = ("npy", "msgpack_numpy")
_ENDPOINTS = ("ping", "get_action", "reset", "get_modality_config")
_MAX_VISITS = 64
_MAX_SEED = 2**31


class GrootServer:
    """Answers GR00T clients from construction to :meth:`close`, in threads of its own.

    The token of this protocol travels in the clear with every request: it keeps mistakes out, not listeners.
    Each client draws its noise anew (see :class:`~vla.bridge.frontdesk.FrontDesk`); ``reset`` with
    ``options={"seed": n}`` begins again from that seed, without a seed from 0.
    """

    def __init__(
        self,
        policy: Policy,
        host: str = "127.0.0.1",
        port: int = 5555,
        api_token: str | None = None,
        mapping: GrootMapping | None = None,
        patience_s: float = 30.0,
    ) -> None:
        """Bind, and begin to answer.

        Args:
            policy: Asked by one thread; :func:`vla.bridge.sharing.share` it when others ask it, too.
            host: To listen at, an address; beyond loopback only with ``api_token``.
            port: 0 picks a free one.
            api_token: What every request must hold; None asks for none.
            mapping: GR00T's names for this robot; :meth:`GrootMapping.of` its spec by default.
            patience_s: Longest wait for one chunk, in seconds; then the client gets an error.

        Raises:
            ContractError: ``host`` needs a token, the mapping does not cover the robot, or the port cannot be
                bound.
        """
        check_address(host, port, api_token)
        self._spec = policy.spec
        self._mapping = mapping or GrootMapping.of(self._spec)
        self._mapping.check(self._spec)
        self._api_token = api_token
        self._rows = 1
        self._visits: OrderedDict[bytes, Visit] = OrderedDict()
        self._closed = False
        self._desk = FrontDesk(policy, patience_s)
        self._loop = LoopThread("groot-server")
        self._context = zmq.asyncio.Context()
        self._answers: set[asyncio.Task[None]] = set()
        try:
            self.endpoint: str = self._loop.run(self._listen(f"tcp://{host}:{port}"))
        except zmq.ZMQError as error:
            self.close()
            raise ContractError(f"cannot serve GR00T at {host}:{port}: {error}") from error

    def close(self) -> None:
        """Stop listening and give up what waits; twice is fine."""
        if not self._closed:
            self._closed = True
            self._loop.close()
            self._desk.close()
            self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def _listen(self, endpoint: str) -> str:
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.sndhwm = self._socket.rcvhwm = 4
        self._socket.maxmsgsize = max_request_bytes(self._spec)
        self._socket.setsockopt(zmq.HANDSHAKE_IVL, 500)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError:
            self._socket.close()
            raise
        self._keep(self._receive())
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    async def _receive(self) -> None:
        try:
            while True:
                frames = await self._socket.recv_multipart()
                # A REQ socket sends an empty frame before its message; anything else is no client of ours.
                if len(frames) == 3 and frames[1] == b"":
                    self._keep(self._answer(frames[0], frames[2]))
        finally:
            self._socket.close()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, client: bytes, request: bytes) -> None:
        try:
            reply = await self._reply(client, request)
        except (ContractError, BridgeError) as error:
            reply = pack({"error": refusal(error)}, "npy")
        await self._socket.send_multipart([client, b"", reply])

    async def _reply(self, client: bytes, request: bytes) -> bytes:
        call = table("the request", unpack(request, max_request_bytes(self._spec)))
        if self._api_token is not None and not same_key(call.get("api_token"), self._api_token):
            return pack({"error": "Unauthorized: Invalid API token"}, "npy")
        endpoint = call.get("endpoint", "get_action")
        if endpoint == "ping":
            return pack({"status": "ok", "message": "Server is running"}, "npy")
        if endpoint == "get_modality_config":
            return pack(self._modalities(), "npy")
        if endpoint not in ("get_action", "reset"):
            known = ", ".join(_ENDPOINTS)
            why = "is refused: stop this server where it was started" if endpoint == "kill" else "is unknown"
            raise CodecError(f"endpoint {str(endpoint)[:32]!r} {why}; there are {known}")
        data, form = restore(call.get("data"), _FORMS)
        visit = self._visit(client)
        if endpoint == "reset":
            await self._desk.reset(visit, _seed(data))
            return pack({}, "npy")
        return pack(await self._act(visit, table("'data'", data)), form or "npy")

    async def _act(self, visit: Visit, data: dict[str, Any]) -> Any:
        schema: Schema = "n1.6" if isinstance(data.get("observation"), dict) else "n1.5"
        given = data["observation"] if schema == "n1.6" else data
        observation, instruction = self._mapping.read(given, self._spec, schema, time.monotonic())
        chunk, _ = await self._desk.act(visit, observation, instruction)
        self._rows = len(chunk.actions)
        batched = schema == "n1.6" or is_batched(given)
        actions = self._mapping.write_actions(chunk.actions, self._spec, schema, batched)
        return [actions, {}] if schema == "n1.6" else actions

    def _visit(self, client: bytes) -> Visit:
        visit = self._visits.setdefault(client, Visit())
        self._visits.move_to_end(client)
        while len(self._visits) > _MAX_VISITS:
            self._visits.popitem(last=False)
        return visit

    def _modalities(self) -> dict[str, Any]:
        """The answer of N1.6 and N1.7; ``action`` is as long as the newest chunk, 1 before the first."""
        keys = {
            "video": list(self._mapping.cameras.values()),
            "state": list(self._mapping.state),
            "action": list(self._mapping.action),
            "language": [self._mapping.language[0]],
        }
        return {
            modality: {
                "__ModalityConfig_class__": True,
                "as_json": {
                    "delta_indices": list(range(self._rows)) if modality == "action" else [0],
                    "modality_keys": names,
                },
            }
            for modality, names in keys.items()
        }


def _seed(data: Any) -> int:
    options = data.get("options") if isinstance(data, dict) else None
    seed = options.get("seed", 0) if isinstance(options, dict) else 0
    if type(seed) is not int or not 0 <= seed < _MAX_SEED:
        raise CodecError(f"the seed must be an integer in 0..{_MAX_SEED - 1}")
    return seed
