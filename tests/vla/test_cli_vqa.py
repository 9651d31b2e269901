"""``handily vqa``: data from nothing, a page of it, and mistakes in one line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from vla.cli import app


class Model(BaseHTTPRequestHandler):
    """Answers every question in the same words."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        words = "question: is there a table?\nanswer: yes"
        usage = {"prompt_tokens": 200, "completion_tokens": 8}
        body = json.dumps({"choices": [{"message": {"content": words}}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()
    thread.join(5)


def call(*words: str):
    return CliRunner().invoke(app, list(words))


def test_data_is_generated_and_shown(tmp_path: Path):
    out = tmp_path / "vqa"
    words = ("vqa", "generate", "count=4", f"out={out}", "image_size=64", "workers=1")
    made = call(*words)
    assert made.exit_code == 0, made.output
    assert "4 scenes" in made.output
    first = (out / "data.jsonl").read_bytes()
    assert call(*words).exit_code == 0
    assert (out / "data.jsonl").read_bytes() == first
    shown = call("vqa", "show", str(out), "pictures=2")
    assert shown.exit_code == 0, shown.output
    kinds = [json.loads(line)["kind"] for line in first.decode().splitlines()]
    assert set(kinds) == {"conversation", "description", "reasoning"}
    assert all(kind in shown.output for kind in set(kinds))
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.width > 1000


def test_a_language_model_is_asked_and_what_it_costs_is_shown(tmp_path: Path, address: str):
    out = tmp_path / "vqa"
    words = ("vqa", "generate", "count=2", f"out={out}", "image_size=64", "workers=1", "at_once=1")
    words = (*words, f"endpoint={address}", "model=tiny", "price_in=10", "price_out=100")
    made = call(*words)
    assert made.exit_code == 0, made.output
    assert "6 answers from tiny, 0 kept" in made.output
    assert "1200 tokens read, 48 written, cost 0.0168" in made.output
    again = call(*words)
    assert "0 answers from tiny, 6 kept" in again.output
    talk = [json.loads(line) for line in (out / "data.jsonl").read_text().splitlines()]
    assert [record["types"] for record in talk] == [["free"]] * 6
    assert call("vqa", "show", str(out)).exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["generate", "count=0"], ["count=0"]),
        (["generate", "cuont=3"], ["did you mean 'count'"]),
        (["generate", "split=tset"], ["did you mean 'test'"]),
        (["generate", "endpoint=http://127.0.0.1:1/v1"], ["model=", "go together"]),
        (["generate", "image_size=7"], ["image_size=7"]),
        (["generate", "stills=/nowhere", "out=OUT"], ["/nowhere"]),
        (["generate", "stills=x", "split=test", "out=OUT"], ["split=test", "stills"]),
        (
            ["generate", "count=1", "out=OUT", "workers=1", "endpoint=nothing", "model=m"],
            ["nothing", "address"],
        ),
        (["show", "/nowhere"], ["/nowhere", "handily vqa generate"]),
        (["show", "/nowhere", "pictures=0"], ["pictures=0"]),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words: list[str], says: list[str], tmp_path: Path):
    shown = call("vqa", *(word.replace("OUT", str(tmp_path / "out")) for word in words))
    assert shown.exit_code == 2, shown.output
    for part in says:
        assert part in shown.output
    assert len(shown.output.strip().splitlines()) <= 2


@pytest.mark.parametrize("command", ["generate", "show"])
def test_help_shows_an_example_and_every_key_can_be_shown(command: str):
    assert f"handily vqa {command} " in call("vqa", command, "--help").output
    folder = ["FOLDER"] if command == "show" else []
    assert call("vqa", command, *folder, "--show-config").exit_code == 0
