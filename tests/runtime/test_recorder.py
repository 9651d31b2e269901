from __future__ import annotations

import numpy as np

from vla.bridge.link import LocalLink
from vla.drivers.mock import MockDriver
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.recorder import Recorder
from vla.runtime.report import TickReport


def test_a_recording_holds_every_tick_as_it_was_sent(spec, policy, clock) -> None:
    recorder, reports = Recorder(spec), list[TickReport]()
    loop = ControlLoop(
        MockDriver(spec, clock),
        LocalLink(policy),
        clock,
        LoopSettings(timeout_s=1.0),
        [recorder, reports.append],
    )
    loop.run("go")
    got = recorder.take()
    assert len(got.sent) == len(reports) == 20
    assert np.array_equal(got.sent, [report.sent for report in reports])
    assert np.array_equal(got.state, [report.observation.state for report in reports])
    assert np.array_equal(got.images["front"], [report.observation.images["front"] for report in reports])
    assert (np.diff(got.stamp_s) > 0).all()
    assert got.held.tolist() == [report.held for report in reports]
    assert set(got.instructions) == {"go"}
    assert got.sent.dtype == got.state.dtype == np.float32


def test_taking_empties(spec) -> None:
    got = Recorder(spec).take()
    assert got.images["front"].shape == (0, 8, 6, 3)
    assert (len(got.sent), got.instructions) == (0, ())
