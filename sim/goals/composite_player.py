"""One goal end to end: a planner looks, a policy acts, things go wrong, the simulator judges."""

from __future__ import annotations

from collections.abc import Mapping

from sim.driver import MujocoDriver
from sim.episode import PolicySource
from sim.expert import ScriptedExpert
from sim.goals import template_named
from sim.goals.composite import CompositeEpisode, CompositeJob, CompositeSettings
from sim.goals.evaluate import PlannerSource
from sim.goals.expert import GoalExpert
from sim.goals.homing import knowing_the_way_home
from sim.goals.ledger import Ending, Ledger
from sim.goals.mishaps import Mishap
from sim.goals.world import GoalWorld
from sim.randomise import along
from vla.bridge.link import LocalLink, Reply
from vla.contract import ContractError, Observation, Plan, Planner, Policy
from vla.planner.patience import HOME, PatientPlanner
from vla.runtime.asker import AskSettings
from vla.runtime.clock import Clock, SimulatedClock
from vla.runtime.film import Shot
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

_LOOK_EVERY = 4
_SHOT_EVERY = 8
_SETTLING_STEPS = 10


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
        self._policy = knowing_the_way_home(policy)
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
            plan_looks=1,  # the patient planner has looked often enough
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
