"""Evaluation of detectors of success: is an instruction done, by pictures and the robot's own state alone?

All detectors are asked about the same moments of the same scenes, which are drawn from the seeds that belong
to evaluation. The simulated world says what is true; no detector is told.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sim.goals.moments import CASES, FAMILIES, Case, lay_moment
from sim.goals.world import GoalWorld
from sim.seeds import EVALUATION_SEED, check_evaluation_seed
from vla.contract import ContractError, SuccessDetector
from vla.dataset.schema import write_text
from vla.planner.verdicts import Verdicts, numbers
from vla.runtime.outcome import versions

Progress = Callable[[int, int], None]
"""Told (scenes done, scenes in all) after each scene."""

AT_WORK: Final = tuple(case for case in CASES if case != "done before")
"""What a detector is asked that ticks steps off as the arm does them."""

_ORDER: tuple[Case, ...] = ("just done", "not yet", "done before", "almost")


@dataclass(frozen=True, slots=True)
class Look:
    """What one detector made of one instruction.

    Attributes:
        detector: Its name.
        family: The instruction's task family.
        case: See :data:`sim.goals.moments.CASES`.
        template: The goal template on the way to which this was.
        seed: Draws the scene.
        instruction: What was asked about.
        done: The truth.
        probability: What the detector said, in [0, 1].
        wall_s: Seconds that it took; not part of the result.
    """

    detector: str
    family: str
    case: str
    template: str
    seed: int
    instruction: str
    done: bool
    probability: float
    wall_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class SuccessReport:
    """What an evaluation of detectors found.

    Attributes:
        settings: Families, scenes, seed, and ``thresholds`` by detector: what a rerun needs.
        versions: Versions of Python and the packages that matter.
        looks: In the order of families, scenes, questions and detectors.
        wall_s: How long it took; not part of the result.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    looks: tuple[Look, ...]
    wall_s: float = field(default=0.0, compare=False)

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Detector to the probability above which it takes an instruction to be done."""
        return self.settings["thresholds"]

    def verdicts(
        self,
        detector: str,
        family: str | None = None,
        cases: Sequence[str] = CASES,
        threshold: float | None = None,
    ) -> Verdicts:
        """A detector's verdicts.

        Args:
            detector: Its name.
            family: Of this family only.
            cases: Of these cases only.
            threshold: Instead of the one in use.
        """
        limit = self.thresholds[detector] if threshold is None else threshold
        found = Counter(
            (look.done, look.probability > limit)
            for look in self.looks
            if look.detector == detector and family in (None, look.family) and look.case in cases
        )
        return Verdicts(found[True, True], found[False, True], found[True, False], found[False, False])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: settings, versions, numbers by detector and family, and every look."""
        families = (None, *self.settings["families"])
        return {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "wall_s": round(self.wall_s, 1),
            "summary": {
                name: {family or "all": numbers(self.verdicts(name, family)) for family in families}
                | {"at work": numbers(self.verdicts(name, cases=AT_WORK))}
                for name in self.thresholds
            },
            "looks": [asdict(look) for look in self.looks],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SuccessReport:
        """Rebuild a report from :meth:`to_dict`'s output.

        Raises:
            ContractError: it is something else.
        """
        try:
            looks = tuple(Look(**look) for look in data["looks"])
            return cls(data["settings"], data["versions"], looks, data["wall_s"])
        except (KeyError, TypeError) as error:
            raise ContractError(f"not a manifest of detectors: {error!r}") from error

    def write(self, path: Path) -> None:
        """Write the manifest as JSON; it appears only when it is complete."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def evaluate_success(
    detectors: Mapping[str, SuccessDetector],
    thresholds: Mapping[str, float],
    families: Sequence[str] = FAMILIES,
    scenes: int = 200,
    seed: int = EVALUATION_SEED,
    progress: Progress | None = None,
    *,
    image_size: int = 128,
    render: bool = True,
    backend: str = "auto",
    more_settings: Mapping[str, Any] | None = None,
) -> SuccessReport:
    """Ask every detector about every moment.

    In every other scene the instruction has been carried out, just now or before; in the rest it is about to
    be or nearly done, in turn. Where it has been, and there is something else of the kind to ask about, that
    is asked as well.

    Args:
        detectors: By name.
        thresholds: Per detector, in (0, 1): an instruction counts as done above it.
        families: Task families.
        scenes: Per family, at least 1.
        seed: First seed, at least :data:`sim.seeds.EVALUATION_SEED`.
        progress: Called after each scene.
        image_size: Height and width of the pictures that the detectors see, in pixels.
        render: False shows black pictures.
        backend: See :func:`sim.backend.choose_backend`.
        more_settings: Written into the manifest's settings too.

    Raises:
        ValueError: an argument is outside its choices, or ``seed`` may have been trained on.
    """
    families = tuple(dict.fromkeys(families))
    check_evaluation_seed(seed)
    _check(detectors, thresholds, families, scenes)
    began_s = time.monotonic()
    looks: list[Look] = []
    with GoalWorld(image_size, backend, render) as world:
        jobs = [(family, k) for family in families for k in range(scenes)]
        for done, (family, k) in enumerate(jobs, 1):
            looks += _looks(world, detectors, family, _ORDER[k % len(_ORDER)], seed + k)
            if progress is not None:
                progress(done, len(jobs))
    settings = {
        **(more_settings or {}),
        "suite": "success",
        "thresholds": dict(thresholds),
        "families": list(families),
        "scenes": scenes,
        "seed": seed,
        "image_size": image_size,
    }
    return SuccessReport(settings, versions(), tuple(looks), time.monotonic() - began_s)


def _check(
    detectors: Mapping[str, SuccessDetector],
    thresholds: Mapping[str, float],
    families: Sequence[str],
    scenes: int,
) -> None:
    if scenes < 1:
        raise ValueError(f"scenes {scenes} must be at least 1")
    for what, names in (("detectors", detectors), ("families", families)):
        if not names:
            raise ValueError(f"{what} must name at least one, got none")
    for family in families:
        if family not in FAMILIES:
            raise ValueError(f"family {family!r} is not one of {', '.join(FAMILIES)}")
    if thresholds.keys() != detectors.keys():
        raise ValueError(f"thresholds are for {sorted(thresholds)}, detectors are {sorted(detectors)}")
    for name, threshold in thresholds.items():
        if not 0 < threshold < 1:
            raise ValueError(f"threshold {threshold} of {name} is outside (0, 1)")


def _looks(
    world: GoalWorld, detectors: Mapping[str, SuccessDetector], family: str, case: Case, seed: int
) -> Iterator[Look]:
    moment = lay_moment(world, family, case, seed)
    observation = world.observe()
    for question in moment.questions:
        for name, detector in detectors.items():
            asked_s = time.monotonic()
            probability = detector.success(observation, question.instruction)
            yield Look(
                detector=name,
                family=question.family,
                case=question.case,
                template=moment.template,
                seed=seed,
                instruction=question.instruction,
                done=question.done,
                probability=round(float(probability), 6),
                wall_s=round(time.monotonic() - asked_s, 5),
            )
