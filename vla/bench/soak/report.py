"""From accounts to verdicts: which promises were kept, by what margin, and which are still open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vla.bench.soak.accounts import TOTALS, Account, Suffered
from vla.bench.soak.arm import read_calls
from vla.bench.soak.laws import promised_stillness_s, recording_breaches
from vla.bench.soak.robot import RECORDINGS
from vla.contract import ContractError, RobotSpec
from vla.runtime.lock import ENCODER_LOCK, FolderLock
from vla.runtime.recording import read_recording

MEMORY_MIB_PER_H = 1.0
_FEW = 8
"""A slope through fewer looks than this says nothing."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise and what became of it.

    Attributes:
        name: One word.
        kept: None while there is too little to tell.
        found: In words, with numbers.
        breaches: Each breach, in words.
    """

    name: str
    kept: bool | None
    found: str
    breaches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line through the robot's memory.

    Attributes:
        mib_per_h: Its slope.
        error_mib_per_h: The slope's standard error.
        looks: How many points it goes through.
    """

    mib_per_h: float
    error_mib_per_h: float
    looks: int


def settled(accounts: Sequence[Account], kinds: Collection[str]) -> list[Account]:
    """Those that lie behind the warm-up: their robot has suffered every kind of fault before.

    What is done for the first time may load, cache and allocate. A robot that never came back is no measure:
    it lacks a connection.
    """
    seen: dict[int, set[str]] = {}
    found: list[Account] = []
    for account in accounts:
        before = seen.setdefault(account.robot, set())
        lost = any(promise in ("recovery", "endings") for promise, _ in account.breaches)
        if before >= set(kinds) and account.robot_residue is not None and not lost:
            found.append(account)
        before |= {one.kind for one in account.suffered}
    return found


def slope(accounts: Sequence[Account]) -> Slope | None:
    """Least squares through the memory at rest, one offset per robot process; None for too few looks."""
    looks = [
        (account.robot, (account.at_s + account.lasted_s) / 3600, account.robot_residue.memory_mib)
        for account in accounts
        if account.robot_residue is not None
    ]
    robots = {robot for robot, _, _ in looks}
    spare = len(looks) - len(robots) - 1
    if len(looks) < _FEW or spare < 1:
        return None
    x, y = np.array([at_h for _, at_h, _ in looks]), np.array([mib for _, _, mib in looks])
    for robot in robots:
        mine = np.array([other == robot for other, _, _ in looks])
        x[mine] -= x[mine].mean()
        y[mine] -= y[mine].mean()
    spread = float((x**2).sum())
    rise = float((x * y).sum()) / spread
    error = float(np.sqrt(((y - rise * x) ** 2).sum() / spare / spread))
    return Slope(rise, error, len(looks))


def recordings(
    folder: Path, accounts: Sequence[Account], spec: RobotSpec, progress: Callable[[int, int], None]
) -> Promise:
    """Read every recording back and hold it against the arm's log.

    Args:
        folder: The soak's.
        accounts: Of the episodes that are over.
        spec: The arm.
        progress: Told (done, total).
    """
    from vla.dataset.reader import Dataset

    root = folder / RECORDINGS
    # An encoder whose recorder had to be killed goes on alone.
    FolderLock.take(root, ENCODER_LOCK, wait=True).release()
    known = {line["extra"]["facts"]["calls"]: index for index, line in Dataset.open(root).sidecar.items()}
    breaches: list[str] = []
    ticks = 0
    for done, account in enumerate(accounts, 1):
        calls = read_calls(folder / "calls" / account.calls)
        carried_out = int(calls["seen"][:-1].sum())
        ticks += carried_out
        progress(done, len(accounts))
        if not carried_out:
            continue  # an episode without a tick is none
        try:
            if account.calls not in known:
                raise ContractError("there is no recording of it")
            found = recording_breaches(calls, spec, read_recording(root, known[account.calls]))
        except ContractError as error:
            found = [str(error)]
        breaches += [f"episode {account.episode}: {line}" for line in found]
    found = f"{len(accounts)} episodes read back, {ticks} ticks compared"
    return Promise("recordings", not breaches, found, tuple(breaches))


