"""Bytes: one message as frames, and every check that frames pass before anything is made of them.

A message is one small msgpack header frame followed by raw array frames. The header never names a dtype or a
shape: both ends agreed on a :class:`~vla.bridge.schema.Schema` at the handshake, see
:mod:`vla.bridge.payload`. Nothing here can run code from the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgpack

from vla.bridge.census import Census
from vla.contract import ContractError

Frame = bytes | memoryview
"""One frame; large ones are views of memory that nobody writes to any more, which saves copies."""

PROTOCOL = 2
"""Version of this protocol; a peer that speaks another is refused at the handshake."""

VERBS = ("hello", "act", "plan", "reset", "health", "goodbye", "error")
MAX_HEADER_BYTES = 64 * 1024
MAX_TEXT_CHARS = 4096
MAX_VALUES = 6144
"""In one header; a hello of two times 256 axes holds less."""
_MAX_SEQ = 2**62


class WireError(ContractError):
    """Bytes that are not a message of this protocol, or not one that fits the negotiated schema."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message of the negotiated schema can be at most; see :mod:`vla.bridge.payload`.

    Attributes:
        frames: Frames, the header among them.
        frame_bytes: The largest single frame.
        message_bytes: All frames together.
    """

    frames: int
    frame_bytes: int
    message_bytes: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message, either way.

    Attributes:
        verb: One of :data:`VERBS`; a reply carries its request's verb, or ``"error"``.
        session: Chosen by the client at ``hello``; 1 to 64 characters.
        seq: Request number, strictly rising for a peer; a reply echoes its request's.
        body: Plain msgpack types.
        arrays: Raw frames, in the order that the verb defines.
        version: The sender's :data:`PROTOCOL`.
    """

    verb: str
    session: str
    seq: int
    body: Mapping[str, Any] = field(default_factory=dict)
    arrays: tuple[Frame, ...] = ()
    version: int = PROTOCOL


def encode(message: Message) -> list[Frame]:
    """Frames ready for :func:`vla.bridge.sockets.send`.

    Raises:
        WireError: the header cannot be written, or exceeds :data:`MAX_HEADER_BYTES`.
    """
    fields = {
        "v": message.version,
        "verb": message.verb,
        "session": message.session,
        "seq": message.seq,
        "body": dict(message.body),
    }
    try:
        header = cast(bytes, msgpack.packb(fields))
    except (ValueError, TypeError, OverflowError) as error:
        raise WireError(f"{message.verb} header cannot be written: {type(error).__name__}") from error
    if len(header) > MAX_HEADER_BYTES:
        raise WireError(
            f"{message.verb} header is {len(header)} bytes, at most {MAX_HEADER_BYTES} are allowed"
        )
    return [header, *message.arrays]


def decode(frames: Sequence[Frame]) -> Message:
    """The message in ``frames``, header first; array frames are passed on unread.

    Raises:
        WireError: anything else than one well-formed message.
    """
    if not frames:
        raise WireError("a message of no frames, expected a header at least")
    if len(frames[0]) > MAX_HEADER_BYTES:
        raise WireError(f"header is {len(frames[0])} bytes, at most {MAX_HEADER_BYTES} are allowed")
    census = Census(MAX_VALUES, WireError)
    try:
        header = msgpack.unpackb(
            frames[0],
            list_hook=census.list,
            object_pairs_hook=census.map,
            ext_hook=census.extension,
            max_array_len=256,
            max_map_len=64,
            max_str_len=MAX_HEADER_BYTES,
            max_bin_len=0,
            max_ext_len=0,
        )
    except WireError:
        raise
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise WireError(f"header is not msgpack: {type(error).__name__}") from error
    if not isinstance(header, dict):
        raise WireError(f"header is a {type(header).__name__}, expected a map")
    verb = text(header, "verb")
    if verb not in VERBS:
        raise WireError(f"verb {verb[:32]!r} is not one of {', '.join(VERBS)}")
    body = header.get("body")
    if not isinstance(body, dict):
        raise WireError("header has no 'body' map")
    session = text(header, "session", low=1, high=64)
    seq, version = integer(header, "seq"), integer(header, "v")
    return Message(verb, session, seq, body, tuple(frames[1:]), version)


def text(data: Mapping[str, Any], key: str, low: int = 1, high: int = MAX_TEXT_CHARS) -> str:
    """``data[key]``, a string of ``low..high`` characters, else :class:`WireError`."""
    value = data.get(key)
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise WireError(f"{key!r} must be text of {low}..{high} characters")
    return value


def texts(data: Mapping[str, Any], key: str, most: int, high: int = MAX_TEXT_CHARS) -> tuple[str, ...]:
    """``data[key]``, at most ``most`` strings of ``1..high`` characters, else :class:`WireError`."""
    values = data.get(key)
    if not isinstance(values, list) or len(values) > most:
        raise WireError(f"{key!r} must be a list of at most {most} texts")
    return tuple(text({key: value}, key, high=high) for value in values)


def integer(data: Mapping[str, Any], key: str) -> int:
    """``data[key]``, an integer in ``0..2**62``, else :class:`WireError`."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_SEQ:
        raise WireError(f"{key!r} must be an integer in 0..2**62")
    return value


def number(data: Mapping[str, Any], key: str) -> float:
    """``data[key]``, a finite float, else :class:`WireError`."""
    value = data.get(key)
    if not isinstance(value, float) or not math.isfinite(value):
        raise WireError(f"{key!r} must be a finite float")
    return value
