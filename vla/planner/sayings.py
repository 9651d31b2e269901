"""What a planner may say, item by item: instructions, reasons why not and answers, each with its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from vla.contract import ContractError

Reason = Literal[
    "missing", "ambiguous", "full", "unstable", "rolls", "elsewhere", "blocked", "fixed", "unknown"
]  # fmt: skip

COLOURS: Final = ("red", "green", "blue", "yellow", "orange", "purple", "cyan", "white")
SHAPES: Final = ("block", "cylinder", "ball", "star")
FIXTURES: Final = ("bowl", "tray", "zone", "drawer", "button")
CORNERS: Final = ("front left", "front right", "back left", "back right")
NUMBERS: Final = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NAMES: Final = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
"""What objects are called."""

_NO_BALLS = tuple(name for name in NAMES if not name.endswith("ball"))
_BLOCKS = tuple(name for name in NAMES if name.endswith("block"))


class PlanError(ContractError):
    """A text is nothing that a planner may say; the message names the first word that does not fit."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction.

    Attributes:
        family: The policy's task family.
        target: Name of the object acted on, such as ``"red block"``; "" for the drawer and the button.
        place: Where it goes, or comes from: a fixture, a corner such as ``"front left"``, or a block's name;
            "" where the family has none.
    """

    family: str
    target: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Instructions:
    """What remains to be done, in order; none means that the goal is reached."""

    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a goal cannot be reached.

    Attributes:
        reason: ``missing`` (there is none), ``ambiguous`` (more than one), ``full`` (no room in it),
            ``unstable`` (nothing holds on it), ``rolls`` (it holds on nothing), ``elsewhere`` (it is not in
            the drawer), ``blocked`` (a corner that something stands in), ``fixed`` (it cannot be moved),
            ``unknown`` (no skill does that).
        thing: What the reason is about: an object's name, a shape, a fixture or a corner; "" for ``unknown``.
    """

    reason: Reason
    thing: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, such as ``"yes"``, ``"two"``, ``"red"``, ``"on the tray"``."""

    words: str


Saying = Instructions | Refusal | Answer


def _steps() -> dict[str, Step]:
    """Every instruction and its meaning, 803 in all."""
    found: dict[str, Step] = {
        "open the drawer": Step("open_drawer"),
        "close the drawer": Step("close_drawer"),
        "press the button": Step("press_button"),
    }
    for name in NAMES:
        found[f"reach the {name}"] = Step("reach", name)
        found[f"pick up the {name}"] = Step("pick_up", name)
        found[f"put the {name} in the bowl"] = Step("put_in", name, "bowl")
        found[f"put the {name} on the tray"] = Step("put_in", name, "tray")
        found[f"put the {name} in the drawer"] = Step("put_in_drawer", name, "drawer")
        found[f"take the {name} out of the drawer"] = Step("take_out", name, "drawer")
    for name in _NO_BALLS:
        for place in ("zone", *CORNERS):
            found[f"push the {name} to {_place(place)}"] = Step("push", name, place)
            found[f"put the {name} in {_place(place)}"] = Step("put_in", name, place)
        for base in _BLOCKS:
            if base != name:
                found[f"stack the {name} on the {base}"] = Step("stack", name, base)
                found[f"take the {name} off the {base}"] = Step("unstack", name, base)
    return found


def _place(name: str) -> str:
    return f"the {name} corner" if name in CORNERS else f"the {name}"


def _refusals() -> dict[str, Refusal]:
    """Every reason, without "cannot: because"."""
    found: dict[str, Refusal] = {
        "i do not know how to do that": Refusal("unknown"),
        "a ball holds on nothing": Refusal("rolls", "ball"),
    }
    for thing in (*NAMES, *SHAPES, *FIXTURES):
        found[f"there is no {thing}"] = Refusal("missing", thing)
    for thing in (*NAMES, *SHAPES):
        found[f"there is more than one {thing}"] = Refusal("ambiguous", thing)
    for thing in NAMES:
        found[f"the {thing} is not in the drawer"] = Refusal("elsewhere", thing)
        if not thing.endswith("block"):
            found[f"nothing holds on the {thing}"] = Refusal("unstable", thing)
        if thing.endswith("ball"):
            found[f"the {thing} holds on nothing"] = Refusal("rolls", thing)
    for thing in ("bowl", "tray", "drawer"):
        found[f"there is no room in the {thing}"] = Refusal("full", thing)
    for thing in CORNERS:
        found[f"something stands in the {thing} corner"] = Refusal("blocked", thing)
    for thing in FIXTURES:
        found[f"the {thing} cannot be moved"] = Refusal("fixed", thing)
    return found


def _answers() -> tuple[str, ...]:
    places = ("in the bowl", "on the tray", "in the drawer", "in the zone", "in the hand", "on the table")
    corners = tuple(f"in {_place(corner)}" for corner in CORNERS)
    things = tuple(f"the {name}" for name in NAMES)
    on_blocks = tuple(f"on the {name}" for name in _BLOCKS)
    return ("yes", "no", "nothing", *NUMBERS, *COLOURS, *places, *corners, *things, *on_blocks)


STEPS: Final[Mapping[str, Step]] = _steps()
"""Every instruction by its words."""
REFUSALS: Final[Mapping[str, Refusal]] = _refusals()
"""Every refusal by the words of its reason."""
ANSWERS: Final = _answers()
"""Every answer."""
_STEP_WORDS = {step: words for words, step in STEPS.items()}
_REFUSAL_WORDS = {refusal: words for words, refusal in REFUSALS.items()}


def step_words(step: Step) -> str:
    """The words of one instruction.

    Raises:
        PlanError: there is no such instruction, for example stacking on a ball.
    """
    if step not in _STEP_WORDS:
        raise PlanError(f"{step} is no instruction that the policy knows; see vla.planner.sayings.STEPS")
    return _STEP_WORDS[step]


def reason_words(refusal: Refusal) -> str:
    """Why not, in words.

    Raises:
        PlanError: there is no such reason.
    """
    if refusal not in _REFUSAL_WORDS:
        raise PlanError(f"{refusal} is no reason that can be said; see vla.planner.sayings.REFUSALS")
    return _REFUSAL_WORDS[refusal]
