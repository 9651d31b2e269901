"""``handily doctor``."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich.markup import escape
from rich.table import Table

from vla.cli.terminal import console

ALL = "all"


def doctor(words: Sequence[str]) -> None:
    """Print one line per finding; exit code 1 when one is red.

    Args:
        words: Extras that have to be installed; ``"all"`` stands for every one.

    Raises:
        ConfigError: there is no extra of that name.
    """
    from sim.backend import BACKENDS, try_backend
    from vla.cli.checkpoints import SHIPPED
    from vla.config import check_choice
    from vla.doctor import examine, fitness, shipped_checkpoint
    from vla.extras import EXTRAS

    for word in words:
        check_choice("extra", word, [*EXTRAS, ALL])
    wanted = list(EXTRAS) if ALL in words else words
    findings = [*examine(try_backend, BACKENDS, wanted), shipped_checkpoint(SHIPPED)]
    table = Table(box=None, show_header=False, padding=(0, 1))
    for finding in findings:
        mend = f"\n[dim]mend: {escape(finding.mend)}[/dim]" if finding.mend else ""
        table.add_row(f"[{finding.status}]●[/]", finding.name, escape(finding.found) + mend)
    out = console()
    out.print(table)
    if any(finding.status == "red" for finding in findings):
        raise typer.Exit(1)
    out.print(fitness())
