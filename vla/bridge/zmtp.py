"""Where messages begin and end in a ZMTP 3 byte stream (ZeroMQ RFC 23 and 37), for the chaos proxy."""

from __future__ import annotations

from collections.abc import Callable

_GREETING_BYTES = 64
_MORE, _LONG, _COMMAND, _KNOWN = 1, 2, 4, 7
_MAX_FRAME_BYTES = 64 << 20


class MessageEchoes:
    """Follows one direction of one connection and says some of its messages twice.

    Bytes are handed on as they come, half frames too. A message is all its frames; commands (the handshake,
    heartbeats) are never repeated. A stream that is not ZMTP 3 passes through as it is.
    """

    def __init__(self) -> None:
        self._greeting = bytearray()
        self._frame = bytearray()
        self._head_bytes = 1
        self._left = 0
        self._message = bytearray()
        self._lost = False

    def feed(self, data: bytes, twice: Callable[[], bool]) -> tuple[bytes, int]:
        """The bytes to hand on for the next ``data`` of the stream.

        Args:
            data: Any number of bytes.
            twice: Asked once per message that ends in ``data``.

        Returns:
            ``data`` with the repetitions inserted, and how many there are.
        """
        out, rest, echoes = bytearray(), memoryview(data), 0
        while rest:
            size = min(len(rest), self._wanted(len(rest)))
            out += rest[:size]
            message = self._take(rest[:size])
            rest = rest[size:]
            if message and twice():
                out += message
                echoes += 1
        return bytes(out), echoes

    def _wanted(self, available: int) -> int:
        """Bytes until something can be decided."""
        if self._lost:
            return available
        if len(self._greeting) < _GREETING_BYTES:
            return _GREETING_BYTES - len(self._greeting)
        return self._left or self._head_bytes - len(self._frame)

    def _take(self, piece: memoryview) -> bytes:
        """Account for ``piece``; the whole message when it ends here, else nothing."""
        if self._lost:
            return b""
        if len(self._greeting) < _GREETING_BYTES:
            self._greeting += piece
            whole = len(self._greeting) == _GREETING_BYTES
            self._lost = whole and (self._greeting[0], self._greeting[9], self._greeting[10]) != (255, 127, 3)
            return b""
        self._frame += piece
        if self._left:
            self._left -= len(piece)
        elif len(self._frame) == 1:
            self._head_bytes = 9 if self._frame[0] & _LONG else 2
            self._lost = self._frame[0] > _KNOWN
            return b""
        elif len(self._frame) == self._head_bytes:
            self._left = int.from_bytes(self._frame[1:], "big")
            self._lost = self._left > _MAX_FRAME_BYTES
        if self._lost or self._left or len(self._frame) < self._head_bytes:
            return b""
        return self._end_frame()

    def _end_frame(self) -> bytes:
        flags, self._head_bytes = self._frame[0], 1
        if not flags & _COMMAND:
            self._message += self._frame
        self._frame.clear()
        if flags & (_COMMAND | _MORE):
            return b""
        message = bytes(self._message)
        self._message.clear()
        return message
