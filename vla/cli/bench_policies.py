"""``handily bench policies``: what a chunk costs by each way of learning actions, and what it is worth."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from sim.evaluate import EvalReport, Rate
from vla.cli.checkpoints import digest, resolve_checkpoint
from vla.cli.settings import check_device, check_least, configured
from vla.cli.terminal import console, counted
from vla.config import ConfigError
from vla.runtime.outcome import versions

MANIFEST = "eval.json"


@dataclass(frozen=True)
class BenchPoliciesConfig:
    """Keys of ``handily bench policies``; what they mean stands in ``configs/bench_policies.yaml``."""

    checkpoint: str | None
    evaluated: list[str]
    rounds: int
    device: str
    threads: int
    out: str | None

    def __post_init__(self) -> None:
        check_device(self.device)
        check_least(self, rounds=1, threads=0)
        if self.checkpoint is not None and self.evaluated:
            raise ValueError("checkpoint and evaluated exclude each other: which policies are to be timed?")


@dataclass(frozen=True)
class Row:
    """One policy's line of the table: times in s, success where it was evaluated."""

    policy: str
    weights: int
    chunk_p50_s: float
    chunk_p95_s: float
    expert_p50_s: float
    ongoing_p50_s: float
    success: Rate | None


def bench_policies(overrides: list[str], show_config: bool) -> None:
    """Time the policies in turn; print a table and leave the numbers."""
    config = configured("bench_policies", overrides, BenchPoliciesConfig, show_config)
    played: dict[str, tuple[Path, Rate]] = {}
    for folder in config.evaluated:
        name, found = _played(Path(folder))
        if name in played:
            raise ConfigError(f"evaluated={folder}: it played {name!r}, as another of these did")
        played[name] = found
    import torch

    from policies.checkpoint import read_checkpoint
    from policies.latency import fresh_policy, measure, variants
    from policies.network_policy import load_policy

    if config.threads:
        torch.set_num_threads(config.threads)
    if played:
        policies = {name: load_policy(folder, config.device) for name, (folder, _) in played.items()}
    else:
        checkpoint = read_checkpoint(resolve_checkpoint(config.checkpoint))
        policies = {
            name: fresh_policy(checkpoint, settings, config.device)
            for name, settings in variants(checkpoint.config).items()
        }
    with counted("timing", "rounds") as progress:
        latencies = measure(policies, config.rounds, progress)
    rows = [
        Row(
            policy=name,
            weights=one.weights,
            chunk_p50_s=float(np.median(one.chunk_s)),
            chunk_p95_s=float(np.percentile(one.chunk_s, 95)),
            expert_p50_s=float(np.median(one.expert_s)),
            ongoing_p50_s=float(np.median(one.ongoing_s)),
            success=played[name][1] if played else None,
        )
        for name, one in latencies.items()
    ]
    out = console()
    out.print(table_of(rows))
    out.print(f"{config.rounds} chunks each, in turn; {torch.get_num_threads()} threads")
    if config.out is not None:
        folder = Path(config.out)
        folder.mkdir(parents=True, exist_ok=True)
        told = {
            "command": shlex.join(["handily", "bench", "policies", *overrides]),
            "versions": versions(),
            "policies": [asdict(row) for row in rows],
        }
        (folder / "policies.json").write_text(json.dumps(told, indent=1) + "\n")
        out.print(f"{folder}: policies.json")


def table_of(rows: list[Row]) -> Table:
    """A line per policy; ratios are to the first."""
    success = [row for row in rows if row.success is not None]
    columns = (
        "policy",
        "expert's weights",
        "chunk p50 ms",
        "p95 ms",
        "/ first",
        "expert alone ms",
        "/ first",
    )
    more = ("ongoing ms", *(("success %",) if success else ()))
    table = Table(*columns, *more, box=None)
    first = rows[0]
    for row in rows:
        cells = [
            f"{row.weights / 1e6:.2f} M",
            f"{1e3 * row.chunk_p50_s:.1f}",
            f"{1e3 * row.chunk_p95_s:.1f}",
            f"{row.chunk_p50_s / first.chunk_p50_s:.2f}",
            f"{1e3 * row.expert_p50_s:.1f}",
            f"{row.expert_p50_s / first.expert_p50_s:.2f}",
            f"{1e3 * row.ongoing_p50_s:.1f}",
        ]
        if row.success is not None:
            rate = row.success
            cells.append(f"{100 * rate.rate:.0f} ({100 * rate.low:.0f}-{100 * rate.high:.0f})")
        table.add_row(row.policy, *cells)
    return table


def _played(folder: Path) -> tuple[str, tuple[Path, Rate]]:
    """The name of the run that an evaluation played, its checkpoint, and how often it succeeded.

    Raises:
        ConfigError: ``folder`` holds no evaluation of a checkpoint that is still as it was.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigError(f"evaluated={folder}: no {MANIFEST} there; handily eval names the folder it makes")
    report = EvalReport.from_dict(json.loads(path.read_text("utf-8")))
    checkpoint = Path(str(report.settings.get("policy", "")))
    if not (checkpoint / "manifest.json").is_file():
        raise ConfigError(f"evaluated={folder}: it played {checkpoint}, which is no checkpoint here")
    if digest(checkpoint) != report.settings.get("digest"):
        raise ConfigError(f"evaluated={folder}: {checkpoint} is not what was played there any more")
    return _name(checkpoint), (checkpoint, report.overall(report.conditions[0]))


def _name(checkpoint: Path) -> str:
    """A run's name for one of its steps, else the folder's own."""
    resolved = checkpoint.resolve()
    return resolved.parent.name if resolved.name.startswith("step_") else resolved.name
