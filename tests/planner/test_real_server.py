"""A real OpenAI-compatible server, ``transformers serve``, with a tiny random LLaVA.

It needs what Handily does not: ``pip install 'transformers[serving]'``.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_vlms

from vla.contract import Observation
from vla.models.pretrained_vlm import load_vlm
from vla.planner.chat_link import ChatLimits
from vla.planner.chat_server import ChatServer
from vla.planner.grammar import allowed_next
from vla.planner.prompted import PromptedPlanner

LACKING = [name for name in ("fastapi", "uvicorn", "openai") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"pip install 'transformers[serving]': no {', '.join(LACKING)}"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vlm") / "llava"
    tiny_vlms.save("llava", folder)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment) as server:
        try:
            for _ in range(240):
                assert server.poll() is None, "the server ended by itself"
                try:
                    socket.create_connection(("127.0.0.1", port), 1.0).close()
                    break
                except OSError:
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/v1#{folder}"
        finally:
            server.terminate()


def test_a_real_server_says_what_the_model_says_here(folder: Path, url: str) -> None:
    client = ChatServer(url, ChatLimits(timeout_s=120), environment={})
    for seed in (0, 1):
        there = client.reply(tiny_vlms.picture(seed), "what now?", max_words=5)
        here = load_vlm(str(folder)).reply(tiny_vlms.picture(seed), "what now?", max_words=5)
        assert there.split()[:2] == here.split()[:2]


def test_a_planner_gets_along_with_a_model_that_babbles(url: str) -> None:
    client = ChatServer(url, ChatLimits(timeout_s=120), environment={})
    assert client.reply(tiny_vlms.picture(), "Plan!", allowed_next, max_words=5)
    seen = Observation({"front": tiny_vlms.picture()}, np.zeros(3, np.float32), 0.0)
    plan = PromptedPlanner(client).plan("put the red block in the bowl", seen, None)
    assert plan.kind == "cannot"
    assert "the model's reply is no plan" in plan.note
    assert not np.isnan(client.score(tiny_vlms.picture(), "done?", ("yes", "no"))).any()
