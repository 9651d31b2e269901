"""``handily run``: a sentence, a policy server and a robot, each in a process of its own, and their operator.

This process only asks, watches and reports; neither it nor the robot's imports torch.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from sim.backend import choose_backend
from sim.stage import AUTO, SCENES, check_words, is_instructions, stage
from vla.bridge.process import ServerProcess
from vla.cli.checkpoints import digest, picture_size, resolve_checkpoint
from vla.cli.mistakes import INTERRUPTED
from vla.cli.planners import PLANNERS
from vla.cli.settings import check_device, check_renderer, configured
from vla.cli.terminal import console
from vla.config import ConfigError, check_choice
from vla.planner.patience import RECOVERIES
from vla.runtime.chunks import EXECUTIONS
from vla.runtime.faults import parse_faults
from vla.runtime.loop import PACES
from vla.runtime.operator import Operator
from vla.runtime.outcome import Outcome, new_run_folder, versions, write_outcome
from vla.runtime.report import SAID
from vla.runtime.scheduling import check_priority
from vla.runtime.view import TerminalView, draw

FAILED = 1
_LOOKS_PER_S = 5.0


@dataclass(frozen=True)
class RunConfig:
    """Keys of ``handily run``; what they mean stands in ``configs/run.yaml``."""

    checkpoint: str | None
    server: str | None
    key: str | None
    keys: str | None
    server_key: str | None
    seed: int
    scene: str
    planner: str
    planner_model: str | None
    recovery: str
    step_timeout_s: float
    out: str
    timeout_s: float
    pace: str
    device: str
    threads: int
    execution: str
    replan_s: float
    plan_period_s: float
    plan_looks: int
    smooth: bool
    linger_s: float
    record: str | None
    faults: str
    realtime_priority: int
    renderer: str

    def __post_init__(self) -> None:
        check_choice("pace", self.pace, PACES)
        check_choice("execution", self.execution, EXECUTIONS)
        check_choice("scene", self.scene, SCENES)
        check_choice("planner", self.planner, (AUTO, *PLANNERS))
        check_choice("recovery", self.recovery, RECOVERIES)
        check_device(self.device)
        parse_faults(self.faults)
        check_renderer(self.renderer)
        if self.server is not None and any(
            f.component in ("policy", "planner") for f in parse_faults(self.faults)
        ):
            raise ValueError(f"server={self.server} has its own policy: give policy faults to handily serve")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be at least 0")
        for key in ("timeout_s", "step_timeout_s", "replan_s", "plan_period_s"):
            if not getattr(self, key) > 0:
                raise ValueError(f"{key}={getattr(self, key)} must be above 0")
        if self.plan_looks < 1:
            raise ValueError(f"plan_looks={self.plan_looks} must be at least 1")
        check_priority(self.realtime_priority)


def run(words: Sequence[str], show_config: bool) -> None:
    """Carry the sentence out; exit code 0 when the simulator finds that right, 1 when not."""
    began_s = time.monotonic()
    goal = " ".join(word for word in words if "=" not in word).strip()
    config = configured("run", [word for word in words if "=" in word], RunConfig, show_config)
    if not goal:
        raise ConfigError('say what to do, for example: handily run "put the red block in the bowl"')
    if config.planner == AUTO:
        config = replace(config, planner="language" if is_instructions(goal) else "llava")
    checkpoint = resolve_checkpoint(config.checkpoint)
    choose_backend(config.renderer)
    _check_goal(goal, config.scene, config.seed)
    folder = new_run_folder(Path(config.out), datetime.now())
    timings_s: dict[str, float] = {}
    with ExitStack() as stack:
        server = config.server or stack.enter_context(_serve(config, checkpoint, folder)).endpoint
        timings_s["until_served"] = time.monotonic() - began_s
        robot = stack.enter_context(_robot(config, goal, server, picture_size(checkpoint), folder))
        operator = stack.enter_context(Operator(robot.endpoint, timeout_s=20.0))
        timings_s["until_ready"] = time.monotonic() - began_s
        status, interrupted = _carry_out(operator, goal, config.seed)
    timings_s["until_last_tick"] = time.monotonic() - began_s
    last = status["last"]
    if "error" in last:
        raise ConfigError(last["error"])
    _leave(status, config, goal, folder, checkpoint, timings_s)
    if interrupted:
        typer.echo("handily: interrupted", err=True)
        raise typer.Exit(INTERRUPTED)
    if not last["success"]:
        raise typer.Exit(FAILED)


def _check_goal(goal: str, scene: str, seed: int) -> None:
    """Say at once what could not become a run: nonsense, and a scene that cannot be laid for the sentence."""
    check_words(goal)
    if scene != AUTO:
        stage(goal, scene, seed, render=False).world.close()


def _child(command: str, settings: Mapping[str, Any], folder: Path, name: str) -> ServerProcess:
    """Start ``handily COMMAND`` and wait until it has announced where it listens."""
    announcement = folder / f".{command}"
    words = [f"{key}={value}" for key, value in {**settings, "announce": announcement}.items()]
    try:
        return ServerProcess(
            [sys.executable, "-m", "vla.cli", command, *words],
            announcement,
            folder / f"{command}.log",
            name=name,
        )
    finally:
        announcement.unlink(missing_ok=True)


def _serve(config: RunConfig, checkpoint: Path, folder: Path) -> ServerProcess:
    theirs = [str(f) for f in parse_faults(config.faults) if f.component in ("policy", "planner")]
    settings = {
        "faults": ", ".join(theirs),
        "checkpoint": checkpoint,
        "endpoint": "tcp://127.0.0.1:0",
        "planner": config.planner,
        "planner_model": "null" if config.planner_model is None else config.planner_model,
        "recovery": config.recovery,
        "step_timeout_s": config.step_timeout_s,
        "device": config.device,
        # A core stays free for the control loop.
        "threads": config.threads or max(1, len(os.sched_getaffinity(0)) - 1),
    }
    return _child("serve", settings, folder, "the policy server")


def _robot(config: RunConfig, goal: str, server: str, image_size: int, folder: Path) -> ServerProcess:
    shared = (
        "seed", "scene", "pace", "timeout_s", "execution", "replan_s", "plan_period_s", "plan_looks",
        "smooth", "linger_s", "realtime_priority",
    )  # fmt: skip
    settings = {key: getattr(config, key) for key in (*shared, "renderer")}
    if config.server is not None:
        security = {key: getattr(config, key) for key in ("key", "keys", "server_key")}
        settings |= {key: value for key, value in security.items() if value is not None}
    record = "null" if config.record is None else Path(config.record).resolve()
    settings |= {"record": record, "faults": config.faults}
    told = {"driver": "mujoco", "server": server, "sentence": goal, "image_size": image_size, "out": folder}
    return _child("robot", settings | told, folder, "the robot's process")


def _model(config: RunConfig, checkpoint: Path, status: Mapping[str, Any]) -> dict[str, str]:
    """What acted: a checkpoint here, or whatever a server elsewhere said that it serves."""
    if config.server is not None:
        return {"server": config.server, "model_id": status["facts"]["model_id"]}
    return {"checkpoint": str(checkpoint), "digest": digest(checkpoint)}


def _carry_out(operator: Operator, goal: str, seed: int) -> tuple[dict[str, Any], bool]:
    """Command, watch, and pass an interruption on; returns the final status and whether there was one."""
    interrupted = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        operator.take(f"handily run, process {os.getpid()}")
        number = operator.run(goal, seed)
        with TerminalView(goal, console()) as view:
            while True:
                status = operator.observe()
                if status["last"] and status["last"]["run"] == number:
                    return status, interrupted
                view.show(status)
                if interrupted:
                    operator.stop()
                time.sleep(1 / _LOOKS_PER_S)
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(
    status: Mapping[str, Any],
    config: RunConfig,
    goal: str,
    folder: Path,
    checkpoint: Path,
    timings_s: dict[str, float],
) -> None:
    """Write the report beside what the robot left, and say where everything is."""
    last = status["last"]
    outcome = Outcome(
        goal=goal,
        success=last["success"],
        reason=last["reason"],
        detail=last["detail"],
        seed=config.seed,
        plan=last["plan"],
        said=last["said"],
        replans=last["replans"],
        scene=status["facts"]["scene"],
        elapsed_s=last["elapsed_s"],
        model=_model(config, checkpoint, status),
        health=last["health"] | status["facts"],
        timings_s=timings_s,
        versions=versions(),
        settings=asdict(config),
    )
    write_outcome(folder, outcome)
    out = console()
    out.print(draw(goal, {**status, **last}))
    out.print(_verdict(last, status["verdict"]))
    out.print(f"{folder}: {', '.join([*last['files'], 'report.json'])}")
    for name in ("recording", "injected"):
        if last.get(name):
            out.print(f"{name}: {last[name]}")


def _verdict(last: Mapping[str, Any], words: str) -> Text:
    """How the run ended, and what the simulator says of that."""
    success, reason = last["success"], last["reason"]
    colour = {True: "bold green", False: "bold red", None: "bold yellow"}[success]
    if reason in SAID:
        verdict = {True: "right", False: "wrong", None: "who knows"}[success]
        return Text.assemble(
            f"{reason}: {last['detail']}\n", (verdict, colour), f", says the simulator: {words}"
        )
    verdict = {True: "done", False: "not done", None: "who knows"}[success]
    detail = f" ({last['detail']})" if last["detail"] else ""
    return Text.assemble((verdict, colour), f", says the simulator; the run ended with {reason}{detail}")
