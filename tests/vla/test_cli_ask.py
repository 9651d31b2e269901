"""``handily ask``: a folder or a server answers; what cannot is one line and exit code 2."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import tiny_vlms
import torch
from PIL import Image
from typer.testing import CliRunner

from vla.cli import app
from vla.models.pretrained_vlm import load_vlm


def call(*words: str):
    return CliRunner().invoke(app, ["ask", *words])


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def server() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            words = asked["messages"][0]["content"][1]["text"]
            said = {"choices": [{"message": {"content": f"[{asked['model']}] heard: {words}"}}]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with HTTPServer(("127.0.0.1", 0), Answer) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}/v1#llava:7b"
        serving.shutdown()
        thread.join()


def test_a_model_in_a_folder_answers(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(1)
    tiny_vlms.save("llava", tmp_path / "model")
    done = call(str(picture), "What is it?", f"model={tmp_path / 'model'}", "max_words=3", "device=cpu")
    assert done.exit_code == 0, done.output
    seen = np.asarray(Image.open(picture))
    answer = load_vlm(str(tmp_path / "model")).reply(seen, "What is it?", max_words=3)
    assert done.stdout.split() == answer.split()
    assert 1 <= len(answer.split()) <= 3


def test_a_server_answers_and_the_hash_names_the_model(picture: Path, server: str) -> None:
    done = call(str(picture), "Is the drawer open?", f"model={server}")
    assert (done.exit_code, done.stdout) == (0, "[llava:7b] heard: Is the drawer open?\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("model=http://10.1.2.3/v1",), "plain http to another machine"),
        (("model=no/such/folder",), "'no/such/folder' is no folder"),
        (("model=x", "device=gpu"), "device=gpu is not a choice"),
        (("modle=x",), "did you mean 'model'"),
        (("model=x", "max_words=0"), "max_words"),
        (("model=x", "timeout_s=0"), "timeout_s"),
    ],
)
def test_mistakes_are_one_line(picture: Path, words: tuple[str, ...], message: str) -> None:
    done = call(str(picture), "What is it?", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_question_without_words_and_a_file_that_is_no_picture_are_mistakes(
    tmp_path: Path, picture: Path
) -> None:
    assert "no words" in call(str(picture), " ", "model=x").stderr
    (tmp_path / "a.png").write_text("no")
    assert "no picture that Pillow knows" in call(str(tmp_path / "a.png"), "?", "model=x").stderr
