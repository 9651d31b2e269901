"""Laws of consumption: by time, newest wins, asked ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.contract import ActionChunk
from vla.runtime.chunks import ChunkBuffer

DT_S = 0.05


def chunk(start_s: float, rows: int = 16) -> ActionChunk:
    return ActionChunk(np.arange(rows, dtype=np.float32)[:, None], DT_S, start_s)


@given(
    start_s=st.floats(0, 1e5),
    jitter=st.lists(st.floats(-0.49, 0.49), min_size=16, max_size=16),
)
def test_each_row_is_used_once_in_order_under_jitter(start_s: float, jitter: list[float]) -> None:
    buffer = ChunkBuffer(0.4, DT_S / 2)
    buffer.put(chunk(start_s))
    rows = [buffer.at(start_s + (k + j) * DT_S) for k, j in enumerate(jitter)]
    assert [None if row is None else int(row[0]) for row in rows] == list(range(16))


def test_nothing_is_due_before_the_first_chunk_nor_after_the_last_row() -> None:
    buffer = ChunkBuffer(0.4, DT_S / 2)
    assert buffer.at(0.0) is None
    buffer.put(chunk(1.0))
    assert buffer.at(0.9) is None
    assert buffer.at(1.0 + 15 * DT_S) is not None
    assert buffer.at(1.0 + 16 * DT_S) is None


@given(starts=st.lists(st.floats(0, 100), min_size=1, max_size=10))
def test_the_newest_observation_wins_whatever_the_order_of_arrival(starts: list[float]) -> None:
    buffer = ChunkBuffer(0.4)
    newest = -1.0
    for start_s in starts:
        assert buffer.put(chunk(start_s)) == (start_s >= newest)
        newest = max(newest, start_s)
    row = buffer.at(newest)
    assert row is not None
    assert row[0] == 0


def test_more_is_wanted_when_empty_and_once_replan_s_is_consumed() -> None:
    buffer = ChunkBuffer(0.4, DT_S / 2)
    assert buffer.wants(0.0)
    buffer.put(chunk(0.0))
    wanted = [k for k in range(16) if buffer.wants(k * DT_S)]
    assert wanted == list(range(8, 16))
    buffer.clear()
    assert buffer.wants(0.0)
    assert buffer.at(0.0) is None


def test_more_is_wanted_when_a_chunk_shorter_than_replan_s_runs_out() -> None:
    buffer = ChunkBuffer(0.4, DT_S / 2)
    buffer.put(chunk(0.0, rows=3))
    assert [buffer.wants(k * DT_S) for k in range(5)] == [False, False, False, True, True]


@pytest.mark.parametrize("replan_s", [0.0, -1.0, float("nan")])
def test_replan_s_must_be_positive(replan_s: float) -> None:
    with pytest.raises(ValueError, match="replan_s"):
        ChunkBuffer(replan_s)
