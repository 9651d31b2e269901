"""Evaluation without motion: does a policy see which thing is meant, where it is, and where it should go?

Each scene is asked about in the words of several instructions that make sense in it. The simulated world says
what is true; a policy sees pictures, the robot's own state and the words.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.backend import choose_backend
from sim.crew import play_in_order
from sim.randomise import AXES, along
from sim.seeds import EVALUATION_SEED, check_evaluation_seed
from sim.tasks import TASKS, task_named
from sim.world import World
from vla.contract import ContractError, Observation, RobotSpec
from vla.dataset.schema import write_text
from vla.planner.verdicts import Portion
from vla.runtime.film import Shot
from vla.runtime.outcome import versions

POINTING_AXES: Final = ("base", *AXES, "all")
NEAR_M: Final = 0.02
"""Within this distance a place counts as found: half a block's width."""


class Belief(Protocol):
    """What a policy makes of an instruction; the positions are (3,) in m, in the robot's base frame."""

    @property
    def target(self) -> NDArray[np.float32]: ...
    @property
    def destination(self) -> NDArray[np.float32]: ...
    @property
    def family(self) -> str: ...


class Pointer(Protocol):
    """Whoever can say what an instruction means in what is seen."""

    @property
    def spec(self) -> RobotSpec: ...

    def look(self, observation: Observation, instruction: str) -> Belief:
        """What is made of the instruction."""
        ...


PointerMaker = Callable[[], Pointer]


@dataclass(frozen=True, slots=True)
class Glance:
    """What one policy made of one instruction.

    Attributes:
        policy: Its name.
        task: Task family that laid the scene.
        axis: What was varied, one of :data:`POINTING_AXES`.
        seed: Draws the scene.
        instruction: What was asked.
        target_m: How far the target is from where the policy believes it.
        destination_m: The same of the destination; None where there is none.
        family: Whether the policy takes the instruction for one of its family.
    """

    policy: str
    task: str
    axis: str
    seed: int
    instruction: str
    target_m: float
    destination_m: float | None
    family: bool


