"""What a stranger can make us hold: part by part, and no more than one legal message."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from vla.bridge import sockets, wire
from vla.bridge.wire import Limits, WireError
from vla.contract import ContractError

LIMITS = Limits(frames=3, frame_bytes=1000, message_bytes=2000)

Pair = tuple[zmq.Socket[bytes], zmq.Socket[bytes]]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A listening socket with limits, and a bare one that keeps none."""
    with zmq.Context() as context:
        router = sockets.listening_socket(context, "tcp://127.0.0.1:0", LIMITS)
        dealer = context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.connect(router.getsockopt_string(zmq.LAST_ENDPOINT))
        yield router, dealer
        router.close()
        dealer.close()


def received(router: zmq.Socket[bytes]) -> list[wire.Frame]:
    assert router.poll(5000)
    router.recv()
    return sockets.receive(router, LIMITS)


@pytest.mark.parametrize(
    "frames",
    [[b"a"], [b""], [b"a" * 1000, b"b" * 1000], [b"a", b"", b"c"]],
    ids=["one", "empty", "full", "three"],
)
def test_legal_messages_come_through(pair: Pair, frames: list[bytes]) -> None:
    pair[1].send_multipart(frames)
    assert received(pair[0]) == frames


@pytest.mark.parametrize(
    "frames",
    [[b""] * 4, [b"a" * 700] * 3, [b""] * 5000, [b"a" * 1000] * 500],
    ids=["4", "bytes", "5000", "both"],
)
def test_what_exceeds_the_limits_is_drained_and_the_next_message_is_whole(pair: Pair, frames: list) -> None:
    pair[1].send_multipart(frames)
    pair[1].send_multipart([b"next", b"message"])
    with pytest.raises(WireError, match="at most 3 of 2000"):
        received(pair[0])
    assert received(pair[0]) == [b"next", b"message"]


def test_nothing_beyond_the_limits_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much arrives, only frames within the limits are alive at the same time."""
    alive: set[int] = set()
    most: list[int] = []

    class Frame:
        def __init__(self, number: int) -> None:
            self.more = number < 999
            alive.add(id(self))
            most.append(len(alive))

        def __len__(self) -> int:
            return 10

        def __del__(self) -> None:
            alive.discard(id(self))

    class Endless:
        type = zmq.DEALER
        sent = 0

        def recv(self, copy: bool) -> Frame:
            assert not copy
            Endless.sent += 1
            return Frame(Endless.sent - 1)

    with pytest.raises(WireError):
        sockets.receive(Endless(), LIMITS)  # pyright: ignore[reportArgumentType]
    assert Endless.sent == 1000
    assert max(most) <= LIMITS.frames + 2


def test_one_frame_that_is_too_large_costs_the_sender_its_connection(pair: Pair) -> None:
    pair[1].send_multipart([b"a" * 1001])
    assert not pair[0].poll(300)


def test_a_peer_that_does_not_read_is_an_error_and_not_a_wait(pair: Pair) -> None:
    router, dealer = pair
    dealer.rcvhwm = 1
    dealer.send(b"hello")
    assert router.poll(5000)
    identity = router.recv()
    router.recv()

    def flood() -> None:
        for _ in range(100_000):
            router.send_multipart([identity, b"x" * 1000], zmq.NOBLOCK)

    with pytest.raises(zmq.Again):
        flood()
    with pytest.raises(zmq.ZMQError, match="unreachable"):
        router.send_multipart([b"nobody", b"x"], zmq.NOBLOCK)


def test_options_that_bound_what_strangers_cost(pair: Pair) -> None:
    router = pair[0]
    assert (router.rcvhwm, router.sndhwm, router.maxmsgsize) == (4, 4, 1000)
    assert (router.handshake_ivl, router.linger) == (500, 0)
    assert (router.heartbeat_ivl, router.heartbeat_timeout) == (250, 750)


@pytest.mark.parametrize(
    "where", ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://[::]:0", "tcp://10.0.0.1:1", "ipc://x", ""]
)
def test_only_loopback_is_bound(where: str) -> None:
    with zmq.Context() as context, pytest.raises(ContractError, match="loopback"):
        sockets.listening_socket(context, where, LIMITS)
