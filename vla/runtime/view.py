"""What a person sees while the arm works: the plan, the current subgoal, and how well the loop keeps time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

MARKS = {
    "pending": ("·", "dim"),
    "active": ("▶", "bold cyan"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
}
"""Sign and style of each step status."""


class TerminalView:
    """A context manager that keeps a live panel up to date with a station's status.

    On something that is not a terminal (a log file) it prints one line per new subgoal or state instead.
    """

    def __init__(self, goal: str, console: Console | None = None) -> None:
        """Show progress towards ``goal``."""
        self._goal = goal
        self._console = console or Console()
        self._live = Live(Text(f"{goal} ..."), console=self._console, auto_refresh=False, transient=True)
        self._said: tuple[str | None, str] | None = None

    def show(self, status: Mapping[str, Any]) -> None:
        """Show a status, see :meth:`vla.runtime.operator.Operator.observe`."""
        if self._console.is_terminal:
            self._live.update(draw(self._goal, status), refresh=True)
            return
        moving = status["state"] in ("running", "holding")
        said = (status["instruction"], "" if moving else status["state"])
        if status["instruction"] is not None and said != self._said:
            self._said = said
            words = f"{status['elapsed_s']:5.1f} s  {said[0]}" + (f" ({said[1]})" if said[1] else "")
            self._console.print(words, highlight=False)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._console.is_terminal:
            self._live.stop()


def draw(goal: str, status: Mapping[str, Any]) -> Group:
    """One picture: the goal, each step with its status, what the judge says, the state, and lines about time.

    Args:
        goal: What the person asked for.
        status: ``plan`` (steps with status), ``state``, ``reason``, ``verdict``, ``elapsed_s`` and ``health``
            of a station's status.
    """
    steps = Table.grid(padding=(0, 1))
    if not status["plan"]:
        steps.add_row(Text("thinking ...", "dim"))
    for line in status["plan"]:
        sign, style = MARKS[line["status"]]
        steps.add_row(Text(sign, style), Text(line["step"], style))
    lines = [Text(f"simulator: {status['verdict']}")] if status["verdict"] else []
    if status["reason"]:
        lines.append(Text(f"{status['state']}: {status['reason']}", "bold red"))
    return Group(Text(goal, "bold"), steps, *lines, health_lines(status))


def health_lines(status: Mapping[str, Any]) -> Text:
    """State, elapsed time, control rate and its tails, ages, chunk latency, holds and missed ticks."""
    health = status["health"]
    words = (
        f"{status['elapsed_s']:5.1f} s   {status['state']}   control {health['control_rate_hz']:.1f} Hz "
        f"(period p99 {1e3 * health['period_p99_s']:.0f} ms, max {1e3 * health['period_max_s']:.0f} ms, "
        f"missed {health['missed_ticks']})   holds {health['holds']}\n"
        f"chunk {1e3 * health['chunk_latency_p50_s']:.0f} ms, "
        f"p95 {1e3 * health['chunk_latency_p95_s']:.0f} ms"
        f"   chunk age {1e3 * health['chunk_age_s']:.0f} ms"
        f"   observation age {1e3 * health['observation_age_s']:.0f} ms"
    )
    line = Text(words, "dim")
    if health["last_error"]:
        line.append(f"\n{health['last_error']}", "yellow")
    return line
