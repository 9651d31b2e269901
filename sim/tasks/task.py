"""What a task is: how its scene is laid, what counts as success, and the expert's rule."""

from __future__ import annotations

from typing import Protocol

from sim.layout import Table
from sim.truth import Query, Truth
from sim.waypoints import Waypoint


class Task(Protocol):
    """One family of instructions. Success is stated in physical words and judged from the true state."""

    family: str
    horizon: int
    """Control steps after which an episode counts as failed."""
    cabinet_may_stand: bool
    """Whether the cabinet may stand there although the task does not need it."""

    def lay(self, table: Table) -> Query:
        """Lay what the task needs (not the clutter) and return what is asked. May raise NoRoomError."""
        ...

    def alternatives(self, table: Table) -> list[Query]:
        """Instructions of this family that make sense on an already laid table; may be empty."""
        ...

    def success(self, truth: Truth, query: Query) -> bool:
        """True when the instruction is fulfilled at this instant."""
        ...

    def waypoint(self, truth: Truth, query: Query) -> Waypoint:
        """The expert's next tool goal."""
        ...
