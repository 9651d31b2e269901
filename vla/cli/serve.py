"""``handily serve``: the model side of the bridge, in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from vla.bridge.authority import ServerSecurity, check_endpoint
from vla.bridge.groot_server import GrootServer
from vla.bridge.keys import KeyStore
from vla.bridge.metrics import metrics_endpoint
from vla.bridge.openpi_server import OpenpiServer
from vla.bridge.process import announce, stop_when_orphaned
from vla.bridge.server import PolicyServer
from vla.bridge.settings import ServerSettings
from vla.bridge.sharing import share
from vla.cli.checkpoints import model_id, normalisation_digest, resolve_checkpoint
from vla.cli.planners import PLANNERS, PlannerSettings
from vla.cli.settings import CHUNKINGS, check_device, configured
from vla.cli.terminal import console
from vla.config import ConfigError, check_choice
from vla.contract import Planner, Policy
from vla.planner.patience import RECOVERIES, Patience, Recovery
from vla.runtime.clock import MonotonicClock
from vla.runtime.faults import parse_faults
from vla.runtime.faulty_model import FaultyPlanner, FaultyPolicy

_ROWS_HOME = 16


@dataclass(frozen=True)
class ServeConfig:
    """Keys of ``handily serve``; what they mean stands in ``configs/serve.yaml``."""

    checkpoint: str | None
    endpoint: str
    key: str | None
    keys: str | None
    device: str
    threads: int
    sample_steps: int | None
    chunking: str
    planner: str
    planner_model: str | None
    done_threshold: float
    recovery: str
    step_timeout_s: float
    max_batch: int
    batch_window_s: float
    max_sessions: int
    session_timeout_s: float
    heartbeat_s: float
    metrics_port: int | None
    openpi_port: int | None
    groot_port: int | None
    faults: str
    announce: str | None

    def __post_init__(self) -> None:
        check_device(self.device)
        check_choice("chunking", self.chunking, CHUNKINGS)
        check_choice("planner", self.planner, PLANNERS)
        self.patience()
        parse_faults(self.faults)
        self.settings()
        for key in ("metrics_port", "openpi_port", "groot_port"):
            port = getattr(self, key)
            if port is not None and not 0 <= port < 2**16:
                raise ValueError(f"{key}={port} is outside 0..65535")

    def patience(self) -> Patience:
        """When a step is tried again, and how."""
        check_choice("recovery", self.recovery, RECOVERIES)
        return Patience(step_timeout_s=self.step_timeout_s, recovery=cast(Recovery, self.recovery))

    def settings(self) -> ServerSettings:
        """How the server shares its policy."""
        return ServerSettings(
            self.max_batch, self.batch_window_s, self.max_sessions, self.session_timeout_s, self.heartbeat_s
        )


def serve(overrides: list[str], show_config: bool) -> None:
    """Load, bind, say where, and answer until SIGINT, SIGTERM or the death of the parent that asked."""
    config = configured("serve", overrides, ServeConfig, show_config)
    security = _security(config)
    check_endpoint(config.endpoint, security is not None)
    folder = resolve_checkpoint(config.checkpoint)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    if config.announce is not None:
        stop_when_orphaned(stop)  # before the model loads, which takes longer than some parents live
    policy, planner = _model(config, folder)
    identity = model_id(folder), normalisation_digest(folder)
    with ExitStack() as stack:
        server = stack.enter_context(
            PolicyServer(policy, planner, config.endpoint, *identity, config.settings(), security)
        )
        places = [server.endpoint]
        if config.openpi_port is not None:
            openpi = OpenpiServer(policy, port=config.openpi_port, model_id=identity[0])
            places.append(f"{stack.enter_context(openpi).endpoint} (openpi)")
        if config.groot_port is not None:
            groot = GrootServer(policy, port=config.groot_port)
            places.append(f"{stack.enter_context(groot).endpoint} (GR00T)")
        if config.metrics_port is not None:
            port = stack.enter_context(metrics_endpoint(server, config.metrics_port))
            places.append(f"http://127.0.0.1:{port}/metrics")
        if config.announce is not None:
            announce(server.endpoint, Path(config.announce))
        console().print(f"serving {folder} at {', '.join(places)} (process {os.getpid()})")
        server.serve(stop)


def _model(config: ServeConfig, folder: Path) -> tuple[Policy, Planner]:
    """The policy and the planner, with the faults that were asked for."""
    # Only now: a wrong word on the command line should not have to wait for torch.
    from policies.network_policy import load_policy

    try:
        network = load_policy(
            folder,
            config.device,
            config.sample_steps,
            config.threads,
            chunking=cast(Any, config.chunking),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
    policy: Policy = network
    if config.recovery == "home":
        # Only now: the way home is the simulated arm's, and a robot elsewhere needs no simulator.
        from sim.goals.homing import knowing_the_way_home

        policy = knowing_the_way_home(policy, _ROWS_HOME)
    settings = PlannerSettings(
        config.done_threshold, config.device, config.threads, config.planner_model, config.patience()
    )
    planner = PLANNERS[config.planner](folder, network, settings)
    faults = parse_faults(config.faults)
    if faults:
        policy = FaultyPolicy(policy, faults, MonotonicClock())
        planner = FaultyPlanner(planner, faults, MonotonicClock())
    foreign = config.openpi_port is not None or config.groot_port is not None
    return share(policy) if foreign else policy, planner


def _security(config: ServeConfig) -> ServerSecurity | None:
    if config.key is None:
        return None
    store = KeyStore(config.keys)
    return ServerSecurity(store.pair(config.key), store.allow_list)
