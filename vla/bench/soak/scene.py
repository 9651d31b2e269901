"""The stage: server, bad network and robot, each where it would be, and the hands that break them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from vla.bench.soak.arm import arm_spec, read_calls
from vla.bench.soak.laws import last_motion_s
from vla.bench.soak.residue import Residue, residue
from vla.bench.soak.robot import calls_path
from vla.bench.soak.schedule import KINDS, Blow, Episode
from vla.bench.soak.switch import Switch
from vla.bridge.chaos import ChaosProxy
from vla.bridge.errors import BridgeError
from vla.bridge.process import ServerProcess
from vla.runtime.operator import Operator

GOAL = "sway"
_STEP_S = 0.1
_PATIENCE_S = 60.0
_ANY_PORT = "tcp://127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault as it happened; times on the monotonic clock.

    Attributes:
        kind: A key of :data:`~vla.bench.soak.schedule.KINDS`.
        began_s: From when on it held, for sure.
        until_s: Until when it held, for sure.
        over_s: From when on nothing of it was left, for example because the new server was up.
    """

    kind: str
    began_s: float
    until_s: float
    over_s: float


@dataclass(frozen=True, slots=True)
class Played:
    """An episode as it happened.

    Attributes:
        episode: What was to happen.
        began_s: When the robot was told to begin, on the monotonic clock.
        ended_s: When its run was over.
        struck: The faults that happened.
        moving_s: When the arm was first seen to move; None when it never was.
        last: What the front desk says of the run: ``reason``, ``detail``, ``health``, ``residue``, ...
        server: What the server's process holds at the end.
        robot: The robot's process id.
    """

    episode: Episode
    began_s: float
    ended_s: float
    struck: tuple[Struck, ...]
    moving_s: float | None
    last: Mapping[str, Any]
    server: Residue
    robot: int


