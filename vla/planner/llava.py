"""The planner that looks: a small LLaVA understands the sentence, sees the table, and what remains follows.

The language model says what the sentence means (:mod:`vla.planner.meaning`), the object queries say what is
where (:mod:`vla.planner.sight`), and :mod:`vla.planner.grounding` finds the instructions that lead from the
one to the other, at every look anew.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final

from vla.contract import ContractError, Observation, Plan
from vla.models.talking import CAMERAS, Look, TalkingLlava
from vla.models.words import spaced
from vla.planner.grammar import (
    MAX_STEPS,
    STEPS,
    Instructions,
    Refusal,
    Saying,
    format_saying,
    plan_of,
    saying_of,
)
from vla.planner.grounding import hinted, pending, plan_wish, reached_by, settle
from vla.planner.manner import in_manner
from vla.planner.meaning import Meaning, Wish, names_in
from vla.planner.meaning_text import meaning_next, meaning_or_unknown
from vla.planner.means import StuckError
from vla.planner.memory import SURE, Memory
from vla.planner.noticing import carried_out_share
from vla.planner.pictures import picture_of
from vla.planner.progress import carried_out
from vla.planner.seen import Seen, SeenThing, format_seen
from vla.planner.seen_table import SeenTable, seen_table
from vla.planner.sight import seen_in
from vla.planner.symbols import HELD

LOOKS: Final = 2
"""Looks in a row that must agree before a plan is changed: a hand in front of the camera hides things."""
_KEPT_LOOKS = 4
_KEPT_TASKS = 32


@dataclass
class _Task:
    """A goal that is pursued.

    Attributes:
        meaning: What was understood.
        text: The same in words.
        memory: What has been seen since.
        settled: What the meaning came to, as soon as it came to a wish.
        reached: How many of its deeds have been done, one after another, as two looks in a row agree.
        looked_open: How many looks in a row have shown an open drawer.
        told: Things that nobody has seen, but the person says are in the closed drawer.
        rumour: What the last look said, where that is not the plan yet, and how many in a row have said so.
    """

    meaning: Meaning
    text: str
    memory: Memory = field(default_factory=Memory)
    settled: Wish | None = None
    reached: tuple[int, int] = (0, 0)
    looked_open: int = 0
    told: frozenset[str] = frozenset()
    rumour: tuple[str, int] = ("", 0)


class LlavaPlanner:
    """A :class:`vla.contract.Planner` and :class:`vla.contract.SuccessDetector` in one.

    The first plan is what the first look says. Afterwards a plan changes when ``looks`` looks in a row say
    the same; instructions count as done when what remains is just what was to follow them.

    Args:
        model: Looks and understands.
        looks: At least 1.

    Raises:
        ContractError: ``looks`` is below 1.
    """

    def __init__(self, model: TalkingLlava, looks: int = LOOKS) -> None:
        if looks < 1:
            raise ContractError(f"looks {looks} must be at least 1")
        self._model, self.looks = model, looks
        self._looked: OrderedDict[bytes, Look] = OrderedDict()
        self._tasks: OrderedDict[str, _Task] = OrderedDict()

    def separate(self) -> LlavaPlanner:
        """See :class:`vla.contract.SeparablePlanner`."""
        return LlavaPlanner(self._model, self.looks)

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """See :class:`vla.contract.Planner`.

        Raises:
            ContractError: a camera's picture is missing, or ``goal`` has no words or too many.
        """
        if previous is not None and previous.goal != goal:
            previous = None
        task = self._task(goal, fresh=previous is None)
        sighting = self._look(observation).sighting
        before = None if task.settled is None else task.memory.placed
        look = seen_in(sighting, before, names_in(task.meaning))
        kept = names_in(task.settled) - task.told
        # Whoever is about to refuse, or to call it done, believes in what speaks against that.
        seen = task.memory.update(look, kept, 1 if previous is not None and previous.done else SURE)
        table = seen_table(seen)
        saying = self._saying(task, table)
        if saying is not None:
            doing = None if previous is None else previous.instruction
            saying = in_manner(goal, saying, table.state, doing)
        text = format_seen(seen)
        if previous is not None and (saying is None or _under_way(saying, seen, previous)):
            return replace(previous, seen=text)
        saying = saying or Refusal("unknown")
        plan = replace(plan_of(goal, saying, carried_out(goal, saying, previous)), seen=text)
        if plan.kind == "steps" and not plan.note:
            plan = replace(plan, note=f"understood: {task.text}")
        return plan if previous is None else self._confirmed(task, saying, plan, previous)

    def _task(self, goal: str, fresh: bool) -> _Task:
        if fresh or goal not in self._tasks:
            self._tasks.pop(goal, None)
            self._tasks[goal] = self._understood(goal)
            while len(self._tasks) > _KEPT_TASKS:
                self._tasks.popitem(last=False)
        return self._tasks[goal]

    def _understood(self, goal: str) -> _Task:
        text = self.understand(goal)
        return _Task(meaning_or_unknown(text), text)

    def understand(self, goal: str) -> str:
        """What a sentence means, in the words of :mod:`vla.planner.meaning_text`.

        Raises:
            ContractError: it has no words or too many.
        """
        if not spaced(goal):
            raise ContractError(
                f"goal {goal!r} holds no words; say for example 'put the red block in the bowl'"
            )
        return self._model.understand(goal, meaning_next)

    def _saying(self, task: _Task, bare: SeenTable) -> Saying | None:
        """What should be said and done now, or None where there is no way from here."""
        table = hinted(task.meaning, bare)
        task.looked_open = task.looked_open + 1 if bare.state.drawer == "open" else 0
        unsure = task.settled is not None and pending(task.settled)
        if task.settled is None or (unsure and task.looked_open >= SURE):
            settled = settle(task.meaning, bare) if task.settled is None else settle(task.settled, table)
            if not isinstance(settled, Wish):
                return settled
            if task.settled is None:
                self._believe(task, table, bare)
            task.settled = settled
        confirmed, last = task.reached
        now = reached_by(task.settled, table, confirmed)
        task.reached = (now if self.looks == 1 else min(last, now), now)
        try:
            saying = plan_wish(task.settled, table, task.reached[0])
        except StuckError:
            return None
        if saying == Instructions() and pending(task.settled):
            return None  # it has just been opened, and what is in it is not believed yet
        return Instructions(saying.steps[:MAX_STEPS]) if isinstance(saying, Instructions) else saying

    @staticmethod
    def _believe(task: _Task, table: SeenTable, bare: SeenTable) -> None:
        """What the person says is in the drawer is there, until looks show otherwise."""
        task.told = frozenset(table.state.names.values()) - frozenset(bare.state.names.values())
        for name in task.told:
            task.memory.take_for(SeenThing(name, "drawer"))

    def _confirmed(self, task: _Task, saying: Saying, plan: Plan, previous: Plan) -> Plan:
        """The new plan where enough looks in a row have said so, else the previous one.

        What ended a plan is given up at the first doubt, since nobody acts on it.
        """
        if previous.done or (plan.kind == previous.kind and saying == saying_of(previous)):
            task.rumour = ("", 0)
            return plan
        text = format_saying(saying)
        count = task.rumour[1] + 1 if task.rumour[0] == text else 1
        task.rumour = (text, count)
        if count < self.looks:
            # The note of a refusal or of an answer is what it says.
            note = f"looks as if: {text}" if previous.kind == "steps" else previous.note
            return replace(previous, seen=plan.seen, note=note)
        task.rumour = ("", 0)
        return plan

    def success(self, observation: Observation, instruction: str) -> float:
        """Probability in [0, 1] that ``instruction`` is fulfilled in what is seen.

        An instruction in a planner's own words is judged by the beliefs of the object queries; any other is
        understood first, and is fulfilled when nothing is left to do.

        Raises:
            ContractError: a camera's picture is missing, or the instruction has no words or too many.
        """
        look = self._look(observation)
        if (step := STEPS.get(spaced(instruction))) is not None:
            return carried_out_share(step, look.sighting)
        table = seen_table(seen_in(look.sighting))
        settled = settle(self._understood(instruction).meaning, table)
        try:
            return float(isinstance(settled, Wish) and plan_wish(settled, table) == Instructions())
        except StuckError:
            return 0.0

    def _look(self, observation: Observation) -> Look:
        """Look at the pictures, or remember having looked at these."""
        pictures = [picture_of(observation, camera) for camera in CAMERAS]
        key = b"".join(picture.tobytes() for picture in pictures)
        if key not in self._looked:
            self._looked[key] = self._model.look(pictures)
            while len(self._looked) > _KEPT_LOOKS:
                self._looked.popitem(last=False)
        return self._looked[key]


def _under_way(saying: Saying, seen: Seen, previous: Plan) -> bool:
    """Whether the hand still holds what it is to put down, so that what was to follow has to wait."""
    step = STEPS.get(previous.instruction or "")
    held = {thing.name for thing in seen.things if thing.place == HELD}
    if step is None or step.family == "pick_up" or step.target not in held:
        return False
    return isinstance(saying, Instructions) and not (saying.steps and saying.steps[0].target == step.target)
