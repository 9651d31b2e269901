"""Laws of consumption: by time, newest wins, asked ahead."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.contract import ActionChunk, ContractError
from vla.runtime.chunks import (
    EXECUTIONS,
    ChunkBuffer,
    EnsembleBuffer,
    RealTimeBuffer,
    SynchronousBuffer,
    buffer_named,
)

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


@given(stamps=st.lists(st.floats(-1.0, 18.0), min_size=1, max_size=40))
def test_no_row_is_taken_twice_however_close_together_stamps_are(stamps: list[float]) -> None:
    buffer = ChunkBuffer(0.4, DT_S / 2)
    buffer.put(chunk(10.0))
    taken = [row for k in stamps if (row := buffer.take(10.0 + k * DT_S)) is not None]
    assert all(a[0] < b[0] for a, b in pairwise(taken))
    assert len(taken) or not any(-0.4 <= k <= 15.4 for k in stamps)


def test_a_row_that_lasts_for_several_periods_is_due_in_each() -> None:
    buffer = ChunkBuffer(0.4, DT_S / 4)  # two control periods per row
    buffer.put(chunk(10.0))
    taken = [buffer.take(10.0 + k * DT_S / 2) for k in range(32)]
    assert [None if row is None else int(row[0]) for row in taken] == [k // 2 for k in range(32)]


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_new_chunk_begins_where_it_is_due_whatever_was_taken_of_the_old(execution: str) -> None:
    buffer = buffer_named(execution, 10.0, DT_S / 2)
    for began_s in (10.0, 20.0):
        buffer.put(chunk(began_s))
        for k in range(3):
            row = buffer.take(began_s + k * DT_S)
            assert row is not None
            assert row[0] == k


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


@given(delay_s=st.floats(0, 0.8), start_s=st.floats(0, 1e4))
def test_it_asks_so_early_that_the_chunk_lasts_until_the_answer(delay_s: float, start_s: float) -> None:
    buffer = ChunkBuffer(0.4, DT_S / 2)
    buffer.put(chunk(start_s))
    buffer.delayed(delay_s)
    asked = next(k for k in range(17) if buffer.wants(start_s + k * DT_S))
    assert asked * DT_S + delay_s <= 16 * DT_S + DT_S / 2 + 1e-6
    # Never sooner than it must: not before s_min, unless the chunk would run out.
    assert asked >= 8 or (asked + 1) * DT_S + delay_s > 16 * DT_S - DT_S / 2 - 1e-6


def test_the_worst_of_the_last_ten_delays_is_expected() -> None:
    buffer = ChunkBuffer(0.4)
    assert buffer.delay_s == 0
    buffer.delayed(0.3)
    for _ in range(9):
        buffer.delayed(0.1)
        assert buffer.delay_s == 0.3
    buffer.delayed(0.1)
    assert buffer.delay_s == 0.1


@pytest.mark.parametrize(("delay_s", "frozen"), [(0.0, 0), (0.001, 1), (0.05, 1), (0.12, 3), (9.0, 11)])
def test_a_prefix_is_the_rest_of_the_chunk_with_the_rows_that_an_answer_takes_frozen(
    delay_s: float, frozen: int
) -> None:
    buffer = RealTimeBuffer(0.4, DT_S / 2)
    assert buffer.prefix(0.0) is None
    buffer.put(chunk(2.0))
    buffer.delayed(delay_s)
    prefix = buffer.prefix(2.0 + 5 * DT_S + 0.01)
    assert prefix is not None
    assert prefix.actions[:, 0].tolist() == list(range(5, 16))
    assert prefix.frozen == frozen
    assert buffer.prefix(2.0 + 16 * DT_S) is None


def test_synchronous_row_0_is_due_when_first_looked_for_and_all_rows_follow() -> None:
    buffer = SynchronousBuffer(0.4, DT_S / 2)
    assert buffer.wants(0.0)
    buffer.put(chunk(0.0))
    assert not buffer.wants(0.37)
    rows = [buffer.at(0.37 + k * DT_S) for k in range(9)]
    assert [None if row is None else int(row[0]) for row in rows] == [*range(8), None]
    assert buffer.wants(0.37 + 8 * DT_S)
    assert not buffer.put(chunk(-0.1))


def test_the_ensemble_averages_what_all_chunks_say_of_now() -> None:
    buffer = EnsembleBuffer(0.4, DT_S / 2)
    for k in range(3):
        buffer.put(ActionChunk(np.full((4, 1), float(k), np.float32), DT_S, k * DT_S))
    weights = np.exp(-0.01 * np.arange(3))
    row = buffer.at(2 * DT_S)
    assert row is not None
    assert row.dtype == np.float32
    assert row[0] == pytest.approx((weights * [0, 1, 2]).sum() / weights.sum(), abs=1e-6)
    # The oldest chunk has run out: the two others remain, the older of them weighing more.
    row = buffer.at(4 * DT_S)
    assert row is not None
    assert row[0] == pytest.approx((1 + 2 * weights[1]) / (1 + weights[1]), abs=1e-6)
    assert row[0] < 1.5
    assert buffer.at(6 * DT_S) is None
    buffer.put(chunk(1.0))
    buffer.clear()
    assert buffer.at(1.0) is None


def test_ways_have_names() -> None:
    assert len({type(buffer_named(name, 0.4, 0.0)) for name in EXECUTIONS}) == len(EXECUTIONS)
    with pytest.raises(ContractError, match="'fast' is not one of rtc"):
        buffer_named("fast", 0.4, 0.0)
