"""Another suite's tasks by the same commands: collect, train, evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("metaworld")


def test_collect_train_and_evaluate(handily, tiny, tmp_path: Path) -> None:
    data, out, runs = tmp_path / "data", tmp_path / "run", tmp_path / "runs"
    collected = handily("collect", "suite=metaworld", "task=reach", "episodes=2", "workers=1", f"out={data}")
    assert collected.returncode == 0, collected.stderr
    assert "2 episodes recorded" in collected.stdout
    trained = handily("train", "suite=metaworld", f"data={data}", f"out={out}", *tiny, "train.steps=2")
    assert trained.returncode == 0, trained.stderr
    line = ("eval", "suite=metaworld", f"checkpoint={out}", "task=reach", "episodes=1", "horizon=4")
    played = handily(*line, "workers=1", f"out={runs}")
    assert played.returncode == 0, played.stderr
    assert "mean of the groups" in played.stdout
    manifest = json.loads(next(runs.glob("*/eval.json")).read_text())
    assert manifest["settings"]["horizon"] == 4
    assert (next(runs.glob("*/tasks.png"))).is_file()


def test_mistakes_name_the_choices(handily, tmp_path: Path) -> None:
    for words, said in (
        (("collect", "suite=libero"), "metaworld"),
        (("train", "suite=libero"), "metaworld, tabletop"),
        (("eval", "suite=metaworld", "checkpoint=expert", "task=fly"), "door-open"),
        (("eval", "suite=metaworld"), "checkpoint"),
    ):
        done = handily(*words)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
