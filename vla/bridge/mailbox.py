"""From any thread to the one that owns the socket."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Mailbox(Generic[_T]):
    """A queue that a poller can watch: ZeroMQ sockets belong to one thread each, this may be used by all."""

    def __init__(self) -> None:
        self._items: deque[_T] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """Readable while there is something to take."""
        return self._reader.fileno()

    def post(self, item: _T) -> None:
        """Leave ``item``; never waits, and does nothing visible once the box is closed."""
        self._items.append(item)
        self.wake()

    def wake(self) -> None:
        """Make the box readable once, with or without something in it."""
        with contextlib.suppress(OSError):  # full: then it is readable already; closed: then nobody reads
            self._writer.send(b"\0")

    def take(self) -> list[_T]:
        """All that was left, oldest first; never waits."""
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(4096)  # before the items: one that comes in between wakes the poller once more
        return [self._items.popleft() for _ in range(len(self._items))]

    def close(self) -> None:
        """Release the descriptors; twice is fine."""
        self._reader.close()
        self._writer.close()
