"""One direction of one connection through the chaos proxy: bytes in, faults, bytes out."""

from __future__ import annotations

import asyncio
import math
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vla.bridge.zmtp import MessageEchoes
from vla.contract import ContractError

Direction = Literal["up", "down"]
"""``up`` is what the client sends, ``down`` what the server sends."""

DIRECTIONS: tuple[Direction, Direction] = ("up", "down")
_CHUNK_BYTES = 1 << 16
_QUEUED_CHUNKS = 64
_SLICE_S = 0.02


@dataclass(frozen=True, slots=True)
class Faults:
    """What befalls the bytes of one direction.

    Attributes:
        delay_s: Every byte arrives so much later; how many per second is another matter.
        jitter_s: On top, a random time up to this; order is kept, as TCP keeps it.
        throttle_bytes_per_s: Most bytes per second of each connection.
        stall: Connections are accepted and held, and no byte passes.
        flip: Probability that a byte has one random bit flipped.
        duplicate: Probability that a ZMTP message arrives twice, all its frames again right after the first.
        half_close: The receiver sees the stream end, later bytes vanish; the other direction goes on.
        reset: Open connections end with an RST, and so does a new one at its first byte.
        drop_new: New connections are reset at once; either direction's flag will do.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    throttle_bytes_per_s: float = math.inf
    stall: bool = False
    flip: float = 0.0
    duplicate: float = 0.0
    half_close: bool = False
    reset: bool = False
    drop_new: bool = False

    def __post_init__(self) -> None:
        """Raise :class:`ContractError` for a value that makes no sense."""
        if not (0 <= self.delay_s < math.inf and 0 <= self.jitter_s < math.inf):
            raise ContractError(f"delay_s={self.delay_s}, jitter_s={self.jitter_s} must be finite and >= 0")
        if not self.throttle_bytes_per_s > 0:
            raise ContractError(f"throttle_bytes_per_s={self.throttle_bytes_per_s} must be > 0; or stall")
        if not (0 <= self.flip <= 1 and 0 <= self.duplicate <= 1):
            raise ContractError(f"flip={self.flip}, duplicate={self.duplicate} must be in 0..1")


class Conditions:
    """The faults that hold now and what they did so far, shared by all pumps of a proxy on its event loop.

    Attributes:
        faults: For each direction.
        counts: See :meth:`vla.bridge.chaos.ChaosProxy.counters`.
    """

    def __init__(self) -> None:
        self.faults: dict[Direction, Faults] = dict.fromkeys(DIRECTIONS, Faults())
        per_direction = [f"{way}_{what}" for way in DIRECTIONS for what in ("bytes", "flips", "duplicates")]
        self.counts = Counter(dict.fromkeys(["connections", "refused", "resets", "half_closes"], 0))
        self.counts.update(dict.fromkeys(per_direction, 0))
        self._changed = asyncio.Event()

    def change(self, direction: Direction, faults: Faults) -> None:
        """Set, and wake whoever waits."""
        self.faults[direction] = faults
        self._changed.set()
        self._changed = asyncio.Event()

    async def flowing(self, direction: Direction) -> None:
        """Return when the direction is not stalled."""
        while self.faults[direction].stall:
            await self._changed.wait()


class Pump:
    """Moves bytes from ``source`` to ``sink`` until the source's stream ends."""

    def __init__(
        self,
        direction: Direction,
        source: socket.socket,
        sink: socket.socket,
        conditions: Conditions,
        seed: tuple[int, ...],
    ) -> None:
        """Take non-blocking connected sockets; both still belong to the caller."""
        self._direction: Direction = direction
        self._source, self._sink = source, sink
        self._conditions = conditions
        # One die per kind of luck: what falls must not depend on how TCP cuts the stream.
        self._flips, self._echoes, self._jitter = (np.random.default_rng([*seed, i]) for i in range(3))
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED_CHUNKS)
        self._shut = False

    @property
    def faults(self) -> Faults:
        """Those that hold now."""
        return self._conditions.faults[self._direction]

    async def read(self) -> None:
        """Receive, spoil and queue.

        Raises:
            OSError: the source's connection broke.
            ConnectionResetError: the faults want a reset.
        """
        loop, echoes = asyncio.get_running_loop(), MessageEchoes()
        while True:
            data = await loop.sock_recv(self._source, _CHUNK_BYTES)
            if data and self.faults.reset:
                raise ConnectionResetError
            spoilt = self._spoil(data, echoes)
            lag_s = self.faults.delay_s + self.faults.jitter_s * self._jitter.random()
            await self._queue.put((loop.time() + lag_s, spoilt))
            if not data:
                return

    async def write(self) -> None:
        """Hand on what is due; the end of the stream is handed on, too.

        Raises:
            OSError: the sink's connection broke.
        """
        loop = asyncio.get_running_loop()
        while True:
            due, data = await self._queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                await self._conditions.flowing(self._direction)
                self._shutdown()
                return
            await self._send(data)

    def half_close(self) -> None:
        """End the sink's stream now."""
        if not self._shut:
            self._conditions.counts["half_closes"] += 1
        self._shutdown()

    async def _send(self, data: bytes) -> None:
        loop, rest = asyncio.get_running_loop(), memoryview(data)
        while rest:
            await self._conditions.flowing(self._direction)
            rate = self.faults.throttle_bytes_per_s
            size = len(rest) if math.isinf(rate) else max(1, int(rate * _SLICE_S))
            piece, rest = rest[:size], rest[size:]
            if not self._shut:
                self._conditions.counts[f"{self._direction}_bytes"] += len(piece)
                try:
                    await loop.sock_sendall(self._sink, piece)
                except BrokenPipeError:
                    if not self._shut:  # else half_close came in between
                        raise
            await asyncio.sleep(len(piece) / rate)

    def _spoil(self, data: bytes, echoes: MessageEchoes) -> bytes:
        chance, flip = self.faults.duplicate, self.faults.flip
        data, repeated = echoes.feed(data, lambda: self._echoes.random() < chance)
        self._conditions.counts[f"{self._direction}_duplicates"] += repeated
        if flip > 0:
            luck = self._flips.random(len(data))
            hit = np.flatnonzero(luck < flip)
            spoilt = np.frombuffer(data, np.uint8).copy()
            spoilt[hit] ^= (1 << (8 * luck[hit] / flip).astype(np.uint8)).astype(np.uint8)
            self._conditions.counts[f"{self._direction}_flips"] += len(hit)
            data = spoilt.tobytes()
        return data

    def _shutdown(self) -> None:
        if not self._shut:
            self._shut = True
            with suppress(OSError):  # broken already, which the reader of this end finds out
                self._sink.shutdown(socket.SHUT_WR)
