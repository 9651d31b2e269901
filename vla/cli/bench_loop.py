"""``handily bench loop``: how punctual the control loop is, idle and with every core busy."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from vla.bench.jitter import Jitter, measure
from vla.cli.settings import configured
from vla.cli.terminal import console, counted
from vla.extras import needs


@dataclass(frozen=True)
class BenchLoopConfig:
    """Keys of ``handily bench loop``; what they mean stands in ``configs/bench_loop.yaml``."""

    rates: list[int]
    seconds: float
    priorities: list[int]
    out: str | None

    def __post_init__(self) -> None:
        if not self.rates or not all(1 <= rate <= 1000 for rate in self.rates):
            raise ValueError(f"rates={self.rates} must be Hz from 1 to 1000")
        if not self.priorities or not all(0 <= priority <= 99 for priority in self.priorities):
            raise ValueError(f"priorities={self.priorities} must be from 0 to 99")
        if not self.seconds > 0:
            raise ValueError(f"seconds={self.seconds} must be above 0")


def bench_loop(overrides: list[str], show_config: bool) -> None:
    """Measure every rate, idle and busy, at every priority; print a table and leave a plot."""
    config = configured("bench_loop", overrides, BenchLoopConfig, show_config)
    cores = len(os.sched_getaffinity(0))
    cells = [(rate, busy, p) for p in config.priorities for busy in (0, cores) for rate in config.rates]
    found: list[Jitter] = []
    with counted("measuring", "loops") as progress:
        for rate, busy, priority in cells:
            found.append(measure(rate, config.seconds, busy, priority))
            progress(len(found), len(cells))
    table = Table("rate", "cores", "scheduling", "p50 µs", "p99 µs", "max µs", "missed", box=None)
    for one in found:
        numbers = (f"{1e6 * value:.0f}" for value in (one.p50_s, one.p99_s, one.max_s))
        load = "busy" if one.busy else "idle"
        table.add_row(
            f"{one.control_hz:g} Hz", load, one.scheduling, *numbers, f"{one.missed} of {one.ticks}"
        )
    out = console()
    out.print(table)
    out.print("lateness of the ticks of a control loop over the mock driver, in a process of its own")
    if config.out is not None:
        folder = Path(config.out)
        folder.mkdir(parents=True, exist_ok=True)
        told = [{key: value for key, value in asdict(one).items() if key != "late_s"} for one in found]
        (folder / "loop.json").write_text(json.dumps(told, indent=1) + "\n")
        plot(found, folder / "loop.png")
        out.print(f"{folder}: loop.png, loop.json")


def plot(found: Sequence[Jitter], path: Path) -> None:
    """How often a tick is later than so much: one curve per cell, one panel per rate."""
    with needs("plot"):
        from matplotlib.figure import Figure

    rates = sorted({one.control_hz for one in found})
    figure = Figure(figsize=(4.2 * len(rates), 3.6), layout="constrained")
    panels = figure.subplots(1, len(rates), sharey=True, squeeze=False)[0]
    for panel, rate in zip(panels, rates, strict=True):
        for one in (one for one in found if one.control_hz == rate):
            late_us = 1e6 * np.sort(one.late_s)
            share = 1 - np.arange(len(late_us)) / len(late_us)
            label = f"{'busy' if one.busy else 'idle'}, {one.scheduling}"
            panel.plot(np.maximum(late_us, 1), share, label=label, linestyle="-" if one.busy else "--")
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_title(f"{rate:g} Hz")
        panel.set_xlabel("later than, µs")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("share of ticks")
    panels[-1].legend(fontsize=7)
    figure.savefig(path, dpi=130)
