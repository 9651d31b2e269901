"""A policy server as a program: ``policy_server.py PATH ENDPOINT [--hang FILE] [--warp S [--jumps]]``."""

from __future__ import annotations

import argparse
import signal
import threading
import time
from pathlib import Path

from arm import Wave

from vla.bridge.process import announce, stop_when_orphaned
from vla.bridge.server import PolicyServer
from vla.contract import ActionChunk, Observation, Prefix


class Hanging(Wave):
    """Thinks for as long as a file is there."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        while self._file is not None and self._file.exists():
            time.sleep(0.005)
        return super().act(observation, instruction, prefix)


def warp(shift_s: float, jumps: bool) -> None:
    """Put this process's clocks wrong by ``shift_s``, or let them jump there and back five times a second."""
    monotonic = time.monotonic

    def wrong_by_s() -> float:
        return shift_s if not jumps or int(5 * monotonic()) % 2 else 0.0

    for name in ("monotonic", "time"):
        right = getattr(time, name)
        setattr(time, name, lambda right=right: right() + wrong_by_s())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("endpoint")
    parser.add_argument("--hang", type=Path)
    parser.add_argument("--warp", type=float, default=0.0)
    parser.add_argument("--jumps", action="store_true")
    words = parser.parse_args()
    if words.warp:
        warp(words.warp, words.jumps)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop_when_orphaned(stop, period_s=0.05)
    with PolicyServer(Hanging(words.hang), endpoint=words.endpoint, model_id="wave") as server:
        announce(server.endpoint, words.path)
        server.serve(stop)


if __name__ == "__main__":
    main()
