"""M5: only the robot's own monotonic clock counts, whatever the server's clocks say and however they jump."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from arm import CHUNK_S, DT_S, ROWS, SPEC, Logbook, Wave, check_steps, moving_s

from vla.bridge.link import LocalLink
from vla.conformance import sample_observation
from vla.contract import ActionChunk
from vla.runtime.asker import AskSettings
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

HOUR_S = 3600.0
ROUNDING_S = 1e-6
WRONG = {
    "an hour fast": (f"--warp={HOUR_S}",),
    "an hour slow": (f"--warp={-HOUR_S}",),
    "jumping ahead and back": (f"--warp={HOUR_S}", "--jumps"),
    "jumping back and ahead": (f"--warp={-HOUR_S}", "--jumps"),
}


@pytest.mark.parametrize("street", WRONG.values(), ids=WRONG.keys(), indirect=True)
def test_a_server_with_wrong_clocks_moves_the_arm_as_any_other(street) -> None:
    swing: list[TickReport] = []

    def story() -> Iterator[None]:
        yield from street.until(lambda: street.now.state == "running")
        count = len(street.reports)
        yield from street.until(lambda: len(street.reports) > count + 1.5 * ROWS)
        swing.extend(street.reports[count:])

    street.play(story())
    check_steps(street.driver.written)
    fed = [report for report in swing if not report.held]
    assert len(fed) > 0.7 * len(swing)  # a busy machine may miss a tick or two
    assert all(-ROUNDING_S <= (report.chunk_age_s or 0.0) < CHUNK_S + DT_S for report in fed)
    what_travels(street, "--jumps" in street.words)


def what_travels(street, jumps: bool) -> None:
    """Stamps come back as they went, and deadlines are durations."""
    for stamp_s in (0.0, 12.345678901234, 1e9 + 0.123456, -HOUR_S):
        seen = replace(sample_observation(SPEC), stamp_s=stamp_s)
        reply = street.client.wait(street.client.request_act(seen, "go", within_s=10.0), 10.0)
        assert reply is not None
        assert 0 < reply.latency_s < 10.0
        if isinstance(reply.value, ActionChunk):
            assert reply.value.start_s == stamp_s
        else:  # the server's clock has jumped beyond the deadline just then
            assert jumps
            assert reply.value.code == "too_late"
    street.hang()
    began_s = street.clock.now_s()
    seq = street.client.request_act(sample_observation(SPEC), "go", within_s=0.1)
    assert street.client.wait(seq, 0.3) is None
    assert street.clock.now_s() - began_s < 5.0
    street.unhang()
    street.client.poll(0.3)
    assert street.client.drops.late == 1


@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S, DT_S, -DT_S])
def test_a_chunk_that_starts_by_another_clock_is_no_answer(off_s: float) -> None:
    """However many of them come: the arm carries on with the right ones, and none of the wrong."""
    clock = SimulatedClock(HOUR_S)
    wrong_s: list[float] = []

    class OtherClock(Wave):
        def act(self, observation, instruction, prefix=None):
            chunk = super().act(observation, instruction, prefix)
            if not HOUR_S + 2.0 <= clock.now_s() < HOUR_S + 4.0:
                return chunk
            wrong_s.append(clock.now_s())
            return replace(chunk, start_s=chunk.start_s + off_s)

    driver = Logbook(SPEC, clock)
    settings = LoopSettings(
        timeout_s=6.0, ask=AskSettings(lost_s=10.0), engage=EngageSettings(proof_s=0.0, starved_s=10.0)
    )
    result = ControlLoop(driver, LocalLink(OtherClock()), clock, settings).run("go")
    moved_s = moving_s(driver.written)
    assert result.health.stale_chunks == len(wrong_s) > 0
    assert "from the observation it was asked about" in result.health.last_error
    assert not ((moved_s > HOUR_S + 2.0 + CHUNK_S + 0.2) & (moved_s < HOUR_S + 4.0)).any()
    assert moved_s.max() > HOUR_S + 5.9
