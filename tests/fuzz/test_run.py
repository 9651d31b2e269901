"""The runner finds what is there to be found, says where it saved it, and is quiet otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="needs handily[fuzz]")

HERE = Path(__file__).parent
PLANTED = """
def target(data):
    if data[:1] == b"f" and data[1:2] == b"u" and data[2:3] == b"z":
        raise KeyError("planted")
"""
CALL = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import atheris
with atheris.instrument_imports(include=["planted"]):
    import planted
import run
run.fuzz(planted.target, Path("seeds"), Path("finds"), 60)
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_a_planted_crash_is_found_by_coverage_and_saved_among_the_seeds(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(PLANTED)
    done = run(tmp_path, "-c", CALL, str(tmp_path), str(HERE))
    assert done.returncode != 0, done.stderr
    assert "KeyError: 'planted'" in done.stdout + done.stderr
    assert "An input that breaks a promise is saved in seeds" in done.stderr
    (found,) = (tmp_path / "seeds").iterdir()
    assert found.read_bytes().startswith(b"fuz")


def test_a_real_target_runs_to_its_end(tmp_path: Path) -> None:
    done = run(tmp_path, str(HERE / "run.py"), "wire", "3")
    assert done.returncode == 0, done.stderr
    assert "stat::number_of_executed_units" in done.stderr
    usage = run(tmp_path, str(HERE / "run.py"), "wier")
    assert usage.returncode == 1
    assert "one of wire, ndarrays" in usage.stderr
