"""``handily robot``: driver, control loop and front desk, in a process that never imports torch."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vla.bridge.client import BridgeClient
from vla.bridge.process import announce, stop_when_orphaned
from vla.cli.settings import configured
from vla.cli.terminal import console
from vla.config import check_choice
from vla.contract import Driver, RobotSpec
from vla.drivers.mock import MockDriver
from vla.extras import needs
from vla.planner.language import split_goal
from vla.runtime.asker import AskSettings
from vla.runtime.chunks import EXECUTIONS
from vla.runtime.clock import Clock, MonotonicClock, SimulatedClock
from vla.runtime.loop import PACES, ControlLoop, LoopSettings
from vla.runtime.report import RunResult, TickReport
from vla.runtime.scheduling import request_realtime
from vla.runtime.station import RobotStation
from vla.runtime.supervisor import EngageSettings

if TYPE_CHECKING:
    from vla.runtime.film import Film

DRIVERS = ("mujoco", "mock")


@dataclass(frozen=True)
class RobotConfig:
    """Keys of ``handily robot``; what they mean stands in ``configs/robot.yaml``."""

    driver: str
    spec: str | None
    server: str
    scene: str
    seed: int
    image_size: int
    port: int
    out: str | None
    announce: str | None
    pace: str
    timeout_s: float
    execution: str
    replan_s: float
    proof_s: float
    lost_s: float
    smooth: bool
    linger_s: float
    realtime_priority: int
    renderer: str

    def __post_init__(self) -> None:
        check_choice("driver", self.driver, DRIVERS)
        check_choice("pace", self.pace, PACES)
        check_choice("execution", self.execution, EXECUTIONS)
        for key, least in (("seed", 0), ("image_size", 8), ("port", 0), ("proof_s", 0)):
            if getattr(self, key) < least:
                raise ValueError(f"{key}={getattr(self, key)} must be at least {least}")
        for key in ("timeout_s", "replan_s", "lost_s"):
            if not getattr(self, key) > 0:
                raise ValueError(f"{key}={getattr(self, key)} must be above 0")
        if not 0 <= self.realtime_priority <= 99:
            raise ValueError(f"realtime_priority={self.realtime_priority} is outside 0..99")

    def loop_settings(self) -> LoopSettings:
        """What the control loop is told."""
        return LoopSettings(
            pace=self.pace,  # pyright: ignore[reportArgumentType]  (checked above)
            timeout_s=self.timeout_s,
            ask=AskSettings(execution=self.execution, replan_s=self.replan_s, lost_s=self.lost_s),
            engage=EngageSettings(proof_s=self.proof_s),
            smooth=self.smooth,
        )


class Judge(Protocol):
    """What looks at every tick and knows whether the task is done, see :class:`sim.request.Judge`."""

    @property
    def words(self) -> str: ...

    @property
    def success(self) -> bool: ...

    def look(self) -> None: ...


class Verdict:
    """An ``on_tick`` consumer: lets the judge look, and ends the run some time after it is satisfied."""

    def __init__(self, judge: Judge, linger_s: float, end: Callable[[], None]) -> None:
        self._judge, self._linger_s, self._end = judge, linger_s, end
        self._satisfied_s: float | None = None

    def __call__(self, report: TickReport) -> None:
        """Judge one tick."""
        self._judge.look()
        if report.tick == 0 or not self._judge.success:
            self._satisfied_s = None
        elif self._satisfied_s is None:
            self._satisfied_s = report.now_s
        elif 0 <= self._linger_s <= report.now_s - self._satisfied_s:
            self._end()

    @property
    def success(self) -> bool:
        """True when everything asked was done and the last of it still holds."""
        return self._judge.success


def robot(overrides: list[str], show_config: bool) -> None:
    """Stand ready at the front desk until SIGINT, SIGTERM or the death of the parent that asked."""
    config = configured("robot", overrides, RobotConfig, show_config)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    realtime = config.pace == "realtime"
    clock: Clock = MonotonicClock() if realtime else SimulatedClock()
    with _driver(config, clock) as (driver, judge), BridgeClient(config.server, driver.spec) as client:
        info = client.hello()
        facts = asdict(request_realtime(config.realtime_priority)) | {"model_id": info.model_id}
        film = _film(config, driver.spec.control_hz)
        station = RobotStation(config.port, lambda: judge.words if judge else "", facts)
        verdict = Verdict(judge, config.linger_s, station.end_run) if judge else None
        consumers = [consumer for consumer in (verdict, film, station) if consumer is not None]
        loop = ControlLoop(driver, client, clock, config.loop_settings(), consumers)

        def finish(goal: str, seed: int, result: RunResult) -> dict[str, Any]:
            success = None if verdict is None else verdict.success
            return {"success": success, "files": _leave(config, film, goal, success)}

        if config.announce is not None:
            stop_when_orphaned(stop)
            announce(station.endpoint, Path(config.announce))
        console().print(f"{driver.spec.name} at {station.endpoint} (process {os.getpid()})")
        station.serve(loop, stop, finish)


@contextmanager
def _driver(config: RobotConfig, clock: Clock) -> Iterator[tuple[Driver, Judge | None]]:
    """The driver, opened, and who judges what it does."""
    if config.driver == "mock":
        with MockDriver(_spec(config), clock) as driver:
            yield driver, None
        return
    with needs("sim"):
        from sim.backend import choose_backend
        from sim.driver import MujocoDriver
        from sim.request import Judge, RequestWorld
    choose_backend(config.renderer)
    with RequestWorld(split_goal(config.scene), config.image_size, config.renderer) as world:
        world.lay(config.seed)
        with MujocoDriver(world, "wall" if config.pace == "realtime" else "simulated") as driver:
            yield driver, Judge(world)


def _spec(config: RobotConfig) -> RobotSpec:
    """What the mock driver pretends to be."""
    if config.spec is not None:
        return RobotSpec.from_dict(json.loads(Path(config.spec).read_text()))
    with needs("sim"):
        from sim.robot import robot_spec
    return robot_spec(config.image_size)


def _film(config: RobotConfig, fps: float) -> Film | None:
    """What keeps the pictures; None where nobody wants them."""
    if config.out is None:
        return None
    with needs("record"):
        from vla.runtime.film import Film
    return Film(fps)


def _leave(config: RobotConfig, film: Film | None, goal: str, success: bool | None) -> list[str]:
    """Write video and contact sheet of the run that is over; returns the files' names."""
    shots = film.take() if film is not None else []
    if film is None or config.out is None or not shots:
        return []
    from vla.runtime.film import write_contact_sheet, write_video

    folder = Path(config.out)
    said = {True: ": done", False: ": not done", None: ""}[success]
    write_video(folder / "run.mp4", shots, film.fps)
    write_contact_sheet(folder / "contact_sheet.png", shots, goal + said)
    return ["run.mp4", "contact_sheet.png"]
