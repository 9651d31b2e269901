"""``handily eval suite=pointing``: policies side by side, asked what is meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vla.cli import app


def call(*words: str):
    return CliRunner().invoke(app, ["eval", "suite=pointing", *words])


def test_the_policy_that_comes_with_handily_sees_what_is_meant(tmp_path: Path):
    done = call("task=put_in,pick_up", "axes=base", "scenes=3", "questions=2", "workers=1", f"out={tmp_path}")
    assert done.exit_code == 0, done.output
    assert "12 answers" in done.output
    (run,) = tmp_path.iterdir()
    manifest = json.loads((run / "eval.json").read_text())
    assert manifest["settings"]["policies"] == ["shipped"]
    assert set(manifest["settings"]["weights"]) == {"shipped"}
    (line,) = manifest["shares"]
    assert line["target"]["count"] >= 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("axes=dark",), "paraphrase"),
        (("axes=[]",), "axes must not be empty"),
        (("checkpoint=[]",), "checkpoint must not be empty"),
        (("questions=0",), "questions=0 must be at least 1"),
        (("task=fly",), "put_in"),
        (("checkpoint=/nowhere",), "/nowhere"),
        (("seed=3",), "below 1000000"),
    ],
)
def test_mistakes_name_the_choices(words: tuple[str, ...], said: str):
    done = call(*words)
    assert done.exit_code == 2
    assert said in done.output + done.stderr
