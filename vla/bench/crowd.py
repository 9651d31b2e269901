"""Several robots at one policy server, with and without batches."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla.bridge.client import BridgeClient
from vla.bridge.process import ServerProcess
from vla.bridge.remote import RemotePolicy
from vla.conformance import sample_observation
from vla.contract import RobotSpec

_INSTRUCTION = "put the red block in the bowl"


@dataclass(frozen=True, slots=True)
class Crowd:
    """How several robots were served.

    Attributes:
        clients: Robots that asked at the same time, each for one chunk after the other.
        max_batch: Most requests that the server answered together.
        chunks_per_s: All robots together.
        latency_s: Each chunk's round trip, in seconds.
    """

    clients: int
    max_batch: int
    chunks_per_s: float
    latency_s: NDArray[np.float64]


def measure(checkpoint: Path, spec: RobotSpec, clients: int, chunks: int, max_batch: int) -> Crowd:
    """Serve ``checkpoint`` in a process of its own and let ``clients`` robots ask for ``chunks`` chunks each.

    Raises:
        BridgeError: the server did not start, or refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "endpoint"
        words = [f"checkpoint={checkpoint}", "endpoint=tcp://127.0.0.1:0", f"max_batch={max_batch}"]
        command = [sys.executable, "-m", "vla.cli", "serve", *words, f"announce={where}"]
        with ServerProcess(command, where, Path(folder) / "log") as server:
            latency_s: list[float] = []
            begin = threading.Barrier(clients + 1)
            robots = [
                threading.Thread(target=_ask, args=(server.endpoint, spec, i, chunks, begin, latency_s))
                for i in range(clients)
            ]
            for robot in robots:
                robot.start()
            begin.wait()
            began_s = time.monotonic()
            for robot in robots:
                robot.join()
            took_s = time.monotonic() - began_s
    return Crowd(clients, max_batch, clients * chunks / took_s, np.array(latency_s))


def _ask(
    endpoint: str,
    spec: RobotSpec,
    number: int,
    chunks: int,
    begin: threading.Barrier,
    latency_s: list[float],
) -> None:
    """One robot; its first chunk, which warms the server up, does not count."""
    with BridgeClient(endpoint, spec, timeout_s=60.0) as client:
        client.hello()
        remote = RemotePolicy(client)
        remote.reset(number)
        seen = sample_observation(spec, number)  # once: drawing pictures would cost as much as sending them
        remote.act(seen, _INSTRUCTION)
        begin.wait()
        for i in range(chunks):
            seen = replace(seen, stamp_s=float(i + 1))
            began_s = time.perf_counter()
            remote.act(seen, _INSTRUCTION)
            latency_s.append(time.perf_counter() - began_s)