class Scene:
    """A context manager: server, proxy and robot run inside it, and are gone after it."""

    def __init__(self, folder: Path, control_hz: float, seed: int, recover_s: float) -> None:
        """Start everything.

        Args:
            folder: For the robot's logs and recordings, and the processes' output.
            control_hz: The robot's control rate.
            seed: Of the proxy's dice.
            recover_s: How long to wait for the arm to move again after a fault.

        Raises:
            BridgeError: a process did not start.
        """
        self._folder, self._control_hz, self._recover_s = folder, control_hz, recover_s
        self._spec = arm_spec(control_hz)
        self._switches = {name: Switch(folder / f"{name}.switch") for name in ("policy", "robot")}
        for switch in self._switches.values():
            switch.set("")
        self._server = self._serve(_ANY_PORT)
        try:
            self._proxy = ChaosProxy(self._server.endpoint, seed)
            self._start_robot()
        except BaseException:
            self._server.close()
            raise

    def play(self, episode: Episode) -> Played:
        """One run of the loop, with everything that befalls it; the robot is at rest and ready afterwards.

        Raises:
            BridgeError: the robot does not answer, or the server has ended by itself.
        """
        began_s = time.monotonic()
        number = self._operator.run(GOAL, episode.number)
        moving_s = self._motion_s(episode, began_s, number)
        struck: list[Struck] = []
        for blow in episode.blows:
            self._rest(blow.calm_s)
            if self._over(number):
                break
            struck.append(self._strike(blow))
            if KINDS[blow.kind].ends is None:
                self._motion_s(episode, struck[-1].over_s, number)
        self._rest(_STEP_S)
        if not self._over(number):
            self._operator.stop()
        last = self._outcome(number)
        if not self._server.alive:
            raise BridgeError("server_died", "the policy server ended by itself")
        server = residue(self._server.pid)
        self._pardon()
        return Played(episode, began_s, time.monotonic(), tuple(struck), moving_s, last, server, self.robot)

    @property
    def robot(self) -> int:
        """The robot's process id."""
        return self._robot.pid

    def counters(self) -> dict[str, int]:
        """The proxy's."""
        return self._proxy.counters()

    def restart_robot(self) -> None:
        """A robot that did not come back is replaced, so that the soak can go on."""
        self._end_robot()
        self._start_robot()

    def close(self) -> None:
        """End everything; the robot's recordings are whole when this returns. Twice is fine."""
        self._end_robot()
        self._proxy.close()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _strike(self, blow: Blow) -> Struck:
        kind = KINDS[blow.kind]
        for direction, faults in kind.network.items():
            self._proxy.set(direction, faults)
        self._switches["policy"].set(kind.policy)
        self._switches["robot"].set(kind.robot)
        if kind.process:
            os.kill(self._server.pid, signal.SIGKILL if kind.process == "kill" else signal.SIGSTOP)
        if kind.emergency:
            self._operator.emergency_stop("a fault of the soak")
        began_s = time.monotonic()
        self._rest(blow.lasts_s)
        until_s = time.monotonic()
        self._proxy.clear()
        for switch in self._switches.values():
            switch.set("")
        if kind.process == "freeze":
            os.kill(self._server.pid, signal.SIGCONT)
        elif kind.process == "kill":
            self._server.close()
            self._server = self._serve(self._server.endpoint)
        return Struck(blow.kind, began_s, until_s, time.monotonic())

    def _motion_s(self, episode: Episode, since_s: float, number: int) -> float | None:
        """Wait until the arm has moved since then; the time of a motion, or None when it has not in time."""
        path = calls_path(self._folder, episode.number, self.robot)
        while time.monotonic() < since_s + self._recover_s and not self._over(number):
            moved_s = last_motion_s(read_calls(path))
            if moved_s > since_s:
                return moved_s
            self._rest(_STEP_S)
        return None

    def _rest(self, seconds: float) -> None:
        """Let time pass, and keep the lease."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(_STEP_S, left_s))
            self._operator.observe()

    def _over(self, number: int) -> bool:
        last = self._operator.observe()["last"]
        return last is not None and last["run"] == number

    def _outcome(self, number: int) -> Mapping[str, Any]:
        deadline_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline_s:
            last = self._operator.observe()["last"]
            if last is not None and last["run"] == number:
                return last
            time.sleep(_STEP_S)
        raise BridgeError("deadline_missed", f"run {number} did not end within {_PATIENCE_S:g} s")

    def _pardon(self) -> None:
        """A person has looked: end whatever stop is latched."""
        state = self._operator.observe()["state"]
        if state == "protective_stop":
            self._operator.resume()
        elif state == "emergency_stop":
            self._operator.reset()

    def _serve(self, endpoint: str) -> ServerProcess:
        words = [endpoint, str(self._folder / "policy.switch")]
        return self._child("server", words)

    def _start_robot(self) -> None:
        words = [self._proxy.endpoint, str(self._folder / "robot.switch"), str(self._folder)]
        self._robot = self._child("robot", words)
        self._operator = Operator(self._robot.endpoint, timeout_s=20.0)
        self._operator.take("the soak")

    def _child(self, name: str, words: Sequence[str]) -> ServerProcess:
        where = self._folder / f"{name}.endpoint"
        module = [sys.executable, "-m", f"vla.bench.soak.{name}", str(where)]
        return ServerProcess(
            [*module, *words, str(self._control_hz)],
            where,
            self._folder / f"{name}.log",
            _PATIENCE_S,
            f"the soak's {name}",
        )

    def _end_robot(self) -> None:
        """Ask the robot to end, and give it the time to encode what it has recorded."""
        self._operator.close()
        if self._robot.alive:
            with suppress(ProcessLookupError):
                os.kill(self._robot.pid, signal.SIGTERM)
        deadline_s = time.monotonic() + _PATIENCE_S
        while self._robot.alive and time.monotonic() < deadline_s:
            time.sleep(_STEP_S)
        self._robot.close()
