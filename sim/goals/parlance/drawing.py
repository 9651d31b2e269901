"""Drawing what somebody might mean, without a table: anything that the language of meanings can say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from sim.goals.parlance.pattern import pick
from vla.planner.meaning import (
    RELATIONS,
    SUPERLATIVES,
    THING,
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
from vla.planner.sayings import COLOURS, CORNERS, FIXTURES, SHAPES

_CONTAINERS: Final = ("bowl", "tray", "drawer")
_STATIONS: Final = (*_CONTAINERS, "zone", *CORNERS)


def some_meaning(rng: np.random.Generator) -> Meaning:
    """Anything that can be meant; common things more often than rare ones."""
    draw = rng.random()
    if draw < 0.5:
        return _wish(rng, int(rng.choice((1, 1, 1, 1, 1, 2, 2, 3))))
    if draw < 0.66:
        return _choice(rng)
    if draw < 0.72:
        return _tower(rng)
    if draw < 0.90:
        return _question(rng)
    return Unknown()


def _chance(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def _noun(rng: np.random.Generator, colour: float = 0.75) -> Noun:
    shape = pick(SHAPES, rng) if _chance(rng, 0.85) else THING
    return Noun(shape, pick(COLOURS, rng) if _chance(rng, colour) else "")


def _the(rng: np.random.Generator) -> Things:
    return Things("the", _noun(rng, 0.85))


def _trait(rng: np.random.Generator) -> Trait:
    draw = rng.random()
    if draw < 0.45:
        return Trait("inside", pick((*_STATIONS, *_CONTAINERS, "table"), rng))
    if draw < 0.72:
        return Trait(pick(SUPERLATIVES, rng))
    kind = pick(RELATIONS, rng)
    other = _the(rng)
    if kind not in ("upon", "beneath", "coloured like") and _chance(rng, 0.4):
        other = Things("the", Noun(pick(("bowl", "tray", "zone", "button"), rng)))
    return Trait(kind, other=other)


def _one(rng: np.random.Generator, traits: float = 0.28) -> Things:
    """One thing, mostly by its full name."""
    if _chance(rng, traits):
        return Things("the", _noun(rng, 0.35) if _chance(rng, 0.6) else Noun(THING), _trait(rng))
    if _chance(rng, 0.04):
        return Things("any", _noun(rng, 0.4))
    if _chance(rng, 0.03):
        return Things("the", Noun(pick(FIXTURES, rng)))
    return _the(rng)


def _movable(rng: np.random.Generator, traits: float) -> Things:
    while (things := _one(rng, traits)).noun.shape in FIXTURES:
        pass
    return things


def _set(rng: np.random.Generator) -> Things:
    """Every one of a kind."""
    noun = Noun(pick((*SHAPES, THING, THING), rng), pick(COLOURS, rng) if _chance(rng, 0.3) else "")
    trait = None
    if _chance(rng, 0.25):
        trait = Trait("inside", pick((*_CONTAINERS, *_CONTAINERS, "table"), rng))
        if _chance(rng, 0.2):
            trait = Trait("stacked")
    but = tuple(_the(rng) for _ in range(int(_chance(rng, 0.36)) + int(_chance(rng, 0.06))))
    return Things("every", noun, trait, but)


def _things(rng: np.random.Generator) -> tuple[Things, ...]:
    draw = rng.random()
    if draw < 0.62:
        return (_one(rng),)
    if draw < 0.82:
        return (_set(rng),)
    if draw < 0.91:
        return (_one(rng, 0.2), _one(rng, 0.2))
    if draw < 0.93:
        return _apart(rng, _chance(rng, 0.5))
    if draw < 0.97:
        return (_set(rng), _one(rng, 0.05) if _chance(rng, 0.5) else _set(rng))
    return (_the(rng), _the(rng), _the(rng))


def _put(rng: np.random.Generator) -> Deed:
    return Deed("put", _things(rng), pick((*_STATIONS, *_CONTAINERS, *_CONTAINERS, "table"), rng))


def _all_but(rng: np.random.Generator) -> Deed:
    """A kind goes somewhere, but for one or two of that kind."""
    kind = Noun(pick((*SHAPES, THING, THING), rng), pick(COLOURS, rng) if _chance(rng, 0.2) else "")
    things = Things("every", kind, but=_spared(kind, rng))
    return Deed("put", (things,), pick((*_STATIONS, *_CONTAINERS), rng))


def _spared(kind: Noun, rng: np.random.Generator) -> tuple[Things, ...]:
    """One or two of a kind."""
    but: list[Things] = []
    for _ in range(1 + int(_chance(rng, 0.12))):
        shape = pick(SHAPES, rng) if kind.shape == THING else kind.shape
        but.append(Things("the", Noun(shape, kind.colour or pick(COLOURS, rng))))
    return tuple(but)


def _fetch(rng: np.random.Generator) -> Deed:
    within = Trait("inside", "drawer")
    things = Things("the", _noun(rng, 0.9), within)
    draw = rng.random()
    if draw < 0.25:
        things = Things("every", Noun(pick((THING, THING, *SHAPES), rng)), within)
    elif draw < 0.35:
        return Deed("hold", (things,))
    elif draw < 0.5:
        return Deed("stack", (things,), other=_movable(rng, 0.6))
    return Deed("put", (things,), pick(("table", "table", "table", "bowl", "tray", *CORNERS), rng))


def _off(rng: np.random.Generator) -> Deed:
    thing = Noun(THING) if _chance(rng, 0.3) else _noun(rng, 0.9)
    return Deed("put", (Things("the", thing, Trait("upon", other=_the(rng))),), "table")


def _stack(rng: np.random.Generator) -> Deed:
    if _chance(rng, 0.08):
        first, second = _apart(rng, _chance(rng, 0.5))
        return Deed("stack", (first,), other=second)
    # What is put on the tray is put there, not stacked.
    return Deed("stack", (_one(rng),), other=_movable(rng, 0.1))


def _swap(rng: np.random.Generator) -> Deed:
    draw = rng.random()
    if draw < 0.55:
        first, second = _apart(rng, draw < 0.3)
        return Deed("swap", (first,), other=second)
    return Deed("swap", (_one(rng, 0.05),), other=_one(rng, 0.05))


def _apart(rng: np.random.Generator, nameless: bool) -> tuple[Things, Things]:
    """Two things by where they are, each with a name of its own or both without one."""
    first, second = rng.permutation(_STATIONS)[:2]
    nouns = [Noun(THING) if nameless else _noun(rng, 0.3) for _ in range(2)]
    return _inside(str(first), nouns[0]), _inside(str(second), nouns[1])


def _inside(place: str, noun: Noun) -> Things:
    return Things("the", noun, Trait("inside", place))


def _single(verb: str) -> Callable[[np.random.Generator], Deed]:
    return lambda rng: Deed(verb, (_one(rng),))


def _pile(rng: np.random.Generator) -> Deed:
    if _chance(rng, 0.5):
        return Deed("pile", (_set(rng),))
    return Deed("pile", tuple(_the(rng) for _ in range(int(rng.integers(2, 4)))))


def _sort(rng: np.random.Generator) -> Deed:
    kind = Noun(pick(("block", "block", *SHAPES, THING), rng))
    trait = Trait("inside", pick(_CONTAINERS, rng)) if _chance(rng, 0.1) else None
    return Deed("sort", (Things("every", kind, trait, _spared(kind, rng) if _chance(rng, 0.4) else ()),))


def _clear(rng: np.random.Generator) -> Deed:
    return Deed("clear", _things(rng) if _chance(rng, 0.6) else (_one(rng),))


def _bare(*verbs: str) -> Callable[[np.random.Generator], Deed]:
    return lambda rng: Deed(pick(verbs, rng))


_DEEDS: Final[tuple[tuple[float, Callable[[np.random.Generator], Deed]], ...]] = (
    (0.32, _put),
    (0.07, _all_but),
    (0.11, _fetch),
    (0.03, _off),
    (0.09, _stack),
    (0.06, _swap),
    (0.10, _single("hold")),
    (0.05, _single("reach")),
    (0.06, _clear),
    (0.03, _pile),
    (0.05, _sort),
    (0.10, _bare("open", "close", "press")),
    (0.03, _bare("flip", "undo", "tidy")),
)


def _deed(rng: np.random.Generator) -> Deed:
    shares = np.array([share for share, _ in _DEEDS])
    return _DEEDS[int(rng.choice(len(_DEEDS), p=shares / shares.sum()))][1](rng)


def _wish(rng: np.random.Generator, count: int) -> Wish:
    deeds: list[Deed] = []
    while len(deeds) < count:
        if (deed := _deed(rng)) not in deeds:
            deeds.append(deed)
    if count > 1 and _chance(rng, 0.3):
        last = Deed(pick(("close", "press", "open"), rng))
        deeds[-1] = last if last not in deeds else deeds[-1]
    return Wish(tuple(deeds), count > 1 and _chance(rng, 0.5))


def _tower(rng: np.random.Generator) -> Wish:
    low, middle, high = _the(rng), _the(rng), _the(rng)
    return Wish((Deed("stack", (middle,), other=low), Deed("stack", (high,), other=middle)))


def _condition(rng: np.random.Generator) -> Condition:
    kind = pick(("drawer", "drawer", "some", "some", "button", "several", "more", "more", "same", "empty",
                 "empty", "covered", "is", "is", "is"), rng)  # fmt: skip
    negated = kind != "drawer" and _chance(rng, 0.2)
    match kind:
        case "drawer":
            return Condition(kind, pick(("open", "closed"), rng))
        case "button":
            return Condition(kind, "pressed", negated=negated)
        case "empty":
            return Condition(kind, place=pick((*_STATIONS, *_CONTAINERS), rng), negated=negated)
        case "some":
            things = (
                Things("any", _noun(rng)) if _chance(rng, 0.85) else Things("the", Noun(pick(FIXTURES, rng)))
            )
            return Condition(kind, things=(things,), negated=negated)
        case "several":
            return Condition(kind, things=(Things("any", _noun(rng, 0.3)),), negated=negated)
        case "more" | "same":
            sets = [Things("every", Noun(str(shape))) for shape in rng.permutation(SHAPES)[:2]]
            if _chance(rng, 0.3):
                sets = [Things("every", Noun(THING, str(colour))) for colour in rng.permutation(COLOURS)[:2]]
            return Condition(kind, things=(sets[0],), others=(sets[1],), negated=negated)
        case "is":
            return Condition(kind, things=(_the(rng),), trait=_stated(rng), negated=negated)
        case _:
            return Condition(kind, things=(_the(rng),), negated=negated)


def _stated(rng: np.random.Generator) -> Trait:
    """A trait that can be said of something."""
    while (trait := _trait(rng)).kind in (*SUPERLATIVES, "coloured like", "closest to"):
        pass
    return trait


def _choice(rng: np.random.Generator) -> Choice:
    condition = _condition(rng)
    wish = _wish(rng, 1 + int(_chance(rng, 0.1)))
    other = _wish(rng, 1) if _chance(rng, 0.75) else Wish()
    return Choice(condition, wish, other if other != wish else Wish())


def _question(rng: np.random.Generator) -> Question:
    kind = pick(("ask", "ask", "ask", "where", "colour", "count", "name", "name"), rng)
    match kind:
        case "ask":
            condition = _condition(rng)
            while condition.negated:
                condition = _condition(rng)
            return Question(kind, condition=condition)
        case "count":
            noun = Noun(pick((*SHAPES, *SHAPES, THING), rng), pick(COLOURS, rng) if _chance(rng, 0.3) else "")
            trait = Trait("inside", pick(_CONTAINERS, rng)) if _chance(rng, 0.25) else None
            more = (Things("every", Noun(pick(SHAPES, rng))),) if _chance(rng, 0.15) else ()
            return Question(kind, (Things("every", noun, trait), *more))
        case "name":
            which: Which = "the" if _chance(rng, 0.35) else "any"
            trait = _trait(rng)
            return Question(kind, (Things(which, Noun(THING), trait),))
        case "colour":
            return Question(
                kind, (Things("the", Noun(pick(SHAPES, rng)), _trait(rng) if _chance(rng, 0.2) else None),)
            )
        case _:
            return Question(kind, (_one(rng),))
