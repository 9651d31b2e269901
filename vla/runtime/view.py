"""What a person sees while the arm works: the plan, the current subgoal, and how well the loop keeps time.

Drawing happens in a thread of its own at a few pictures per second; a control tick only leaves its report.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vla.contract import Plan
from vla.runtime.health import LoopHealth
from vla.runtime.report import TickReport

MARKS = {
    "pending": ("·", "dim"),
    "active": ("▶", "bold cyan"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
}
"""Sign and style of each step status."""

_PICTURES_PER_S = 4.0


class TerminalView:
    """An ``on_tick`` consumer and context manager that keeps a live panel up to date.

    On something that is not a terminal (a log file) it prints one line per new subgoal instead.
    """

    def __init__(
        self, goal: str, console: Console | None = None, verdict: Callable[[], str] | None = None
    ) -> None:
        """Show progress towards ``goal``; ``verdict`` puts in words what a judge thinks so far."""
        self._goal = goal
        self._verdict = verdict or (lambda: "")
        self._console = console or Console()
        self._live = Live(Text(f"{goal} ..."), console=self._console, auto_refresh=False, transient=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="view", daemon=True)
        self._latest: tuple[Plan | None, float, LoopHealth, str] | None = None
        self._began_s: float | None = None
        self._shown_s = 0.0
        self._said: str | None = None

    def __call__(self, report: TickReport) -> None:
        """Show this tick at the next picture."""
        if self._began_s is None:
            self._began_s = report.now_s
        # Summed up here, not in the drawing thread, under whose hands the loop's counters would change; and
        # seldom, since it takes 0.3 ms.
        if self._latest is None or report.now_s - self._shown_s >= 1 / _PICTURES_PER_S:
            self._shown_s = report.now_s
            elapsed_s = report.now_s - self._began_s
            self._latest = (report.plan, elapsed_s, report.health(), self._verdict())
        if not self._console.is_terminal and report.instruction not in (None, self._said):
            self._said = report.instruction
            self._console.print(
                f"{report.now_s - self._began_s:5.1f} s  {report.instruction}", highlight=False
            )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            self._live.stop()

    def _draw(self) -> None:
        while not self._stop.wait(1 / _PICTURES_PER_S):
            if self._latest is not None:
                self._live.update(draw(self._goal, *self._latest), refresh=True)


def draw(goal: str, plan: Plan | None, elapsed_s: float, health: LoopHealth, verdict: str = "") -> Group:
    """One picture: the goal, each step with its status, what the judge says, and a line about time."""
    steps = Table.grid(padding=(0, 1))
    if plan is None:
        steps.add_row(Text("thinking ...", "dim"))
    else:
        for step, status in zip(plan.steps, plan.status, strict=True):
            sign, style = MARKS[status]
            steps.add_row(Text(sign, style), Text(step, style))
    lines = [Text(f"simulator: {verdict}")] if verdict else []
    return Group(Text(goal, "bold"), steps, *lines, health_line(elapsed_s, health))


def health_line(elapsed_s: float, health: LoopHealth) -> Text:
    """Elapsed time, control rate, chunk latency, holds and missed ticks, in one line."""
    words = (
        f"{elapsed_s:5.1f} s   control {health.control_rate_hz:.1f} Hz   "
        f"chunk {1e3 * health.chunk_latency_p50_s:.0f} ms, p95 {1e3 * health.chunk_latency_p95_s:.0f} ms   "
        f"holds {health.holds}   missed ticks {health.missed_ticks}"
    )
    line = Text(words, "dim")
    if health.last_error:
        line.append(f"\n{health.last_error}", "yellow")
    return line
