"""Which goal a typed sentence is: the templates' wordings read backwards, into their slots."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from sim.goals import TEMPLATES
from sim.goals.goal import Template
from sim.goals.phrasings import PHRASINGS
from sim.language import PLACES, SHAPE_WORDS
from sim.objects import COLOUR_NAMES, SHAPES
from vla.planner.clauses import plain_clause


@dataclass(frozen=True, slots=True)
class Heard:
    """A template whose words fit a sentence.

    Attributes:
        template: The template.
        words: Its slots in canonical words, as :class:`sim.goals.goal.Drawn` has them: ``"red block"``,
            ``"bowl"``, ``"front left"``, ``"stars"``.
    """

    template: Template
    words: dict[str, str]


def hear(sentence: str) -> tuple[Heard, ...]:
    """Every goal that a sentence may mean, in the order of the templates; what cannot be done comes last.

    Politeness around the sentence, articles, punctuation and capitals do not count. A wording that leaves a
    slot out ("swap what is in the bowl with what is on the tray") binds only those that it names.
    """
    text = _plain(sentence)
    short = _THANKS.sub("", text)
    texts = dict.fromkeys((*_uncalled(text), *_uncalled(short), _plain(plain_clause(sentence.lower()))))
    found: list[Heard] = []
    for name, template in TEMPLATES.items():
        bound = [words for text in texts if (words := _bound(name, text)) is not None]
        if bound:
            found.append(Heard(template, bound[0]))
    return tuple(sorted(found, key=lambda heard: heard.template.kind == "infeasible"))


_CALL: Final = re.compile(r"^(?:hey|ok|robot|now|please) ")
_THANKS: Final = re.compile(r"(?: (?:please|for me|if you can|thanks))+$")
_SILENT: Final = re.compile(r"\b(?:the|a|an|that|this|my|your|of)\b")


def _uncalled(text: str) -> Iterator[str]:
    """A text, and what is left of it without its first calls: a wording may begin with one of its own."""
    yield text
    while (rest := _CALL.sub("", text)) != text:
        yield (text := rest)


def _plain(text: str) -> str:
    """Words alone, without articles, in British spelling."""
    words = re.sub(r"[^a-z]+", " ", text.lower()).replace("color", "colour")
    return " ".join(_SILENT.sub(" ", words).split())


def _bound(name: str, text: str) -> dict[str, str] | None:
    said = frozenset(text.split())
    for wording, needed in _wordings(name):
        if not needed <= said:
            continue  # Most wordings are never compiled: there are thousands.
        match = _compiled(wording).fullmatch(text)
        if match is None:
            continue
        words: dict[str, str] = {}
        for group, value in match.groupdict().items():
            slot = group.partition("_")[0]
            if value is not None and words.setdefault(slot, _canonical(value)) != _canonical(value):
                break
        else:
            return words
    return None


@cache
def _wordings(name: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """A template's wordings in plain words, each with the words that whoever says it cannot do without."""
    template = TEMPLATES[name]
    spoken = map(_spoken, (*template.train, *PHRASINGS.get(name, ()), *template.test))
    return tuple((text, frozenset(filter(str.isalpha, _WORD.findall(text)))) for text in spoken)


_SLOT: Final = re.compile(r"\{(\w)\}")
_WORD: Final = re.compile(r"(?:\([^()]*\)|\S)+")
"""A word, or a choice or a slot with whatever touches it."""


def _spoken(wording: str) -> str:
    """A wording without articles and punctuation, its slots' letters doubled, so that none is an article."""
    return " ".join(_SILENT.sub(" ", re.sub(r"[^a-z(){}| ]", " ", _SLOT.sub(r"{\1\1}", wording))).split())


@cache
def _compiled(text: str) -> re.Pattern[str]:
    text = re.sub(r"\(([^()]*)\)( ?)", _alternatives, text).strip()
    count = 0

    def slot(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"(?P<{match[1]}_{count}>{_slots()[match[1]]})"

    return re.compile(re.sub(r"\{(\w)\1\}", slot, text))


def _alternatives(match: re.Match[str]) -> str:
    choices = [" ".join(choice.split()) for choice in match[1].split("|")]
    group = f"(?:{'|'.join(choice for choice in choices if choice)}){match[2]}"
    return group if "" not in choices else f"(?:{group})?" if any(choices) else ""


def _either(words: Iterable[str]) -> str:
    return "|".join(sorted(set(words), key=len, reverse=True))


def _plural(word: str) -> str:
    return word + ("es" if word.endswith("x") else "s")


_PAIRS: Final = tuple((word, shape) for shape in SHAPES for word in SHAPE_WORDS[shape])
_SHAPE_OF: Final = dict(_PAIRS) | {_plural(word): _plural(shape) for word, shape in _PAIRS}
_PLACE_OF: Final = {_plain(phrase): name for name, phrases in PLACES.items() for phrase in phrases}


@cache
def _slots() -> dict[str, str]:
    """Slot to what may stand in it, as a pattern without groups of its own."""
    name = rf"(?:{_either(COLOUR_NAMES)}) (?:{_either(word for word, _ in _PAIRS)})"
    clause = rf"(?:open|close) drawer|press button|put {name} (?:in bowl|on tray)"
    word = rf"{_either((*COLOUR_NAMES, *_SHAPE_OF))}|{clause}"
    return dict.fromkeys("xyz", name) | dict.fromkeys("pq", _either(_PLACE_OF)) | dict.fromkeys("abcs", word)


def _canonical(words: str) -> str:
    colour, _, rest = words.partition(" ")
    if colour in COLOUR_NAMES and rest:
        return f"{colour} {_SHAPE_OF[rest]}"
    if (clause := _CLAUSE.fullmatch(words)) is not None:
        where = "" if clause[2] is None else f" {clause[3]} the {clause[4]}"
        return f"{clause[1]} the {_canonical(clause[2] or clause[5])}{where}"
    return _PLACE_OF.get(words) or _SHAPE_OF.get(words) or words


_CLAUSE: Final = re.compile(r"(open|close|press|put) (?:(\w+ \w+(?: \w+)?) (in|on) (\w+)|(\w+))")
