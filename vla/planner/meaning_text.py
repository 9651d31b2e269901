"""Reading meanings: one parser that also tells which words may come next.

The language is LL(1): the next word decides how to go on. Where the words run out, the parser knows what it
was waiting for, and that is what a language model may say next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, cast

from vla.planner.meaning import (
    ADJECTIVES,
    NOUNS,
    PLACES,
    RELATIONS,
    SUPERLATIVES,
    THING,
    VERBS,
    WHICH,
    Choice,
    Condition,
    Deed,
    Meaning,
    Noun,
    Question,
    Things,
    Trait,
    Unknown,
    Which,
    Wish,
)
from vla.planner.sayings import SHAPES, PlanError

END: Final = "."
_ASKED: Final = ("where", "colour", "name", "count", "ask")
_CONDITIONS: Final = ("drawer", "button", "some", "several", "more", "same", "empty", "covered", "is")
_DRAWER: Final = ("open", "closed")
_TRAITS: Final = (
    "inside",
    "stacked",
    *SUPERLATIVES,
    *dict.fromkeys(relation.split()[0] for relation in RELATIONS),
)


def parse_meaning(text: str) -> Meaning:
    """What the words mean.

    Raises:
        PlanError: they are no sentence of the language; the message says what was expected where.
    """
    words = text.split()
    reader = _Reader(words)
    try:
        meaning = reader.meaning()
    except _EndError as end:
        raise PlanError(f"{text!r} breaks off; valid next: {', '.join(sorted(end.expected))}") from None
    if reader.rest:
        raise PlanError(f"{text!r} goes on behind its full stop: {' '.join(reader.rest)!r}")
    return meaning


def meaning_next(prefix: Sequence[str]) -> frozenset[str]:
    """The words that may follow, so that a decoder never leaves the language.

    Args:
        prefix: Words said so far.

    Returns:
        Empty exactly after :data:`END`.

    Raises:
        PlanError: nothing that may be said begins with ``prefix``.
    """
    try:
        _Reader(prefix).meaning()
    except _EndError as end:
        return frozenset(end.expected)
    return frozenset()


@cache
def meaning_or_unknown(text: str) -> Meaning:
    """As :func:`parse_meaning`; what a model was cut off in, because it went on and on, means nothing."""
    try:
        return parse_meaning(text)
    except PlanError:
        return Unknown()


def meaning_vocabulary() -> frozenset[str]:
    """Every word of the language."""
    phrases = (*NOUNS, *ADJECTIVES, *PLACES, *WHICH, *RELATIONS, *_TRAITS, *VERBS, *_ASKED, *_CONDITIONS)
    others = "hand but plus in on with if do else then and not unknown than as nothing closed open pressed"
    return frozenset(word for phrase in (*phrases, *others.split(), END) for word in phrase.split())


class _EndError(Exception):
    """The words have run out."""

    def __init__(self, expected: Iterable[str]) -> None:
        super().__init__()
        self.expected = set(expected)


class _Reader:
    """Recursive descent over words."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words, self._at = tuple(words), 0
        self._optional: set[str] = set()

    @property
    def rest(self) -> tuple[str, ...]:
        return self._words[self._at :]

    def _choose(self, choices: Iterable[str]) -> str:
        """The next word, which must be one of these."""
        expected = self._optional | set(choices)
        if self._at == len(self._words):
            raise _EndError(expected)
        word = self._words[self._at]
        if word not in expected:
            said, valid = " ".join(self._words[: self._at]), ", ".join(sorted(expected))
            raise PlanError(f"{word!r} may not follow {said!r}; valid: {valid}")
        self._optional = set()
        self._at += 1
        return word

    def _maybe(self, choices: Iterable[str]) -> str | None:
        """The next word if it is one of these, else None."""
        choices = set(choices)
        if self._at < len(self._words) and self._words[self._at] in choices:
            return self._choose(choices)
        self._optional |= choices
        return None

    def meaning(self) -> Meaning:
        word = self._choose(("if", "unknown", *_ASKED, *VERBS))
        if word == "unknown":
            found: Meaning = Unknown()
        elif word == "if":
            condition = self._condition()
            self._choose(("do",))
            wish = self._wish(self._choose(("nothing", *VERBS)))
            other = self._wish(self._choose(VERBS)) if self._maybe(("else",)) else Wish()
            found = Choice(condition, wish, other)
        elif word in VERBS:
            found = self._wish(word)
        elif word == "ask":
            found = Question("ask", condition=self._condition())
        elif word == "count":
            found = Question(word, self._list())
        else:
            found = Question(word, (self._things(),))
        self._choose((END,))
        return found

    def _wish(self, verb: str) -> Wish:
        if verb == "nothing":
            return Wish()
        deeds, ordered = [self._deed(verb)], False
        while link := self._maybe(("and", "then")):
            ordered |= link == "then"
            deeds.append(self._deed(self._choose(VERBS)))
        return Wish(tuple(deeds), ordered)

    def _deed(self, verb: str) -> Deed:
        things: tuple[Things, ...] = ()
        place, other = "", None
        for part in VERBS[verb]:
            if part == "things":
                things = self._list()
            elif part == "place":
                place = self._place()
            elif part != "thing":
                self._choose((part,))
            elif things:
                other = self._things()
            else:
                things = (self._things(),)
        return Deed(verb, things, place, other)

    def _list(self) -> tuple[Things, ...]:
        found = [self._things()]
        while self._maybe(("plus",)):
            found.append(self._things())
        return tuple(found)

    def _things(self) -> Things:
        which, noun = self._plain()
        trait = self._trait(self._maybe(_TRAITS))
        but: list[Things] = []
        while self._maybe(("but",)):
            but.append(Things(*self._plain()))
        return Things(which, noun, trait, tuple(but))

    def _plain(self) -> tuple[Which, Noun]:
        which = cast(Which, self._choose(WHICH))
        word = self._choose((*ADJECTIVES, *NOUNS))
        if word in ADJECTIVES:
            return which, Noun(self._choose((*SHAPES, THING)), word)
        return which, Noun(word)

    def _trait(self, word: str | None) -> Trait | None:
        if word is None:
            return None
        if word == "inside":
            return Trait(word, place=self._place(("hand",)))
        if word in ("stacked", *SUPERLATIVES):
            return Trait(word)
        for more in next(relation for relation in RELATIONS if relation.split()[0] == word).split()[1:]:
            word += f" {self._choose((more,))}"
        return Trait(word, other=Things(*self._plain()))

    def _place(self, more: Sequence[str] = ()) -> str:
        first = self._choose([place.split()[0] for place in (*PLACES, *more)])
        return f"{first} {self._choose(('left', 'right'))}" if first in ("front", "back") else first

    def _condition(self) -> Condition:
        kind = self._choose(("not", *_CONDITIONS))
        negated = kind == "not"
        if negated:
            kind = self._choose(_CONDITIONS)
        match kind:
            case "drawer":
                return Condition(kind, self._choose(_DRAWER), negated=negated)
            case "button":
                return Condition(kind, self._choose(("pressed",)), negated=negated)
            case "empty":
                return Condition(kind, place=self._place(), negated=negated)
            case "some":
                return Condition(kind, things=self._list(), negated=negated)
            case "more" | "same":
                things = self._list()
                self._choose(("than" if kind == "more" else "as",))
                return Condition(kind, things=things, others=self._list(), negated=negated)
            case "is":
                which, noun = self._plain()
                trait = self._trait(self._choose(_TRAITS))
                return Condition(kind, things=(Things(which, noun),), trait=trait, negated=negated)
            case _:
                return Condition(kind, things=(self._things(),), negated=negated)
