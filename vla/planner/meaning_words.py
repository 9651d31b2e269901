"""Writing meanings in their words; :mod:`vla.planner.meaning_text` reads them."""

from __future__ import annotations

from collections.abc import Iterable

from vla.planner.meaning import (
    VERBS,
    Choice,
    Condition,
    Deed,
    Meaning,
    Question,
    Things,
    Trait,
    Unknown,
    Wish,
)
from vla.planner.meaning_text import END


def format_meaning(meaning: Meaning) -> str:
    """The words; :func:`vla.planner.meaning_text.parse_meaning` is the inverse."""
    match meaning:
        case Unknown():
            words = "unknown"
        case Choice(condition, wish, otherwise):
            words = f"if {_condition_words(condition)} do {_wish_words(wish)}"
            words += f" else {_wish_words(otherwise)}" if otherwise.deeds else ""
        case Wish():
            words = _wish_words(meaning)
        case Question("ask", condition=condition):
            assert condition is not None
            words = f"ask {_condition_words(condition)}"
        case Question(kind, things):
            words = f"{kind} {_list_words(things)}"
    return f"{words} {END}"


def _wish_words(wish: Wish) -> str:
    link = " then " if wish.ordered else " and "
    return link.join(map(deed_words, wish.deeds)) or "nothing"


def deed_words(deed: Deed) -> str:
    """The words of one wish."""
    words = [deed.verb]
    for part in VERBS[deed.verb]:
        if part == "place":
            words.append(deed.place)
        elif part not in ("thing", "things"):
            words.append(part)
        elif words[1:]:
            assert deed.other is not None
            words.append(_things_words(deed.other))
        else:
            words.append(_list_words(deed.things))
    return " ".join(words)


def _list_words(things: Iterable[Things]) -> str:
    return " plus ".join(map(_things_words, things))


def _things_words(things: Things) -> str:
    words = f"{things.which} {things.noun.words}"
    words += f" {_trait_words(things.trait)}" if things.trait else ""
    return words + "".join(f" but {_things_words(other)}" for other in things.but)


def _trait_words(trait: Trait) -> str:
    if trait.other is not None:
        return f"{trait.kind} {_things_words(trait.other)}"
    return f"{trait.kind} {trait.place}".strip()


def _condition_words(condition: Condition) -> str:
    words = ["not"] if condition.negated else []
    words += [condition.kind, condition.state, condition.place, _list_words(condition.things)]
    if condition.others:
        words += ["than" if condition.kind == "more" else "as", _list_words(condition.others)]
    words.append(_trait_words(condition.trait) if condition.trait else "")
    return " ".join(word for word in words if word)
