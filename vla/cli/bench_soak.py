"""``handily bench soak``: faults for as long as you like, and what the arm was sent meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from vla.bench.soak.accounts import Account
from vla.bench.soak.arm import arm_spec
from vla.bench.soak.endurance import SoakSettings, claim, soak
from vla.bench.soak.report import Promise, by_kind, promises, recordings, totals
from vla.bench.soak.schedule import KINDS, episodes
from vla.cli.mistakes import INTERRUPTED
from vla.cli.settings import configured
from vla.cli.soak_picture import plot
from vla.cli.terminal import console, counted
from vla.runtime.outcome import versions

FAILED = 1
_VERDICT = {True: "[green]kept[/]", False: "[bold red]broken[/]", None: "[yellow]open[/]"}


@dataclass(frozen=True)
class BenchSoakConfig:
    """Keys of ``handily bench soak``; what they mean stands in ``configs/bench_soak.yaml``."""

    minutes: float
    seed: int
    out: str
    control_hz: float
    most: int
    recover_s: float
    leave_out: list[str]

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise ValueError(f"minutes={self.minutes} must be above 0")
        if not 10 <= self.control_hz <= 100:
            raise ValueError(f"control_hz={self.control_hz} must be from 10 to 100")
        if self.seed < 0 or self.most < 1 or not self.recover_s > 0:
            raise ValueError(f"seed={self.seed}, most={self.most}, recover_s={self.recover_s} are too small")
        episodes(0, 1, self.leave_out)

    def settings(self) -> SoakSettings:
        """What the soak is told."""
        return SoakSettings(
            self.seed, self.control_hz, self.most, self.recover_s, tuple(sorted(self.leave_out))
        )


def bench_soak(overrides: list[str], show_config: bool) -> None:
    """Soak, judge, and leave a report and a picture; exit code 1 when a promise was broken."""
    config = configured("bench_soak", overrides, BenchSoakConfig, show_config)
    folder, settings, out = Path(config.out), config.settings(), console()
    accounts = claim(folder, settings)
    if accounts:
        out.print(f"{folder}: going on after {len(accounts)} episodes")
    interrupted = False
    try:
        for account in soak(folder, settings, config.minutes, list(accounts), lambda: _head(out)):
            accounts.append(account)
            out.print(_line(account, 60 * config.minutes))
    except KeyboardInterrupt:
        interrupted = True
        out.print("interrupted; the same line again goes on from here")
    kinds = [name for name in KINDS if name not in settings.leave_out]
    spec = arm_spec(settings.control_hz)
    found: list[Promise] = []
    if accounts:
        with counted("reading back", "episodes") as progress:
            recorded = recordings(folder, accounts, spec, progress)
        found = promises(accounts, kinds, spec, recorded)
        _leave(folder, config, accounts, found, interrupted)
        plot(accounts, kinds, spec, found, folder / "soak.png")
        out.print(table_of(found))
        out.print(f"{folder}: soak.png, report.json")
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if any(promise.kept is False for promise in found):
        raise typer.Exit(FAILED)


def table_of(found: Sequence[Promise]) -> Table:
    """Each promise, what became of it, and the first breaches of one that was broken."""
    table = Table("promise", "", "found", box=None)
    for promise in found:
        table.add_row(promise.name, _VERDICT[promise.kept], promise.found)
        for breach in promise.breaches[:5]:
            table.add_row("", "", f"[red]{breach}[/]")
        if len(promise.breaches) > 5:
            table.add_row("", "", f"[red]and {len(promise.breaches) - 5} more[/]")
    return table


def _head(out: Console) -> None:
    out.print("server, network and robot are up; one line per run of the control loop")


def _line(account: Account, wanted_s: float) -> str:
    ended_s = account.at_s + account.lasted_s
    words = [_borne(one.kind, one.still_after_s, one.back_after_s) for one in account.suffered]
    memory = f", {account.robot_residue.memory_mib:.1f} MiB" if account.robot_residue else ""
    wrong = "".join(f"\n    [red]{promise}: {what}[/]" for promise, what in account.breaches)
    clock = f"{int(ended_s // 60):3d}:{int(ended_s % 60):02d} of {wanted_s / 60:g} min"
    return f"{clock}  run {account.episode}: {'; '.join(words) or 'nothing'}{memory}{wrong}"


def _borne(kind: str, still_after_s: float | None, back_after_s: float | None) -> str:
    still = "" if still_after_s is None else f" stood after {still_after_s:.1f} s"
    back = "" if back_after_s is None else f" moved after {back_after_s:.1f} s"
    return f"{kind}{still}{',' if still and back else ''}{back}"


def _leave(
    folder: Path,
    config: BenchSoakConfig,
    accounts: Sequence[Account],
    found: Sequence[Promise],
    interrupted: bool,
) -> None:
    last = accounts[-1]
    words = " ".join(f"{key}={json.dumps(value)}" for key, value in asdict(config).items())
    told = {
        "command": f"handily bench soak {words}",
        "minutes": (last.at_s + last.lasted_s) / 60,
        "episodes": len(accounts),
        "interrupted": interrupted,
        "promises": [asdict(promise) for promise in found],
        "faults": by_kind(accounts),
        "counts": totals(accounts),
        "versions": versions(),
    }
    (folder / "report.json").write_text(json.dumps(told, indent=1) + "\n")
