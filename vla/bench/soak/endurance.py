"""Plays the schedule against the robot, episode after episode, and picks up where it was interrupted."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from vla.bench.soak.accounts import ACCOUNTS, Account, abandoned, append, judge, read_accounts
from vla.bench.soak.arm import arm_spec, read_calls
from vla.bench.soak.robot import calls_path
from vla.bench.soak.scene import Scene
from vla.bench.soak.schedule import Episode, episodes
from vla.bridge.errors import BridgeError
from vla.contract import ContractError, RobotSpec

_SETTINGS = "soak.json"


@dataclass(frozen=True, slots=True)
class SoakSettings:
    """What makes two soaks the same one, so that the second may go on where the first stopped.

    Attributes:
        seed: Of the schedule and of the network's dice.
        control_hz: The robot's control rate.
        most: Most faults per episode.
        recover_s: The arm must move again within so long after a fault.
        leave_out: Kinds of fault that do not happen.
    """

    seed: int = 0
    control_hz: float = 25.0
    most: int = 2
    recover_s: float = 10.0
    leave_out: tuple[str, ...] = ()


def claim(folder: Path, settings: SoakSettings) -> list[Account]:
    """Take a new folder for a soak, or one with the same soak in it; returns what it has done so far.

    Raises:
        ContractError: the folder holds another soak, or something else.
    """
    told = json.loads(json.dumps(asdict(settings)))
    note = folder / _SETTINGS
    if not note.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ContractError(f"{folder} holds something that is not a soak; give another out")
        folder.mkdir(parents=True, exist_ok=True)
        draft = note.with_name(note.name + ".part")
        draft.write_text(json.dumps(told, indent=1) + "\n")
        os.replace(draft, note)
    there = json.loads(note.read_text())
    if there != told:
        lines = [
            f"{key}={there.get(key)} there, {told[key]} here" for key in told if there.get(key) != told[key]
        ]
        raise ContractError(f"{folder} holds another soak ({'; '.join(lines)}); give another out")
    return read_accounts(folder / ACCOUNTS)


def soak(
    folder: Path, settings: SoakSettings, minutes: float, done: list[Account], on_start: Callable[[], None]
) -> Iterator[Account]:
    """Go on until there are ``minutes`` of soaking in all; yields each episode's account once it is kept.

    A process that dies or falls silent by itself ends it early; that is in the last account.

    Args:
        folder: The one that :func:`claim` took.
        settings: Likewise.
        minutes: Of soaking, with what was done before.
        done: What :func:`claim` returned.
        on_start: Called when the processes are up.

    Raises:
        BridgeError: a process did not start.
    """
    spec = arm_spec(settings.control_hz)
    soaked_s = sum(account.lasted_s for account in done)
    if soaked_s >= 60 * minutes:
        return
    schedule = islice(episodes(settings.seed, settings.most, settings.leave_out), len(done), None)
    with Scene(folder, settings.control_hz, settings.seed + len(done), settings.recover_s) as scene:
        on_start()
        while soaked_s < 60 * minutes:
            account = _play(scene, next(schedule), folder, spec, soaked_s)
            append(folder / ACCOUNTS, account)
            soaked_s += account.lasted_s
            yield account
            if account.reason == "lost":
                return
            if any(promise in ("recovery", "endings") for promise, _ in account.breaches):
                scene.restart_robot()


def _play(scene: Scene, episode: Episode, folder: Path, spec: RobotSpec, at_s: float) -> Account:
    path = calls_path(folder, episode.number, scene.robot)
    before, began_s = scene.counters()["connections"], time.monotonic()
    try:
        played = scene.play(episode)
    except BridgeError as error:
        return abandoned(episode.number, str(error), scene.robot, path.name, at_s, time.monotonic() - began_s)
    connections = scene.counters()["connections"] - before
    return judge(played, read_calls(path), path.name, spec, at_s, connections)
