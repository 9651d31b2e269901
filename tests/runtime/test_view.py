"""The view says what the arm is doing: a living picture on a terminal, in a log a line per subgoal."""

from __future__ import annotations

import io
import time

import numpy as np
from rich.console import Console

from vla.contract import Observation, Plan
from vla.runtime.health import LoopHealth
from vla.runtime.report import TickReport
from vla.runtime.view import MARKS, TerminalView, draw

PLAN = Plan("both", ("open the drawer", "press the button"), 1, ("done", "active"), "")
HEALTH = LoopHealth(control_rate_hz=19.9, chunk_latency_p50_s=0.042, holds=3, last_error="late")


def tick(now_s: float, instruction: str) -> TickReport:
    seen = Observation({}, np.zeros(1, np.float32), now_s)
    return TickReport(0, now_s, seen, PLAN, instruction, np.zeros(1, np.float32), False, 0, lambda: HEALTH)


def text_of(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(renderable)
    return console.export_text()


def test_a_picture_holds_goal_steps_with_status_verdict_rate_latency_and_errors():
    text = text_of(draw("both", PLAN, 4.2, HEALTH, "1 of 2 done"))
    for word in (
        "both",
        "open the drawer",
        "press the button",
        "1 of 2 done",
        "19.9 Hz",
        "42 ms",
        "holds 3",
        "late",
    ):
        assert word in text
    assert text.index(MARKS["done"][0]) < text.index("open the drawer") < text.index(MARKS["active"][0])


def test_without_a_plan_it_thinks():
    assert "thinking" in text_of(draw("both", None, 0.0, HEALTH))


def test_a_log_gets_one_line_per_new_subgoal():
    out = io.StringIO()
    with TerminalView("both", Console(file=out, width=120)) as view:
        for i, words in enumerate(["open the drawer", "open the drawer", "press the button"]):
            view(tick(10.0 + i, words))
    assert out.getvalue().splitlines() == ["  0.0 s  open the drawer", "  2.0 s  press the button"]


def test_a_terminal_gets_pictures_from_a_thread_that_ends_with_the_view():
    out = io.StringIO()
    with TerminalView(
        "both", Console(file=out, width=120, force_terminal=True), lambda: "0 of 2 done"
    ) as view:
        view(tick(1.0, "open the drawer"))
        deadline_s = time.monotonic() + 10
        while "0 of 2 done" not in out.getvalue() and time.monotonic() < deadline_s:
            time.sleep(0.05)
    assert "0 of 2 done" in out.getvalue()
    assert not view._thread.is_alive()
