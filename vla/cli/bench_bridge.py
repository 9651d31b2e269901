"""``handily bench bridge``: the bridge beside a bare socket and what others use, and a crowd of robots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from sim.robot import robot_spec
from vla.bench import crowd
from vla.bench.wires import WIRES, Timing, measure
from vla.cli.checkpoints import picture_size, resolve_checkpoint
from vla.cli.settings import check_least, configured
from vla.cli.terminal import console
from vla.config import check_choice
from vla.extras import needs


@dataclass(frozen=True)
class BenchBridgeConfig:
    """Keys of ``handily bench bridge``; what they mean stands in ``configs/bench_bridge.yaml``."""

    wires: list[str]
    rounds: int
    requests: int
    clients: int
    chunks: int
    checkpoint: str | None
    out: str | None

    def __post_init__(self) -> None:
        for wire in self.wires:
            check_choice("wires", wire, WIRES)
        check_least(self, rounds=1, requests=1, clients=0, chunks=1)


def bench_bridge(overrides: list[str], show_config: bool) -> None:
    """Time every wire, then a crowd of robots with and without batches; print ratios and leave a plot."""
    config = configured("bench_bridge", overrides, BenchBridgeConfig, show_config)
    out = console()
    timings = measure(config.wires, config.rounds, config.requests)
    out.print(table_of(timings))
    told = {"wires": [_told(timing, timings[0]) for timing in timings], "crowd": []}
    if config.clients:
        folder = resolve_checkpoint(config.checkpoint)
        spec = robot_spec(picture_size(folder))
        found = [
            crowd.measure(folder, spec, config.clients, config.chunks, max_batch)
            for max_batch in (1, config.clients)
        ]
        for one in found:
            p50_ms = 1e3 * float(sorted(one.latency_s)[len(one.latency_s) // 2])
            out.print(
                f"{one.clients} robots, batches of at most {one.max_batch}: "
                f"{one.chunks_per_s:.1f} chunks per second, p50 {p50_ms:.0f} ms"
            )
            told["crowd"].append({"max_batch": one.max_batch, "chunks_per_s": one.chunks_per_s})
        out.print(f"batches answer {found[1].chunks_per_s / found[0].chunks_per_s:.1f} x as many chunks")
    if config.out is not None:
        where = Path(config.out)
        where.mkdir(parents=True, exist_ok=True)
        (where / "bridge.json").write_text(json.dumps(told, indent=1) + "\n")
        plot(timings, where / "bridge.png")
        out.print(f"{where}: bridge.png, bridge.json")


def table_of(timings: Sequence[Timing]) -> Table:
    """Latencies, their ratio to the first wire's, and processor time."""
    first = timings[0]
    table = Table(
        "wire", "p50 µs", "p95 µs", "p99 µs", f"p50 / {first.wire}", "CPU µs", "per second", box=None
    )
    for timing in timings:
        latencies = (f"{1e6 * timing.percentile_s(q):.0f}" for q in (50, 95, 99))
        ratio = timing.percentile_s(50) / first.percentile_s(50)
        rate = len(timing.latency_s) / timing.latency_s.sum()
        table.add_row(timing.wire, *latencies, f"{ratio:.1f}", f"{1e6 * timing.cpu_s:.0f}", f"{rate:.0f}")
    return table


def plot(timings: Sequence[Timing], path: Path) -> None:
    """The middle of each wire's latencies as a bar, its tail up to p99 as a line."""
    with needs("plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    names = [timing.wire for timing in timings]
    middle = [1e6 * timing.percentile_s(50) for timing in timings]
    tail = [1e6 * (timing.percentile_s(99) - timing.percentile_s(50)) for timing in timings]
    axes.bar(names, middle, yerr=[[0.0] * len(tail), tail], capsize=4)
    axes.set_ylabel("round trip, µs: p50, line to p99")
    axes.set_yscale("log")
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=130)


def _told(timing: Timing, first: Timing) -> dict[str, object]:
    percentiles = {f"p{q}_s": timing.percentile_s(q) for q in (50, 95, 99)}
    ratio = timing.percentile_s(50) / first.percentile_s(50)
    return {"wire": timing.wire, **percentiles, "p50_ratio": ratio, "cpu_s": timing.cpu_s}