@dataclass(frozen=True, slots=True)
class PointingReport:
    """What an evaluation found.

    Attributes:
        settings: Policies, tasks, axes, scenes, questions, seed: what a rerun needs.
        versions: Versions of Python and the packages that matter.
        glances: In the order of axes, tasks, scenes, questions and policies.
        wall_s: How long it took; not part of the result.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    glances: tuple[Glance, ...]
    wall_s: float = field(default=0.0, compare=False)

    def shares(self, policy: str, axis: str) -> dict[str, Portion]:
        """How often a policy was right on an axis: ``target``, ``destination``, ``family``, ``all`` three."""
        found = [glance for glance in self.glances if (glance.policy, glance.axis) == (policy, axis)]
        near = [glance.target_m < NEAR_M for glance in found]
        there = [None if g.destination_m is None else g.destination_m < NEAR_M for g in found]
        family = [glance.family for glance in found]
        every = [a and b is not False and c for a, b, c in zip(near, there, family, strict=True)]
        judged = [right for right in there if right is not None]
        named = {"target": near, "destination": judged, "family": family, "all": every}
        return {name: Portion(sum(right), len(right)) for name, right in named.items()}

    def write(self, path: Path) -> None:
        """Write the manifest as JSON; it appears only when it is complete."""
        pairs = [(policy, axis) for policy in self.settings["policies"] for axis in self.settings["axes"]]
        content = {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "wall_s": round(self.wall_s, 1),
            "shares": [
                {"policy": policy, "axis": axis}
                | {name: share.to_dict() for name, share in self.shares(policy, axis).items()}
                for policy, axis in pairs
            ],
            "glances": [asdict(glance) for glance in self.glances],
        }
        write_text(path, json.dumps(content, indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class PointingJob:
    """One scene to ask about."""

    task: str
    axis: str
    seed: int

    def __post_init__(self) -> None:
        task_named(self.task)
        if self.axis not in POINTING_AXES:
            raise ValueError(f"axis {self.axis!r} is not one of {', '.join(POINTING_AXES)}")
        check_evaluation_seed(self.seed)


class PointingPlayer:
    """A world and some policies, asked about one scene after another.

    Args:
        make_pointers: Name to what makes a policy; all are for the same robot.
        questions: Instructions per scene, the first one is the scene's own.
        backend: See :func:`sim.backend.choose_backend`.

    Raises:
        ContractError: a policy was made for another robot; the message lists the differences.
    """

    def __init__(self, make_pointers: Mapping[str, PointerMaker], questions: int, backend: str) -> None:
        self._pointers = {name: make() for name, make in make_pointers.items()}
        first = next(iter(self._pointers.values()))
        self._world = World(next(iter(first.spec.cameras.values()))[0], backend)
        for name, pointer in self._pointers.items():
            differences = pointer.spec.differences(self._world.spec)
            if differences:
                self._world.close()
                raise ContractError(f"{name} is for another robot: " + "; ".join(differences))
        self._questions = questions

    def play(self, job: PointingJob, /) -> tuple[list[Glance], list[Shot]]:
        """What everyone makes of a scene; the same job gives the same glances."""
        scenario = self._world.reset(job.task, job.seed, along(job.axis))
        observation, truth = self._world.observe(), self._world.truth()
        glances: list[Glance] = []
        asked = zip(scenario.queries, scenario.texts, strict=True)
        for query, texts in islice(asked, self._questions):
            goal_m = query.goal_m(truth)
            for name, pointer in self._pointers.items():
                belief = pointer.look(observation, texts[0])
                destination_m = None
                if np.isfinite(goal_m).all():
                    destination_m = float(np.linalg.norm(belief.destination - goal_m))
                miss_m = float(np.linalg.norm(belief.target - truth.position_m[query.target]))
                right = belief.family == query.family
                glances.append(
                    Glance(name, job.task, job.axis, job.seed, texts[0], miss_m, destination_m, right)
                )
        return glances, []


def evaluate_pointing(
    make_pointers: Mapping[str, PointerMaker],
    tasks: Sequence[str] = tuple(TASKS),
    axes: Sequence[str] = ("base",),
    scenes: int = 25,
    questions: int = 4,
    seed: int = EVALUATION_SEED,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
    *,
    backend: str = "auto",
    more_settings: Mapping[str, Any] | None = None,
) -> PointingReport:
    """Ask every policy about the same scenes, in the same words.

    Args:
        make_pointers: Name to what makes a policy, once per worker, so it must be picklable.
        tasks: Task families that lay scenes.
        axes: Some of :data:`POINTING_AXES`; each varies one thing against ``"base"``.
        scenes: Per task and axis, at least 1.
        questions: Most instructions per scene, at least 1.
        seed: First scene seed, at least :data:`sim.seeds.EVALUATION_SEED`.
        workers: Processes; 0 means one per core that this process may use.
        progress: Told (scenes done, scenes in all) after each scene.
        backend: See :func:`sim.backend.choose_backend`.
        more_settings: Written into the manifest's settings too.

    Raises:
        ValueError: an argument is outside its choices, or ``seed`` may have been trained on.
        ContractError: a policy was made for another robot.
    """
    for what, value, least in (("scenes", scenes, 1), ("questions", questions, 1), ("workers", workers, 0)):
        if value < least:
            raise ValueError(f"{what} {value} must be at least {least}")
    named = {"policies": make_pointers, "tasks": tasks, "axes": axes}
    varied = {what: list(dict.fromkeys(names)) for what, names in named.items()}
    for what, names in varied.items():
        if not names:
            raise ValueError(f"{what} must name at least one, got none")
    jobs = [
        PointingJob(task, axis, seed + k)
        for axis in varied["axes"]
        for task in varied["tasks"]
        for k in range(scenes)
    ]
    began_s = time.monotonic()
    player = partial(PointingPlayer, make_pointers, questions, choose_backend(backend))
    asked = play_in_order(player, jobs, workers, progress)
    settings = {
        **(more_settings or {}),
        "suite": "pointing",
        **varied,
        "scenes": scenes,
        "questions": questions,
        "seed": seed,
    }
    glances = tuple(chain.from_iterable(asked))
    return PointingReport(settings, versions(), glances, time.monotonic() - began_s)
