"""Is a plan right? It is played on the judge's own model of the table, from the scene's true state."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sim.goals.goal import Goal
from sim.goals.model import Act, ImpossibleError, applied
from sim.language import vocabulary
from sim.reading import Mention, UnreadableError, read_wish
from vla.contract import Plan
from vla.planner.grammar import PlanError, format_saying, saying_of
from vla.planner.manner import pushed
from vla.planner.symbols import LOOSE, Symbols


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge thinks of a plan.

    Attributes:
        valid: Every step is possible, the goal is reached in the end, nothing is done needlessly; for a
            question the answer is right, and what cannot be done is refused for the right reason.
        why: Why not, in one line; "" for a valid plan.
    """

    valid: bool
    why: str = ""


def judge(goal: Goal, state: Symbols, plan: Plan) -> Verdict:
    """Judge what remains of a plan.

    A step is needless where the plan without it (or without it and one other) is still right. One exception:
    to take an object off another before it is moved on is careful, and no fault.

    Args:
        goal: What was asked.
        state: The table now.
        plan: In any words that :func:`sim.reading.read_wish` understands, or of another kind.
    """
    if goal.saying is not None:
        return _judge_saying(goal, plan)
    if plan.kind != "steps":
        return Verdict(False, f"it can be done, and the plan says {plan.note!r}")
    try:
        acts = [find(step, state) for step in plan.steps[plan.index :]]
        _play(goal, state, acts)
    except ImpossibleError as error:
        return Verdict(False, str(error))
    needless = _needless(goal, state, acts)
    if needless:
        words = [plan.steps[plan.index + i] for i in needless]
        return Verdict(False, f"needless: {'; '.join(words)}")
    return Verdict(True)


def find(step: str, state: Symbols) -> Act:
    """What an instruction means on this table.

    Raises:
        ImpossibleError: its words are not understood, or fit no object or several.
    """
    foreign = sorted(set(re.findall(r"[a-z]+", step.lower())) - vocabulary())
    if foreign:
        raise ImpossibleError(f"{step!r} is no instruction: no instruction says {', '.join(foreign)}")
    try:
        wish = read_wish(step)
    except UnreadableError as error:
        raise ImpossibleError(f"{step!r} is not understood") from error
    row = -1 if wish.target is None else _only(wish.target, state)
    base = -1 if wish.base is None else _only(wish.base, state)
    return Act(wish.family, row, wish.place, base)


def _only(mention: Mention, state: Symbols) -> int:
    words = f"{mention.colour or ''} {mention.shape}".strip()
    rows = state.rows_named(words)
    if len(rows) != 1:
        raise ImpossibleError(f"there {'is no' if not rows else 'is more than one'} {words}")
    return rows[0]


def _judge_saying(goal: Goal, plan: Plan) -> Verdict:
    assert goal.saying is not None
    wanted = format_saying(goal.saying)
    try:
        said = format_saying(saying_of(plan))
    except PlanError:
        said = "; ".join(plan.steps) or plan.note
    return Verdict(True) if said == wanted else Verdict(False, f"should say {wanted!r}, says {said!r}")


def _play(goal: Goal, state: Symbols, acts: Sequence[Act]) -> None:
    """Carry out; raises ImpossibleError where a step fails or the goal is missed."""
    became_true: dict[int, int] = {}
    slid = pushed(goal.text, state.names.values())
    for moment in range(len(acts) + 1):
        if moment:
            _check_manner(acts[moment - 1], state, slid)
            state = applied(acts[moment - 1], state)
        for i, atom in enumerate(goal.desire):
            if atom.holds(state):
                became_true.setdefault(i, moment)
    missed = [atom for atom in goal.desire if not atom.holds(state)]
    if missed:
        raise ImpossibleError(f"in the end this is not so: {missed[0]}")
    times = [became_true[i] for i in range(len(goal.desire))]
    if goal.ordered and times != sorted(times):
        raise ImpossibleError("things are not done in the order in which they were asked for")


def _check_manner(act: Act, state: Symbols, slid: frozenset[str]) -> None:
    lifted = act.family == "put_in" and act.place in LOOSE and state.where[act.row] in LOOSE
    if lifted and state.names[act.row] in slid:
        raise ImpossibleError(f"the {state.names[act.row]} is to be pushed")


def _needless(goal: Goal, state: Symbols, acts: Sequence[Act]) -> tuple[int, ...]:
    """Indices of steps that could be left out; empty where every step is needed."""
    careful = [
        act.family == "unstack" and any(later.row == act.row for later in acts[i + 1 :])
        for i, act in enumerate(acts)
    ]
    for size in (1, 2):
        for left_out in itertools.combinations(range(len(acts)), size):
            if all(careful[i] for i in left_out):
                continue
            try:
                _play(goal, state, [act for i, act in enumerate(acts) if i not in left_out])
            except ImpossibleError:
                continue
            return tuple(i for i in left_out if not careful[i])
    return ()
