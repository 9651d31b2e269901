"""What became of each episode: judged as soon as it is over, and kept as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.bench.soak.arm import CHUNK_S
from vla.bench.soak.laws import first_motion_s, limit_breaches, stillness
from vla.bench.soak.residue import Residue
from vla.bench.soak.scene import Played, Struck
from vla.bench.soak.schedule import KINDS
from vla.contract import RobotSpec

ACCOUNTS = "episodes.jsonl"
COUNTED = (
    "ticks",
    "holds",
    "missed_ticks",
    "chunks",
    "deadlines_missed",
    "refused_chunks",
    "stale_chunks",
    "errors",
    "dropped_replies",
    "clipped",
    "bad_readings",
)
"""What of a run's health is counted over the whole soak."""
TOTALS = (*COUNTED, "calls", "connections")
"""Everything that is counted; ``connections`` are those that the proxy saw."""


@dataclass(frozen=True, slots=True)
class Suffered:
    """One fault, and how the arm bore it; times in seconds.

    Attributes:
        kind: A key of :data:`~vla.bench.soak.schedule.KINDS`.
        at_s: When it began, since the episode began.
        lasted_s: How long it held.
        still_after_s: From its beginning to the last command that moved; None where the arm may go on.
        late_moves: Commands that moved although the arm had promised to stand.
        back_after_s: From its end to the first command that moved; None where there was none, or none is due.
    """

    kind: str
    at_s: float
    lasted_s: float
    still_after_s: float | None
    late_moves: int
    back_after_s: float | None


@dataclass(frozen=True, slots=True)
class Account:
    """One episode.

    Attributes:
        episode: Its number.
        at_s: When it began, in seconds of soaking.
        lasted_s: How long it took.
        robot: The robot's process id.
        calls: Name of the arm's log.
        reason: Why the run ended.
        suffered: The faults.
        breaches: Name of a promise, and how it was broken.
        counts: One of each of :data:`TOTALS`.
        robot_residue: What the robot's process holds at rest.
        server_residue: What the server's holds; None when it was gone.
    """

    episode: int
    at_s: float
    lasted_s: float
    robot: int
    calls: str
    reason: str
    suffered: tuple[Suffered, ...]
    breaches: tuple[tuple[str, str], ...]
    counts: dict[str, int]
    robot_residue: Residue | None
    server_residue: Residue | None


def judge(
    played: Played, calls: NDArray[Any], name: str, spec: RobotSpec, at_s: float, connections: int
) -> Account:
    """Hold an episode against the laws.

    Args:
        played: What happened.
        calls: The arm's log of it.
        name: The log's name.
        spec: The arm.
        at_s: When the episode began, in seconds of soaking.
        connections: Made meanwhile.
    """
    suffered = tuple(_suffered(struck, calls, spec, played.began_s) for struck in played.struck)
    breaches = [("limits", line) for line in limit_breaches(calls, spec)]
    if played.moving_s is None:
        breaches.append(("recovery", "the arm never moved"))
    for one in suffered:
        if one.late_moves:
            moves = f"{one.late_moves} commands too many, the last {one.still_after_s:.2f} s after it began"
            breaches.append(("holds", f"{one.kind}: {moves}"))
    for struck, one in zip(played.struck, suffered, strict=True):
        if one.back_after_s is None and _must_come_back(struck, played):
            last = played.last.get("health", {}).get("last_error", "")
            breaches.append(("recovery", f"{one.kind}: the arm did not move again; last: {last}"))
    reason = str(played.last.get("reason", "error"))
    if wrong := _wrong_ending(played, reason):
        breaches.append(("endings", wrong))
    if played.last.get("recorder"):
        breaches.append(("recordings", str(played.last["recorder"])))
    health = played.last.get("health", {})
    counts = {key: int(health.get(key, 0)) for key in COUNTED}
    told = played.last.get("residue")
    return Account(
        episode=played.episode.number,
        at_s=at_s,
        lasted_s=played.ended_s - played.began_s,
        robot=played.robot,
        calls=name,
        reason=reason,
        suffered=suffered,
        breaches=tuple(breaches),
        counts=counts | {"calls": len(calls), "connections": connections},
        robot_residue=Residue(**told) if told else None,
        server_residue=played.server,
    )


def abandoned(episode: int, error: str, robot: int, name: str, at_s: float, lasted_s: float) -> Account:
    """The account of an episode in which a process of the scene died or fell silent, as ``error`` says."""
    breaches = (("endings", error),)
    return Account(
        episode, at_s, lasted_s, robot, name, "lost", (), breaches, dict.fromkeys(TOTALS, 0), None, None
    )


def append(path: Path, account: Account) -> None:
    """Keep an account; a soak that is interrupted later has it."""
    with path.open("a") as lines:
        lines.write(json.dumps(asdict(account), allow_nan=False) + "\n")


def read_accounts(path: Path) -> list[Account]:
    """The accounts kept so far; a torn last line is left out."""
    if not path.exists():
        return []
    *lines, _ = path.read_text().split("\n")
    return [_account(json.loads(line)) for line in lines]


def _account(told: dict[str, Any]) -> Account:
    for key in ("robot_residue", "server_residue"):
        told[key] = Residue(**told[key]) if told[key] else None
    told["suffered"] = tuple(Suffered(**one) for one in told["suffered"])
    told["breaches"] = tuple((promise, words) for promise, words in told["breaches"])
    return Account(**told)


def _suffered(struck: Struck, calls: NDArray[Any], spec: RobotSpec, began_s: float) -> Suffered:
    kind = KINDS[struck.kind]
    stood = None
    if kind.silent:
        stood = stillness(calls, spec, struck.began_s, struck.until_s, CHUNK_S)
    elif kind.ends:
        stood = stillness(calls, spec, struck.began_s, np.inf, 0.0)
    back_s = first_motion_s(calls, struck.over_s) - struck.over_s
    return Suffered(
        kind=struck.kind,
        at_s=struck.began_s - began_s,
        lasted_s=struck.until_s - struck.began_s,
        still_after_s=stood.still_after_s if stood else None,
        late_moves=stood.late_moves if stood else 0,
        back_after_s=back_s if np.isfinite(back_s) and not kind.ends else None,
    )


def _must_come_back(struck: Struck, played: Played) -> bool:
    """False where the run was over, as it may be."""
    kind = KINDS[struck.kind]
    return kind.ends is None and (kind.may_end is None or played.last.get("reason") != kind.may_end)


def _wrong_ending(played: Played, reason: str) -> str:
    kinds = [KINDS[struck.kind] for struck in played.struck]
    expected: Sequence[str] = ["stopped", *(kind.may_end for kind in kinds[-1:] if kind.may_end)]
    if kinds and kinds[-1].ends:
        expected = [kinds[-1].ends]
    if reason in expected:
        return ""
    words = played.last.get("detail") or played.last.get("error") or "no reason given"
    return f"the run ended with {reason} ({words}), expected {' or '.join(expected)}"