def promises(
    accounts: Sequence[Account], kinds: Collection[str], spec: RobotSpec, recorded: Promise
) -> list[Promise]:
    """Every promise; ``recorded`` is the one that needed the recordings."""
    silent = [one for a in accounts for one in a.suffered if one.still_after_s is not None]
    back_s = [one.back_after_s for a in accounts for one in a.suffered if one.back_after_s is not None]
    calls = sum(account.counts["calls"] for account in accounts)
    longest_s = max((one.still_after_s or 0.0 for one in silent), default=0.0)
    bound = f"promised {promised_stillness_s(spec):.2f} s"
    judged = {
        "limits": f"{calls} commands judged for position, rate and acceleration",
        "holds": f"{len(silent)} silences and stops, the longest motion into one {longest_s:.2f} s, {bound}",
        "recovery": f"{len(back_s)} times back in motion, {_spread(back_s)}",
        "endings": f"{len(accounts)} runs judged by how they ended",
    }
    made = [_judged(name, found, accounts) for name, found in judged.items()]
    reported = _judged("recordings", recorded.found, accounts)
    breaches = (*reported.breaches, *recorded.breaches)
    rest = settled(accounts, kinds)
    return [
        *made,
        Promise("recordings", not breaches, recorded.found, breaches),
        _memory(rest),
        _flat("files", rest),
        _flat("threads", rest),
    ]


def by_kind(accounts: Sequence[Account]) -> dict[str, dict[str, Any]]:
    """For each kind of fault: how often, and how long until the arm stood, and until it moved again."""
    suffered: dict[str, list[Suffered]] = {}
    for one in (one for account in accounts for one in account.suffered):
        suffered.setdefault(one.kind, []).append(one)
    return {
        kind: {
            "count": len(ones),
            "still_after_s": sorted(one.still_after_s for one in ones if one.still_after_s is not None),
            "back_after_s": sorted(one.back_after_s for one in ones if one.back_after_s is not None),
        }
        for kind, ones in sorted(suffered.items())
    }


def totals(accounts: Sequence[Account]) -> dict[str, int]:
    """Everything that is counted, over all episodes."""
    return {key: sum(account.counts[key] for account in accounts) for key in TOTALS}


def _judged(name: str, found: str, accounts: Sequence[Account]) -> Promise:
    breaches = tuple(
        f"episode {account.episode}: {words}"
        for account in accounts
        for promise, words in account.breaches
        if promise == name
    )
    return Promise(name, not breaches if accounts else None, found, breaches)


def _memory(rest: Sequence[Account]) -> Promise:
    """Broken, or kept, where two standard errors leave no doubt; open in between."""
    line = slope(rest)
    if line is None:
        return Promise("memory", None, f"{len(rest)} looks after the warm-up are too few for a slope")
    found = f"{line.mib_per_h:+.2f} ± {line.error_mib_per_h:.2f} MiB/h over {line.looks} looks"
    doubt = 2 * line.error_mib_per_h
    if line.mib_per_h - doubt >= MEMORY_MIB_PER_H:
        return Promise("memory", False, found, (f"it rises by at least {MEMORY_MIB_PER_H:g} MiB/h",))
    return Promise("memory", True if line.mib_per_h + doubt < MEMORY_MIB_PER_H else None, found)


def _flat(name: str, rest: Sequence[Account]) -> Promise:
    """Equal at every look after the warm-up, for each robot process, and for all servers: they are alike."""
    counts: dict[str, list[int]] = {}
    for account in rest:
        looks = {f"robot {account.robot}": account.robot_residue, "server": account.server_residue}
        for who, look in looks.items():
            if look is not None:
                counts.setdefault(who, []).append(getattr(look, name))
    if not any(len(series) > 1 for series in counts.values()):
        return Promise(name, None, "fewer than two looks after the warm-up")
    found = ", ".join(f"{who.split()[0]} {_range(series)}" for who, series in counts.items())
    breaches = tuple(f"{who}: {_range(series)}" for who, series in counts.items() if len(set(series)) > 1)
    return Promise(name, not breaches, f"at rest {found}", breaches)


def _range(values: Sequence[int]) -> str:
    least, most = min(values), max(values)
    return str(least) if least == most else f"from {least} to {most}"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "no fault was over"
    return f"median {np.median(values):.2f} s, longest {max(values):.2f} s after the fault"
