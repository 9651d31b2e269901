"""The wheel on a robot computer: numpy, msgpack and pyzmq are there, nothing else is, and the arm moves."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from vla.extras import EXTRA_OF

TINY_SERVER = Path(__file__).parents[1] / "bridge" / "tiny_server.py"

ROBOT = """
import importlib.util, json, sys, threading
from pathlib import Path
from tiny_server import SPEC
from vla.bridge.client import BridgeClient
from vla.bridge.process import ServerProcess
from vla.drivers.mock import MockDriver
from vla.runtime.clock import MonotonicClock
from vla.runtime.loop import ControlLoop, LoopSettings

where, optional = Path("endpoint"), json.loads(sys.argv[1])
command = [sys.executable, "tiny_server.py", str(where)]
clock, stop, moves = MonotonicClock(), threading.Event(), []

def count(report):
    moves.extend([] if report.held else [report.sent.tolist()])
    if len(moves) == 20:
        stop.set()

with (
    ServerProcess(command, where, Path("log"), 60.0) as server,
    BridgeClient(server.endpoint, SPEC, timeout_s=20.0) as client,
    MockDriver(SPEC, clock) as driver,
):
    client.hello()
    loop = ControlLoop(driver, client, clock, LoopSettings(timeout_s=30.0), on_tick=[count])
    result = loop.run("go", stop=stop)
print(json.dumps({
    "reason": result.reason,
    "chunks": result.health.chunks,
    "moved": moves[-1][0] - moves[0][0],
    "importable": [name for name in optional if importlib.util.find_spec(name)],
    "imported": [name for name in optional if name in sys.modules],
}))
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="session")
def thin(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its three requirements, which are links to ours to be quick."""
    home = tmp_path_factory.mktemp("thin")
    venv.create(home, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    done = run(*pip, "install", "--no-deps", "--no-index", "--no-compile", wheel, cwd=home)
    assert done.returncode == 0, done.stderr
    site = next(home.glob("lib/python*/site-packages"))
    for name in ("numpy", "msgpack", "pyzmq"):
        found = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        for top in tops:
            (site / top).symlink_to(Path(str(found.locate_file(top))))
    return home


def test_the_client_drives_the_mock_arm_for_a_second_without_any_optional_package(thin: Path, tmp_path: Path):
    (tmp_path / "tiny_server.py").write_text(TINY_SERVER.read_text())
    (tmp_path / "robot.py").write_text(ROBOT)
    done = run(thin / "bin" / "python", "robot.py", json.dumps(sorted(EXTRA_OF)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["importable"] == told["imported"] == []
    assert told["reason"] == "stopped", told
    assert told["chunks"] >= 1
    assert told["moved"] > 0


def test_the_command_says_in_one_line_what_to_install(thin: Path, tmp_path: Path):
    for words in ((), ("run", "press the button"), ("--help",)):
        done = run(thin / "bin" / "handily", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert "pip install 'handily[cli]'" in done.stderr


def test_the_wheel_asks_for_no_more_than_that(thin: Path, tmp_path: Path):
    code = "import importlib.metadata as m, json; print(json.dumps(m.requires('handily')))"
    done = run(thin / "bin" / "python", "-c", code, cwd=tmp_path)
    required = [line for line in json.loads(done.stdout) if "extra ==" not in line]
    assert [line.partition(">")[0] for line in sorted(required)] == ["msgpack", "numpy", "pyzmq"]
