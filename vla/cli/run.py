"""``handily run``: a sentence, a policy server in a process of its own, and the simulated arm in this one.

This process never imports torch: it is the robot's side.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import typer

from sim.backend import choose_backend
from sim.driver import MujocoDriver
from sim.request import Judge, RequestWorld
from vla.bridge.client import BridgeClient
from vla.bridge.process import ServerProcess
from vla.cli.checkpoints import digest, picture_size, resolve_checkpoint
from vla.cli.mistakes import INTERRUPTED
from vla.cli.settings import check_device, check_renderer, configured
from vla.cli.terminal import console
from vla.config import ConfigError, check_choice
from vla.planner.language import split_goal
from vla.runtime.asker import AskSettings
from vla.runtime.clock import Clock, MonotonicClock, SimulatedClock
from vla.runtime.film import Film, write_contact_sheet, write_video
from vla.runtime.loop import PACES, ControlLoop, LoopSettings
from vla.runtime.outcome import new_run_folder, outcome_of, write_outcome
from vla.runtime.report import RunResult, TickReport
from vla.runtime.view import TerminalView, draw

FAILED = 1


@dataclass(frozen=True)
class RunConfig:
    """Keys of ``handily run``; what they mean stands in ``configs/run.yaml``."""

    checkpoint: str | None
    seed: int
    out: str
    timeout_s: float
    pace: str
    device: str
    threads: int
    replan_s: float
    linger_s: float
    renderer: str

    def __post_init__(self) -> None:
        check_choice("pace", self.pace, PACES)
        check_device(self.device)
        check_renderer(self.renderer)
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be at least 0")
        if self.timeout_s <= 0 or self.replan_s <= 0:
            raise ValueError(f"timeout_s={self.timeout_s} and replan_s={self.replan_s} must be above 0")


class Verdict:
    """An ``on_tick`` consumer: lets the judge look, and ends the run some time after it is satisfied."""

    def __init__(self, judge: Judge, stop: threading.Event, linger_s: float) -> None:
        self._judge, self._stop, self._linger_s = judge, stop, linger_s
        self._satisfied_s: float | None = None

    def __call__(self, report: TickReport) -> None:
        """Judge one tick."""
        self._judge.look()
        if not self._judge.success:
            self._satisfied_s = None
        elif self._satisfied_s is None:
            self._satisfied_s = report.now_s
        elif 0 <= self._linger_s <= report.now_s - self._satisfied_s:
            self._stop.set()


@dataclass(slots=True)
class Run:
    """What happened, gathered on the way so that an interruption loses nothing."""

    film: Film
    timings_s: dict[str, float]
    result: RunResult | None = None
    success: bool = False
    interrupted: bool = False


def run(words: Sequence[str], show_config: bool) -> None:
    """Carry the sentence out; exit code 0 when the simulator judges it done, 1 when not."""
    began_s = time.monotonic()
    goal = " ".join(word for word in words if "=" not in word).strip()
    config = configured("run", [word for word in words if "=" in word], RunConfig, show_config)
    if not goal:
        raise ConfigError('say what to do, for example: handily run "put the red block in the bowl"')
    checkpoint = resolve_checkpoint(config.checkpoint)
    choose_backend(config.renderer)
    with RequestWorld(split_goal(goal), picture_size(checkpoint), config.renderer) as world:
        world.lay(config.seed)
        folder = new_run_folder(Path(config.out), datetime.now())
        with _serve(config, checkpoint, folder) as server:
            run = _carry_out(config, goal, world, server, began_s)
    _leave(run, config, goal, folder, checkpoint)
    if run.interrupted:
        typer.echo("handily: interrupted", err=True)
        raise typer.Exit(INTERRUPTED)
    if not run.success:
        raise typer.Exit(FAILED)


def _serve(config: RunConfig, checkpoint: Path, folder: Path) -> ServerProcess:
    """Start ``handily serve`` and wait until it listens on a free port."""
    announcement = folder / ".endpoint"
    settings = {
        "checkpoint": checkpoint,
        "endpoint": "tcp://127.0.0.1:0",
        "device": config.device,
        "threads": config.threads,
        "announce": announcement,
    }
    words = [f"{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-m", "vla.cli", "serve", *words]
    try:
        return ServerProcess(command, announcement, folder / "server.log")
    finally:
        announcement.unlink(missing_ok=True)


def _carry_out(
    config: RunConfig, goal: str, world: RequestWorld, server: ServerProcess, began_s: float
) -> Run:
    realtime = config.pace == "realtime"
    clock: Clock = MonotonicClock() if realtime else SimulatedClock()
    settings = LoopSettings(config.pace, config.timeout_s, AskSettings(replan_s=config.replan_s))  # type: ignore[arg-type]
    stop = threading.Event()
    judge = Judge(world)
    run = Run(Film(world.spec.control_hz), {"until_served": time.monotonic() - began_s})

    def interrupt(number: int, frame: object) -> None:
        run.interrupted = True
        stop.set()

    with (
        MujocoDriver(world, "wall" if realtime else "simulated") as driver,
        BridgeClient(server.endpoint, driver.spec) as client,
        TerminalView(goal, console(), lambda: f"{judge.fulfilled} of {len(world.asked)} done") as view,
    ):
        client.hello()
        verdict = Verdict(judge, stop, config.linger_s)
        loop = ControlLoop(driver, client, clock, settings, [verdict, run.film, view])
        run.timings_s["until_first_tick"] = time.monotonic() - began_s
        before = signal.signal(signal.SIGINT, interrupt)
        try:
            run.result = loop.run(goal, config.seed, stop)
        finally:
            signal.signal(signal.SIGINT, before)
        run.success = judge.success
    run.timings_s["until_last_tick"] = time.monotonic() - began_s
    return run


def _leave(run: Run, config: RunConfig, goal: str, folder: Path, checkpoint: Path) -> None:
    """Write video, contact sheet and report, and say where they are."""
    assert run.result is not None, "the loop has returned"
    verdict = "done" if run.success else "not done"
    if run.film.shots:
        write_video(folder / "run.mp4", run.film.shots, run.film.fps)
        write_contact_sheet(folder / "contact_sheet.png", run.film.shots, f"{goal}: {verdict}")
    model = {"checkpoint": str(checkpoint), "digest": digest(checkpoint)}
    settings = asdict(config)
    outcome = outcome_of(run.result, goal, run.success, config.seed, model, run.timings_s, settings)
    write_outcome(folder, outcome)
    out = console()
    out.print(draw(goal, run.result.plan, run.result.elapsed_s, run.result.health))
    detail = f" ({run.result.detail})" if run.result.detail else ""
    colour = "green" if run.success else "red"
    out.print(
        f"[bold {colour}]{verdict}[/], says the simulator; the run ended with {run.result.reason}{detail}"
    )
    out.print(f"{folder}: run.mp4, contact_sheet.png, report.json")
