"""One evaluated episode: a policy acts in a world until the instruction is fulfilled or time is up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sim.driver import MujocoDriver
from sim.expert import ScriptedExpert
from sim.objects import POOL
from sim.randomise import AXES, BASE, along
from sim.seeds import check_evaluation_seed
from sim.tasks import task_named
from sim.truth import Query
from sim.world import Scenario, World
from vla.bridge.images import check_encoding, decode_image, encode_image
from vla.bridge.link import Link, LocalLink
from vla.contract import ActionChunk, ContractError, Observation, Policy, Prefix
from vla.runtime.asker import AskSettings
from vla.runtime.chunks import EXECUTIONS
from vla.runtime.clock import SimulatedClock
from vla.runtime.faults import Fault
from vla.runtime.faulty_model import FaultyLink
from vla.runtime.film import Shot
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

COUNTERFACTUAL = "counterfactual"
"""Same scene, other words: success means that the object that was moved (or reached) is the one now named."""

EVALUATION_AXES = ("base", *AXES, "all", COUNTERFACTUAL)

PolicySource = Callable[[], Policy] | type[ScriptedExpert]
"""Makes a policy, or is the expert's class, which needs the world. It must be importable in a new process."""

MAX_DELAY_S = 5.0
_MOVED_M = 0.02
_SHOT_EVERY = 4
SHOTS_PER_S = 20 / _SHOT_EVERY
_RETRY_STRIDE = 100_000
_RETRIES = 30


@dataclass(frozen=True, slots=True)
class Job:
    """What to play.

    Attributes:
        task: Task family that lays the scene.
        axis: One of :data:`EVALUATION_AXES`.
        seed: Scene seed, at least :data:`sim.seeds.EVALUATION_SEED`.
        filmed: Keep the pictures even of a success.
        execution: How chunks are carried out, one of :data:`vla.runtime.chunks.EXECUTIONS`.
        delay_s: How long every answer of the policy takes, in simulated seconds.
        images: How pictures reach the policy, one of :data:`vla.bridge.images.ENCODINGS`.
    """

    task: str
    axis: str
    seed: int
    filmed: bool = False
    execution: str = "rtc"
    delay_s: float = 0.0
    images: str = "raw"

    def __post_init__(self) -> None:
        check_encoding(self.images)
        if self.execution not in EXECUTIONS:
            raise ValueError(f"execution {self.execution!r} is not one of {', '.join(EXECUTIONS)}")
        if not 0 <= self.delay_s <= MAX_DELAY_S:
            raise ValueError(f"delay_s {self.delay_s} is outside 0..{MAX_DELAY_S:g}")
        task_named(self.task)
        check_axis(self.axis)
        check_evaluation_seed(self.seed)


@dataclass(frozen=True, slots=True)
class Episode:
    """How one episode went.

    Attributes:
        task: Task family that laid the scene.
        axis: What was varied.
        seed: Scene seed that was played (a counterfactual may have to skip some).
        alternative: Which of the scene's queries was asked.
        asked: Task family of the instruction; differs from ``task`` in counterfactuals only.
        instruction: What the policy was told.
        success: Whether it was fulfilled; in counterfactuals, whether the named object was the one acted on.
        steps: Control steps played.
        horizon: Control steps allowed.
        target: Entity row the instruction names.
        touched: Entity row of the first object that was moved (for "reach", the nearest at the end), or -1.
        execution: How chunks were carried out.
        delay_s: How long every answer took, in simulated seconds.
        images: How pictures reached the policy.
    """

    task: str
    axis: str
    seed: int
    alternative: int
    asked: str
    instruction: str
    success: bool
    steps: int
    horizon: int
    target: int
    touched: int
    execution: str = "rtc"
    delay_s: float = 0.0
    images: str = "raw"


def check_axis(axis: str) -> None:
    """Refuse an unknown axis.

    Raises:
        ValueError: ``axis`` is not one of :data:`EVALUATION_AXES`.
    """
    if axis not in EVALUATION_AXES:
        raise ValueError(f"axis {axis!r} is not one of {', '.join(EVALUATION_AXES)}")


