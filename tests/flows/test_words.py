"""`handily run` that ends in words: the arm rests, and the simulator says whether they are true."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from sim.goals.world import GoalWorld, OraclePlanner
from sim.robot import robot_spec
from sim.stage import stage
from vla.bridge.server import PolicyServer
from vla.contract import ActionChunk, Observation, Plan, Prefix

SIZE = 64


class Still:
    """A policy that must not be asked."""

    spec = robot_spec(SIZE)
    asked = 0

    def reset(self, seed: int) -> None:
        del seed

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.asked += 1
        row = np.zeros((1, len(self.spec.action)), np.float32)
        return ActionChunk(row, self.spec.dt_s, observation.stamp_s)


class Seer:
    """Says what is right on the table that a sentence gets, or the contrary."""

    def __init__(self, sentence: str, scene: str, lies: str = "") -> None:
        self._lies = lies
        self._world = stage(sentence, scene, seed=0, image_size=16, render=False).world
        assert isinstance(self._world, GoalWorld)
        self._oracle = OraclePlanner(self._world)
        self.saw: list[tuple[int, ...]] = []

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        self.saw.append(observation.images["front"].shape)
        plan = self._oracle.plan(goal, observation, previous)
        return Plan(goal, (), 0, (), self._lies or plan.note, plan.kind, "what there is")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As much of a checkpoint as a run needs whose policy is served elsewhere."""
    made = tmp_path / "checkpoint"
    made.mkdir()
    (made / "manifest.json").write_text("{}")
    about = {"spec": {"cameras": {"front": [SIZE, SIZE], "wrist": [SIZE, SIZE]}}}
    (made / "about.json").write_text(json.dumps(about))
    return made


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


RUNS = [
    ("put the cyan ball in the bowl", "missing_object", "", "refused", "because there is no cyan ball", 0),
    ("how many stars do you see?", "auto", "nine", "answered", "nine", 1),
]


@pytest.mark.parametrize(("sentence", "scene", "lies", "reason", "detail", "code"), RUNS)
def test_words_end_a_run_at_once_and_the_simulator_says_whether_they_are_true(
    handily, folder: Path, tmp_path: Path, stop: threading.Event,
    sentence: str, scene: str, lies: str, reason: str, detail: str, code: int,
):  # fmt: skip
    policy, planner = Still(), Seer(sentence, scene, lies)
    with PolicyServer(policy, planner, model_id="still") as server:
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        line = ("run", sentence, f"scene={scene}", f"server={server.endpoint}", f"checkpoint={folder}")
        done = handily(*line, f"out={tmp_path / 'runs'}", "timeout_s=20")
        stop.set()
        thread.join()
    assert done.returncode == code, done.stdout + done.stderr
    verdict = "wrong" if code else "right"
    assert f"{reason}: {detail}" in done.stdout
    assert f"{verdict}, says the simulator" in done.stdout
    assert "sees: what there is" in done.stdout
    (left,) = (tmp_path / "runs").iterdir()
    report = json.loads((left / "report.json").read_text())
    assert (report["reason"], report["detail"], report["success"]) == (reason, detail, code == 0)
    assert report["said"] == {"kind": reason_kind(reason), "note": detail, "seen": "what there is"}
    assert len(report["replans"]) == 1
    assert report["scene"] == ("missing_object" if scene != "auto" else "how_many")
    assert report["elapsed_s"] < 10
    assert policy.asked == 0
    assert planner.saw[0] == (SIZE, SIZE, 3)
    assert len(planner.saw) >= 2
    with av.open(str(left / "run.mp4")) as video:
        assert video.streams.video[0].frames > 40


def reason_kind(reason: str) -> str:
    return {"refused": "cannot", "answered": "answer"}[reason]
