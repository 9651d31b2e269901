"""Sockets: the one place where they are made, and where foreign bytes are first counted."""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from vla.bridge.authority import ClientSecurity, ServerSecurity, check_endpoint
from vla.bridge.wire import Frame, Limits, WireError
from vla.contract import ContractError

Socket = zmq.Socket[bytes]

HEARTBEAT_S = 0.25
"""Default period of pings; a peer that is silent for three of them is gone.

Loopback notices a dead process at once by itself: this is for frozen ones, and long enough that a busy
machine is not mistaken for one.
"""

_HIGH_WATER = 4  # messages: an act, a plan and a call under way, and one to spare
_HANDSHAKE_MS = 500
_RECONNECT_MS = (50, 1000)
_LAST = int(zmq.NOBLOCK)  # plain integers: the enumeration's operators cost as much as the call
_NOT_LAST = int(zmq.NOBLOCK | zmq.SNDMORE)
_VIEWED_BYTES = 32 * 1024  # what is smaller is copied, and is aligned then: only pictures are larger


def listening_socket(
    context: zmq.Context[Socket],
    endpoint: str,
    limits: Limits,
    heartbeat_s: float = HEARTBEAT_S,
    security: ServerSecurity | None = None,
) -> Socket:
    """A bound ROUTER that knows who is there: sending to a peer that has gone is an error.

    Args:
        context: Owns it.
        endpoint: A TCP endpoint; port 0 picks a free one.
        limits: Of what may come in.
        heartbeat_s: See :data:`HEARTBEAT_S`.
        security: Keys and allow-list; without them only loopback may be bound.

    Raises:
        ContractError: the endpoint is not TCP, not loopback although there are no keys, or not to be had.
    """
    check_endpoint(endpoint, security is not None)
    socket = _made(context, zmq.ROUTER, endpoint, limits, heartbeat_s, security)
    socket.router_mandatory = True
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        socket.close()
        raise ContractError(f"cannot bind {endpoint!r}: {error}") from error
    return socket


def connecting_socket(
    context: zmq.Context[Socket],
    endpoint: str,
    limits: Limits,
    heartbeat_s: float = HEARTBEAT_S,
    security: ClientSecurity | None = None,
) -> Socket:
    """A DEALER that goes on trying to reach ``endpoint``; it takes messages only while it is connected.

    Arguments and errors as of :func:`listening_socket`: an arm obeys no stranger either.
    """
    check_endpoint(endpoint, security is not None)
    socket = _made(context, zmq.DEALER, endpoint, limits, heartbeat_s, security)
    socket.immediate = True
    socket.reconnect_ivl, socket.reconnect_ivl_max = _RECONNECT_MS
    socket.connect(endpoint)
    return socket


def send(socket: Socket, frames: Sequence[Frame]) -> None:
    """Send one message, or raise at once: :class:`zmq.Again` where there is nobody or no room."""
    for frame in frames[:-1]:
        socket.send(frame, _NOT_LAST)
    socket.send(frames[-1], _LAST)


def receive(socket: Socket, limits: Limits, more: bool = True) -> list[Frame]:
    """The frames of the message that waits, or what is left of it.

    Args:
        socket: Readable.
        limits: Of the message.
        more: False when what was read of it already was all.

    Raises:
        WireError: it exceeds ``limits``. No frame after the first one beyond them was kept, and the next call
            begins with the next message.
    """
    kept: list[zmq.Frame] = []
    count = total = 0
    while more:
        frame = socket.recv(copy=False)
        more = frame.more
        count, total = count + 1, total + len(frame)
        if count > limits.frames or total > limits.message_bytes:
            kept.clear()
        else:
            kept.append(frame)
    if count > limits.frames or total > limits.message_bytes:
        raise WireError(
            f"{count} frames of {total} bytes, at most {limits.frames} of {limits.message_bytes} are allowed"
        )
    return [frame.bytes if len(frame) < _VIEWED_BYTES else frame.buffer.toreadonly() for frame in kept]


def _made(
    context: zmq.Context[Socket],
    kind: int,
    endpoint: str,
    limits: Limits,
    heartbeat_s: float,
    security: ServerSecurity | ClientSecurity | None,
) -> Socket:
    socket = context.socket(kind)
    socket.linger = 0
    socket.sndhwm = socket.rcvhwm = _HIGH_WATER
    socket.maxmsgsize = limits.frame_bytes
    socket.handshake_ivl = _HANDSHAKE_MS
    period_ms = max(1, round(1000 * heartbeat_s))
    socket.heartbeat_ivl, socket.heartbeat_timeout = period_ms, 3 * period_ms
    socket.ipv6 = "[" in endpoint
    if security is not None:
        security.protect(socket)
    return socket
