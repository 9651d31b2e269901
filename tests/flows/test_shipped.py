"""What comes with handily does what the README says; minutes of an arm at work, so not by default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RUNS = [
    ("put the red block in the bowl", "language"),
    ("sort the blocks into corners by colour", "llava"),
    ("take the green block out of the drawer", "llava"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sentence", "planner"), RUNS)
def test_the_sentences_of_the_readme_are_carried_out(
    handily, tmp_path: Path, sentence: str, planner: str
) -> None:
    shown = handily("run", sentence, "pace=lockstep", f"out={tmp_path}")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    (report,) = tmp_path.glob("*/report.json")
    told = json.loads(report.read_text())
    assert told["success"] is True
    assert told["settings"]["planner"] == planner
    assert (report.parent / "run.mp4").stat().st_size > 10_000
