"""``handily study`` as a reader types it, at a budget that teaches nothing."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

LINE = (
    "study",
    "vision",
    "stills=30",
    "held_out=10",
    "labels=5,20",
    "seeds=0",
    "steps=2",
    "pretrain_steps=2",
    "batch=4",
    "rounds=1",
    "resolutions=64,96",
    "workers=1",
    "device=cpu",
    "threads=1",
)


def test_study_vision_leaves_plots_and_a_report_and_does_nothing_twice(handily, tmp_path: Path):
    out = tmp_path / "study"
    done = handily(*LINE, f"out={out}")
    assert done.returncode == 0, done.stderr
    assert "distilled" in done.stdout
    assert "22 of 22 steps" in done.stderr
    for name in ("label_efficiency.png", "cost.png"):
        assert Image.open(out / name).width > 400
    report = json.loads((out / "report.json").read_text())
    assert report["command"].startswith("handily study vision stills=30")
    assert len(report["cells"]) == 10
    assert {cell["pictures"] for cell in report["cells"]} == {8}
    assert all(cell["low"] <= cell["accuracy"] <= cell["high"] for cell in report["cells"])
    assert len(report["costs"]) == 6
    lines = (out / "cells.jsonl").read_text()
    again = handily(*LINE, f"out={out}")
    assert again.returncode == 0, again.stderr
    assert (out / "cells.jsonl").read_text() == lines
