"""Which faults befall a soak, in which order, and what each of them must do to the arm."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from vla.bridge.chaos import Direction, Faults
from vla.contract import ContractError
from vla.runtime.report import Reason

HANG = "hang"
"""What the server's switch says while the policy shall not return; all else is in the grammar of faults."""

_LASTS_S = (1.6, 3.4)
_CALM_S = (0.5, 1.5)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be hurt. Of the first five fields one is set.

    Attributes:
        network: What the proxy does, by direction.
        policy: What the server's switch says: a fault in the grammar of :mod:`vla.runtime.faults`, or HANG.
        robot: What the robot's switch says, likewise.
        process: What happens to the server's process: ``"kill"``, and a new one afterwards, or ``"freeze"``.
        emergency: Somebody presses the stop.
        silent: No usable answer can come while it lasts, so the arm must stand still after a while.
        ends: How it ends the run, at once and for sure; None when the run goes on.
        may_end: How it ends the run with bad luck.
    """

    network: Mapping[Direction, Faults] = field(default_factory=dict)
    policy: str = ""
    robot: str = ""
    process: str = ""
    emergency: bool = False
    silent: bool = False
    ends: Reason | None = None
    may_end: Reason | None = None


def _both(faults: Faults) -> dict[Direction, Faults]:
    return {"up": faults, "down": faults}


KINDS: Mapping[str, Kind] = {
    "delay": Kind(_both(Faults(delay_s=0.06, jitter_s=0.05))),
    "throttle": Kind(_both(Faults(throttle_bytes_per_s=80_000))),
    "duplicate": Kind(_both(Faults(duplicate=0.3))),
    "flip": Kind(_both(Faults(flip=3e-3))),
    "stall_up": Kind({"up": Faults(stall=True)}, silent=True),
    "stall_down": Kind({"down": Faults(stall=True)}, silent=True),
    "half_open": Kind(_both(Faults(stall=True)), silent=True),
    "reset": Kind({"up": Faults(reset=True)}, silent=True),
    "cut": Kind(_both(Faults(reset=True, drop_new=True)), silent=True),
    "half_close_up": Kind({"up": Faults(half_close=True)}, silent=True),
    "half_close_down": Kind({"down": Faults(half_close=True)}, silent=True),
    "kill": Kind(process="kill", silent=True),
    "freeze": Kind(process="freeze", silent=True),
    "hang": Kind(policy=HANG, silent=True),
    "policy_off": Kind(policy="policy=off", silent=True),
    "policy_garbage": Kind(policy="policy=garbage", silent=True),
    "policy_wrong": Kind(policy="policy=wrong"),
    "policy_slow": Kind(policy="policy=slow:0.3"),
    "policy_intermittent": Kind(policy="policy=intermittent:0.3"),
    "camera_stuck": Kind(robot="camera=stuck"),
    "driver_slow": Kind(robot="driver=slow:0.03"),
    "driver_intermittent": Kind(robot="driver=intermittent:0.05", may_end="protective_stop"),
    "driver_off": Kind(robot="driver=off", ends="protective_stop"),
    "emergency_stop": Kind(emergency=True, ends="emergency_stop"),
}
"""Every kind of fault by name."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault to come.

    Attributes:
        kind: A key of :data:`KINDS`.
        calm_s: How long the arm moves in peace before it.
        lasts_s: How long it lasts.
    """

    kind: str
    calm_s: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Episode:
    """One run of the control loop.

    Attributes:
        number: Counts from 0.
        blows: In order; one that ends the run is the last.
    """

    number: int
    blows: tuple[Blow, ...]


def episodes(seed: int, most: int = 2, leave_out: Collection[str] = ()) -> Iterator[Episode]:
    """The endless schedule of a seed: every kind once, in some order, then every kind again in another.

    Args:
        seed: Same seed, same schedule.
        most: Most faults per episode, >= 1.
        leave_out: Kinds that do not happen.

    Raises:
        ContractError: ``leave_out`` names no kind, or leaves none.
    """
    if unknown := set(leave_out) - KINDS.keys():
        raise ContractError(f"leave_out {sorted(unknown)} are not among {', '.join(KINDS)}")
    names = [name for name in KINDS if name not in leave_out]
    if not names:
        raise ContractError("leave_out leaves no fault, so there is nothing to do")
    return _grouped(_blows(np.random.default_rng(seed), names), most)


def _blows(dice: np.random.Generator, names: list[str]) -> Iterator[Blow]:
    while True:
        for name in dice.permutation(names):
            yield Blow(str(name), float(dice.uniform(*_CALM_S)), float(dice.uniform(*_LASTS_S)))


def _grouped(blows: Iterator[Blow], most: int) -> Iterator[Episode]:
    for number in itertools.count():
        group: list[Blow] = []
        while len(group) < most and not (group and KINDS[group[-1].kind].ends):
            group.append(next(blows))
        yield Episode(number, tuple(group))
