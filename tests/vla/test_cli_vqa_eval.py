"""``handily vqa eval``: tables, a manifest and a page of examples, of our own model and of other people's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_planner
import tiny_vlms
import torch
from PIL import Image
from typer.testing import CliRunner

from vla.cli import app


def call(*words: str):
    torch.set_num_threads(1)
    return CliRunner().invoke(app, ["vqa", "eval", *words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planner") / "model"
    tiny_planner.model().save_pretrained(folder)
    tiny_planner.tokenizer().save_pretrained(folder)
    return folder


def test_the_planners_model_is_examined(folder: Path, tmp_path: Path):
    words = (f"model={folder}", "scenes=2", "questions=3", "max_words=3", "pictures=1", f"out={tmp_path}")
    done = call(*words)
    assert done.exit_code == 0, done.output
    assert "train wordings" in done.output
    assert "test wordings" in done.output
    (run,) = tmp_path.iterdir()
    assert {path.name for path in run.iterdir()} == {"vqa.json", "answers.png"}
    manifest = json.loads((run / "vqa.json").read_text())
    assert manifest["settings"]["image_size"] == tiny_planner.SIZE
    assert {trial["seed"] for trial in manifest["trials"]} == {1_000_000, 1_000_001}
    assert "torch" in manifest["versions"]
    assert manifest["settings"]["weights"].startswith("model@")
    with Image.open(run / "answers.png") as page:
        assert page.width > 800
    # Nothing is drawn by chance, and no scene leaves a trace in the next.
    assert call(*words, "scenes=1").exit_code == 0
    other = next(path for path in tmp_path.iterdir() if path != run)
    again = json.loads((other / "vqa.json").read_text())["trials"]
    assert again == manifest["trials"][: len(again)]


def test_other_peoples_models_are_shown_the_front_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tiny_vlms.save("llava", tmp_path / "model")
    out = tmp_path / "out"
    done = call(
        f"model={tmp_path / 'model'}", "scenes=1", "questions=2", "max_words=2", "image_size=48",
        "device=cpu", f"out={out}",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    manifest = json.loads(next(out.glob("*/vqa.json")).read_text())
    assert manifest["settings"]["image_size"] == 48
    assert all(len(trial["got"].split()) <= 2 for trial in manifest["trials"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("scenes=0",), "scenes=0"),
        (("questions=0",), "questions=0"),
        (("image_size=7",), "image_size=7"),
        (("seed=5",), "seed 5"),
        (("modle=x",), "did you mean 'model'"),
        (("device=gpu",), "device=gpu is not a choice"),
        (("renderer=x",), "renderer=x"),
        (("model=MODEL", "image_size=48"), "eyes see 32 pixels"),
        (("model=no/such/folder",), "no/such/folder"),
    ],
)
def test_mistakes_are_one_line(words: tuple[str, ...], message: str, folder: Path, tmp_path: Path):
    done = call(*(word.replace("MODEL", str(folder)) for word in words), f"out={tmp_path}")
    assert done.exit_code == 2, done.output
    # Loading a model's weights may have shown a bar before.
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_help_shows_an_example_and_every_key_can_be_shown():
    assert "handily vqa eval " in call("--help").output
    assert call("--show-config").output.startswith("model:")
