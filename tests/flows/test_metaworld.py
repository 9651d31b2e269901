"""Another suite's tasks by the same commands: collect, train, evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.suites import SUITES
from vla.cli.suites import FOREIGN

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


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_has_every_command(handily, suite: str) -> None:
    assert set(SUITES) == set(FOREIGN)
    for words in (
        ("collect",),
        ("eval", "checkpoint=expert"),
        ("train", "machine=cpu"),
        ("train", "machine=gpu", "policy=act"),
    ):
        shown = handily(*words, f"suite={suite}", "--show-config")
        assert shown.returncode == 0, shown.stderr
        assert "workers: 0" in shown.stdout or "steps: 20000" in shown.stdout


def test_the_two_armed_suite_is_collected_and_learned(handily, tiny, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    words = ("task=transfer-cube", "episodes=1", "workers=1")
    collected = handily("collect", "suite=aloha", *words, f"out={data}")
    assert collected.returncode == 0, collected.stderr
    trained = handily("train", "suite=aloha", f"data={data}", f"out={out}", *tiny, "train.steps=2")
    assert trained.returncode == 0, trained.stderr
    line = ("eval", "suite=aloha", f"checkpoint={out}", *words, "horizon=4")
    played = handily(*line, f"out={tmp_path / 'runs'}")
    assert played.returncode == 0, played.stderr


def test_mistakes_name_the_choices(handily, tmp_path: Path) -> None:
    for words, said in (
        (("collect", "suite=libero"), "metaworld"),
        (("train", "suite=libero"), "metaworld, tabletop"),
        (("eval", "suite=metaworld", "checkpoint=expert", "task=fly"), "door-open"),
        (("eval", "suite=metaworld"), "checkpoint"),
        (("eval", "suite=aloha", "checkpoint=expert", "horizon=401"), "400"),
        (("eval", "suite=aloha", "checkpoint=expert", "episodes=0"), "at least 1"),
        (("eval", "suite=aloha", "checkpoint=expert", "renderer=raycast"), "osmesa"),
        (("train", "suite=aloha", "rollout.task=[]"), "transfer-cube"),
        (("train", "suite=aloha", "rollout.episodes=0"), "at least 1"),
    ):
        done = handily(*words)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
