"""One tiny dataset and one barely trained checkpoint, made by the commands themselves, for all flows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Handily = Callable[..., subprocess.CompletedProcess[str]]


TINY = (
    "train.batch_size=2",
    "train.alternatives=1",
    "train.log_every=1",
    "train.validate_every=0",
    "train.held_out=0",
    "train.threads=1",
)


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Overrides that make training a matter of seconds."""
    return TINY


@pytest.fixture(scope="session")
def handily(tmp_path_factory: pytest.TempPathFactory) -> Handily:
    """Run the command as a reader does, from a folder that is not the checkout."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vla.cli", *words]
        environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1"}
        return subprocess.run(
            command, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=240
        )

    return call


@pytest.fixture(scope="session")
def data(handily: Handily, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "two"
    done = handily(
        "collect", "task=reach,press_button", "episodes=2", f"out={folder}", "workers=1", "noise=0"
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def checkpoint(handily: Handily, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "tiny"
    done = handily("train", f"data={data}", f"out={folder}", *TINY, "train.steps=3")
    assert done.returncode == 0, done.stderr
    return folder
