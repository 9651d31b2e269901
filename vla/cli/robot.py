"""``handily robot``: driver, control loop and front desk, in a process that never imports torch."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vla.bridge.authority import ClientSecurity
from vla.bridge.client import BridgeClient
from vla.bridge.images import ENCODINGS
from vla.bridge.keys import KeyStore, read_public
from vla.bridge.process import announce, stop_when_orphaned
from vla.cli.settings import check_least, configured
from vla.cli.terminal import console
from vla.config import check_choice
from vla.contract import Driver, Plan, RobotSpec
from vla.drivers.mock import MockDriver
from vla.extras import needs
from vla.runtime.asker import AskSettings
from vla.runtime.chunks import EXECUTIONS
from vla.runtime.clock import Clock, MonotonicClock, SimulatedClock
from vla.runtime.faults import parse_faults
from vla.runtime.faulty_driver import FaultyDriver
from vla.runtime.faulty_model import FaultyLink
from vla.runtime.loop import PACES, ControlLoop, LoopSettings
from vla.runtime.recorder import RunRecorder
from vla.runtime.report import SAID, RunResult, TickReport
from vla.runtime.scheduling import check_priority, keep_freed_memory, request_realtime
from vla.runtime.station import RobotStation
from vla.runtime.supervisor import EngageSettings

if TYPE_CHECKING:
    from vla.runtime.film import Film

DRIVERS = ("mujoco", "mock")
_STAMPS = {"realtime": "wall", "lockstep": "simulated"}


@dataclass(frozen=True)
class RobotConfig:
    """Keys of ``handily robot``; what they mean stands in ``configs/robot.yaml``."""

    driver: str
    spec: str | None
    server: str
    key: str | None
    keys: str | None
    server_key: str | None
    images: str
    sentence: str
    scene: str
    seed: int
    image_size: int
    port: int
    out: str | None
    record: str | None
    faults: str
    announce: str | None
    pace: str
    timeout_s: float
    execution: str
    replan_s: float
    plan_period_s: float
    plan_looks: int
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
        check_choice("images", self.images, ENCODINGS)
        parse_faults(self.faults)
        if (self.key is None) != (self.server_key is None):
            raise ValueError(f"key={self.key} and server_key={self.server_key}: give both or neither")
        check_least(self, seed=0, image_size=8, port=0, proof_s=0, plan_looks=1)
        for key in ("timeout_s", "replan_s", "plan_period_s", "lost_s"):
            if not getattr(self, key) > 0:
                raise ValueError(f"{key}={getattr(self, key)} must be above 0")
        check_priority(self.realtime_priority)

    def loop_settings(self) -> LoopSettings:
        """What the control loop is told."""
        return LoopSettings(
            pace=self.pace,  # pyright: ignore[reportArgumentType]  (checked above)
            timeout_s=self.timeout_s,
            ask=AskSettings(
                execution=self.execution,
                replan_s=self.replan_s,
                plan_period_s=self.plan_period_s,
                plan_looks=self.plan_looks,
                lost_s=self.lost_s,
            ),
            engage=EngageSettings(proof_s=self.proof_s),
            smooth=self.smooth,
        )


class Judge(Protocol):
    """What looks at every tick and knows whether all is as it should be, see :class:`sim.judges.Judge`."""

    @property
    def words(self) -> str: ...

    @property
    def reached(self) -> bool: ...

    @property
    def success(self) -> bool | None: ...

    def look(self) -> None: ...

    def hear(self, plan: Plan | None) -> None: ...


class Verdict:
    """An ``on_tick`` consumer: lets the judge look, and ends the run some time after it is satisfied."""

    def __init__(self, judge: Judge, linger_s: float, end: Callable[[], None]) -> None:
        self._judge, self._linger_s, self._end = judge, linger_s, end
        self._satisfied_s: float | None = None

    def __call__(self, report: TickReport) -> None:
        """Judge one tick."""
        self._judge.look()
        self._judge.hear(report.plan)
        if report.tick == 0 or not self._judge.reached:
            self._satisfied_s = None
        elif self._satisfied_s is None:
            self._satisfied_s = report.now_s
        elif 0 <= self._linger_s <= report.now_s - self._satisfied_s:
            self._end()

    def success(self, plan: Plan | None) -> bool | None:
        """Whether all is as it should be, in the end and with the last plan; None where nobody can tell."""
        self._judge.hear(plan)
        return self._judge.success


def robot(overrides: list[str], show_config: bool) -> None:
    """Stand ready at the front desk until SIGINT, SIGTERM or the death of the parent that asked."""
    config = configured("robot", overrides, RobotConfig, show_config)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    keep_freed_memory()
    realtime = config.pace == "realtime"
    clock: Clock = MonotonicClock() if realtime else SimulatedClock()
    with ExitStack() as stack:
        bare, judge, scene = stack.enter_context(_driver(config, clock))
        spec = bare.spec
        client = BridgeClient(config.server, spec, images=config.images, security=_security(config))
        model = stack.enter_context(client).hello().model_id
        recorder = _recorder(config, spec, model, stack)
        facts = asdict(request_realtime(config.realtime_priority)) | {"model_id": model, "scene": scene}
        film = _film(config, spec.control_hz)
        station = RobotStation(config.port, lambda: judge.words if judge else "", facts)
        verdict = Verdict(judge, config.linger_s, station.end_run) if judge else None
        faults = parse_faults(config.faults)
        driver = FaultyDriver(bare, faults, clock, config.seed) if faults else bare
        link = FaultyLink(client, faults, clock, config.seed) if faults else client
        consumers = [consumer for consumer in (verdict, recorder, film, station) if consumer is not None]
        loop = ControlLoop(driver, link, clock, config.loop_settings(), consumers)

        def begin(goal: str, seed: int) -> None:
            if recorder is not None:
                laid = {"seed": config.seed, "scene": scene, "sentence": config.sentence}
                recorder.begin_episode(goal, laid)

        def finish(goal: str, seed: int, result: RunResult) -> dict[str, Any]:
            success = None if verdict is None else verdict.success(result.plan)
            told = {"success": success, "files": _leave(config, film, goal, result, success)}
            if recorder is not None:
                recorder.end_episode(result.reason, success, result.detail)
                told["recording"] = recorder.error or config.record
            if faults:
                told["injected"] = dict(driver.injected) | dict(link.injected)  # pyright: ignore[reportAttributeAccessIssue]
            return told

        if config.announce is not None:
            stop_when_orphaned(stop)
            announce(station.endpoint, Path(config.announce))
        console().print(f"{spec.name} at {station.endpoint} (process {os.getpid()})")
        station.serve(loop, stop, begin, finish)


@contextmanager
def _driver(config: RobotConfig, clock: Clock) -> Iterator[tuple[Driver, Judge | None, str]]:
    """The driver, opened, who judges what it does, and the scene's name."""
    if config.driver == "mock":
        with MockDriver(_spec(config), clock) as driver:
            yield driver, None, ""
        return
    with needs("sim"):
        from sim.backend import choose_backend
        from sim.driver import MujocoDriver
        from sim.stage import stage
    choose_backend(config.renderer)
    laid = stage(config.sentence, config.scene, config.seed, config.image_size, config.renderer)
    with laid.world as world, MujocoDriver(world, _STAMPS[config.pace]) as driver:
        yield driver, laid.judge, laid.scene


