"""A report is complete JSON or absent, and a run's folder is never shared."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from vla.contract import Plan
from vla.runtime.outcome import Outcome, new_run_folder, plan_lines, plan_words, versions, write_outcome

NOW = datetime(2026, 1, 2, 3, 4, 5)
PLAN = Plan("both", ("open the drawer", "press the button"), 1, ("done", "active"), "", seen="a drawer")


def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path: Path):
    folders = [new_run_folder(tmp_path / "runs", NOW) for _ in range(3)]
    assert [folder.name for folder in folders] == [
        "2026-01-02_03-04-05",
        "2026-01-02_03-04-05_2",
        "2026-01-02_03-04-05_3",
    ]
    assert all(folder.is_dir() for folder in folders)


def outcome(elapsed_s: float) -> Outcome:
    return Outcome(
        goal="both",
        success=True,
        reason="plan_done",
        detail="",
        seed=7,
        plan=plan_lines(PLAN),
        said=plan_words(PLAN),
        replans=[{"time_s": 0.1, "steps": ["press the button"]}],
        scene="ordinary",
        elapsed_s=elapsed_s,
        model={"digest": "ab"},
        health={"chunks": 30},
        timings_s={"until_served": 1.5},
        versions=versions(),
        settings={"seed": 7},
    )


def test_a_report_reads_back_as_it_was_said(tmp_path: Path):
    read = json.loads(write_outcome(tmp_path, outcome(12.5)).read_text())
    assert read["plan"] == [
        {"step": "open the drawer", "status": "done"},
        {"step": "press the button", "status": "active"},
    ]
    assert (read["success"], read["seed"], read["elapsed_s"]) == (True, 7, 12.5)
    assert read["health"]["chunks"] == 30
    assert (read["said"]["seen"], read["replans"][0]["time_s"], read["scene"]) == (
        "a drawer",
        0.1,
        "ordinary",
    )
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_numbers_that_json_does_not_know_are_refused_and_leave_no_report(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write_outcome(tmp_path, outcome(float("nan")))
    assert not (tmp_path / "report.json").exists()


def test_no_plan_is_no_lines():
    assert plan_lines(None) == []
    assert plan_words(None) == {"kind": "steps", "note": "", "seen": ""}


def test_versions_name_python_and_what_is_installed():
    found = versions()
    assert {"python", "platform", "numpy", "mujoco"} <= found.keys()
