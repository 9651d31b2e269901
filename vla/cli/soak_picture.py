"""A soak as one picture: what the robot's process held, which faults befell it, and how the arm bore them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vla.bench.soak.accounts import Account
from vla.bench.soak.laws import promised_stillness_s
from vla.bench.soak.report import Promise, settled, slope
from vla.contract import RobotSpec
from vla.extras import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(
    accounts: Sequence[Account], kinds: Sequence[str], spec: RobotSpec, found: Sequence[Promise], path: Path
) -> None:
    """Draw it.

    Args:
        accounts: At least one.
        kinds: The kinds of fault that could happen, one row each.
        spec: The arm.
        found: The verdicts, for the title.
        path: Where the PNG goes.
    """
    with needs("plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), layout="constrained")
    memory, counts, timeline, times = figure.subplot_mosaic(
        [["memory", "counts"], ["timeline", "times"]],
        height_ratios=[1, 2.2],
        width_ratios=[2.2, 1],
    ).values()
    for axes in (memory, counts, timeline):
        axes.set_xlim(0, (accounts[-1].at_s + accounts[-1].lasted_s) / 60)
    _memory(memory, accounts, kinds)
    _counts(counts, accounts)
    _timeline(timeline, accounts, kinds)
    _times(times, accounts, kinds, spec)
    broken = [promise.name for promise in found if promise.kept is False]
    last = accounts[-1]
    minutes = (last.at_s + last.lasted_s) / 60
    verdict = f"broken: {', '.join(broken)}" if broken else "no promise was broken"
    faults = sum(len(account.suffered) for account in accounts)
    figure.suptitle(f"{minutes:.0f} minutes, {len(accounts)} runs, {faults} faults: {verdict}")
    figure.savefig(path, dpi=110)


def _minutes(accounts: Sequence[Account]) -> list[float]:
    return [(account.at_s + account.lasted_s) / 60 for account in accounts]


def _memory(axes: Axes, accounts: Sequence[Account], kinds: Sequence[str]) -> None:
    seen = [account for account in accounts if account.robot_residue is not None]
    mib = [account.robot_residue.memory_mib for account in seen if account.robot_residue is not None]
    axes.plot(_minutes(seen), mib, ".", color="tab:blue")
    rest = settled(accounts, kinds)
    line = slope(rest)
    if rest:
        axes.axvspan(0, rest[0].at_s / 60, color="0.92", zorder=0)
        axes.text(0.01, 0.04, "warm-up", transform=axes.transAxes, color="0.5")
    if line is not None:
        at = np.array(_minutes(rest))
        middle = np.mean([a.robot_residue.memory_mib for a in rest if a.robot_residue is not None])
        axes.plot(at, middle + line.mib_per_h * (at - at.mean()) / 60, color="tab:orange")
        slope_words = f"{line.mib_per_h:+.2f} ± {line.error_mib_per_h:.2f} MiB/h after the warm-up"
        axes.set_title(slope_words, fontsize=10)
    low, high = min(mib, default=0.0), max(mib, default=1.0)
    middle, reach = (low + high) / 2, max(1.0, 0.6 * (high - low))
    axes.set_ylim(middle - reach, middle + reach)
    axes.set_ylabel("robot's private memory, MiB")
    axes.grid(alpha=0.3)


def _counts(axes: Axes, accounts: Sequence[Account]) -> None:
    for who, style in (("robot", "-"), ("server", ":")):
        seen = [account for account in accounts if getattr(account, f"{who}_residue") is not None]
        for what, colour in (("files", "tab:green"), ("threads", "tab:purple")):
            values = [getattr(getattr(account, f"{who}_residue"), what) for account in seen]
            axes.step(_minutes(seen), values, style, where="post", color=colour, label=f"{who}'s {what}")
    axes.set_ylim(0, 1.5 * axes.get_ylim()[1])
    axes.set_title("open files and threads at rest", fontsize=10)
    axes.legend(fontsize=8, ncols=2, loc="upper center")
    axes.grid(alpha=0.3)


def _timeline(axes: Axes, accounts: Sequence[Account], kinds: Sequence[str]) -> None:
    for row, kind in enumerate(kinds):
        ones = [(account, one) for account in accounts for one in account.suffered if one.kind == kind]
        begins = [(account.at_s + one.at_s) / 60 for account, one in ones]
        axes.broken_barh(
            [(at, one.lasted_s / 60) for at, (_, one) in zip(begins, ones, strict=True)],
            (row - 0.4, 0.8),
            color="tab:blue",
            linewidth=1.0,  # a fault of seconds is seen in a soak of hours
        )
        bad = [at for at, (a, one) in zip(begins, ones, strict=True) if _hurt(a, one.kind)]
        axes.plot(bad, [row] * len(bad), "x", color="tab:red", markersize=9, markeredgewidth=2)
    axes.set_yticks(range(len(kinds)), kinds, fontsize=8)
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xlabel("minutes")
    axes.set_title("faults; a red cross where a promise was broken", fontsize=10)
    axes.grid(axis="y", alpha=0.2)


def _hurt(account: Account, kind: str) -> bool:
    named = [words for _, words in account.breaches if words.startswith(f"{kind}:")]
    return bool(named) or any(promise in ("limits", "endings") for promise, _ in account.breaches)


def _times(axes: Axes, accounts: Sequence[Account], kinds: Sequence[str], spec: RobotSpec) -> None:
    for row, kind in enumerate(kinds):
        ones = [one for account in accounts for one in account.suffered if one.kind == kind]
        still = [one.still_after_s for one in ones if one.still_after_s is not None]
        back = [one.back_after_s for one in ones if one.back_after_s is not None]
        axes.plot(still, [row - 0.15] * len(still), "|", color="tab:orange", markersize=9)
        axes.plot(back, [row + 0.15] * len(back), "|", color="tab:green", markersize=9)
    axes.plot([], [], "|", color="tab:orange", label="fault begins, arm stands")
    axes.plot([], [], "|", color="tab:green", label="fault over, arm moves again")
    axes.axvline(
        promised_stillness_s(spec), color="tab:orange", linestyle="--", linewidth=1, label="promised"
    )
    axes.set_yticks(range(len(kinds)), [""] * len(kinds))
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds")
    axes.set_title("how the arm bore them", fontsize=10)
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
