"""What a killed process leaves of a run is readable up to its last whole tick, whatever byte it ends at."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vla.contract import ContractError, Observation
from vla.runtime.lock import FolderLock
from vla.runtime.report import TickReport
from vla.runtime.spool import (
    SPOOL,
    RecordingError,
    SpooledRun,
    SpoolWriter,
    has_begun,
    read_spool,
    remove_spool,
    spooled_keys,
    tick_type,
)
from vla.runtime.supervisor import STATES, State


def report(tick: int, instruction: str | None = "go", state: State = "running") -> TickReport:
    rng = np.random.default_rng(tick)
    images = {"front": rng.integers(0, 256, (8, 6, 3), np.uint8)}
    seen = Observation(images, rng.random(2, np.float32), 100.01 + tick / 20)
    sent = rng.random(2, np.float32)
    none = lambda: pytest.fail("nobody asked for health")  # noqa: E731
    held, age_s = tick % 2 == 1, None if tick % 5 == 0 else tick / 10
    return TickReport(tick, 100 + tick / 20, seen, None, instruction, sent, held, 0, none, state, age_s)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / SPOOL).mkdir()
    return tmp_path


def write(root: Path, spec, ticks: int, end: bool = True) -> tuple[Path, Path]:
    """One run of ``ticks`` ticks with key 7; its two files, words first."""
    writer = SpoolWriter(root, 7, spec, {"goal": "go"})
    for tick in range(ticks):
        writer.tick(report(tick, f"step {tick // 3}", STATES[tick % 6]))
    if end:
        writer.end({"reason": "timeout"})
    writer.close()
    stem = root / SPOOL / f"{7:012d}"
    return stem.with_suffix(".jsonl"), stem.with_suffix(".ticks")


def check(run: SpooledRun, ticks: int) -> None:
    assert len(run.ticks) == ticks
    for tick, row in enumerate(run.ticks):
        wanted = report(tick)
        assert np.array_equal(row["observation.images.front"], wanted.observation.images["front"])
        assert np.array_equal(row["observation.state"], wanted.observation.state)
        assert np.array_equal(row["action"], wanted.sent)
        assert row["held"] == wanted.held
        assert row["chunk_age_s"] == (-1.0 if wanted.chunk_age_s is None else wanted.chunk_age_s)
        assert row["time_s"] == pytest.approx(tick / 20)
        assert row["stamp_s"] == pytest.approx(tick / 20 + 0.01)
        assert STATES[row["state"]] == STATES[tick % 6]
        assert run.instructions[int(row["instruction"])] == f"step {tick // 3}"


def test_what_was_written_is_read(root, spec):
    write(root, spec, 8)
    run = read_spool(root, 7)
    check(run, 8)
    assert run.spec == spec
    assert run.ended == {"reason": "timeout"}
    assert run.about["goal"] == "go"
    assert run.lasted_s == pytest.approx(8 / 20)
    assert spooled_keys(root) == [7]
    remove_spool(root, 7)
    remove_spool(root, 7)
    assert spooled_keys(root) == []


def test_a_tick_before_the_first_plan_has_no_instruction(root, spec):
    writer = SpoolWriter(root, 7, spec, {})
    writer.tick(report(0, None))
    writer.close()
    run = read_spool(root, 7)
    assert (run.ticks["instruction"].tolist(), run.instructions, run.ended) == ([-1], {}, None)


def test_each_tick_is_on_its_way_to_the_disk_when_the_call_returns(root, spec):
    writer = SpoolWriter(root, 7, spec, {})
    for tick in range(3):
        writer.tick(report(tick))
        assert len(read_spool(root, 7).ticks) == tick + 1
    writer.close()


def test_cut_at_any_byte_of_the_last_record_the_ones_before_it_are_whole(root, spec):
    _, ticks = write(root, spec, 3)
    data, size = ticks.read_bytes(), tick_type(spec).itemsize
    assert len(data) == 3 * size
    for cut in range(2 * size, 3 * size):
        ticks.write_bytes(data[:cut])
        check(read_spool(root, 7), 2)


def test_a_damaged_record_ends_the_run_before_it(root, spec):
    _, ticks = write(root, spec, 3)
    data, size = ticks.read_bytes(), tick_type(spec).itemsize
    for at in range(size, 2 * size):
        ticks.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        check(read_spool(root, 7), 1)
    ticks.write_bytes(data[:size] + bytes(size) + data[2 * size :])  # what a power failure may leave
    check(read_spool(root, 7), 1)


def test_cut_at_any_byte_of_its_last_line_a_run_is_interrupted_and_nothing_else(root, spec):
    words, _ = write(root, spec, 4)
    data = words.read_bytes()
    assert read_spool(root, 7).ended is not None
    for cut in range(data.rindex(b'{"ended"'), len(data)):
        words.write_bytes(data[:cut])
        run = read_spool(root, 7)
        assert run.ended is None
        check(run, 4)


def test_cut_in_its_first_line_a_run_is_refused_by_name(root, spec):
    words, _ = write(root, spec, 1)
    data = words.read_bytes()
    for cut in (*range(0, data.index(b"\n"), 17), data.index(b"\n")):
        words.write_bytes(data[:cut])
        with pytest.raises(RecordingError, match=r"0000007\.jsonl does not begin like a run"):
            read_spool(root, 7)


def changed(words: Path, **fields: object) -> None:
    first, rest = words.read_bytes().split(b"\n", 1)
    words.write_bytes(json.dumps(json.loads(first) | fields).encode() + b"\n" + rest)


@pytest.mark.parametrize(
    "change",
    [{}, None, {"cameras": {"front": [2**40, 2**40]}}, {"control_hz": 1e999}, {"cameras": {"front": [0, 1]}}],
)
def test_a_first_line_that_describes_no_robot_is_refused_by_name(root, spec, change):
    words, _ = write(root, spec, 1)
    changed(words, spec=spec.to_dict() | change if change else change)
    with pytest.raises(RecordingError, match="begins with no robot"):
        read_spool(root, 7)


def test_lines_that_no_recorder_writes_change_nothing(root, spec):
    words, _ = write(root, spec, 4)
    far, none = b'{"code": 1000000000000, "instruction": "x"}', b'{"instruction": "x"}'
    for line in (far, none, b'{"ended": 3}', b"[" * 10_000):
        words.write_bytes(words.read_bytes() + line + b"\n")
        run = read_spool(root, 7)
        check(run, 4)
        assert (run.ended, sorted(run.instructions)) == ({"reason": "timeout"}, [0, 1])


def test_a_run_begins_with_its_first_line(root, spec, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            SpoolWriter(root, 7, spec, {})
    assert (spooled_keys(root), has_begun(root, 7)) == ([7], False)
    remove_spool(root, 7)
    write(root, spec, 0)
    assert has_begun(root, 7)


def test_what_a_full_disk_left_of_a_line_does_not_swallow_the_end(root, spec):
    writer = SpoolWriter(root, 7, spec, {"goal": "go"})
    writer.tick(report(0, "step 0", STATES[0]))
    with (root / SPOOL / f"{7:012d}.jsonl").open("ab") as words:
        words.write(b'{"code": 1, "instr')
    writer.end({"reason": "stopped"})
    writer.close()
    run = read_spool(root, 7)
    assert run.ended == {"reason": "stopped"}
    check(run, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sent": np.array([0.0, np.nan], np.float32)}, "finite"),
        ({"sent": np.zeros(3, np.float32)}, "expected 2"),
        ({"state": "asleep"}, "'asleep' is not one of disengaged"),
        ({"observation": Observation({}, np.zeros(2, np.float32), 0.0)}, "cameras"),
        ({"observation": Observation(report(0).observation.images, np.full(2, np.inf, "f4"), 0)}, "finite"),
    ],
)
def test_a_tick_that_breaks_the_contract_is_refused_and_leaves_no_byte(root, spec, change, why):
    writer = SpoolWriter(root, 7, spec, {})
    writer.tick(report(0))
    with pytest.raises(ContractError, match=why):
        writer.tick(dataclasses.replace(report(1), **change))
    writer.tick(report(2))
    writer.close()
    assert read_spool(root, 7).ticks["time_s"].tolist() == pytest.approx([0.0, 0.1])


def test_a_run_is_never_written_over(root, spec):
    write(root, spec, 2)
    with pytest.raises(FileExistsError):
        SpoolWriter(root, 7, spec, {})
    check(read_spool(root, 7), 2)


HOLD = """
import sys, time
from pathlib import Path
from vla.runtime.lock import FolderLock
lock = FolderLock.take(Path(sys.argv[1]), "recorder.lock")
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_is_held_by_one_process_and_let_go_by_its_death(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RecordingError, match=f"by process {holder.pid}"):
            FolderLock.take(tmp_path, "recorder.lock")
        holder.kill()
    with FolderLock.take(tmp_path, "recorder.lock"), pytest.raises(RecordingError):
        FolderLock.take(tmp_path, "recorder.lock")
    FolderLock.take(tmp_path, "recorder.lock").release()
