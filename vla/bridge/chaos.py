"""A bad network on demand: a TCP proxy between robot and server whose faults can be set while it runs."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from typing import Self

from vla.bridge.chaos_pump import DIRECTIONS, Conditions, Direction, Faults, Pump
from vla.contract import ContractError

__all__ = ["ChaosProxy", "Direction", "Faults"]

_TARGET = re.compile(r"tcp://([0-9.]+):(\d{1,5})")


class ChaosProxy:
    """Listens on loopback and passes bytes on to a server, in a thread of its own.

    Flips and duplicates depend on the seed, the connection's number and the bytes before, and not on how TCP
    cuts the stream.
    """

    def __init__(self, target: str, seed: int = 0) -> None:
        """Start.

        Args:
            target: For example ``"tcp://127.0.0.1:5555"``; dialled anew for every connection.
            seed: Of flips, duplicates and jitter, >= 0.

        Raises:
            ContractError: ``target`` is not an IPv4 endpoint.
        """
        parts = _TARGET.fullmatch(target)
        if parts is None:
            raise ContractError(
                f"target {target!r} is not tcp://ADDRESS:PORT, for example tcp://127.0.0.1:5555"
            )
        self._target = (parts[1], int(parts[2]))
        self._seed = seed
        self._conditions = Conditions()
        self._open: set[_Connection] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)
        self._thread.start()

    def set(self, direction: Direction, faults: Faults) -> None:
        """Let ``faults`` hold in that direction, instead of those before; returns once they do."""
        asyncio.run_coroutine_threadsafe(self._set(direction, faults), self._loop).result()

    def clear(self) -> None:
        """No faults either way; what is broken stays broken."""
        for direction in DIRECTIONS:
            self.set(direction, Faults())

    def counters(self) -> dict[str, int]:
        """What happened so far.

        ``connections``, ``refused``, ``resets``, ``half_closes``, and for each direction, for example
        ``up_bytes``, the ``bytes`` handed on, the ``flips`` in them and the ``duplicates`` among them.
        """
        return dict(self._conditions.counts)

    def close(self) -> None:
        """Cut every connection and end the thread; twice is fine."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run(self) -> None:
        accepting = self._loop.create_task(self._accept())
        self._loop.run_forever()
        accepting.cancel()
        for connection in self._open:
            connection.reset()
        ending = asyncio.gather(accepting, *(c.task for c in self._open), return_exceptions=True)
        self._loop.run_until_complete(ending)
        self._listener.close()
        self._loop.close()

    async def _set(self, direction: Direction, faults: Faults) -> None:
        self._conditions.change(direction, faults)
        for connection in list(self._open):
            connection.apply(direction, faults)

    async def _accept(self) -> None:
        counts = self._conditions.counts
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            if any(faults.drop_new for faults in self._conditions.faults.values()):
                counts["refused"] += 1
                _cut(client)
                continue
            counts["connections"] += 1
            seed = (self._seed, counts["connections"])
            connection = _Connection(client, self._target, self._conditions, seed)
            self._open.add(connection)
            connection.task.add_done_callback(lambda _, ended=connection: self._open.discard(ended))


class _Connection:
    """A client's connection, the one to the server that belongs to it, and the two pumps between."""

    def __init__(
        self, client: socket.socket, target: tuple[str, int], conditions: Conditions, seed: tuple[int, int]
    ) -> None:
        self._client, self._target, self._conditions = client, target, conditions
        self._server = socket.socket()
        self._server.setblocking(False)
        self._ends = (self._client, self._server)
        self._pumps: dict[Direction, Pump] = {
            way: Pump(way, self._ends[i], self._ends[1 - i], conditions, (*seed, i))
            for i, way in enumerate(DIRECTIONS)
        }
        self._linked = self._broken = False
        self.task = asyncio.get_running_loop().create_task(self._run())
        self.task.add_done_callback(self._end)

    def apply(self, direction: Direction, faults: Faults) -> None:
        """Faults that act at once, on a connection that is there."""
        if self._linked and faults.reset:
            self.reset()
        elif self._linked and faults.half_close:
            self._pumps[direction].half_close()

    def reset(self) -> None:
        """Cut both ends."""
        self.task.cancel()

    async def _run(self) -> None:
        try:
            for end in self._ends:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(self._server, self._target)
            self._linked = True
            async with asyncio.TaskGroup() as group:
                for way, pump in self._pumps.items():
                    group.create_task(pump.read())
                    group.create_task(pump.write())
                    if self._conditions.faults[way].half_close:
                        pump.half_close()
        except* OSError:
            self._broken = True

    def _end(self, task: asyncio.Task[None]) -> None:
        """Let go of both ends; when one end broke, the other shall see it break."""
        broken = self._broken or task.cancelled()
        self._conditions.counts["resets"] += broken
        for end in self._ends:
            _cut(end) if broken else end.close()


def _cut(end: socket.socket) -> None:
    """Close with an RST."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
