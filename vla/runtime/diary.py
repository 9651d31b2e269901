"""What the planner said in the course of a run, as far as it changed: kept small, however long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vla.contract import Plan

MAX_ENTRIES: Final = 200
MAX_CHARACTERS: Final = 64 * 1024
"""Of all entries together."""
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One plan that differs from the one before it; long texts are cut.

    Attributes:
        time_s: When it came, since the run began.
        kind: See :class:`vla.contract.Plan`, as all that follows.
        steps: All steps, done ones too.
        index: The step being carried out.
        note: Why it is as it is.
        seen: What the planner says that it sees.
    """

    time_s: float
    kind: str
    steps: tuple[str, ...]
    index: int
    note: str
    seen: str

    @property
    def characters(self) -> int:
        """How much there is to read."""
        return sum(map(len, (self.note, self.seen, *self.steps)))


class PlanDiary:
    """Notes each change of the plan. Where there are too many, those in the middle are forgotten."""

    def __init__(self) -> None:
        self._entries: list[PlanEntry] = []
        self._plan: Plan | None = None

    def note(self, plan: Plan, time_s: float) -> None:
        """Take note of a plan that came ``time_s`` after the run began."""
        if plan == self._plan:
            return
        self._plan = plan
        entry = PlanEntry(
            round(time_s, 3),
            plan.kind,
            tuple(map(_cut, plan.steps)),
            plan.index,
            _cut(plan.note),
            _cut(plan.seen),
        )
        self._entries.append(entry)
        while len(self._entries) > 2 and (
            len(self._entries) > MAX_ENTRIES or sum(e.characters for e in self._entries) > MAX_CHARACTERS
        ):
            del self._entries[len(self._entries) // 2]

    @property
    def entries(self) -> tuple[PlanEntry, ...]:
        """What was noted, first and last included."""
        return tuple(self._entries)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
