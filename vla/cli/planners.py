"""Which planner a command means: the one table of planners that can be served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from vla.cli.checkpoints import shipped_planner
from vla.cli.vision_language import vision_language_model
from vla.contract import Planner, SuccessDetector
from vla.planner.language import LanguagePlanner
from vla.planner.patience import Patience, PatientPlanner


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """What a server tells the planner that it makes.

    Attributes:
        done_threshold: A step counts as done above this probability, in (0, 1).
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        threads: torch's threads on a CPU; 0 leaves torch's choice.
        model: What looks and talks: None for the model that comes with handily; see
            :func:`vla.cli.vision_language.vision_language_model`.
        patience: When a step is tried again, and how; ``recovery="home"`` is for policies that know the way.
    """

    done_threshold: float = 0.7
    device: str = "auto"
    threads: int = 0
    model: str | None = None
    patience: Patience = field(default_factory=lambda: Patience(recovery="hold"))


PlannerMaker = Callable[[Path, SuccessDetector, PlannerSettings], Planner]
"""Makes a planner of the policy's checkpoint folder, the policy as a detector of success, and settings. It
imports torch only when it is called: this table is read by commands that must not load it."""


def llava_planner(model: str | None) -> Planner:
    """The small model that looks; None is the one that comes with handily."""
    # Only now: other planners should not have to wait for torch.
    from vla.models.talking import TalkingLlava
    from vla.planner.llava import LlavaPlanner
    from vla.planner.sight import sight_words

    return LlavaPlanner(TalkingLlava.load(shipped_planner() if model is None else model, read=sight_words))


def prompted_planner(model: str | None, device: str) -> Planner:
    """Any other vision-language model; see :func:`vla.cli.vision_language.vision_language_model`."""
    from vla.planner.prompted import PromptedPlanner

    return PromptedPlanner(vision_language_model(model, device))


def _language(checkpoint: Path, policy: SuccessDetector, settings: PlannerSettings) -> Planner:
    """Splits the sentence by its words, and ticks off what the policy sees done."""
    del checkpoint
    patience = replace(settings.patience, looks=1)  # a step is ticked off after two looks anyway
    return PatientPlanner(LanguagePlanner(policy, settings.done_threshold), patience)


def _llava(checkpoint: Path, policy: SuccessDetector, settings: PlannerSettings) -> Planner:
    """Looks at every plan anew, with the small model that comes with handily."""
    del checkpoint, policy
    return PatientPlanner(llava_planner(settings.model), settings.patience)


def _prompted(checkpoint: Path, policy: SuccessDetector, settings: PlannerSettings) -> Planner:
    """Asks any other vision-language model."""
    del checkpoint, policy
    planner = prompted_planner(settings.model, settings.device)
    return PatientPlanner(planner, settings.patience)


PLANNERS: Final[Mapping[str, PlannerMaker]] = {
    "language": _language,
    "llava": _llava,
    "prompted": _prompted,
}
"""Planner by name."""
