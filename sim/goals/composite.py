"""One goal carried out end to end: a planner looks, a policy acts, things go wrong, the simulator judges.

An episode is a function of (template, axis, seed, planner, disturbance, policy) and of the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.driver import MujocoDriver
from sim.episode import PolicySource
from sim.expert import ScriptedExpert
from sim.goals import template_named
from sim.goals.evaluate import PLAN_AXES, PlannerSource
from sim.goals.expert import GoalExpert
from sim.goals.homing import Homing
from sim.goals.ledger import Ending, Ledger, Try
from sim.goals.mishaps import MISHAPS, Mishap
from sim.goals.world import GoalWorld
from sim.randomise import along
from sim.seeds import check_evaluation_seed
from vla.bridge.link import LocalLink, Reply
from vla.contract import ContractError, Observation, Plan, Planner, Policy
from vla.planner.patience import HOME, Patience, PatientPlanner
from vla.runtime.asker import AskSettings
from vla.runtime.clock import Clock, SimulatedClock
from vla.runtime.film import Shot
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

PLAYBACK = 2
"""Films of composite episodes play this many times faster than the arm moved."""
_LOOK_EVERY = 4
_SHOT_EVERY = 8
_SETTLING_STEPS = 10


@dataclass(frozen=True, slots=True)
class CompositeSettings:
    """How every episode is played.

    Attributes:
        execute: Rows of a chunk that are carried out before the policy is asked again, at least 1.
        replan_s: Least simulated time between two looks of the planner.
        planner_delay_s: Simulated time that every plan takes; the arm goes on with the old one meanwhile.
        limit_s: An episode that takes longer has failed, in simulated seconds.
        patience: How a plan ends, and when a step is tried again.
        image_size: Height and width of the pictures where the policy does not say, in pixels.
    """

    execute: int = 8
    replan_s: float = 2.0
    planner_delay_s: float = 0.0
    limit_s: float = 180.0
    patience: Patience = field(default_factory=Patience)
    image_size: int = 128

    def __post_init__(self) -> None:
        for name, value in (("execute", self.execute), ("image_size", self.image_size)):
            if value < 1:
                raise ValueError(f"{name} {value} must be at least 1")
        if not (self.replan_s > 0 and self.limit_s > 0 and self.planner_delay_s >= 0):
            raise ValueError(
                f"replan_s {self.replan_s} and limit_s {self.limit_s} must be above 0, "
                f"planner_delay_s {self.planner_delay_s} at least 0"
            )


@dataclass(frozen=True, slots=True)
class CompositeJob:
    """What to play.

    Attributes:
        template: Name of the goal template.
        axis: One of :data:`sim.goals.evaluate.PLAN_AXES`.
        seed: Draws goal, scene and disturbance; at least :data:`sim.seeds.EVALUATION_SEED`.
        planner: Name of the planner, one of those that the player was given.
        disturbance: One of :data:`sim.goals.mishaps.MISHAPS`.
        filmed: Keep the pictures even of a success.
    """

    template: str
    axis: str
    seed: int
    planner: str
    disturbance: str = "none"
    filmed: bool = False

    def __post_init__(self) -> None:
        template_named(self.template)
        check_evaluation_seed(self.seed)
        for what, value, choices in (
            ("axis", self.axis, PLAN_AXES),
            ("disturbance", self.disturbance, MISHAPS),
        ):
            if value not in choices:
                raise ValueError(f"{what} {value!r} is not one of {', '.join(choices)}")


@dataclass(frozen=True, slots=True)
class CompositeEpisode:
    """How one episode went.

    Attributes:
        template: Name of the goal template.
        kind: Its kind.
        held_out: Training never sees the template.
        axis: What was varied.
        seed: Drew everything.
        planner: Who planned.
        disturbance: What was to go wrong.
        happened: It did go wrong, by the simulator's truth.
        at_s: When, in simulated seconds; None where it did not begin.
        goal: What the person said.
        success: The goal is reached in the end; what asks for words is answered rightly, and nothing moved.
        cause: Why it failed, one of :data:`sim.goals.ledger.CAUSES`; "" for a success.
        detail: A line about that.
        said: The note of the last plan.
        tries: Every attempt at an instruction.
        replans: How often the rest of the plan changed.
        retries: How often a step was tried again.
        seconds: Simulated time from the first look to the arm's rest.
    """

    template: str
    kind: str
    held_out: bool
    axis: str
    seed: int
    planner: str
    disturbance: str
    happened: bool
    at_s: float | None
    goal: str
    success: bool
    cause: str
    detail: str
    said: str
    tries: tuple[Try, ...]
    replans: int
    retries: int
    seconds: float


class CompositePlayer:
    """A world, a policy and planners, playing one job after another.

    Args:
        make_policy: Makes the policy, once; the class :class:`sim.expert.ScriptedExpert` stands for the
            scripted expert that follows instructions, :class:`sim.goals.expert.GoalExpert`.
        make_planners: Name to what makes a planner for the world. Each is made when it first plays.
        settings: How to play.
        backend: See :func:`sim.backend.choose_backend`.
        render: False shows black pictures, where nobody looks.

    Raises:
        ContractError: the policy was made for another robot; the message lists the differences.
    """

    def __init__(
        self,
        make_policy: PolicySource,
        make_planners: Mapping[str, PlannerSource],
        settings: CompositeSettings,
        backend: str = "auto",
        render: bool = True,
    ) -> None:
        if isinstance(make_policy, type) and issubclass(make_policy, ScriptedExpert):
            self._world = GoalWorld(settings.image_size, backend, render)
            policy: Policy = GoalExpert(self._world)
        else:
            policy = make_policy()  # pyright: ignore[reportCallIssue]
            height = next(iter(policy.spec.cameras.values()))[0]
            self._world = GoalWorld(height, backend, render)
        if differences := policy.spec.differences(self._world.spec):
            self._world.close()
            raise ContractError("the policy is for another robot: " + "; ".join(differences))
        self._policy = Homing(policy)
        self._make_planners, self._planners = make_planners, dict[str, Planner]()
        self._settings = settings

    def close(self) -> None:
        """Free the renderer; twice is fine."""
        self._world.close()

    def play(self, job: CompositeJob) -> tuple[CompositeEpisode, list[Shot]]:
        """One episode and its pictures; the same job gives the same episode.

        Returns:
            The outcome, and two or three pictures per second where it failed or the job is filmed (none
            otherwise).

        Raises:
            ValueError: the job names a planner that the player was not given.
        """
        template = template_named(job.template)
        goal = self._world.lay(template, job.seed, along(job.axis))
        patient = PatientPlanner(self._planner(job.planner), self._settings.patience)
        run = _Run(self._world, Mishap(self._world, job.disturbance, job.axis in ("layout", "all")))
        ending, seconds = run.play(self._policy, patient, self._settings, job.seed)
        success, cause, detail = run.ledger.verdict(ending)
        episode = CompositeEpisode(
            template=template.name,
            kind=template.kind,
            held_out=template.held_out,
            axis=job.axis,
            seed=job.seed,
            planner=job.planner,
            disturbance=job.disturbance,
            happened=run.mishap.happened,
            at_s=None if run.mishap.at_s is None else round(run.mishap.at_s, 2),
            goal=goal.text,
            success=success,
            cause=cause,
            detail=detail,
            said="" if ending.plan is None else ending.plan.note,
            tries=tuple(run.ledger.tries),
            replans=run.ledger.replans,
            retries=patient.retries,
            seconds=round(seconds, 2),
        )
        return episode, run.shots if job.filmed or not success else []

    def _planner(self, name: str) -> Planner:
        if name not in self._make_planners:
            raise ValueError(f"planner {name!r} is not one of {', '.join(self._make_planners)}")
        if name not in self._planners:
            self._planners[name] = self._make_planners[name](self._world)
        return self._planners[name]


class _Run:
    """One episode while it is played."""

    def __init__(self, world: GoalWorld, mishap: Mishap) -> None:
        self._world, self.mishap, self.ledger = world, mishap, Ledger(world)
        self._ticks = 0
        self.shots: list[Shot] = []

    def play(
        self, policy: Policy, patient: PatientPlanner, settings: CompositeSettings, seed: int
    ) -> tuple[Ending, float]:
        """Act until the plan ends or the time is up; returns how it ended and how long it took."""
        world, clock = self._world, SimulatedClock()
        link = _SlowPlans(policy, patient, settings.planner_delay_s, clock)
        ask = AskSettings(
            replan_s=settings.execute * world.spec.dt_s,
            act_timeout_s=settings.limit_s,
            plan_period_s=settings.replan_s,
            plan_timeout_s=settings.limit_s,
            lost_s=settings.limit_s,
        )
        loop = LoopSettings(timeout_s=settings.limit_s, ask=ask, engage=EngageSettings(proof_s=0.0))
        driver = MujocoDriver(world, lazy=True)
        result = ControlLoop(driver, link, clock, loop, [self._look]).run(world.goal.text, seed)
        for _ in range(_SETTLING_STEPS):
            world.hold()
        self.ledger.close(result.elapsed_s)
        self._shoot("the end")
        return Ending(result.reason, result.plan, patient.gave_up), result.elapsed_s

    def _look(self, report: TickReport) -> None:
        """Every few ticks: keep book, strike where it is time to, keep a picture."""
        self._ticks += 1
        if self._ticks % _SHOT_EVERY == 1:
            self._shoot(report.instruction or (report.plan.note if report.plan else "") or "waits")
        if self._ticks % _LOOK_EVERY != 1:
            return
        state, truth = self._world.symbols(), self._world.truth()
        now_s, plan, instruction = self._world.time_s, report.plan, report.instruction
        self.ledger.look(now_s, plan, instruction, state, truth)
        acts = plan is not None and instruction not in (None, HOME)
        self.mishap.look(now_s, plan.steps[plan.index :] if plan and acts else (), state, truth)

    def _shoot(self, caption: str) -> None:
        struck = " [disturbed]" if self.mishap.at_s is not None else ""
        self.shots.append(Shot(self._world.pictures(), caption + struck, self._world.time_s))


class _SlowPlans(LocalLink):
    """A link on which plans take their time on a clock, while chunks come at once."""

    def __init__(self, policy: Policy, planner: Planner, delay_s: float, clock: Clock) -> None:
        super().__init__(policy, planner)
        self._delay_s, self._clock = delay_s, clock
        self._due: list[tuple[float, Reply]] = []

    def request_plan(self, goal: str, observation: Observation, previous: Plan | None) -> int:
        """Plan from what is seen now; the answer comes later."""
        seq = super().request_plan(goal, observation, previous)
        self._due = [(self._clock.now_s() + self._delay_s, self._replies.pop("plan"))]
        return seq

    def poll(self, timeout_s: float = 0.0) -> list[Reply]:
        """The unread answers that are due."""
        now_s = self._clock.now_s()
        ready = [reply for due_s, reply in self._due if due_s <= now_s + 1e-9]
        self._due = [(due_s, reply) for due_s, reply in self._due if due_s > now_s + 1e-9]
        return [*ready, *super().poll(timeout_s)]