def _spec(config: RobotConfig) -> RobotSpec:
    """What the mock driver pretends to be."""
    if config.spec is not None:
        return RobotSpec.from_dict(json.loads(Path(config.spec).read_text()))
    with needs("sim"):
        from sim.robot import robot_spec
    return robot_spec(config.image_size)


def _security(config: RobotConfig) -> ClientSecurity | None:
    if config.key is None or config.server_key is None:
        return None
    return ClientSecurity(KeyStore(config.keys).pair(config.key), read_public(config.server_key)[0])


def _recorder(config: RobotConfig, spec: RobotSpec, model: str, stack: ExitStack) -> RunRecorder | None:
    """What records every run, until the stack unwinds; None where nobody wants it."""
    if config.record is None:
        return None
    return stack.enter_context(RunRecorder(config.record, spec, model))


def _film(config: RobotConfig, fps: float) -> Film | None:
    """What keeps the pictures; None where nobody wants them."""
    if config.out is None:
        return None
    with needs("record"):
        from vla.runtime.film import Film
    return Film(fps)


def _leave(
    config: RobotConfig, film: Film | None, goal: str, result: RunResult, success: bool | None
) -> list[str]:
    """Write video and contact sheet of the run that is over; returns the files' names."""
    shots = film.take(result.plan) if film is not None else []
    if film is None or config.out is None or not shots:
        return []
    from vla.runtime.film import write_contact_sheet, write_video

    folder = Path(config.out)
    said = {True: ": done", False: ": not done", None: ""}[success]
    if result.reason in SAID:
        said = f": {result.reason}, {result.detail}"
    write_video(folder / "run.mp4", shots, film.fps)
    write_contact_sheet(folder / "contact_sheet.png", shots, goal + said)
    return ["run.mp4", "contact_sheet.png"]
