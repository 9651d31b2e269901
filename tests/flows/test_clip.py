"""Captions to verdicts, as a reader runs it: stills, training, evaluation, calibration, a look."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vla.planner.looking import Calibration

Handily = Callable[..., subprocess.CompletedProcess[str]]

SMALL = (
    "train.model.vision.image_size=32",
    "train.model.vision.width=32",
    "train.model.vision.depth=1",
    "train.model.vision.stem_width=16",
    "train.model.text.width=32",
    "train.model.text.depth=1",
    "train.batch_size=8",
    "train.log_every=2",
    "train.threads=1",
)


@pytest.mark.slow
def test_stills_become_a_model_that_is_measured_and_looks(handily: Handily, tmp_path: Path) -> None:
    def call(*words: str) -> str:
        done = handily(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    stills, run, data = tmp_path / "stills", tmp_path / "run", tmp_path / "unseen"
    call("collect", "stills=132", "tableaux=true", "image_size=32", f"out={stills}", "workers=1")
    train = ("clip", "train", f"stills={stills}", f"out={run}", *SMALL)
    call(*train, "train.steps=4", "train.stop_after_s=0.001")
    assert (run / "step_00000001").is_dir()
    call(*train, "train.steps=4")
    assert (run / "step_00000004").is_dir()
    keys = (f"model={run}", f"data={data}", "scenes=66", "device=cpu")
    shown = call("clip", "eval", *keys, f"stills={stills}", f"out={tmp_path / 'eval'}")
    assert all(topic in shown for topic in ("object", "colour", "relation", "container", "state"))
    rows = json.loads((tmp_path / "eval" / "eval.json").read_text())["rows"]
    assert {row["scenes"] for row in rows} == {"base", "layout", "pair"}
    assert all(0 <= row["low"] <= row["rate"] <= row["high"] <= 1 for row in rows)
    picture = tmp_path / "image.png"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(picture)
    assert call("look", str(picture), "--labels", "an empty bowl", "--model", str(run)).startswith("100.00%")
    done = handily("clip", "calibrate", *keys, "threshold=0.6", f"out={tmp_path / 'calibration'}")
    # So short a training may leave scores that run against the truth: then that is what is said.
    if done.returncode == 0:
        assert Calibration.load(tmp_path / "calibration" / "calibration.json").threshold == 0.6
        assert (tmp_path / "calibration" / "calibration.png").stat().st_size > 1000
    else:
        assert (done.returncode, "run against the truth" in done.stderr) == (2, True), done.stderr
