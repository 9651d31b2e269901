"""``handily serve`` for openpi's and GR00T's clients beside its own, as a reader would start it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from policies.checkpoint import read_checkpoint
from vla.bridge.client import BridgeClient
from vla.bridge.groot_policy import GrootPolicy
from vla.bridge.openpi_policy import OpenpiPolicy
from vla.conformance import sample_observation

pytest.importorskip("websockets")


def test_one_checkpoint_answers_three_protocols(checkpoint: Path) -> None:
    ports = ("endpoint=tcp://127.0.0.1:0", "openpi_port=0", "groot_port=0")
    command = [sys.executable, "-m", "vla.cli", "serve", f"checkpoint={checkpoint}", "threads=1", *ports]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said, found = "", list[str]()
        while len(found) < 3:
            line = server.stdout.readline()
            assert line, said
            said += line
            found = re.findall(r"(?:tcp|ws)://[\d.]+:\d+", said)
        own, openpi, groot = found
        spec = read_checkpoint(checkpoint).spec
        with OpenpiPolicy(openpi, spec, 60.0) as policy:
            policy.act(sample_observation(spec), "press the button").check(spec)
        with GrootPolicy(groot, spec, 60.0) as policy:
            policy.act(sample_observation(spec), "press the button").check(spec)
        with BridgeClient(own, spec, 60.0) as client:
            client.hello()
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
