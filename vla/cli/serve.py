"""``handily serve``: the model side of the bridge, in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vla.bridge.groot_server import GrootServer
from vla.bridge.openpi_server import OpenpiServer
from vla.bridge.process import announce, stop_when_orphaned
from vla.bridge.server import PolicyServer
from vla.bridge.sharing import share
from vla.cli.checkpoints import model_id, resolve_checkpoint
from vla.cli.settings import configured
from vla.cli.terminal import console
from vla.config import ConfigError
from vla.planner.language import LanguagePlanner


@dataclass(frozen=True)
class ServeConfig:
    """Keys of ``handily serve``; what they mean stands in ``configs/serve.yaml``."""

    checkpoint: str | None
    endpoint: str
    device: str
    threads: int
    sample_steps: int | None
    done_threshold: float
    openpi_port: int | None
    groot_port: int | None
    announce: str | None


def serve(overrides: list[str], show_config: bool) -> None:
    """Load, bind, say where, and answer until SIGINT, SIGTERM or the death of the parent that asked."""
    config = configured("serve", overrides, ServeConfig, show_config)
    folder = resolve_checkpoint(config.checkpoint)
    # Only now: a wrong word on the command line should not have to wait for torch.
    from policies.network_policy import load_policy

    try:
        policy = load_policy(folder, config.device, config.sample_steps, config.threads)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    planner = LanguagePlanner(policy, config.done_threshold)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    foreign = config.openpi_port is not None or config.groot_port is not None
    served, name = share(policy) if foreign else policy, model_id(folder)
    with ExitStack() as open_servers:
        server = open_servers.enter_context(PolicyServer(served, planner, config.endpoint, name))
        endpoints = [server.endpoint]
        if config.openpi_port is not None:
            openpi = OpenpiServer(served, port=config.openpi_port, model_id=name)
            endpoints.append(f"{open_servers.enter_context(openpi).endpoint} (openpi)")
        if config.groot_port is not None:
            groot = GrootServer(served, port=config.groot_port)
            endpoints.append(f"{open_servers.enter_context(groot).endpoint} (GR00T)")
        if config.announce is not None:
            stop_when_orphaned(stop)
            announce(server.endpoint, Path(config.announce))
        console().print(f"serving {folder} at {', '.join(endpoints)} (process {os.getpid()})")
        server.serve(stop)
