"""M4 in real time: a server that is frozen, killed, hung or out of reach stops the arm in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from arm import DT_S, ROWS, check_steps, moving_s, stands_by_s

FAULTS = {
    "frozen": ("freeze", "thaw"),
    "killed": ("kill", "restart"),
    "hung": ("hang", "unhang"),
    "half open": ("stall", "flow"),
}
SLACK_S = DT_S + 0.05
"""A row is carried out up to half a period late, and a tick takes its time."""


@dataclass(frozen=True)
class Trouble:
    """One fault as it was, on the loop's clock."""

    fault: str
    row: int
    struck_s: float
    mended_s: float
    ends_s: float
    ticks_late_s: float


def troubles(street, faults: list[tuple[str, int]], seen: list[Trouble]) -> Iterator[None]:
    """Each fault in turn, right after its row has been carried out; mended when the arm has stood."""
    for fault, row in faults:
        strike, mend = (getattr(street, verb) for verb in FAULTS[fault])
        yield from street.until(lambda row=row: street.row() == row and street.now.state == "running")
        struck_s = street.clock.now_s()
        strike()
        yield from street.until(lambda: street.now.state == "engaging")
        ends_s, ticks_late_s = street.ends_s(struck_s), street.late_s(struck_s)
        mended_s = street.clock.now_s()
        mend()
        seen.append(Trouble(fault, row, struck_s, mended_s, ends_s, ticks_late_s))
        yield from street.until(lambda: street.now.state == "running")


def check(street, faults: list[tuple[str, int]]) -> None:
    seen: list[Trouble] = []
    street.play(troubles(street, faults, seen))
    check_steps(street.driver.written)
    moved_s = moving_s(street.driver.written)
    for one in seen:
        assert one.ends_s <= one.struck_s + ROWS * DT_S + SLACK_S, f"{one}: an answer from nowhere"
        stood_s = moved_s[moved_s < one.mended_s].max() + DT_S
        late_s = stood_s - stands_by_s(one.struck_s, one.ends_s)
        assert late_s <= SLACK_S + one.ticks_late_s, f"{one}: it moved for {late_s:.3f} s too long"
        back_s = moved_s[moved_s > one.mended_s].min() - one.mended_s
        assert back_s >= street.proof_s, f"{one}: it moved {back_s:.3f} s after"


def test_whatever_befalls_the_server_the_arm_stands_in_time_and_comes_back(street) -> None:
    rows = range(1, ROWS, 2)  # each once, and each fault in an early and in a late one
    check(street, list(zip([*FAULTS, *FAULTS], rows, strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_befalls_it_after_whichever_row(street, fault: str) -> None:
    check(street, [(fault, row) for row in range(1, ROWS)])
