"""A composite episode: a goal of several instructions, carried out end to end; what was asked, what came.

An episode is a function of (template, axis, seed, planner, disturbance, policy) and of the settings.
:mod:`sim.goals.composite_player` plays them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.goals import template_named
from sim.goals.evaluate import PLAN_AXES
from sim.goals.ledger import Try
from sim.goals.mishaps import MISHAPS
from sim.seeds import check_evaluation_seed
from vla.planner.patience import Patience


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
