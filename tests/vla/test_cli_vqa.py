"""``handily vqa``: data from nothing, a page of it, and mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from vla.cli import app


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
