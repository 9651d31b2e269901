"""``handily doctor``."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich.markup import escape
from rich.table import Table

from vla.cli.terminal import console

ALL = "all"
_LOOP_HZ, _LOOP_S = 50.0, 2.0


def doctor(words: Sequence[str]) -> None:
    """Print one line per finding; exit code 1 when one is red.

    Args:
        words: Extras that have to be installed; ``"all"`` stands for every one.

    Raises:
        ConfigError: there is no extra of that name.
    """
    from sim.backend import BACKENDS, try_backend
    from vla.bench.jitter import measure
    from vla.cli.checkpoints import SHIPPED
    from vla.config import check_choice
    from vla.doctor import control_loop, examine, fitness, shipped_checkpoint
    from vla.extras import EXTRAS

    for word in words:
        check_choice("extra", word, [*EXTRAS, ALL])
    wanted = list(EXTRAS) if ALL in words else words
    findings = [*examine(try_backend, BACKENDS, wanted), shipped_checkpoint(SHIPPED)]
    loop = measure(_LOOP_HZ, _LOOP_S, busy_cores=0, priority=0)
    findings.append(control_loop(_LOOP_HZ, loop.late_s, loop.missed))
    table = Table(box=None, show_header=False, padding=(0, 1))
    for finding in findings:
        mend = f"\n[dim]mend: {escape(finding.mend)}[/dim]" if finding.mend else ""
        table.add_row(f"[{finding.status}]●[/]", finding.name, escape(finding.found) + mend)
    out = console()
    out.print(table)
    if any(finding.status == "red" for finding in findings):
        raise typer.Exit(1)
    out.print(fitness())


def watch(endpoint: str) -> None:
    """Print how a running robot is, as an observer who commands nothing; exit code 1 when it is stopped.

    Args:
        endpoint: Its front desk's, as ``handily robot`` printed it.

    Raises:
        BridgeError: nobody answers there.
    """
    from vla.runtime.operator import Operator
    from vla.runtime.view import draw

    with Operator(endpoint) as observer:
        status = observer.observe()
    console().print(draw(status["goal"] or "no goal", status))
    if status["reason"]:
        raise typer.Exit(1)
