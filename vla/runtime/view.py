"""What a person sees while the arm works: what the planner sees, plans and checks, and how time is kept."""

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

    On something that is not a terminal (a log file) it prints a line instead for each new subgoal or state,
    and for each change of what the planner sees, plans, has found done, or says.
    """

    def __init__(self, goal: str, console: Console | None = None) -> None:
        """Show progress towards ``goal``."""
        self._goal = goal
        self._console = console or Console()
        self._live = Live(Text(f"{goal} ..."), console=self._console, auto_refresh=False, transient=True)
        self._told: dict[str, str] = {}
        self._done = 0

    def show(self, status: Mapping[str, Any]) -> None:
        """Show a status, see :meth:`vla.runtime.operator.Operator.observe`."""
        if self._console.is_terminal:
            self._live.update(draw(self._goal, status), refresh=True)
            return
        moving = status["state"] in ("running", "holding")
        state = "" if moving else f" ({status['state']})"
        said, steps = status["said"], [line["step"] for line in status["plan"]]
        done = sum(line["status"] == "done" for line in status["plan"])
        if done > self._done:
            self._tell(status, "checks", said["note"])
        self._done = done
        self._tell(status, "sees", said["seen"])
        # A single step needs no line of its own: it follows as the subgoal.
        if len(steps) > 1 or "plans" in self._told:
            again = self._told.get("plans", "") not in ("", "; ".join(steps))
            self._tell(status, "plans", "; ".join(steps), "re-plans" if again else "plans")
        if said["kind"] != "steps":
            self._tell(status, "says", _saying(said), "")
        if status["instruction"] is not None:
            self._tell(status, "now", status["instruction"] + state, "")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def _tell(self, status: Mapping[str, Any], kind: str, words: str, label: str | None = None) -> None:
        """Print a line unless the last one of its kind said the same."""
        if not words or self._told.get(kind) == words:
            return
        self._told[kind] = words
        before = f"{label or kind}: " if label != "" else ""
        line = Text(f"{status['elapsed_s']:5.1f} s  {before}{words}")
        self._console.print(line, highlight=False, soft_wrap=True)


def draw(goal: str, status: Mapping[str, Any]) -> Group:
    """One picture: the goal, what the planner sees, its steps with their status, what it thinks of them, what
    the judge says, the state, and lines about time.

    Args:
        goal: What the person asked for.
        status: ``plan`` (steps with status), ``said`` (kind, note and what is seen), ``state``, ``reason``,
            ``verdict``, ``elapsed_s`` and ``health`` of a station's status.
    """
    said = status["said"]
    steps = Table.grid(padding=(0, 1))
    if said["kind"] != "steps":
        steps.add_row(Text("■", "bold magenta"), Text(_saying(said), "bold magenta"))
    elif not status["plan"] and not said["note"]:
        steps.add_row(Text("thinking ...", "dim"))
    for line in status["plan"]:
        sign, style = MARKS[line["status"]]
        steps.add_row(Text(sign, style), Text(line["step"], style))
    lines = [Text(goal, "bold")]
    if said["seen"]:
        lines.append(_labelled("sees", said["seen"]))
    notes = [_labelled("thinks", said["note"])] if said["note"] and said["kind"] == "steps" else []
    if status["verdict"]:
        notes.append(_labelled("simulator", status["verdict"]))
    if status["reason"] and "stop" in status["state"]:
        notes.append(Text(f"{status['state']}: {status['reason']}", "bold red"))
    return Group(*lines, steps, *notes, health_lines(status))


def _labelled(label: str, words: str) -> Text:
    return Text.assemble((f"{label}: ", "dim"), words)


def _saying(said: Mapping[str, str]) -> str:
    return f"{'cannot' if said['kind'] == 'cannot' else 'answer'}: {said['note']}"


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
