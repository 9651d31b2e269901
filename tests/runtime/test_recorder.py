"""A run goes in, an episode comes out, and nothing that happens on the way disturbs the loop."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vla.bridge.link import LocalLink
from vla.contract import Axis, ContractError, RobotSpec
from vla.dataset.reader import Dataset
from vla.dataset.writer import DatasetWriter
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock
from vla.runtime.encoder import recover
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.recorder import RunRecorder
from vla.runtime.recording import read_recording
from vla.runtime.report import TickReport
from vla.runtime.spool import SPOOL, RecordingError, spooled_keys


@pytest.fixture
def spec() -> RobotSpec:
    axes = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
    return RobotSpec("tiny", axes, axes, {"front": (32, 48), "arm": (16, 16)}, 20.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


def play(spec, policy, *on_tick, seconds: float = 2.0) -> list[TickReport]:
    clock, reports = SimulatedClock(1000.0), list[TickReport]()
    settings = LoopSettings("lockstep", timeout_s=seconds - 1e-6)
    loop = ControlLoop(
        MockDriver(spec, clock), LocalLink(policy), clock, settings, [*on_tick, reports.append]
    )
    loop.run("go right")
    return reports


def encoder_pid(root: Path) -> int:
    path = root / SPOOL / "encoder.lock"
    while not (path.exists() and path.read_text().strip()):
        time.sleep(0.01)
    return int(path.read_text())


def test_an_episode_holds_every_tick_as_it_was(spec, policy, root):
    def varied(report: TickReport) -> None:
        words = None if report.tick == 0 else "left" if report.tick > 20 else "right"
        state = "protective_stop" if report.tick == 30 else "running"
        recorder(dataclasses.replace(report, held=report.tick % 3 == 0, instruction=words, state=state))

    with RunRecorder(root, spec, model="sha256:abc") as recorder:
        recorder.begin_episode("go right", {"seed": 3, "operator": ["a", 1.5, None]})
        first = play(spec, policy, varied)
        recorder.end_episode("plan_done", success=True, detail="all well")
        recorder.begin_episode("go on")
        play(spec, policy, varied, seconds=0.1)
        recorder.end_episode("timeout", success=False)
    assert recorder.error is None
    assert recorder.episodes == {0: 0, 1: 1}
    got = read_recording(root, 0)
    assert np.array_equal(got.sent, [report.sent for report in first])
    assert np.array_equal(got.state, [report.observation.state for report in first])
    for name in spec.cameras:
        pictures = np.array([report.observation.images[name] for report in first])
        assert np.abs(got.images[name].astype(float) - pictures).mean() < 8
    began_s = first[0].now_s
    assert got.time_s.tolist() == [report.now_s - began_s for report in first]
    assert got.stamp_s.tolist() == [report.observation.stamp_s - began_s for report in first]
    assert got.chunk_age_s.tolist() == [-1 if r.chunk_age_s is None else r.chunk_age_s for r in first]
    assert len(set(got.chunk_age_s)) > 2
    assert got.held.tolist() == [tick % 3 == 0 for tick in range(40)]
    assert got.instructions == ("", *["right"] * 20, *["left"] * 19)
    assert [got.robot_state.index("protective_stop"), got.robot_state.count("running")] == [30, 39]
    assert (got.spec, got.goal, got.model) == (spec, "go right", "sha256:abc")
    assert (got.success, got.reason, got.interrupted) == (True, "plan_done", False)
    assert got.facts == {"seed": 3, "operator": ["a", 1.5, None]}
    assert read_recording(root, 1, pictures=False).success is False
    assert not spooled_keys(root)
    dataset = Dataset.open(root)
    assert (dataset.robot_type, dataset.fps, dataset.tasks) == ("tiny", 20, ["go right", "go on"])


def test_ticks_outside_an_episode_are_nobody_s(spec, policy, root):
    with RunRecorder(root, spec) as recorder:
        play(spec, policy, recorder)
        recorder.end_episode("stopped")
        recorder.begin_episode("go")
        recorder.end_episode("stopped")
    assert (recorder.error, recorder.episodes) == (None, {})
    assert not spooled_keys(root)


def test_ticks_that_break_the_contract_are_left_out_and_counted(spec, policy, root):
    def garbled(report: TickReport) -> None:
        state = np.full(2, np.nan, np.float32) if report.tick in (5, 6, 30) else report.observation.state
        recorder(
            dataclasses.replace(report, observation=dataclasses.replace(report.observation, state=state))
        )

    with RunRecorder(root, spec) as recorder:
        recorder.begin_episode("go")
        play(spec, policy, garbled)
        recorder.end_episode("timeout")
        assert recorder.error is not None
        assert "3 ticks are left out, the first because of tick 5: state holds" in recorder.error
    line = Dataset.open(root).sidecar[0]
    assert line["extra"]["run"]["left_out"] == 3
    assert len(read_recording(root, 0, pictures=False).sent) == 37


def test_what_cannot_be_stored_is_refused_before_anything_moves(spec, root):
    with RunRecorder(root, spec) as recorder:
        with pytest.raises(ContractError, match="goal is empty"):
            recorder.begin_episode(" ")
        with pytest.raises(ContractError, match="facts"):
            recorder.begin_episode("go", {"seed": np.int64(3)})
        with pytest.raises(ContractError, match="facts"):
            recorder.begin_episode("go", {"x": float("nan")})


def test_a_second_recorder_is_refused_while_the_first_lives(spec, policy, root):
    with RunRecorder(root, spec) as recorder:
        recorder.begin_episode("go")
        with pytest.raises(RecordingError, match=rf"recorded into by process {os.getpid()}"):
            RunRecorder(root, spec)
        assert recover(root) == []
        play(spec, policy, recorder)
        recorder.end_episode("timeout")
    with RunRecorder(root, spec) as recorder:
        assert recorder.begin_episode("go") == 1
    assert len(Dataset.open(root).episodes) == 1


def test_a_folder_of_something_else_is_refused_at_the_start(spec, root):
    feature = {"action": {"dtype": "float32", "shape": [2], "names": None}}
    DatasetWriter.create_or_resume(root, feature, 20, "tiny")
    with pytest.raises(RecordingError, match=r"feature 'action' is .* on disk, asked for"):
        RunRecorder(root, spec)
    with pytest.raises(RecordingError, match="feature 'action'"):
        RunRecorder(root, spec)  # the first has let go of the folder


def test_an_open_run_counts_as_interrupted_and_a_short_one_is_dropped(spec, policy, root):
    with RunRecorder(root, spec) as recorder:
        for seconds in (0.95, 1.0, 1.5):
            recorder.begin_episode(f"go for {seconds}")
            play(spec, policy, recorder, seconds=seconds)
    dataset = Dataset.open(root)
    assert [(e.tasks, e.length) for e in dataset.episodes] == [(("go for 1.0",), 20), (("go for 1.5",), 30)]
    assert read_recording(root, 1, pictures=False).interrupted
    assert recorder.episodes == {1: 0, 2: 1}


def test_a_full_disk_stops_the_recording_and_not_the_loop(spec, policy, root):
    large = dataclasses.replace(spec, cameras={"front": (128, 128)})
    policy.spec = large
    with RunRecorder(root, large) as recorder:
        recorder.begin_episode("before")
        play(large, policy, recorder)
        recorder.end_episode("timeout")
        recorder.begin_episode("full")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30 * 49_152, before[1]))
        try:
            reports = play(large, policy, recorder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert len(reports) == 40
        assert recorder.error is not None
        assert "run 1 is recorded only up to tick 29: [Errno 27] File too large" in recorder.error
        recorder.end_episode("timeout")
        recorder.begin_episode("after")
        play(large, policy, recorder)
        recorder.end_episode("timeout")
    lengths = [(e.tasks[0], e.length) for e in Dataset.open(root).episodes]
    assert lengths == [("before", 40), ("full", 29), ("after", 40)]
    assert np.array_equal(
        read_recording(root, 1).sent, np.array([report.sent for report in reports[:29]], np.float32)
    )


def test_a_disk_that_is_full_for_the_encoder_leaves_the_run_for_the_next_start(spec, policy, root):
    with RunRecorder(root, spec) as recorder:
        resource.prlimit(encoder_pid(root), resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        recorder.begin_episode("go")
        play(spec, policy, recorder)
        recorder.end_episode("timeout", success=True)
    assert recorder.error is not None
    assert "run 0 is not encoded yet" in recorder.error
    assert spooled_keys(root) == [0]
    with RunRecorder(root, spec) as recorder:
        pass
    assert (recorder.error, recorder.episodes) == (None, {0: 0})
    assert read_recording(root, 0).success


def test_a_dead_encoder_is_told_and_costs_nothing(spec, policy, root):
    with RunRecorder(root, spec) as recorder:
        os.kill(encoder_pid(root), signal.SIGKILL)
        for _ in range(2):
            recorder.begin_episode("go")
            play(spec, policy, recorder)
            recorder.end_episode("timeout")
    assert recorder.error is not None
    assert "the encoder ended early" in recorder.error
    assert recover(root) == []
    assert [read_recording(root, i).interrupted for i in range(2)] == [False, False]


def test_a_run_of_which_no_line_was_written_is_dropped(root):
    (root / SPOOL).mkdir(parents=True)
    (root / SPOOL / "000000000003.jsonl").write_bytes(b'{"format": 1, "sp')
    assert recover(root) == []
    assert not spooled_keys(root)


def test_a_run_that_cannot_be_read_is_told_and_kept(root):
    (root / SPOOL).mkdir(parents=True)
    for name in ("000000000003.jsonl", "000000000003.ticks"):
        (root / SPOOL / name).write_bytes(b"{}\n")
    with pytest.raises(ValueError, match="missing"):
        Dataset.open(root)
    problems = recover(root)
    assert len(problems) == 1
    assert "run 3 is not encoded yet" in problems[0]
    assert spooled_keys(root) == [3]


def test_the_command_encodes_what_is_left_before_it_looks(spec, policy, root):
    with RunRecorder(root, spec) as recorder:
        os.kill(encoder_pid(root), signal.SIGKILL)
        recorder.begin_episode("go")
        play(spec, policy, recorder)
        recorder.end_episode("timeout")
    with pytest.raises(ValueError, match="missing"):
        Dataset.open(root)
    command = [sys.executable, "-m", "vla.cli", "dataset", "info", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1  of 40 to 40 rows" in done.stdout
    assert "run.held" in done.stdout


BARE = """
import sys

from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in ("numpy", "vla"):
            return PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Bare()]
import vla.runtime.recorder as module
import vla.runtime.recording, vla.runtime.replay
from vla.contract import Axis, RobotSpec
axes = (Axis("x", "m", 0.0, 1.0),)
try:
    module.RunRecorder(sys.argv[1], RobotSpec("tiny", axes, axes, {}, 20.0))
except module.RecordingError as error:
    print(error)
"""


def test_with_numpy_alone_it_imports_and_names_the_extra_at_the_start(tmp_path):
    command = [sys.executable, "-c", BARE, str(tmp_path / "new")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "recording needs pyarrow and av: pip install 'handily[record]'\n"
    assert not (tmp_path / "new").exists()
