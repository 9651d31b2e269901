"""One observation there and one chunk back, over several wires, each with a server process of its own.

The same bytes travel everywhere: two pictures of 224 x 224 px and 14 numbers there, 50 x 14 numbers back,
from a policy that costs nothing. Beside the bridge stand what bounds it from below, a bare TCP socket and
bare ZeroMQ sockets, and what others use: a websocket with msgpack, as openpi does, and a unary gRPC call.
All clients live in one process, whose memory is kept as the robot's is.

``python -m vla.bench.wires WIRE`` is a server; it prints its address and runs until its input closes.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
import zmq
from numpy.typing import NDArray

from vla.bridge.authority import ClientSecurity, ServerSecurity
from vla.bridge.client import BridgeClient
from vla.bridge.keys import KeyStore
from vla.bridge.remote import RemotePolicy
from vla.bridge.server import PolicyServer
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Axis, Observation, Prefix, RobotSpec
from vla.extras import needs
from vla.runtime.scheduling import keep_freed_memory

WIRES = ("tcp", "zeromq", "bridge", "curve", "openpi", "grpc")
_ROWS = 50
_METHOD = "/bench.Policy/Act"


@dataclass(frozen=True, slots=True)
class Timing:
    """One wire's round trips.

    Attributes:
        wire: One of :data:`WIRES`.
        latency_s: Each round trip, in seconds.
        cpu_s: User and system time of both ends per round trip, in seconds.
    """

    wire: str
    latency_s: NDArray[np.float64]
    cpu_s: float

    def percentile_s(self, q: float) -> float:
        """The ``q``-th percentile of the latency, in seconds."""
        return float(np.percentile(self.latency_s, q))


def bench_spec() -> RobotSpec:
    """A robot of 14 joints and two cameras of 224 x 224 px."""
    axes = tuple(Axis(f"joint_{i}", "rad", -3.0, 3.0, 1.0) for i in range(14))
    cameras = {"left": (224, 224), "right": (224, 224)}
    return RobotSpec("bench", axes, axes, cameras, 50.0, "absolute_joint")


class StillPolicy:
    """The middle of the range, as many rows as wanted: what remains of a call is the wire."""

    def __init__(self, spec: RobotSpec, rows: int = _ROWS) -> None:
        self.spec = spec
        self._rows = np.tile((spec.action_low + spec.action_high) / 2, (rows, 1)).astype(np.float32)

    def reset(self, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """The same chunk every time."""
        return ActionChunk(self._rows, self.spec.dt_s, observation.stamp_s)


def measure(wires: Sequence[str], rounds: int, requests: int) -> list[Timing]:
    """Time all wires in turn, ``rounds`` times over, so that a slow moment of the machine hits them alike.

    Args:
        wires: Some of :data:`WIRES`.
        rounds: Turns per wire.
        requests: Round trips per turn.

    Returns:
        One per wire, in the order given.

    Raises:
        ValueError: a wire is unknown.
    """
    unknown = set(wires) - set(WIRES)
    if unknown:
        raise ValueError(f"wires {sorted(unknown)} are not among {', '.join(WIRES)}")
    keep_freed_memory()
    latency_s: dict[str, list[float]] = {wire: [] for wire in wires}
    cpu_s = dict.fromkeys(wires, 0.0)
    with ExitStack() as stack:
        calls = {wire: stack.enter_context(_opened(wire)) for wire in wires}
        for _ in range(rounds):
            for wire in wires:
                call, server = calls[wire]
                call()
                began_s = _cpu_s(server)
                for _ in range(requests):
                    start_s = time.perf_counter()
                    call()
                    latency_s[wire].append(time.perf_counter() - start_s)
                cpu_s[wire] += _cpu_s(server) - began_s
    total = rounds * requests
    return [Timing(wire, np.array(latency_s[wire]), cpu_s[wire] / total) for wire in wires]


@contextmanager
def _opened(wire: str) -> Iterator[tuple[Callable[[], object], int]]:
    """A call over ``wire`` and its server's process id."""
    command = [sys.executable, "-m", "vla.bench.wires", wire]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        address = server.stdout.readline().strip()
        if not address:
            raise RuntimeError(f"the server of wire {wire!r} did not start")
        with _CLIENTS[wire](address) as call:
            yield call, server.pid
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def _cpu_s(server: int) -> float:
    """User and system time so far of this process and ``server``, in seconds."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    with open(f"/proc/{server}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    theirs = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return mine.ru_utime + mine.ru_stime + theirs


def _observation() -> Observation:
    return sample_observation(bench_spec())


def _blob() -> bytes:
    seen = _observation()
    return b"".join([seen.state.tobytes(), *(image.tobytes() for image in seen.images.values())])


def _answer() -> bytes:
    return np.zeros((_ROWS, 14), np.float32).tobytes()


def _receive(link: socket.socket, buffer: memoryview) -> bool:
    """Fill ``buffer``; False when the peer has gone."""
    got = 0
    while got < len(buffer):
        count = link.recv_into(buffer[got:])
        if not count:
            return False
        got += count
    return True


@contextmanager
def _tcp_client(address: str) -> Iterator[Callable[[], object]]:
    host, port = address.split(":")
    blob, answer = _blob(), memoryview(bytearray(len(_answer())))
    with socket.create_connection((host, int(port))) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def call() -> object:
            link.sendall(blob)
            return _receive(link, answer)

        yield call


def _serve_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _say("{}:{}".format(*listener.getsockname()))
        link, _ = listener.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        blob, answer = memoryview(bytearray(len(_blob()))), _answer()
        while _receive(link, blob):
            link.sendall(answer)


@contextmanager
def _zeromq_client(address: str) -> Iterator[Callable[[], object]]:
    """A DEALER that sends header, state and pictures as the bridge does, and checks nothing."""
    seen = _observation()
    frames = [b"header", seen.state, *seen.images.values()]
    with zmq.Context() as context, context.socket(zmq.DEALER) as link:
        link.connect(address)

        def call() -> object:
            link.send_multipart(frames)
            return link.recv_multipart()[-1]

        yield call


def _serve_zeromq() -> None:
    answer = _answer()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as link:
        link.bind("tcp://127.0.0.1:0")
        _say(link.getsockopt_string(zmq.LAST_ENDPOINT))
        poller = zmq.Poller()
        poller.register(link, zmq.POLLIN)
        poller.register(sys.stdin, zmq.POLLIN)
        while sys.stdin.fileno() not in dict(poller.poll()):
            peer = link.recv_multipart(copy=False)[0].bytes
            link.send_multipart([peer, b"header", answer])


@contextmanager
def _bridge_client(address: str) -> Iterator[Callable[[], object]]:
    """``address`` is the endpoint, and after a blank the folder of keys where there are any."""
    seen = _observation()
    endpoint, _, keys = address.partition(" ")
    store = KeyStore(keys)
    security = ClientSecurity(store.pair("robot"), store.pair("server").public) if keys else None
    with BridgeClient(endpoint, bench_spec(), security=security) as client:
        client.hello()
        remote = RemotePolicy(client)
        yield lambda: remote.act(seen, "go")


def _serve_bridge(keys: str = "", security: ServerSecurity | None = None) -> None:
    stop = threading.Event()
    with PolicyServer(StillPolicy(bench_spec()), security=security) as server:
        _say(f"{server.endpoint} {keys}".strip())
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        sys.stdin.read()
        stop.set()
        thread.join()


def _serve_curve() -> None:
    """The bridge with keys of its own, made for this run."""
    with tempfile.TemporaryDirectory() as folder:
        store = KeyStore(folder)
        for name in ("server", "robot"):
            store.new(name)
        store.allow(store.folder / "robot.public")
        _serve_bridge(folder, ServerSecurity(store.pair("server"), store.allow_list))


def _packed(value: dict[str, Any]) -> bytes:
    """msgpack with openpi's way of writing arrays."""

    def write(array: NDArray[Any]) -> dict[bytes, Any]:
        return {
            b"__ndarray__": True,
            b"data": array.tobytes(),
            b"dtype": array.dtype.str,
            b"shape": array.shape,
        }

    packed = msgpack.packb(value, default=write)
    assert packed is not None
    return packed


