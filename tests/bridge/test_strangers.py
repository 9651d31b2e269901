"""What unauthenticated peers cost a server that wants keys: nothing that stays, and its robot is served."""

from __future__ import annotations

import os
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import zmq

from vla.bridge.authority import ClientSecurity
from vla.bridge.client import BridgeClient
from vla.bridge.keys import KeyStore
from vla.bridge.process import ServerProcess
from vla.bridge.remote import RemotePolicy
from vla.conformance import sample_observation
from vla.contract import RobotSpec

STERN = Path(__file__).with_name("stern_server.py")
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01"
SPARE_BYTES = 64 << 20
SPARE_FILES = 8


@dataclass(frozen=True, slots=True)
class Target:
    """What strangers know of the server, and the test alone: its process."""

    endpoint: str
    public: str
    pid: int


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Target]:
    store = KeyStore(tmp_path / "keys")
    store.new("server")
    store.new("arm")
    store.allow(tmp_path / "keys" / "arm.public")
    where = tmp_path / "endpoint"
    command = [sys.executable, str(STERN), str(where), str(store.folder), "server"]
    with ServerProcess(command, where, tmp_path / "log", 60.0) as started:
        yield Target(started.endpoint, store.pair("server").public, started.pid)
        assert started.alive


@pytest.fixture
def robot(server: Target, tmp_path: Path, spec: RobotSpec) -> Iterator[RemotePolicy]:
    store = KeyStore(tmp_path / "keys")
    keys = ClientSecurity(store.pair("arm"), server.public)
    with BridgeClient(server.endpoint, spec, timeout_s=10.0, security=keys) as client:
        client.hello()
        yield RemotePolicy(client, deadline_s=10.0)


def files(process: Target) -> int:
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def resident_bytes(process: Target) -> int:
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def dial(server: Target) -> socket.socket:
    host, _, port = server.endpoint.removeprefix("tcp://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def hang_up(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def silent_peers(server: Target, serve: Callable[[], None]) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(dial(server))
        serve()
        deadline = time.monotonic() + 20
        while files(server) > 100:  # the server itself hangs up, while its 200 guests still hold on
            assert time.monotonic() < deadline
            time.sleep(0.05)


def connect_and_leave(server: Target, serve: Callable[[], None], times: int = 500) -> None:
    for i in range(times):
        peer = dial(server)
        if i % 2:
            peer.sendall(GREETING)
        hang_up(peer)
        if i % 100 == 0:
            serve()


def garbage(server: Target, serve: Callable[[], None]) -> None:
    noise = random.Random(7)
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        peer = dial(server)
        start = noise.choice([b"", GREETING + b"CURVE".ljust(20, b"\0") + bytes(32)])
        with suppress(OSError):  # the server hangs up, as it should
            peer.sendall(start)
            for _ in range(64):
                peer.sendall(noise.randbytes(16384))
        hang_up(peer)
        serve()


def slow_drip(server: Target, serve: Callable[[], None]) -> None:
    """A huge message is announced, and comes one byte at a time."""
    with ExitStack() as stack:
        peers = [stack.enter_context(dial(server)) for _ in range(50)]
        for peer in peers:
            peer.sendall(GREETING + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\x06" + (1 << 40).to_bytes(8))
        for _ in range(10):
            for peer in peers:
                with suppress(OSError):  # hung up
                    peer.sendall(b"x")
            serve()


def strangers_with_keys(server: Target, serve: Callable[[], None]) -> None:
    """Well-made handshakes with keys that nobody allowed, and messages waiting behind them."""
    with zmq.Context() as context, ExitStack() as stack:
        for _ in range(30):
            peer = stack.enter_context(context.socket(zmq.DEALER))
            peer.linger = 0
            peer.curve_publickey, peer.curve_secretkey = zmq.curve_keypair()
            peer.curve_serverkey = server.public.encode()
            peer.connect(server.endpoint)
            for _ in range(20):
                peer.send(bytes(1 << 16), zmq.DONTWAIT)
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            serve()


FLOODS = [silent_peers, connect_and_leave, garbage, slow_drip, strangers_with_keys]
LONG = pytest.param(
    partial(connect_and_leave, times=10_000), marks=pytest.mark.slow, id="ten_thousand_visits"
)


@pytest.mark.parametrize("flood", [*(pytest.param(flood, id=flood.__name__) for flood in FLOODS), LONG])
def test_strangers_cost_nothing_that_stays(
    server: Target, robot: RemotePolicy, spec: RobotSpec, flood: Callable[..., None]
) -> None:
    served = 0

    def serve() -> None:
        nonlocal served
        robot.act(sample_observation(spec), "go")
        served += 1

    serve()
    calm_files, calm_bytes = files(server), resident_bytes(server)
    peak = [calm_bytes]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            peak[0] = max(peak[0], resident_bytes(server))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        flood(server, serve)
    finally:
        stop.set()
        watcher.join()
    deadline = time.monotonic() + 20
    while files(server) > calm_files + SPARE_FILES:
        assert time.monotonic() < deadline, f"{files(server)} files, {calm_files} when calm"
        time.sleep(0.05)
    assert peak[0] - calm_bytes < SPARE_BYTES
    serve()
    assert served > 2
