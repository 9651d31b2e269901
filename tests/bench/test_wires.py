"""Every wire carries the same bytes there and back."""

from __future__ import annotations

import numpy as np
import pytest

from vla.bench.wires import WIRES, _blob, _opened, _packed, _unpacked, bench_spec, measure
from vla.contract import ActionChunk


def test_the_bytes_are_those_of_two_pictures_and_fourteen_numbers() -> None:
    assert len(_blob()) == 2 * 224 * 224 * 3 + 14 * 4
    seen = {"image": np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "prompt": "go"}
    back = _unpacked(_packed(seen))
    assert back["prompt"] == "go"
    assert np.array_equal(back["image"], seen["image"])


@pytest.mark.parametrize("wire", WIRES)
def test_a_wire_brings_back_fifty_rows(wire: str) -> None:
    if wire in ("openpi", "grpc"):
        pytest.importorskip({"openpi": "websockets", "grpc": "grpc"}[wire])
    with _opened(wire) as (call, server):
        assert server > 0
        answer = call()
        if isinstance(answer, ActionChunk):
            answer = answer.actions
        elif isinstance(answer, dict):
            answer = answer["actions"]
        elif isinstance(answer, bytes):
            answer = np.frombuffer(answer, np.float32).reshape(50, 14)
        else:
            assert answer is True  # the bare socket filled its buffer
            return
        assert answer.shape == (50, len(bench_spec().action))


def test_every_wire_gets_its_turns() -> None:
    timings = measure(["tcp", "bridge"], rounds=2, requests=5)
    assert [timing.wire for timing in timings] == ["tcp", "bridge"]
    assert all(len(timing.latency_s) == 10 and timing.latency_s.min() > 0 for timing in timings)
    with pytest.raises(ValueError, match="'pigeon'"):
        measure(["pigeon"], 1, 1)
