"""The stream follower against streams that real sockets make, cut at every possible place."""

from __future__ import annotations

import socket
from itertools import pairwise

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge.zmtp import MessageEchoes

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x06\x05READY"


def frame(body: bytes, more: bool) -> bytes:
    if len(body) < 256:
        return bytes([more, len(body)]) + body
    return bytes([2 | more]) + len(body).to_bytes(8, "big") + body


def message(parts: list[bytes]) -> bytes:
    return b"".join(frame(part, i < len(parts) - 1) for i, part in enumerate(parts))


PARTS = st.lists(st.binary(max_size=600), min_size=1, max_size=4)


@given(st.lists(PARTS, max_size=5), st.lists(st.integers(0, 4000), max_size=6), st.integers(0, 31))
@settings(deadline=None)
def test_chosen_messages_come_twice_however_the_stream_is_cut(
    sent: list[list[bytes]], cuts: list[int], chosen: int
) -> None:
    stream = GREETING + READY + b"".join(message(parts) for parts in sent)
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    asked = iter(range(len(sent)))
    echoes, out, repeated = MessageEchoes(), b"", 0
    for start, end in pairwise(places):
        piece, count = echoes.feed(stream[start:end], lambda: bool(chosen >> next(asked) & 1))
        out, repeated = out + piece, repeated + count
    wanted = [message(parts) * (1 + (chosen >> i & 1)) for i, parts in enumerate(sent)]
    assert out == GREETING + READY + b"".join(wanted)
    assert repeated == sum(chosen >> i & 1 for i in range(len(sent)))
    assert next(asked, None) is None


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\n" * 20,
        GREETING + b"\xff" * 100,
        GREETING + b"\x02" + (1 << 60).to_bytes(8, "big") + b"x" * 100,
        bytes(300),
    ],
)
def test_another_protocol_passes_as_it_is(stream: bytes) -> None:
    echoes = MessageEchoes()
    out = b"".join(echoes.feed(bytes([byte]), lambda: True)[0] for byte in stream)
    assert out == stream


def test_a_heartbeat_between_two_frames_does_not_end_the_message() -> None:
    ping = b"\x04\x07\x04PING\0\0"
    stream = GREETING + READY + frame(b"a", True) + ping + frame(b"b", False)
    out, count = MessageEchoes().feed(stream, lambda: True)
    assert (out, count) == (stream + message([b"a", b"b"]), 1)


def test_libzmq_speaks_as_the_follower_reads() -> None:
    heard: list[bytes] = []
    wanted = message([b"head", b"x" * 1000, b""])
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as dealer,
    ):
        dealer.linger = 0
        dealer.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        dealer.send_multipart([b"head", b"x" * 1000, b""])
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(5)
            peer.sendall(GREETING + READY)
            while wanted not in b"".join(heard):
                heard.append(peer.recv(1 << 16))
    echoes = MessageEchoes()
    outs = [echoes.feed(piece, lambda: True) for piece in heard]
    assert sum(count for _, count in outs) == 1
    assert b"".join(out for out, _ in outs).endswith(wanted + wanted)