class _Coded:
    """A policy whose pictures have crossed a wire."""

    def __init__(self, policy: Policy, encoding: str) -> None:
        self._policy, self._encoding = policy, encoding
        self.spec = policy.spec

    def reset(self, seed: int) -> None:
        self._policy.reset(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        pictures = {
            name: decode_image(name, encode_image(picture, self._encoding), self._encoding, picture.shape[:2])
            for name, picture in observation.images.items()
        }
        return self._policy.act(replace(observation, images=pictures), instruction, prefix)


class Player:
    """A world and a policy, playing one job after another.

    Args:
        make_policy: Makes the policy, once.
        execute: Rows of each chunk that are carried out before the policy is asked again, at least 1.
        backend: See :func:`sim.backend.choose_backend`.

    Raises:
        ContractError: the policy was made for another robot; the message lists the differences.
    """

    def __init__(self, make_policy: PolicySource, execute: int, backend: str) -> None:
        if isinstance(make_policy, type) and issubclass(make_policy, ScriptedExpert):
            self._world = World(backend=backend)
            self._policy: Policy = make_policy(self._world)
        else:
            self._policy = make_policy()  # pyright: ignore[reportCallIssue]
            height = next(iter(self._policy.spec.cameras.values()))[0]
            self._world = World(height, backend)
        differences = self._policy.spec.differences(self._world.spec)
        if differences:
            self._world.close()
            raise ContractError("the policy is for another robot: " + "; ".join(differences))
        self._execute = execute

    def close(self) -> None:
        """Free the renderer; twice is fine."""
        self._world.close()

    def play(self, job: Job) -> tuple[Episode, list[Shot]]:
        """One episode and its pictures; the same job gives the same episode.

        Returns:
            The outcome, and pictures of every fourth control step and the end where it failed or the job is
            filmed (none otherwise).
        """
        scenario, alternative = self._lay(job)
        film = _Film(self._world)
        watch = _Watch(self._world, scenario.queries[0])
        film.keep()
        steps, success = self._drive(job, scenario, film, watch)
        touched = watch.touched()
        if job.axis == COUNTERFACTUAL:
            success = touched == scenario.queries[0].target
        film.keep()
        return Episode(
            task=job.task,
            axis=job.axis,
            seed=scenario.seed,
            alternative=alternative,
            asked=scenario.task,
            instruction=scenario.instruction,
            success=success,
            steps=steps,
            horizon=scenario.horizon,
            target=scenario.queries[0].target,
            touched=touched,
            execution=job.execution,
            delay_s=job.delay_s,
            images=job.images,
        ), film.shots if job.filmed or not success else []

    def _drive(self, job: Job, scenario: Scenario, film: _Film, watch: _Watch) -> tuple[int, bool]:
        """Act until success or the horizon; returns the steps played and whether it succeeded."""
        world, stop, clock = self._world, threading.Event(), SimulatedClock()
        policy = self._policy if job.images == "raw" else _Coded(self._policy, job.images)
        link: Link = LocalLink(policy)
        if job.delay_s:
            link = FaultyLink(link, [Fault("link", "delayed", amount=job.delay_s)], clock)
        steps, success = 0, False

        def look(report: TickReport) -> None:
            nonlocal steps, success
            if success or steps == scenario.horizon:
                return  # the arm only comes to rest
            steps += 1
            watch.look()
            success = world.success()
            if success:
                stop.set()
            elif steps % _SHOT_EVERY == 0:
                film.keep()

        dt_s = world.spec.dt_s
        patience_s = scenario.horizon * dt_s
        ask = AskSettings(
            execution=job.execution,
            replan_s=self._execute * dt_s,
            act_timeout_s=patience_s,
            lost_s=patience_s,
        )
        settings = LoopSettings(timeout_s=patience_s, ask=ask, engage=EngageSettings(proof_s=0.0))
        driver = MujocoDriver(world, lazy=True)
        ControlLoop(driver, link, clock, settings, [look]).run(scenario.instruction, job.seed, stop)
        return steps, success

    def _lay(self, job: Job) -> tuple[Scenario, int]:
        """Reset the world for a job; returns the scenario and which of the scene's queries it asks."""
        if job.axis != COUNTERFACTUAL:
            return self._world.reset(job.task, job.seed, along(job.axis)), 0
        for retry in range(_RETRIES):
            seed = job.seed + retry * _RETRY_STRIDE
            queries = self._world.reset(job.task, seed, BASE).queries
            for k, query in enumerate(queries):
                if query.target != queries[0].target and query.target < len(POOL):
                    return self._world.reset(job.task, seed, BASE, alternative=k), k
        raise RuntimeError(f"no scene of {job.task!r} from seed {job.seed} on has a second object to ask for")


class _Film:
    """Pictures on the way; drawn anew only where the policy's own observation is not at hand."""

    def __init__(self, world: World) -> None:
        self._world, self._seen = world, world.observe()
        self.shots: list[Shot] = []

    def keep(self) -> None:
        if self._seen.stamp_s != self._world.time_s:
            self._seen = self._world.observe()
        self.shots.append(Shot(self._seen.images, self._world.scenario.instruction, self._seen.stamp_s))


class _Watch:
    """Sees which object is acted on: the first that moves; for "reach" the nearest to the tool at the end."""

    def __init__(self, world: World, query: Query) -> None:
        self._world, self._query = world, query
        self._start_m = world.truth().position_m[: len(POOL)].copy()
        self._moved = -1

    def look(self) -> None:
        if self._moved >= 0:
            return
        offset_m = np.linalg.norm(self._world.truth().position_m[: len(POOL)] - self._start_m, axis=1)
        offset_m = np.nan_to_num(offset_m)
        if offset_m.max() > _MOVED_M:
            self._moved = int(offset_m.argmax())

    def touched(self) -> int:
        if self._query.family != "reach":
            return self._moved
        truth = self._world.truth()
        return int(np.nanargmin(np.linalg.norm(truth.position_m[: len(POOL)] - truth.tool_m, axis=1)))
