"""Each fault of the proxy does what it says, seen from bare sockets at both ends."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from vla.bridge.chaos import ChaosProxy, Faults
from vla.contract import ContractError


class Line:
    """A client socket, the proxy, and the server socket at the other end of one connection."""

    def __init__(self, proxy: ChaosProxy, listener: socket.socket) -> None:
        host, _, port = proxy.endpoint.removeprefix("tcp://").rpartition(":")
        self.client = socket.create_connection((host, int(port)), timeout=10)
        self.server, _ = listener.accept()
        self.server.settimeout(10)

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


@pytest.fixture
def proxy(listener: socket.socket) -> Iterator[ChaosProxy]:
    with ChaosProxy(f"tcp://127.0.0.1:{listener.getsockname()[1]}", seed=3) as made:
        yield made


@pytest.fixture
def line(proxy: ChaosProxy, listener: socket.socket) -> Iterator[Line]:
    made = Line(proxy, listener)
    yield made
    made.close()


def take(source: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        piece = source.recv(count - len(got))
        assert piece, f"ended after {len(got)} of {count} bytes"
        got += piece
    return got


def cut_at_once(proxy: ChaosProxy) -> bool:
    """Whether a new connection is reset before it can be used."""
    host, _, port = proxy.endpoint.removeprefix("tcp://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.recv(1)
    except ConnectionResetError:
        return True
    return False


def nothing_comes(source: socket.socket, for_s: float = 0.15) -> bool:
    source.settimeout(for_s)
    try:
        return not source.recv(1)
    except TimeoutError:
        return True
    finally:
        source.settimeout(10)


def test_without_faults_every_byte_passes_both_ways(line: Line, proxy: ChaosProxy) -> None:
    data = np.random.default_rng(0).bytes(1 << 20)
    sender = threading.Thread(target=line.client.sendall, args=(data,))
    sender.start()
    assert take(line.server, len(data)) == data
    sender.join()
    line.server.sendall(b"answer")
    assert take(line.client, 6) == b"answer"
    line.client.shutdown(socket.SHUT_WR)
    assert line.server.recv(1) == b""
    line.server.sendall(b"still here")
    assert take(line.client, 10) == b"still here"
    counts = proxy.counters()
    assert (counts["connections"], counts["up_bytes"], counts["down_bytes"]) == (1, len(data), 16)
    assert counts["resets"] == counts["up_flips"] == counts["up_duplicates"] == 0


def test_a_delay_delays_its_direction_only(line: Line, proxy: ChaosProxy) -> None:
    proxy.set("up", Faults(delay_s=0.4))
    began = time.monotonic()
    for _ in range(10):  # pipelined: ten delayed pieces take one delay, not ten
        line.client.sendall(b"x")
        time.sleep(0.005)
    take(line.server, 1)
    assert time.monotonic() - began >= 0.4
    take(line.server, 9)
    assert time.monotonic() - began < 3.5
    assert nothing_comes(line.client, 0.01)


def test_jitter_keeps_the_order(line: Line, proxy: ChaosProxy) -> None:
    proxy.set("down", Faults(jitter_s=0.05))
    for i in range(20):
        line.server.sendall(bytes([i]))
        time.sleep(0.002)
    assert take(line.client, 20) == bytes(range(20))


def test_a_throttle_bounds_the_rate(line: Line, proxy: ChaosProxy) -> None:
    proxy.set("up", Faults(throttle_bytes_per_s=20_000))
    began = time.monotonic()
    line.client.sendall(bytes(10_000))
    take(line.server, 10_000)
    assert time.monotonic() - began >= 0.4


def test_a_stall_passes_nothing_until_it_ends(line: Line, proxy: ChaosProxy, listener: socket.socket) -> None:
    proxy.set("up", Faults(stall=True))
    line.client.sendall(b"waiting")
    assert nothing_comes(line.server)
    later = Line(proxy, listener)  # accepted all the same
    later.client.sendall(b"too")
    assert nothing_comes(later.server)
    line.server.sendall(b"other way")
    assert take(line.client, 9) == b"other way"
    proxy.clear()
    assert take(line.server, 7) == b"waiting"
    assert take(later.server, 3) == b"too"
    later.close()


def test_a_stall_holds_the_end_of_the_stream_too(line: Line, proxy: ChaosProxy) -> None:
    proxy.set("up", Faults(stall=True))
    line.client.close()
    line.server.settimeout(0.15)
    with pytest.raises(TimeoutError):
        line.server.recv(1)
    proxy.clear()
    line.server.settimeout(10)
    assert line.server.recv(1) == b""


def test_a_reset_is_an_rst_at_both_ends(line: Line, proxy: ChaosProxy, listener: socket.socket) -> None:
    line.client.sendall(b"a")
    take(line.server, 1)
    proxy.set("down", Faults(reset=True))
    for end in (line.client, line.server):
        with pytest.raises(ConnectionResetError):
            end.recv(1)
    later = Line(proxy, listener)
    later.server.sendall(b"first byte")
    with pytest.raises(ConnectionResetError):
        later.client.recv(1)
    later.close()
    proxy.clear()
    assert proxy.counters()["resets"] == 2


def test_a_half_close_ends_one_direction_only(line: Line, proxy: ChaosProxy, listener: socket.socket) -> None:
    line.client.sendall(b"a")
    take(line.server, 1)
    proxy.set("up", Faults(half_close=True))
    assert line.server.recv(1) == b""
    line.client.sendall(b"vanishes")
    line.server.sendall(b"goes on")
    assert take(line.client, 7) == b"goes on"
    assert proxy.counters()["half_closes"] == 1
    assert proxy.counters()["up_bytes"] == 1
    later = Line(proxy, listener)
    assert later.server.recv(1) == b""
    later.close()


def flipped(listener: socket.socket, seed: int, pieces: int) -> bytes:
    """What arrives of 20000 zeros sent in so many pieces."""
    with ChaosProxy(f"tcp://127.0.0.1:{listener.getsockname()[1]}", seed) as proxy:
        proxy.set("up", Faults(flip=0.01))
        line = Line(proxy, listener)
        for _ in range(pieces):
            line.client.sendall(bytes(20_000 // pieces))
            time.sleep(0.005)
        got = take(line.server, 20_000)
        line.close()
        changed = np.frombuffer(got, np.uint8)
        assert proxy.counters()["up_flips"] == np.count_nonzero(changed)
        assert set(got) <= {0, 1, 2, 4, 8, 16, 32, 64, 128}
    return got


def test_flips_hit_single_bits_at_their_rate_and_follow_the_seed(listener: socket.socket) -> None:
    once = flipped(listener, 1, 1)
    assert 120 < sum(map(bool, once)) < 280
    assert len(set(once)) == 9
    assert flipped(listener, 1, 10) == once
    assert flipped(listener, 2, 1) != once


def test_a_certain_flip_changes_every_byte(line: Line, proxy: ChaosProxy) -> None:
    proxy.set("down", Faults(flip=1.0))
    line.server.sendall(bytes(1000))
    assert all(take(line.client, 1000))


def test_what_is_no_zmtp_is_never_duplicated(line: Line, proxy: ChaosProxy) -> None:
    proxy.set("up", Faults(duplicate=1.0))
    line.client.sendall(b"hello " * 100)
    assert take(line.server, 600) == b"hello " * 100
    assert nothing_comes(line.server)


def test_new_connections_can_be_refused_while_old_ones_go_on(line: Line, proxy: ChaosProxy) -> None:
    proxy.set("up", Faults(drop_new=True))
    for _ in range(5):
        assert cut_at_once(proxy)
    assert proxy.counters()["refused"] == 5
    line.client.sendall(b"old")
    assert take(line.server, 3) == b"old"


def test_a_dead_target_and_a_broken_end_are_passed_on_as_resets(
    line: Line, proxy: ChaosProxy, listener: socket.socket
) -> None:
    line.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.server.close()
    with pytest.raises(ConnectionResetError):
        line.client.recv(1)
    listener.close()
    assert cut_at_once(proxy)


def test_closing_cuts_everything_and_twice_is_fine(line: Line, proxy: ChaosProxy) -> None:
    line.client.sendall(b"a")
    take(line.server, 1)
    before = threading.active_count()
    proxy.close()
    proxy.close()
    assert threading.active_count() == before - 1
    for end in (line.client, line.server):
        with pytest.raises(ConnectionResetError):
            end.recv(1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"delay_s": -1.0},
        {"jitter_s": float("inf")},
        {"throttle_bytes_per_s": 0.0},
        {"throttle_bytes_per_s": float("nan")},
        {"flip": 1.5},
        {"duplicate": -0.1},
        {"flip": float("nan")},
    ],
)
def test_senseless_faults_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match=next(iter(wrong))):
        Faults(**wrong)


@pytest.mark.parametrize("target", ["ipc:///tmp/x", "tcp://localhost:5", "127.0.0.1:5", "tcp://127.0.0.1"])
def test_a_target_is_an_address(target: str) -> None:
    with pytest.raises(ContractError, match="target"):
        ChaosProxy(target)
