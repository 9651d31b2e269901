"""The language of meanings: what may be said is read, what may come next is known, errors name words."""

from __future__ import annotations

import pytest

from vla.planner.meaning import (
    Choice,
    Condition,
    Deed,
    Meaning,
    Noun,
    Question,
    Things,
    Trait,
    Unknown,
    Wish,
    names_in,
)
from vla.planner.meaning_text import meaning_next, meaning_vocabulary, parse_meaning
from vla.planner.meaning_words import format_meaning
from vla.planner.sayings import PlanError


def _the(words: str, trait: Trait | None = None) -> Things:
    *colour, shape = words.split()
    return Things("the", Noun(shape, "".join(colour)), trait)


_BALL, _BOWL = _the("red ball"), _the("bowl")
_EXAMPLES: dict[str, Meaning] = {
    "unknown .": Unknown(),
    "press .": Wish((Deed("press"),)),
    "put every star in tray and close .": Wish(
        (Deed("put", (Things("every", Noun("star")),), "tray"), Deed("close"))
    ),
    "stack the red ball on the bowl then press .": Wish(
        (Deed("stack", (_BALL,), other=_BOWL), Deed("press")), ordered=True
    ),
    "put the red ball plus the bowl in front left .": Wish((Deed("put", (_BALL, _BOWL), "front left"),)),
    "swap the red ball with the thing inside hand .": Wish(
        (Deed("swap", (_BALL,), other=_the("thing", Trait("inside", "hand"))),)
    ),
    "pile every block but the red ball .": Wish(
        (Deed("pile", (Things("every", Noun("block"), but=(_BALL,)),)),)
    ),
    "hold the block topmost .": Wish((Deed("hold", (_the("block", Trait("topmost")),)),)),
    "if drawer open do close else press .": Choice(
        Condition("drawer", "open"), Wish((Deed("close"),)), Wish((Deed("press"),))
    ),
    "if not empty bowl do nothing .": Choice(
        Condition("empty", place="bowl", negated=True), Wish(), Wish()
    ),
    "if more every ball than every red star do press .": Choice(
        Condition(
            "more", things=(Things("every", Noun("ball")),), others=(Things("every", Noun("star", "red")),)
        ),
        Wish((Deed("press"),)),
        Wish(),
    ),
    "ask is the red ball left of the bowl .": Question(
        "ask", condition=Condition("is", things=(_BALL,), trait=Trait("left of", other=_BOWL))
    ),
    "name any thing upon the red ball .": Question(
        "name", (Things("any", Noun("thing"), Trait("upon", other=_BALL)),)
    ),
    "count every block inside drawer plus every star .": Question(
        "count",
        (Things("every", Noun("block"), Trait("inside", "drawer")), Things("every", Noun("star"))),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "meaning"), _EXAMPLES.items(), ids=list(_EXAMPLES))
def test_words_and_meaning_belong_together(words: str, meaning: Meaning):
    assert parse_meaning(words) == meaning
    assert format_meaning(meaning) == words


@pytest.mark.parametrize("words", _EXAMPLES)
def test_what_comes_next_is_among_what_may(words: str):
    said = words.split()
    for at, word in enumerate(said):
        following = meaning_next(said[:at])
        assert word in following
        assert following <= meaning_vocabulary()
    assert not meaning_next(said)


@pytest.mark.parametrize("words", _EXAMPLES)
def test_breaking_off_is_an_error_that_names_what_was_missing(words: str):
    said = words.split()
    for at in range(len(said)):
        with pytest.raises(PlanError, match="breaks off; valid next: ") as error:
            parse_meaning(" ".join(said[:at]))
        assert said[at] in str(error.value)


@pytest.mark.parametrize(
    ("words", "wrong", "valid"),
    [
        ("put the pink ball in bowl .", "pink", "purple"),
        ("put the red ball on bowl .", "on", "in"),
        ("put the red ball in sink .", "sink", "tray"),
        ("put the red bowl in tray .", "bowl", "block"),
        ("open the drawer .", "the", "then"),
        ("if drawer ajar do press .", "ajar", "closed"),
        ("if not not button pressed do press .", "not", "button"),
        ("ask is the ball .", ".", "inside"),
        ("dance .", "dance", "unknown"),
        ("put the ball in front middle .", "middle", "left"),
    ],
)
def test_errors_name_the_word_and_the_choices(words: str, wrong: str, valid: str):
    with pytest.raises(PlanError) as error:
        parse_meaning(words)
    message = str(error.value)
    assert message.startswith(f"{wrong!r} may not follow")
    assert valid in message.split("valid: ")[1].split(", ")
    with pytest.raises(PlanError):
        meaning_next(words.split())


def test_nothing_follows_a_full_stop():
    with pytest.raises(PlanError, match="goes on behind its full stop: 'press'"):
        parse_meaning("press . press")


def test_names_are_found_wherever_they_stand():
    text = (
        "if some any red ball do stack the thing upon the blue block on the red block "
        "else put every star but the red star in tray ."
    )
    assert names_in(parse_meaning(text)) == {"red ball", "blue block", "red block", "red star"}
    assert names_in(parse_meaning("put every red thing in bowl .")) == frozenset()
