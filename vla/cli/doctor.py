"""``handily doctor``."""

from __future__ import annotations

import typer
from rich.table import Table

from vla.cli.terminal import console


def doctor() -> None:
    """Print one line per finding; exit code 1 when one is red."""
    from sim.backend import BACKENDS, try_backend
    from vla.cli.checkpoints import SHIPPED
    from vla.doctor import examine, shipped_checkpoint

    findings = [*examine(try_backend, BACKENDS), shipped_checkpoint(SHIPPED)]
    table = Table(box=None, show_header=False, padding=(0, 1))
    for finding in findings:
        mend = f"\n[dim]mend: {finding.mend}[/dim]" if finding.mend else ""
        table.add_row(f"[{finding.status}]●[/]", finding.name, finding.found + mend)
    out = console()
    out.print(table)
    if any(finding.status == "red" for finding in findings):
        raise typer.Exit(1)
    out.print("Fit to run.")
