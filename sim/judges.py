"""Who judges a run: the simulator's truth against what was asked for, whatever the planner believes.

Instructions count in their order, a goal by what is so in the end; where the right thing is to say something,
it is what was said that counts, and that nothing has moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from sim.goals.judge import judge
from sim.goals.world import GoalWorld
from sim.objects import POOL
from sim.truth import Query, Truth
from sim.world import World
from vla.contract import Plan

MOVED_M: Final = 0.01
"""What stands further than this from where it stood has been moved."""
_LOOK_EVERY: Final = 4


class Judge(Protocol):
    """What looks at every tick, hears the plans, and knows whether all is as it should be."""

    @property
    def words(self) -> str:
        """How far it was when last looked at, for a person: asked for by another thread than all else."""
        ...

    @property
    def reached(self) -> bool:
        """True when what was asked for has been done, so that the run may end."""
        ...

    @property
    def success(self) -> bool | None:
        """The verdict as of now; None where nobody can tell."""
        ...

    def look(self) -> None:
        """Judge the present instant; call it once per control step."""
        ...

    def hear(self, plan: Plan | None) -> None:
        """Take note of the plan as of now."""
        ...


class InstructionJudge:
    """Watches a world and ticks off what was asked, in order.

    A step counts once it is fulfilled after those before it, and the last one must still be fulfilled when
    the verdict is asked for. Who says in the end that it cannot be done, or only answers, has not done it.

    Args:
        world: A world that has been laid.
        asked: What is asked for, in order; at least one.
    """

    def __init__(self, world: World, asked: Sequence[Query]) -> None:
        self._world, self._asked = world, tuple(asked)
        self._plan: Plan | None = None
        self.fulfilled = 0

    def look(self) -> None:
        """See :class:`Judge`."""
        if self.fulfilled < len(self._asked) and self._world.judge(self._asked[self.fulfilled]):
            self.fulfilled += 1

    def hear(self, plan: Plan | None) -> None:
        """See :class:`Judge`."""
        self._plan = plan

    @property
    def words(self) -> str:
        """See :class:`Judge`."""
        return f"{self.fulfilled} of {len(self._asked)} done"

    @property
    def reached(self) -> bool:
        """True when everything asked was done and the last of it still holds."""
        return self.fulfilled == len(self._asked) and self._world.judge(self._asked[-1])

    @property
    def success(self) -> bool:
        """See :class:`Judge`."""
        return self.reached and _acts(self._plan)


class GoalJudge:
    """Watches a world for what should be true in the end.

    Where all of it is true from the start, nothing may move.

    Args:
        world: A world that has been laid for a goal with a desire.
    """

    def __init__(self, world: GoalWorld) -> None:
        self._world, self._desire = world, world.goal.desire
        self._start = world.truth()
        self._first_true: dict[int, int] = {}
        self._looks = 0
        self._plan: Plan | None = None
        self._so = self._holding()
        self._so_at_first = all(self._so)

    def look(self) -> None:
        """See :class:`Judge`; it really looks at every fourth call."""
        if self._looks % _LOOK_EVERY == 0:
            self._so = self._holding()
        self._looks += 1

    def hear(self, plan: Plan | None) -> None:
        """See :class:`Judge`."""
        self._plan = plan

    @property
    def words(self) -> str:
        """See :class:`Judge`."""
        if self._so_at_first:
            return "all is so already; nothing may move"
        return f"{sum(self._so)} of {len(self._so)} so"

    @property
    def reached(self) -> bool:
        """See :class:`Judge`; what was so from the start ends no run."""
        return not self._so_at_first and all(self._so) and self._in_order()

    @property
    def success(self) -> bool:
        """See :class:`Judge`."""
        self._so = self._holding()
        right = all(self._so) and self._in_order() and _acts(self._plan)
        return right and not (self._so_at_first and moved(self._start, self._world.truth()))

    def _holding(self) -> list[bool]:
        state = self._world.symbols()
        so = [atom.holds(state) for atom in self._desire]
        for index, holds in enumerate(so):
            if holds:
                self._first_true.setdefault(index, self._looks)
        return so

    def _in_order(self) -> bool:
        times = [self._first_true.get(index, self._looks) for index in range(len(self._desire))]
        return not self._world.goal.ordered or times == sorted(times)


class SayingJudge:
    """Expects words: the right answer, or the right reason why not. Nothing may move.

    Args:
        world: A world that has been laid for a goal with a saying.
        any_reason: Any refusal is right, since the simulator itself does not understand what was asked.
    """

    reached = False

    def __init__(self, world: GoalWorld, any_reason: bool = False) -> None:
        self._world, self._any_reason = world, any_reason
        self._start = world.truth()
        self._plan: Plan | None = None
        self._looks = 0
        self._moved = self._right = False

    def look(self) -> None:
        """See :class:`Judge`; it really looks at every fourth call."""
        if self._looks % _LOOK_EVERY == 0:
            self._moved = moved(self._start, self._world.truth())
        self._looks += 1

    def hear(self, plan: Plan | None) -> None:
        """See :class:`Judge`."""
        self._plan = plan

    @property
    def words(self) -> str:
        """See :class:`Judge`."""
        if self._moved:
            return "something has moved, and nothing should"
        if self._plan is None or self._plan.kind == "steps":
            return "nothing may move"
        return "nothing has moved" if self._right else "nothing has moved, but that is not so"

    @property
    def success(self) -> bool:
        """See :class:`Judge`."""
        self._right = self._is_right()
        self._moved = moved(self._start, self._world.truth())
        return self._right and not self._moved

    def _is_right(self) -> bool:
        if self._plan is None or self._any_reason:
            return self._plan is not None and self._plan.kind == "cannot"
        return judge(self._world.goal, self._world.symbols(), self._plan).valid


class NoJudge:
    """For a sentence that the simulator cannot judge on the table that it was told to lay."""

    reached, success, words = False, None, "cannot judge this"

    def look(self) -> None:
        """Nothing to look for."""

    def hear(self, plan: Plan | None) -> None:
        """Nothing to take note of."""


def moved(before: Truth, after: Truth) -> bool:
    """True when an object, the drawer or the button is not as it was; the arm itself does not count."""
    shift_m = np.linalg.norm(after.position_m[: len(POOL)] - before.position_m[: len(POOL)], axis=1)
    drawer_m = abs(after.drawer_open_m - before.drawer_open_m)
    pressed = after.button_pressed != before.button_pressed
    return bool(np.nanmax(shift_m, initial=0.0) > MOVED_M or drawer_m > MOVED_M or pressed)


def _acts(plan: Plan | None) -> bool:
    return plan is None or plan.kind == "steps"
