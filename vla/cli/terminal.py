"""What a person sees: plain lines and progress bars, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LOG_SHARE = 0.1
_LOG_WIDTH = 160


def console(stderr: bool = False) -> Console:
    """A console that does not break lines at 80 characters when its output goes to a file or a pipe."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = _LOG_WIDTH
    return made


@contextmanager
def counted(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how far things are.

    Args:
        what: The activity, for example ``"examining"``.
        unit: What is counted, for example ``"episodes"``.

    Yields:
        A function of (done, total).
    """
    out = console(stderr=True)
    if not out.is_terminal:
        yield _Lines(out, what, unit)
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """One line per tenth of the way."""

    def __init__(self, console: Console, what: str, unit: str) -> None:
        self._console, self._what, self._unit = console, what, unit
        self._said = 0.0

    def __call__(self, done: int, total: int) -> None:
        if done >= total or done >= self._said + _LOG_SHARE * total:
            self._said = done
            self._console.print(f"{self._what}: {done} of {total} {self._unit}")
