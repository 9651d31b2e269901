"""What an examination found: shares by type of question and wording, with their bounds, as a manifest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sim.instruct import KINDS, TYPES
from sim.instruct.examination import SPLITS, Trial
from sim.instruct.scoring import Overlap
from vla.contract import ContractError
from vla.dataset.schema import write_text
from vla.wilson import wilson_interval


@dataclass(frozen=True, slots=True)
class Mark:
    """How often a kind or type of question was answered rightly; ``low`` and ``high`` are 95 % Wilson.

    Attributes:
        what: A kind or type, or "all".
        split: The wordings.
        trials: Questions.
        right: Answered as expected.
        low: Lower bound of the share.
        high: Upper bound.
        commonest: Right answers of whoever always gives each type's commonest answer here, without looking.
    """

    what: str
    split: str
    trials: int
    right: int
    low: float
    high: float
    commonest: int

    @property
    def rate(self) -> float:
        """Share of right answers, 0 without questions."""
        return self.right / self.trials if self.trials else 0.0


@dataclass(frozen=True, slots=True)
class Mentions:
    """Of the things that descriptions mention, how many are there, and of those that are there, how many
    they mention; with 95 % Wilson bounds.

    Attributes:
        what: A type of description, or "description" for all of them.
        split: The wordings.
        counts: Things over all descriptions.
    """

    what: str
    split: str
    counts: Overlap

    @property
    def precision(self) -> tuple[float, float, float]:
        """Share, lower and upper bound."""
        return self.counts.precision, *wilson_interval(self.counts.right, self.counts.mentioned)

    @property
    def recall(self) -> tuple[float, float, float]:
        """Share, lower and upper bound."""
        return self.counts.recall, *wilson_interval(self.counts.right, self.counts.there)


@dataclass(frozen=True, slots=True)
class ExamReport:
    """An examination.

    Attributes:
        settings: What a rerun needs.
        versions: Versions of Python and the packages that matter.
        trials: In the order of scenes.
        wall_s: How long it took; not part of the result.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    trials: tuple[Trial, ...]
    wall_s: float = field(default=0.0, compare=False)

    def marks(self) -> tuple[Mark, ...]:
        """All questions, each kind and each type that was asked, in this order; splits in turn."""
        of_kind = {kind: [t for t in self.trials if t.kind == kind] for kind in KINDS}
        of_type = {name: [t for t in self.trials if t.type == name] for name in TYPES}
        groups = {"all": list(self.trials), **of_kind, **of_type}
        return tuple(
            _mark(what, split, [trial for trial in trials if trial.split == split])
            for what, trials in groups.items()
            if trials
            for split in SPLITS
        )

    def mentions(self) -> tuple[Mentions, ...]:
        """All descriptions and each type of them that was asked for; splits in turn."""
        told = [trial for trial in self.trials if trial.overlap is not None]
        types = dict.fromkeys(name for name in TYPES if any(trial.type == name for trial in told))
        return tuple(
            Mentions(
                what,
                split,
                sum(
                    (t.overlap for t in told if t.split == split and what in (t.type, t.kind) and t.overlap),
                    Overlap(0, 0, 0),
                ),
            )
            for what in (("description", *types) if told else ())
            for split in SPLITS
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: settings, versions, marks and every trial."""
        told = [
            {
                "what": m.what,
                "split": m.split,
                **asdict(m.counts),
                "precision": m.precision,
                "recall": m.recall,
            }
            for m in self.mentions()
        ]
        return {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "wall_s": round(self.wall_s, 1),
            "marks": [asdict(mark) | {"rate": mark.rate} for mark in self.marks()],
            "mentions": told,
            "trials": [asdict(trial) for trial in self.trials],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ExamReport:
        """Rebuild a report from :meth:`to_dict`'s output.

        Raises:
            ContractError: it is something else.
        """
        try:
            trials = tuple(
                Trial(**{**trial, "overlap": Overlap(**trial["overlap"]) if trial["overlap"] else None})
                for trial in data["trials"]
            )
            return cls(data["settings"], data["versions"], trials, data["wall_s"])
        except (KeyError, TypeError) as error:
            raise ContractError(f"not a manifest of an examination: {error!r}") from error

    def write(self, path: Path) -> None:
        """Write the manifest as JSON; it appears only when it is complete."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def _mark(what: str, split: str, trials: Sequence[Trial]) -> Mark:
    right = sum(trial.right for trial in trials)
    answers: dict[str, Counter[str]] = {}
    for trial in trials:
        answers.setdefault(trial.type, Counter())[trial.expected] += 1
    commonest = sum(max(counts.values()) for counts in answers.values())
    return Mark(what, split, len(trials), right, *wilson_interval(right, len(trials)), commonest)
