"""A planner made of any vision-language model: the grammar is explained to it, and what it says is parsed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError, Observation, Plan
from vla.models.vlm import VisionLanguageModel
from vla.planner.grammar import (
    COLOURS,
    CORNERS,
    END,
    FIXTURES,
    MAX_STEPS,
    NUMBERS,
    SHAPES,
    PlanError,
    Refusal,
    Saying,
    allowed_next,
    parse,
    plan_of,
)
from vla.planner.pictures import picture_of
from vla.planner.progress import carried_out

MAX_WORDS: Final = 120
"""Enough for :data:`vla.planner.grammar.MAX_STEPS` of the longest instructions."""
_SHOWN: Final = 200

FORMS: Final = (
    "open the drawer",
    "close the drawer",
    "press the button",
    "reach the THING",
    "pick up the THING",
    "put the THING in the bowl",
    "put the THING on the tray",
    "put the THING in the drawer",
    "take the THING out of the drawer",
    "put the THING in the zone",
    "put the THING in the CORNER corner",
    "push the THING to the zone",
    "push the THING to the CORNER corner",
    "stack the THING on the COLOUR block",
    "take the THING off the COLOUR block",
)
"""Every instruction; THING, CORNER and COLOUR stand for words. No ball is pushed, stacked or taken off,
nor put where it would roll away."""
REASONS: Final = (
    "there is no THING",
    "there is more than one THING",
    "the THING is not in the drawer",
    "nothing holds on the THING",
    "there is no room in the bowl",
    "something stands in the CORNER corner",
    "the bowl cannot be moved",
    "i do not know how to do that",
)
"""Reasons by example."""
EXAMPLES: Final = (
    ("put the red ball in the drawer", "open the drawer; put the red ball in the drawer."),
    ("how to grasp the blue block?", "take the yellow cylinder off the blue block; pick up the blue block."),
    ("press the button (and it has been pressed)", "done."),
    ("bring me the cyan star (and there is none)", "cannot: because there is no cyan star."),
    ("juggle", "cannot: because i do not know how to do that."),
    ("where is the green ball?", "answer: on the tray."),
)
"""Goals, and what to say about them."""


class PromptedPlanner:
    """Asks a vision-language model what remains to be done, at every observation anew.

    A reply outside the grammar is handed back once with what is wrong with it. After that, and when the model
    does not answer at all, the previous plan stands and its note says why; without one, a reply outside
    the grammar is a refusal.

    Args:
        model: Any; one that can be kept inside the grammar never needs the second try.
        camera: Whose picture it is shown.
    """

    def __init__(self, model: VisionLanguageModel, camera: str = "front") -> None:
        self._model, self._camera = model, camera

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """See :class:`vla.contract.Planner`.

        Raises:
            ContractError: the camera's picture is missing; or the model cannot be asked and there is no
                plan to keep.
        """
        image = picture_of(observation, self._camera)
        kept = previous if previous is not None and previous.goal == goal else None
        try:
            saying = self._ask(goal, image, kept)
        except PlanError as error:
            refused = plan_of(goal, Refusal("unknown"))
            return _noted(kept or refused, f"the model's reply is no plan: {error}")
        except ContractError as error:
            if kept is None:
                raise
            return _noted(kept, f"the model does not answer: {error}")
        return plan_of(goal, saying, carried_out(goal, saying, kept))

    def _ask(self, goal: str, image: NDArray[np.uint8], previous: Plan | None) -> Saying:
        question = prompt(goal, previous)
        reply = self._model.reply(image, question, allowed_next, MAX_WORDS)
        try:
            return read(reply)
        except PlanError as error:
            again = f"{question}{_line(reply)}\nThat is wrong: {_line(str(error))}\nReply: "
            return read(self._model.reply(image, again, allowed_next, MAX_WORDS))


def prompt(goal: str, previous: Plan | None = None) -> str:
    """What the model is asked.

    Args:
        goal: What the person wants.
        previous: The plan so far for this goal: which steps are done, and which was under way.
    """
    done = "; ".join(previous.steps[: previous.index]) if previous is not None else ""
    under_way = previous.instruction if previous is not None else None
    lines = [
        "You plan for a robot arm. The picture shows its table as it is now. Say what remains to be done "
        "for the goal, in one line of small letters, in one of these forms:",
        f"- steps, parted by '; ' and closed by '.', at most {MAX_STEPS}",
        "- done.   (when the picture shows that the goal has been reached)",
        "- cannot: because REASON.   (when it cannot be done)",
        "- answer: WORDS.   (when the goal is a question)",
        f"Steps: {'; '.join(FORMS)}.",
        f"THING is COLOUR SHAPE. COLOUR: {', '.join(COLOURS)}. SHAPE: {', '.join(SHAPES)}. "
        f"CORNER: {', '.join(CORNERS)}.",
        "A ball cannot be pushed, stacked or taken off, nor put in the zone or a corner. Push only where the "
        "goal says so; else put. What stands on something has to be taken off first. "
        "The drawer has to be open for what is put in it or taken out of it.",
        f"REASON, for example: {'; '.join(REASONS)}. Instead of a THING also: "
        f"{', '.join((*SHAPES, *FIXTURES))}.",
        f"WORDS: yes, no, nothing, a number ({', '.join(NUMBERS)}), COLOUR, the THING, in the bowl, on the "
        "tray, in the drawer, in the zone, on the table, in the CORNER corner, on the COLOUR block.",
        *(f"Goal: {asked}\nReply: {said}" for asked, said in EXAMPLES),
        f"Goal: {_line(goal)}",
        *([f"Done so far: {done}."] if done else []),
        *([f"Under way, perhaps done: {under_way}."] if under_way is not None else []),
        "Reply: ",
    ]
    return "\n".join(lines)


def read(reply: str) -> Saying:
    """What a reply says. Capitals, line breaks, marks around it and a missing full stop are forgiven.

    Raises:
        PlanError: it is not a sentence of the grammar.
    """
    text = re.sub(r"\s+", " ", reply).strip(" `\"'*").lower().removeprefix("reply:").strip()
    return parse(text if text.endswith(END) else text + END)


def _line(text: str) -> str:
    """Somebody else's text on one line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + " ..."


def _noted(plan: Plan, note: str) -> Plan:
    """The plan with a word of warning; where the note is the message itself, behind it."""
    note = _line(note)
    return replace(plan, note=note if plan.kind == "steps" else f"{plan.note.partition(' (')[0]} ({note})")
