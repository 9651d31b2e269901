"""What an evaluation of composite goals found: shares per kind of goal, recoveries, and where it failed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sim.goals import KINDS
from sim.goals.composite import CompositeEpisode
from sim.goals.ledger import CAUSES, Try
from vla.contract import ContractError
from vla.dataset.schema import write_text
from vla.wilson import wilson_interval

SPEAKING_KINDS: Final = ("infeasible", "question")
"""Kinds of goal that ask for words instead of motion."""
ACTION_KINDS: Final = tuple(kind for kind in KINDS if kind not in SPEAKING_KINDS)


@dataclass(frozen=True, slots=True)
class CompositeCondition:
    """What an evaluation varies."""

    planner: str
    disturbance: str = "none"
    axis: str = "base"

    def holds(self, episode: CompositeEpisode) -> bool:
        """True for an episode played so."""
        return (episode.planner, episode.disturbance, episode.axis) == (
            self.planner,
            self.disturbance,
            self.axis,
        )


@dataclass(frozen=True, slots=True)
class CompositeShare:
    """How often something was so in one condition; ``low`` and ``high`` bound the share (95 % Wilson)."""

    what: str
    condition: CompositeCondition
    trials: int
    count: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share, 0 without trials."""
        return self.count / self.trials if self.trials else 0.0


@dataclass(frozen=True, slots=True)
class CompositeReport:
    """What an evaluation found.

    Attributes:
        settings: Planners, templates, axes, disturbances, episodes, seed: what a rerun needs.
        versions: Versions of Python and the packages that matter.
        episodes: In the order of seeds, templates, axes, disturbances and planners.
        wall_s: How long it took; not part of the result.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    episodes: tuple[CompositeEpisode, ...]
    wall_s: float = field(default=0.0, compare=False)

    @property
    def conditions(self) -> tuple[CompositeCondition, ...]:
        """What was varied: planners first, then disturbances and axes."""
        varied = (self.settings[name] for name in ("planners", "disturbances", "axes"))
        return tuple(CompositeCondition(*values) for values in itertools.product(*varied))

    def summary(self, condition: CompositeCondition) -> tuple[CompositeShare, ...]:
        """The numbers that matter in one condition.

        Goals of action reached, on seen and on held-out templates; the same among the episodes in which the
        disturbance really happened; goals that ask for words met with the right ones and nothing else.
        """
        acting = [e for e in self._of(condition) if e.kind in ACTION_KINDS]
        speaking = [e for e in self._of(condition) if e.kind in SPEAKING_KINDS]
        return (
            _share("goals reached", condition, [e.success for e in acting]),
            _share("seen templates", condition, [e.success for e in acting if not e.held_out]),
            _share("held-out templates", condition, [e.success for e in acting if e.held_out]),
            _share("recovered after a disturbance", condition, [e.success for e in acting if e.happened]),
            _share("refused, unmoved", condition, [e.success for e in speaking if e.kind == "infeasible"]),
            _share("answered, unmoved", condition, [e.success for e in speaking if e.kind == "question"]),
        )

    def by_kind(self, condition: CompositeCondition) -> tuple[CompositeShare, ...]:
        """Success per kind of goal, in the order of :data:`sim.goals.KINDS`."""
        return self._split(condition, [k for k in KINDS if any(e.kind == k for e in self.episodes)], _kind_of)

    def by_template(self, condition: CompositeCondition) -> tuple[CompositeShare, ...]:
        """Success per template."""
        return self._split(condition, self.settings["templates"], _template_of)

    def causes(self, condition: CompositeCondition) -> tuple[CompositeShare, ...]:
        """Why episodes failed, each as a share of all episodes."""
        return self._split(condition, CAUSES, lambda e: None, lambda what, e: e.cause == what)

    def skills(self, condition: CompositeCondition) -> tuple[CompositeShare, ...]:
        """Per task family, how many attempts at a rightly planned instruction got done, by the truth.

        An attempt that a disturbance or another plan cut short counts as one that was not done.
        """
        tries = [t for e in self._of(condition) for t in e.tries if t.family and t.planned]
        families = sorted({t.family for e in self.episodes for t in e.tries if t.family})
        return tuple(
            _share(family, condition, [t.done_s is not None for t in tries if t.family == family])
            for family in families
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: settings, versions, every view of every condition, and every episode."""
        views = ("summary", "by_kind", "by_template", "causes", "skills")
        found = {
            view: [
                _share_dict(share)
                for condition in self.conditions
                for share in getattr(self, view)(condition)
            ]
            for view in views
        }
        return {
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "wall_s": round(self.wall_s, 1),
            **found,
            "episodes": [asdict(episode) for episode in self.episodes],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CompositeReport:
        """Rebuild a report from :meth:`to_dict`'s output.

        Raises:
            ContractError: it is something else.
        """
        try:
            episodes = tuple(episode_of(episode) for episode in data["episodes"])
            return cls(data["settings"], data["versions"], episodes, data["wall_s"])
        except (KeyError, TypeError) as error:
            raise ContractError(f"not a manifest of composite goals: {error!r}") from error

    def write(self, path: Path) -> None:
        """Write the manifest as JSON; it appears only when it is complete."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")

    def _of(self, condition: CompositeCondition) -> list[CompositeEpisode]:
        return [episode for episode in self.episodes if condition.holds(episode)]

    def _split(
        self,
        condition: CompositeCondition,
        names: Sequence[str],
        name_of: Callable[[CompositeEpisode], str | None],
        counts: Callable[[str, CompositeEpisode], bool] = lambda what, e: e.success,
    ) -> tuple[CompositeShare, ...]:
        """One share per name, of the episodes so named; where they have none, of all."""
        return tuple(
            _share(
                what, condition, [counts(what, e) for e in self._of(condition) if name_of(e) in (what, None)]
            )
            for what in names
        )


def episode_of(data: Mapping[str, Any]) -> CompositeEpisode:
    """An episode out of its plain JSON form.

    Raises:
        KeyError, TypeError: it is something else.
    """
    return CompositeEpisode(**{**data, "tries": tuple(Try(**attempt) for attempt in data["tries"])})


def _kind_of(episode: CompositeEpisode) -> str:
    return episode.kind


def _template_of(episode: CompositeEpisode) -> str:
    return episode.template


def _share(what: str, condition: CompositeCondition, found: Sequence[bool]) -> CompositeShare:
    low, high = wilson_interval(sum(found), len(found))
    return CompositeShare(what, condition, len(found), sum(found), low, high)


def _share_dict(share: CompositeShare) -> dict[str, Any]:
    flat = asdict(share)
    return flat.pop("condition") | flat | {"rate": round(share.rate, 4)}
