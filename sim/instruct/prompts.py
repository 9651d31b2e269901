"""How a language model is asked for visual instruction data, and what counts as an answer.

In the manner of LLaVA (arXiv 2304.08485, section 3 and appendix): the model reads captions and boxes, is told
to talk as if it saw the picture, and is shown examples of each kind.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sim.instruct.context import from_json
from sim.instruct.endpoint import Message
from sim.instruct.held_out import is_held_out
from sim.instruct.question import Kind, Turn
from sim.instruct.scoring import mentioned

FREE: Final = "free"
"""Type of questions that a language model thought up."""

_LONGEST_WORDS = 120
_RULES = (
    "you look at a table with a robot arm, from the front. you are told in captions and boxes what is on "
    "it (boxes are left, top, right, bottom, in fractions of the picture). talk as if you saw the picture; "
    "never speak of captions, boxes or numbers in digits. say only what follows for certain. write "
    "lower-case words, and the marks . , ? ; : only. call objects by colour and shape: block, cylinder, "
    "ball, star. balls roll off whatever they are put on; only a block can bear something; what something "
    "stands on cannot be grasped. "
)
_WANTED: Final[dict[Kind, str]] = {
    "conversation": "write a talk of three to six questions of a person and your short answers about what "
    "there is, colours, numbers, places and sides. each line begins with 'question:' or 'answer:'.",
    "description": "write one request for a description of the picture, in a line that begins with "
    "'question:', and then your description, in a line that begins with 'answer:'. mention every object and "
    "every fixture, and nothing else.",
    "reasoning": "write one question whose answer takes a thought: why something cannot be done now, what "
    "would happen, which steps are needed, in a line that begins with 'question:', and then your answer with "
    "its reason, in a line that begins with 'answer:'.",
}
_SCENE = (
    "captions:\n"
    "there are three objects: a red block, a green star and a blue ball. there is a bowl and a tray.\n"
    "the red block is on the table, on the left. the green star is on the red block. the blue ball is in the "
    "bowl. the bowl is on the right and not empty. the tray is in the middle and empty.\n"
    "boxes:\n"
    "red block: [0.21, 0.48, 0.29, 0.57]\ngreen star: [0.20, 0.41, 0.30, 0.50]\n"
    "blue ball: [0.68, 0.44, 0.75, 0.51]\nbowl: [0.63, 0.40, 0.80, 0.54]\ntray: [0.40, 0.46, 0.60, 0.62]"
)
_SHOWN: Final[dict[Kind, str]] = {
    "conversation": "question: how many objects can you see?\nanswer: three\n"
    "question: what colour is the ball?\nanswer: blue\n"
    "question: is the red block left of the bowl?\nanswer: yes\n"
    "question: what stands on the red block?\nanswer: the green star",
    "description": "question: describe the picture in detail.\n"
    "answer: on the left a green star stands on a red block. in the middle there is an empty tray, and to "
    "the right of it a bowl with a blue ball in it.",
    "reasoning": "question: why can the red block not be put on the tray right away?\n"
    "answer: because the green star stands on it. it has to be taken off first, then the red block can be "
    "put on the tray.",
}
_LINES = re.compile(r"^\s*(question|answer)\s*:\s*(.+?)\s*$")


class FormError(ValueError):
    """An answer does not have the form that was asked for; the message says what is wrong."""


def prompt(kind: Kind, context: str) -> list[Message]:
    """The messages that ask for data of a kind about a scene."""
    return [
        {"role": "system", "content": _RULES + _WANTED[kind]},
        {"role": "user", "content": _SCENE},
        {"role": "assistant", "content": _SHOWN[kind]},
        {"role": "user", "content": context},
    ]


def again(messages: list[Message], answer: str, error: FormError) -> list[Message]:
    """The messages that ask once more after an answer in the wrong form."""
    wrong = f"that does not have the right form: {error}. write it again, in the right form."
    return [*messages, {"role": "assistant", "content": answer}, {"role": "user", "content": wrong}]


def turns_of(kind: Kind, answer: str, context: dict[str, Any]) -> tuple[Turn, ...]:
    """The questions and answers in what a model wrote.

    Raises:
        FormError: it has another form, speaks of what is not there, or asks what is kept for examinations.
    """
    lines = [line for line in answer.lower().splitlines() if line.strip()]
    parts = [_LINES.match(line) for line in lines]
    if not lines or not all(parts):
        raise FormError("each line must begin with 'question:' or 'answer:'")
    said = [(part[1], " ".join(part[2].split())) for part in parts if part]
    if [who for who, _ in said] != ["question", "answer"] * (len(said) // 2):
        raise FormError("questions and answers must take turns")
    pairs = [(said[i][1], said[i + 1][1]) for i in range(0, len(said), 2)]
    if kind != "conversation" and len(pairs) > 1:
        raise FormError("there must be one question and one answer")
    scene = from_json(context["scene"])
    there = {scene.name(row) for row in scene.seen} | set(scene.state.fixtures)
    for question, reply in pairs:
        _check(question, reply, there)
    return tuple(Turn(kind, FREE, question, reply) for question, reply in pairs)


def _check(question: str, reply: str, there: set[str]) -> None:
    for text in (question, reply):
        foreign = sorted(set(re.findall(r"[^a-z .,?;:]", text)))
        if foreign:
            raise FormError(f"{' '.join(foreign)} must not be used")
        if len(text.split()) > _LONGEST_WORDS:
            raise FormError(f"{len(text.split())} words are too many: at most {_LONGEST_WORDS}")
    if not question.endswith(("?", ".")):
        raise FormError(f"{question!r} must end with a mark")
    if is_held_out(question):
        raise FormError(f"{question!r} must be asked in other words")
    missing = sorted(mentioned(reply) - there - mentioned(question))
    if missing:
        raise FormError(f"there is no {missing[0]}")
