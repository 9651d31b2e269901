"""Promise S3 without atheris: real messages, what fuzzing has found, and what hypothesis makes of them."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
from fuzz_seeds import CORPUS, floods, seeds
from fuzz_targets import TARGETS, joined, split
from hypothesis import given, settings
from hypothesis import strategies as st

SLACK_BYTES = 2 << 20
PATIENCE_S = 0.1  # the promise is 1 ms; machines that run tests are busy

each_target = pytest.mark.parametrize("target", TARGETS)


def kept(target: str) -> list[bytes]:
    """What the corpus of ``target`` holds, always in the same order."""
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


@each_target
def test_every_input_in_the_corpus_is_read_or_refused(target: str) -> None:
    results = [TARGETS[target](data) for data in kept(target)]
    assert any(results), "nothing is read any more: the corpus is of another protocol"


@each_target
def test_real_messages_are_in_the_corpus(target: str, tmp_path: Path) -> None:
    if target != "images":  # another codec's version writes other bytes
        assert set(seeds(target, tmp_path)) <= set(kept(target))


@each_target
@given(data=st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_made_of_the_corpus_is_read_or_refused(target: str, data: st.DataObject) -> None:
    corpus = st.sampled_from(kept(target))
    whole = bytearray(data.draw(corpus | st.binary(max_size=300)))
    for _ in range(data.draw(st.integers(0, 3))):
        where = data.draw(st.integers(0, len(whole)))
        match data.draw(st.sampled_from(["flip", "cut", "drop", "insert", "splice"])):
            case "flip":
                whole[where : where + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del whole[where:]
            case "drop":
                del whole[where : where + data.draw(st.integers(1, 8))]
            case "insert":
                whole[where:where] = data.draw(st.binary(max_size=8))
            case _:
                other = data.draw(corpus)
                whole[where:] = other[data.draw(st.integers(0, len(other))) :]
    TARGETS[target](bytes(whole))


@pytest.mark.parametrize("target", ["wire", "spool"])
def test_frames_that_are_cut_left_out_or_repeated_are_read_or_refused(target: str) -> None:
    for data in kept(target):
        frames = split(data)
        for i, frame in enumerate(frames):
            for instead in ([], [b""], [frame[:-1]], [frame + b"\0"], [frame, frame]):
                TARGETS[target](joined([*frames[:i], *instead, *frames[i + 1 :]]))


@each_target
def test_no_input_takes_much_more_memory_or_time_than_its_length(target: str) -> None:
    for data in (*kept(target), *floods(target)):
        TARGETS[target](data)  # whatever is loaded lazily is loaded
        times = []
        for _ in range(3):
            began = time.thread_time()
            TARGETS[target](data)
            times.append(time.thread_time() - began)
        assert min(times) < PATIENCE_S, data[:60]
        tracemalloc.start()
        TARGETS[target](data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * len(data) + SLACK_BYTES, data[:60]


@given(st.lists(st.binary(max_size=300), max_size=4))
@settings(max_examples=50, deadline=None)
def test_frames_come_apart_as_they_were_joined(frames: list[bytes]) -> None:
    assert split(joined(frames)) == frames
