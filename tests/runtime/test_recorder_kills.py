"""Killed at any instant, a recorder loses at most the running episode, and no repair command is needed.

Processes that record are killed at random instants of each phase, and the encoder at chosen file operations
one after another. After each kill a fresh reader must read every episode it counts, and after the next start
everything that had ended must be there.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vla.dataset.reader import Dataset
from vla.dataset.staging import staged_folders
from vla.runtime.encoder import recover
from vla.runtime.lock import ENCODER_LOCK, FolderLock
from vla.runtime.recording import read_recording
from vla.runtime.report import TickReport
from vla.runtime.spool import SPOOL, spooled_keys

CHILD = Path(__file__).with_name("recording_child.py")
PHASES = ("tick", "encode", "commit")
KILLED = ("both", "recorder", "encoder")


@pytest.fixture(scope="module")
def expected() -> list[TickReport]:
    """The run that the child records over and over."""
    reports: list[TickReport] = []
    runpy.run_path(str(CHILD))["play"](reports.append)
    return reports


class Child:
    """A process that records, what it has said, and the pid of its encoder."""

    def __init__(self, root: Path, runs: int = 1000, sleep_s: float = 0.001) -> None:
        command = [sys.executable, str(CHILD), str(root), str(runs), str(sleep_s)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.said: dict[str, set[int]] = {"ended": set(), "committed": set()}
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def kill(self, which: str) -> None:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if which != "recorder":
            for pid in children:
                os.kill(int(pid), signal.SIGKILL)
        if which == "encoder":
            ended = len(self.said["ended"])
            wait_for(lambda: len(self.said["ended"]) > ended)  # it records on without one
        self._process.kill()
        self.wait()

    def wait(self) -> int:
        self._reader.join()
        return self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                word, key = line.split()
                self.said[word].add(int(key))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s, "it never came to that"
        time.sleep(0.0003)


def reached(phase: str, root: Path) -> Callable[[], bool]:
    """A condition that a recording process soon fulfils, though not at once."""
    if phase == "tick":
        before = set((root / SPOOL).glob("*.ticks"))
        return lambda: any(p.stat().st_size for p in set((root / SPOOL).glob("*.ticks")) - before)
    if phase == "encode":
        return lambda: any((root / "staged").glob(".partial-*"))
    return lambda: any((root / f"meta.{name}").exists() for name in ("building", "ready", "old"))


def kept_keys(root: Path, expected: list[TickReport]) -> dict[int, bool]:
    """Key of every episode to whether it was interrupted; each is read whole, and begins like the run."""
    if not (root / "meta").exists() and not (root / "meta.ready").exists():
        return {}
    dataset = Dataset.open(root)
    found: dict[int, bool] = {}
    for index, episode in enumerate(dataset.episodes):
        got = read_recording(root, index)
        count = len(got.sent)
        assert 20 <= count == episode.length <= 30
        assert count == 30 or got.interrupted
        assert np.array_equal(got.sent, [report.sent for report in expected[:count]])
        assert np.array_equal(got.state, [report.observation.state for report in expected[:count]])
        assert {name: len(images) for name, images in got.images.items()} == {"front": count, "arm": count}
        found[int(dataset.sidecar[index]["key"])] = got.interrupted
    assert len(found) == len(dataset.episodes) == len(dataset.sidecar)
    return found


def kill_and_check(root: Path, seed: int, expected: list[TickReport]) -> None:
    rng = random.Random(seed)
    phase, which = PHASES[seed % 3], KILLED[seed // 3 % 3]
    before = kept_keys(root, expected) if root.exists() else {}
    child = Child(root)
    wait_for(lambda: bool(child.said["ended"]))
    wait_for(reached(phase, root))
    time.sleep(rng.uniform(0, 0.02))
    child.kill(which)
    if which == "recorder":
        # The encoder outlives it, and finishes alone.
        FolderLock.take(root, ENCODER_LOCK, wait=True).release()
        assert not spooled_keys(root)
    seen = kept_keys(root, expected)
    assert seen.keys() >= before.keys() | child.said["committed"]
    if seed % 2:
        assert recover(root) == []
    else:
        assert Child(root, runs=0).wait() == 0
    kept = kept_keys(root, expected)
    assert kept.keys() >= seen.keys() | child.said["ended"]
    assert not any(kept[key] for key in child.said["ended"])
    assert sorted(kept) == list(kept), "episodes lie in the order of their keys"
    assert sum(kept.values()) <= sum(before.values()) + 1, "at most the running episode is cut short"
    assert not spooled_keys(root)


@pytest.mark.parametrize("which", range(len(KILLED)), ids=KILLED)
def test_killed_in_every_phase_nothing_that_had_ended_is_lost(tmp_path, expected, which: int):
    for phase in range(len(PHASES)):
        kill_and_check(tmp_path / "recordings", which * len(PHASES) + phase, expected)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_hundred_kills(tmp_path, expected):
    for seed in range(200):
        kill_and_check(tmp_path / f"{seed // 20}", seed, expected)


SWEEP = """
import os, shutil, signal, sys
from pathlib import Path
from vla.dataset.staging import staged_folders
from vla.runtime.encoder import recover

template, work, step, offset = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")

def kill_before(number):
    seen = 0
    def count(event, arguments):
        nonlocal seen
        if event in EVENTS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & 3):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)

number = offset
while True:
    root = work / str(number)
    shutil.copytree(template, root)
    child = os.fork()
    if not child:
        kill_before(number)
        assert recover(root) == []
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    number += step
"""
"""Kills the encoder just before its n-th change to the file system, for n = offset, offset + step, ..., and
leaves a folder for each; the last one, in which nothing was left to kill, is whole."""


@pytest.mark.parametrize(
    ("step", "offset"), [(9, 4), *(pytest.param(9, n, marks=pytest.mark.slow) for n in range(1, 10))]
)
def test_the_encoder_may_die_before_any_change_it_makes(tmp_path, expected, step: int, offset: int):
    template, work = tmp_path / "template", tmp_path / "work"
    assert Child(template, runs=2, sleep_s=0.0).wait() == 0
    child = Child(template, sleep_s=0.0)
    wait_for(lambda: len(child.said["ended"]) > 1)
    child.kill("both")
    done = kept_keys(template, expected)
    left = set(spooled_keys(template))
    assert left
    work.mkdir()
    subprocess.run([sys.executable, "-c", SWEEP, template, work, str(step), str(offset)], check=True)
    roots = sorted(work.iterdir(), key=lambda path: int(path.name))
    assert len(roots) > 40 // step
    for root in roots:
        assert kept_keys(root, expected).keys() >= done.keys()
        assert recover(root) == []
        kept = kept_keys(root, expected)
        assert kept.keys() >= done.keys() | child.said["ended"]
        assert not spooled_keys(root)
        assert kept == kept_keys(roots[-1], expected)
        assert not staged_folders(root)
        assert not any((root / f"meta.{name}").exists() for name in ("ready", "old", "building"))