def _unpacked(data: bytes) -> Any:
    def read(value: dict[Any, Any]) -> Any:
        if b"__ndarray__" not in value:
            return value
        return np.ndarray(value[b"shape"], np.dtype(value[b"dtype"]), value[b"data"])

    return msgpack.unpackb(data, object_hook=read)


@contextmanager
def _openpi_client(address: str) -> Iterator[Callable[[], object]]:
    with needs("compat"):
        from websockets.sync.client import connect

    seen = _observation()
    with connect(address, compression=None, max_size=None) as link:
        link.recv()

        def call() -> object:
            images = {f"observation/{name}": image for name, image in seen.images.items()}
            link.send(_packed({"observation/state": seen.state, **images, "prompt": "go"}))
            return _unpacked(link.recv())  # pyright: ignore[reportArgumentType]  (a binary frame)

        yield call


def _serve_openpi() -> None:
    with needs("compat"):
        from websockets.sync.server import ServerConnection, serve

    rows = np.zeros((_ROWS, 14), np.float32)

    def answer(link: ServerConnection) -> None:
        link.send(_packed({}))
        for data in link:
            _unpacked(data)  # pyright: ignore[reportArgumentType]  (a binary frame)
            link.send(_packed({"actions": rows}))

    with serve(answer, "127.0.0.1", 0, compression=None, max_size=None) as server:
        _say("ws://{}:{}".format(*server.socket.getsockname()))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()


@contextmanager
def _grpc_client(address: str) -> Iterator[Callable[[], object]]:
    with needs("bench"):
        import grpc

    blob = _blob()
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(_METHOD)
        yield lambda: ask(blob, wait_for_ready=True)


def _serve_grpc() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with needs("bench"):
        import grpc

    answer = _answer()
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: answer)
    server = grpc.server(ThreadPoolExecutor(2))
    service, method = _METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    _say(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    sys.stdin.read()
    server.stop(None)


def _say(address: str) -> None:
    sys.stdout.write(address + "\n")
    sys.stdout.flush()


_CLIENTS = {
    "tcp": _tcp_client,
    "zeromq": _zeromq_client,
    "bridge": _bridge_client,
    "curve": _bridge_client,
    "openpi": _openpi_client,
    "grpc": _grpc_client,
}
_SERVERS: dict[str, Callable[[], None]] = {
    "tcp": _serve_tcp,
    "zeromq": _serve_zeromq,
    "bridge": _serve_bridge,
    "curve": _serve_curve,
    "openpi": _serve_openpi,
    "grpc": _serve_grpc,
}


if __name__ == "__main__":
    _SERVERS[sys.argv[1]]()
