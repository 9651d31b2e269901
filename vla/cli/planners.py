"""Which planner a command means: the one table of planners that can be served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vla.contract import Planner, SuccessDetector
from vla.planner.language import LanguagePlanner


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """What a server tells the planner that it makes.

    Attributes:
        done_threshold: A step counts as done above this probability, in (0, 1).
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        threads: torch's threads on a CPU; 0 leaves torch's choice.
    """

    done_threshold: float = 0.7
    device: str = "auto"
    threads: int = 0


PlannerMaker = Callable[[Path, SuccessDetector, PlannerSettings], Planner]
"""Makes a planner of the policy's checkpoint folder, the policy as a detector of success, and settings. It
imports torch only when it is called: this table is read by commands that must not load it."""


def _language(checkpoint: Path, policy: SuccessDetector, settings: PlannerSettings) -> Planner:
    """Splits the sentence by its words, and ticks off what the policy sees done."""
    del checkpoint
    return LanguagePlanner(policy, settings.done_threshold)


PLANNERS: Final[Mapping[str, PlannerMaker]] = {"language": _language}
"""Planner by name."""
