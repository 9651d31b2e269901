"""The view says what the arm is doing: a living picture on a terminal, in a log a line per subgoal."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

import pytest
from rich.console import Console

from vla.runtime.health import LoopHealth
from vla.runtime.view import MARKS, TerminalView, draw

HEALTH = LoopHealth(
    control_rate_hz=19.9, chunk_latency_p50_s=0.042, holds=3, chunk_age_s=0.31, last_error="late"
)
PLAN = [{"step": "open the drawer", "status": "done"}, {"step": "press the button", "status": "active"}]

NO = {"kind": "cannot", "note": "because [there] is no button", "seen": "nothing"}
SAID = {"kind": "steps", "note": "it looks done", "seen": "a drawer, open"}


def status(**changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "state": "running",
        "reason": "",
        "plan": PLAN,
        "said": SAID,
        "instruction": "press the button",
        "elapsed_s": 4.2,
        "health": asdict(HEALTH),
        "verdict": "1 of 2 done",
    }
    return told | changes


def text_of(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=160, record=True)
    console.print(renderable)
    return console.export_text()


def test_a_picture_holds_goal_steps_with_status_verdict_state_rate_latency_ages_and_errors():
    text = text_of(draw("both", status()))
    for word in (
        "both",
        "open the drawer",
        "press the button",
        "sees: a drawer, open",
        "thinks: it looks done",
        "1 of 2 done",
        "running",
        "19.9 Hz",
        "42 ms",
        "chunk age 310 ms",
        "holds 3",
        "late",
    ):
        assert word in text
    assert text.index(MARKS["done"][0]) < text.index("open the drawer") < text.index(MARKS["active"][0])


def test_a_stop_is_shown_with_its_reason():
    text = text_of(draw("both", status(state="protective_stop", reason="tool_x is 0.3 m away")))
    assert "protective_stop: tool_x is 0.3 m away" in text


def test_without_a_plan_it_thinks():
    assert "thinking" in text_of(draw("both", status(plan=[], said=SAID | {"note": ""})))


@pytest.mark.parametrize(("kind", "words"), [("cannot", "cannot: because"), ("answer", "answer: because")])
def test_a_refusal_and_an_answer_stand_where_the_steps_would(kind: str, words: str):
    text = text_of(draw("both", status(plan=[], said=SAID | {"kind": kind, "note": "because"})))
    assert words in text
    assert "thinking" not in text
    assert text.count("because") == 1


def test_a_log_gets_one_line_per_new_subgoal_or_state_and_per_change_of_mind():
    out = io.StringIO()
    with TerminalView("both", Console(file=out, width=40)) as view:
        view.show(status(plan=[], said=SAID | {"note": "", "seen": ""}, instruction=None, state="engaging"))
        view.show(status(elapsed_s=0.0, instruction="open the drawer", state="engaging"))
        for state in ("running", "holding", "running"):
            view.show(status(elapsed_s=1.0, instruction="open the drawer", state=state))
        view.show(status(elapsed_s=2.0, plan=[{"step": "press the button", "status": "active"}]))
        view.show(status(elapsed_s=3.0, plan=[], said=NO, instruction=None))
    assert out.getvalue().splitlines() == [
        "  0.0 s  checks: it looks done",
        "  0.0 s  sees: a drawer, open",
        "  0.0 s  plans: open the drawer; press the button",
        "  0.0 s  open the drawer (engaging)",
        "  1.0 s  open the drawer",
        "  2.0 s  re-plans: press the button",
        "  2.0 s  press the button",
        "  3.0 s  sees: nothing",
        "  3.0 s  cannot: because [there] is no button",
    ]


def test_a_terminal_gets_pictures():
    out = io.StringIO()
    with TerminalView("both", Console(file=out, width=160, force_terminal=True)) as view:
        view.show(status(verdict="0 of 2 done"))
    assert "0 of 2 done" in out.getvalue()
