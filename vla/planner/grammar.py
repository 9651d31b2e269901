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
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from vla.contract import Plan, StepStatus
from vla.planner.sayings import (
    ANSWERS,
    COLOURS,
    CORNERS,
    FIXTURES,
    NAMES,
    NUMBERS,
    REFUSALS,
    SHAPES,
    STEPS,
    Answer,
    Instructions,
    PlanError,
    Reason,
    Refusal,
    Saying,
    Step,
    reason_words,
    step_words,
)

MAX_STEPS: Final = 12
END: Final = "."
"""The word that closes everything a planner says."""
_DONE = "done"
_CANNOT = "cannot : because "
_ANSWER = "answer : "


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


__all__ = [
    "ANSWERS", "COLOURS", "CORNERS", "END", "FIXTURES", "MAX_STEPS", "NAMES", "NUMBERS", "REFUSALS", "SHAPES",
    "STEPS", "Answer", "Instructions", "PlanError", "Reason", "Refusal", "Saying", "Step", "allowed_next",
    "format_saying", "parse", "plan_of", "reason_words", "saying_of", "step_words", "tokens", "vocabulary",
]  # fmt: skip
