"""``handily serve``: the model side of the bridge, in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vla.bridge.authority import ServerSecurity, check_endpoint
from vla.bridge.keys import KeyStore
from vla.bridge.metrics import metrics_endpoint
from vla.bridge.process import announce, stop_when_orphaned
from vla.bridge.server import PolicyServer
from vla.bridge.settings import ServerSettings
from vla.cli.checkpoints import model_id, normalisation_digest, resolve_checkpoint
from vla.cli.settings import configured
from vla.cli.terminal import console
from vla.config import ConfigError
from vla.planner.language import LanguagePlanner


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
    done_threshold: float
    max_batch: int
    batch_window_s: float
    max_sessions: int
    session_timeout_s: float
    heartbeat_s: float
    metrics_port: int | None
    announce: str | None

    def __post_init__(self) -> None:
        self.settings()
        if self.metrics_port is not None and not 0 <= self.metrics_port < 2**16:
            raise ValueError(f"metrics_port={self.metrics_port} is outside 0..65535")

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
    identity = model_id(folder), normalisation_digest(folder)
    with ExitStack() as stack:
        server = stack.enter_context(
            PolicyServer(policy, planner, config.endpoint, *identity, config.settings(), security)
        )
        where = f"serving {folder} at {server.endpoint} (process {os.getpid()})"
        if config.metrics_port is not None:
            port = stack.enter_context(metrics_endpoint(server, config.metrics_port))
            where += f", metrics at http://127.0.0.1:{port}/metrics"
        if config.announce is not None:
            stop_when_orphaned(stop)
            announce(server.endpoint, Path(config.announce))
        console().print(where)
        server.serve(stop)


def _security(config: ServeConfig) -> ServerSecurity | None:
    if config.key is None:
        return None
    store = KeyStore(config.keys)
    return ServerSecurity(store.pair(config.key), store.allow_list)
