"""What a planner may say: instructions the policy was trained on, why it cannot, or an answer.

The language is finite and every sentence of it is listed, so that parsing is looking up, and a model's
decoding can be kept inside it word by word::

    open the drawer; take the red ball out of the drawer.
    done.
    cannot: because there is no red ball.
    answer: on the tray.

Words are lower case; ``;``, ``:`` and ``.`` are words of their own. At most :data:`MAX_STEPS` instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from vla.contract import ContractError, Plan, StepStatus

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
MAX_STEPS: Final = 12
END: Final = "."
"""The word that closes everything a planner says."""

_NO_BALLS = tuple(name for name in NAMES if not name.endswith("ball"))
_BLOCKS = tuple(name for name in NAMES if name.endswith("block"))
_DONE = "done"
_CANNOT = "cannot : because "
_ANSWER = "answer : "


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
    """Every instruction and its meaning, 735 in all."""
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
    places = ("in the bowl", "on the tray", "in the drawer", "in the zone", "on the table")
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
        raise PlanError(f"{step} is no instruction that the policy knows; see vla.planner.grammar.STEPS")
    return _STEP_WORDS[step]


def reason_words(refusal: Refusal) -> str:
    """Why not, in words.

    Raises:
        PlanError: there is no such reason.
    """
    if refusal not in _REFUSAL_WORDS:
        raise PlanError(f"{refusal} is no reason that can be said; see vla.planner.grammar.REFUSALS")
    return _REFUSAL_WORDS[refusal]


def format_saying(saying: Saying) -> str:
    """The text of what a planner says; :func:`parse` is its inverse.

    Raises:
        PlanError: it cannot be said.
    """
    match saying:
        case Instructions(steps):
            text = "; ".join(step_words(step) for step in steps) or _DONE
        case Refusal():
            text = f"cannot: because {reason_words(saying)}"
        case Answer(words):
            text = f"answer: {words}"
    text += END
    parse(text)
    return text


def parse(text: str) -> Saying:
    """What a text says.

    Raises:
        PlanError: it is not a sentence of the grammar.
    """
    words = tokens(text)
    _walk(words)
    if words[-1:] != (END,):
        raise PlanError(f"{text!r} does not end with {END!r}")
    body = " ".join(words[:-1])
    if body.startswith(_CANNOT):
        return REFUSALS[body.removeprefix(_CANNOT)]
    if body.startswith(_ANSWER):
        return Answer(body.removeprefix(_ANSWER))
    return Instructions(() if body == _DONE else tuple(STEPS[step] for step in body.split(" ; ")))


def tokens(text: str) -> tuple[str, ...]:
    """The words of a text; ``;``, ``:`` and ``.`` count as words, anything else that is no letter fails.

    Raises:
        PlanError: a character is foreign to the grammar.
    """
    words = re.findall(r"[a-z]+|[;:.]|\S", text)
    for word in words:
        if not re.fullmatch(r"[a-z]+|[;:.]", word):
            raise PlanError(f"{word!r} in {text!r} is no character of a plan: a-z and ; : . are")
    return tuple(words)


def allowed_next(prefix: Sequence[str]) -> frozenset[str]:
    """The words that may follow, so that a decoder never leaves the grammar.

    Args:
        prefix: Words said so far, as :func:`tokens` gives them; none at the start.

    Returns:
        Empty exactly after :data:`END`: everything has been said.

    Raises:
        PlanError: nothing that may be said begins with ``prefix``.
    """
    node, steps = _walk(prefix)
    return frozenset(word for word in node if word != ";" or steps < MAX_STEPS)


@cache
def vocabulary() -> frozenset[str]:
    """Every word that a planner may ever say."""
    found: set[str] = set()
    pending = [_automaton()]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            found |= node.keys()
            pending += node.values()
    return frozenset(found)


class _Node(dict[str, "_Node"]):
    """A state of the automaton: which words lead on, and where to."""


@cache
def _automaton() -> _Node:
    """A trie whose instructions lead back to the start of the instructions over ``;``."""
    start, end, more = _Node(), _Node(), _Node()
    for root in (start, more):
        for leaf in _grown(root, STEPS):
            leaf.update({";": more, END: end})
    closed = (_DONE, *(_CANNOT + words for words in REFUSALS), *(_ANSWER + words for words in ANSWERS))
    for leaf in _grown(start, closed):
        leaf[END] = end
    return start


def _grown(root: _Node, sentences: Iterable[str]) -> list[_Node]:
    """Add sentences to a trie; returns the node behind the last word of each."""
    leaves: list[_Node] = []
    for sentence in sentences:
        node = root
        for word in sentence.split():
            node = node.setdefault(word, _Node())
        leaves.append(node)
    return leaves


def _walk(words: Sequence[str]) -> tuple[_Node, int]:
    """The automaton's state after some words, and how many instructions were begun by then."""
    node, steps = _automaton(), 1
    for i, word in enumerate(words):
        if word not in node or (word == ";" and steps == MAX_STEPS):
            said, valid = " ".join(words[:i]), ", ".join(sorted(node)) or "nothing"
            raise PlanError(f"{word!r} may not follow {said!r}; valid: {valid}")
        steps += word == ";"
        node = node[word]
    return node, steps


def plan_of(goal: str, saying: Saying, done: tuple[str, ...] = ()) -> Plan:
    """What a planner says, as a plan.

    Args:
        goal: What the person asked for.
        saying: What the planner says now.
        done: Instructions that have been carried out before; they stay in the plan, ticked off.
    """
    match saying:
        case Refusal():
            return Plan(goal, (), 0, (), f"because {reason_words(saying)}", "cannot")
        case Answer(words):
            return Plan(goal, (), 0, (), words, "answer")
        case Instructions(steps):
            words = (*done, *map(step_words, steps))
    status: list[StepStatus] = [
        "done" if i < len(done) else "active" if i == len(done) else "pending" for i in range(len(words))
    ]
    return Plan(goal, words, len(done), tuple(status), "" if words else "nothing is left to do")


def saying_of(plan: Plan) -> Saying:
    """What a plan says about the rest of the goal; the inverse of :func:`plan_of`.

    Raises:
        PlanError: its words are not those of the grammar.
    """
    if plan.kind == "cannot":
        return parse(f"cannot: {plan.note}{END}")
    if plan.kind == "answer":
        return parse(f"answer: {plan.note}{END}")
    return parse(("; ".join(plan.steps[plan.index :]) or _DONE) + END)
