"""The facts a run leaves behind: its folder and ``report.json``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vla.contract import Plan

VERSIONED = ("handily", "mujoco", "torch", "numpy", "pyzmq")
"""Distributions whose versions decide whether a run can be repeated."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run, as ``report.json`` holds it.

    Attributes:
        goal: What the person asked for.
        success: The simulator's verdict; None when nothing could judge.
        reason: Why the run ended, see :class:`~vla.runtime.report.RunResult`.
        detail: One line for a person; may be empty.
        seed: Seed of the scene and of the policy.
        plan: Steps of the last plan, each with its status.
        said: ``kind``, ``note`` and ``seen`` of the last plan; empty texts without one.
        replans: Every change of the plan: ``time_s``, ``kind``, ``steps``, ``index``, ``note``, ``seen``.
        scene: What was laid, see :data:`sim.stage.SCENES`; empty where nobody lays scenes.
        elapsed_s: From the first control tick to the last.
        model: What the policy's server said of itself, with the checkpoint's digest.
        health: How well the loop kept time.
        timings_s: Named wall times, for example from start to first tick.
        versions: Distribution name to version.
        settings: The configuration of the run.
    """

    goal: str
    success: bool | None
    reason: str
    detail: str
    seed: int
    plan: list[dict[str, str]]
    said: dict[str, str]
    replans: list[dict[str, Any]]
    scene: str
    elapsed_s: float
    model: dict[str, str]
    health: dict[str, Any]
    timings_s: dict[str, float]
    versions: dict[str, str]
    settings: dict[str, Any]


def new_run_folder(parent: Path, now: datetime) -> Path:
    """Make and return a folder named after ``now``; a number is added when the name is taken.

    Raises:
        FileExistsError: a thousand runs began in the same second.
    """
    name = now.strftime("%Y-%m-%d_%H-%M-%S")
    for tail in ("", *(f"_{n}" for n in range(2, 1001))):
        folder = parent / f"{name}{tail}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{parent / name} and 999 folders beside it exist already")


def versions() -> dict[str, str]:
    """Versions of Python, the platform and :data:`VERSIONED`; what is not installed is left out."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def plan_lines(plan: Plan | None) -> list[dict[str, str]]:
    """A plan's steps as JSON: ``[{"step": ..., "status": ...}]``; empty without a plan."""
    if plan is None:
        return []
    return [{"step": step, "status": status} for step, status in zip(plan.steps, plan.status, strict=True)]


def plan_words(plan: Plan | None) -> dict[str, str]:
    """What a plan says beside its steps: ``kind``, ``note`` and ``seen``; of no plan, empty steps."""
    if plan is None:
        return {"kind": "steps", "note": "", "seen": ""}
    return {"kind": plan.kind, "note": plan.note, "seen": plan.seen}


def write_outcome(folder: Path, outcome: Outcome) -> Path:
    """Write ``report.json`` in one move, so that a reader never sees half of it; returns its path."""
    path = folder / "report.json"
    draft = folder / ".report.json.part"
    draft.write_text(json.dumps(asdict(outcome), indent=2, allow_nan=False) + "\n")
    os.replace(draft, path)
    return path
