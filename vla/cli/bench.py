"""``handily bench``: how fast the simulator, the policy and the bridge are on this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sim.backend import choose_backend
from sim.driver import MujocoDriver
from sim.world import World
from vla.bridge.client import BridgeClient
from vla.bridge.remote import RemotePolicy
from vla.bridge.server import PolicyServer
from vla.cli.checkpoints import picture_size, resolve_checkpoint
from vla.cli.settings import check_device, check_renderer, configured
from vla.cli.terminal import console
from vla.contract import ActionChunk, Observation, Policy, Prefix, RobotSpec

NONE = "none"
INSTRUCTION = "put the red block in the bowl"


@dataclass(frozen=True)
class BenchConfig:
    """Keys of ``handily bench``; what they mean stands in ``configs/bench.yaml``."""

    checkpoint: str | None
    seconds: float
    image_size: int
    renderer: str
    device: str
    threads: int

    def __post_init__(self) -> None:
        check_device(self.device)
        check_renderer(self.renderer)
        if not self.seconds > 0:
            raise ValueError(f"seconds={self.seconds} must be above 0")


class Still:
    """A policy that costs nothing: what remains of a call over the bridge is the bridge."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        self._rows = np.tile((spec.action_low + spec.action_high) / 2, (16, 1)).astype(np.float32)

    def reset(self, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """The middle of the range, 16 times."""
        return ActionChunk(self._rows, self.spec.dt_s, observation.stamp_s)


def bench(overrides: list[str], show_config: bool) -> None:
    """Measure and print p50 and p95 of each."""
    config = configured("bench", overrides, BenchConfig, show_config)
    folder = None if config.checkpoint == NONE else resolve_checkpoint(config.checkpoint)
    size = picture_size(folder) if folder else config.image_size
    backend = choose_backend(config.renderer)
    rows: dict[str, NDArray[np.float64]] = {}
    world = World(size, backend)
    world.reset("put_in", seed=0)
    with MujocoDriver(world) as driver:
        rows["control step and both cameras"] = _timed(lambda: (driver.hold(), driver.read()), config.seconds)
        observation = driver.read()
    rows["bridge there and back"] = _bridge(Still(driver.spec), observation, config.seconds)
    if folder is not None:
        from policies.network_policy import load_policy

        policy = load_policy(folder, config.device, None, config.threads)
        rows["policy, one chunk"] = _timed(
            lambda: policy.act(_again(observation), INSTRUCTION), config.seconds
        )
    table = Table("what", "p50 ms", "p95 ms", "per second", box=None)
    for name, times_s in rows.items():
        p50_ms, p95_ms = 1e3 * np.percentile(times_s, [50, 95])
        table.add_row(name, f"{p50_ms:.2f}", f"{p95_ms:.2f}", f"{len(times_s) / times_s.sum():.0f}")
    out = console()
    out.print(table)
    out.print(f"{size} px pictures by {backend}; checkpoint {folder or NONE}")


def _bridge(policy: Policy, observation: Observation, seconds: float) -> NDArray[np.float64]:
    stop = threading.Event()
    with PolicyServer(policy) as server:
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        try:
            with BridgeClient(server.endpoint, policy.spec) as client:
                client.hello()
                remote = RemotePolicy(client)
                return _timed(lambda: remote.act(observation, INSTRUCTION), seconds)
        finally:
            stop.set()
            thread.join()


def _again(observation: Observation) -> Observation:
    """An equal observation that is not the same object, since a policy may remember the last one."""
    return replace(observation)


def _timed(call: Callable[[], object], seconds: float) -> NDArray[np.float64]:
    """Seconds per call, after one call that does not count."""
    call()
    times_s: list[float] = []
    ends_s = time.monotonic() + seconds
    while not times_s or time.monotonic() < ends_s:
        began_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - began_s)
    return np.array(times_s)
