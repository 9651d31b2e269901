"""What may be said, and nothing else, is accepted word by word; every instruction means what it says."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.language import FAMILIES, vocabulary
from sim.layout import CORNERS
from sim.objects import COLOUR_NAMES, SHAPES
from sim.reading import read_wish
from vla.contract import ContractError, Plan
from vla.planner import grammar
from vla.planner.grammar import (
    ANSWERS,
    END,
    MAX_STEPS,
    REFUSALS,
    STEPS,
    Answer,
    Instructions,
    PlanError,
    Refusal,
    Saying,
    Step,
    allowed_next,
    format_saying,
    parse,
    plan_of,
    saying_of,
    tokens,
)

SAYINGS = st.one_of(
    st.lists(st.sampled_from(sorted(STEPS)), max_size=MAX_STEPS).map(
        lambda words: Instructions(tuple(STEPS[word] for word in words))
    ),
    st.sampled_from(list(REFUSALS.values())),
    st.sampled_from(ANSWERS).map(Answer),
)


def accepted(words: tuple[str, ...]) -> bool:
    """True when a decoder that obeys ``allowed_next`` could say this, from beginning to end."""
    for i, word in enumerate(words):
        if word not in allowed_next(words[:i]):
            return False
    return words[-1:] == (END,)


def listed(words: tuple[str, ...]) -> bool:
    """Membership of the language, straight from its lists."""
    if words[-1:] != (END,):
        return False
    body = " ".join(words[:-1])
    steps = body.split(" ; ")
    return (
        (len(steps) <= MAX_STEPS and all(step in STEPS for step in steps))
        or body == "done"
        or body in {f"cannot : because {reason}" for reason in REFUSALS}
        or body in {f"answer : {answer}" for answer in ANSWERS}
    )


def test_its_words_are_the_simulators():
    assert COLOUR_NAMES == grammar.COLOURS
    assert SHAPES == grammar.SHAPES
    assert tuple(CORNERS) == grammar.CORNERS
    assert {step.family for step in STEPS.values()} == set(FAMILIES)


def test_every_instruction_is_read_as_what_it_means_in_words_of_the_policys_training():
    for words, step in STEPS.items():
        wish = read_wish(words)
        assert wish.family == step.family, words
        target = None if wish.target is None else f"{wish.target.colour} {wish.target.shape}"
        assert (target or "") == step.target, words
        base = "" if wish.base is None else f"{wish.base.colour} {wish.base.shape}"
        assert (wish.place or base) == step.place, words
        assert set(words.split()) <= vocabulary(), words


def test_every_sentence_is_accepted_word_by_word_and_read_back():
    singles: list[Saying] = [
        *(Instructions((step,)) for step in STEPS.values()),
        *REFUSALS.values(),
        *map(Answer, ANSWERS),
        Instructions(),
    ]
    for saying in singles:
        text = format_saying(saying)
        assert accepted(tokens(text)), text
        assert parse(text) == saying


@given(SAYINGS)
@settings(max_examples=60, deadline=None)
def test_formatting_and_parsing_are_inverse(saying: Saying) -> None:
    text = format_saying(saying)
    assert parse(text) == saying
    assert accepted(tokens(text))
    assert saying_of(plan_of("a goal", saying)) == saying


@given(SAYINGS, st.data())
@settings(max_examples=150, deadline=None)
def test_a_spoilt_sentence_is_refused_unless_it_is_another_sentence(saying: Saying, data: st.DataObject):
    words = list(tokens(format_saying(saying)))
    at = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(st.sampled_from([*sorted(grammar.vocabulary()), "the red", "robot"]))
    spoil = data.draw(st.sampled_from(["drop", "change", "add", "cut"]))
    if spoil == "drop":
        del words[at]
    elif spoil == "change":
        words[at] = other
    elif spoil == "add":
        words.insert(at, other)
    else:
        words = words[:at]
    spoilt = tuple(" ".join(words).split())
    assert accepted(spoilt) == listed(spoilt)
    if not listed(spoilt):
        with pytest.raises(PlanError):
            parse(" ".join(spoilt))


@pytest.mark.parametrize("seed", range(30))
def test_whoever_follows_the_allowed_words_ends_with_a_sentence(seed: int):
    choose, words = random.Random(seed), list[str]()
    while allowed := allowed_next(words):
        assert allowed <= grammar.vocabulary()
        # Full stops are rare here, so that the longest plans are reached as well.
        choices = sorted(allowed - {END}) or sorted(allowed)
        words.append(choose.choice(choices))
    assert words[-1] == END
    assert listed(tuple(words))
    parse(" ".join(words))


def test_a_plan_ends_after_its_longest():
    press = Step("press_button")
    longest = tokens(format_saying(Instructions((press,) * MAX_STEPS)))
    assert allowed_next(longest[:-1]) == {END}
    with pytest.raises(PlanError, match="';' may not follow"):
        format_saying(Instructions((press,) * (MAX_STEPS + 1)))


def test_what_cannot_be_said_is_named():
    for step in (
        Step("stack", "red block", "red ball"),
        Step("stack", "red block", "red block"),
        Step("push", "red ball", "zone"),
        Step("fly"),
    ):
        with pytest.raises(PlanError, match="no instruction"):
            format_saying(Instructions((step,)))
    with pytest.raises(PlanError, match="no reason"):
        format_saying(Refusal("missing", "green elephant"))
    for text in (
        "",
        "open the drawer",
        "open the door.",
        "answer: 42.",
        "done. done.",
        "cannot: because.",
        "Done.",
    ):
        with pytest.raises(PlanError):
            parse(text)


def test_done_steps_stay_in_the_plan_ticked_off():
    rest = Instructions((Step("press_button"),))
    plan = plan_of("both", rest, ("open the drawer",))
    assert plan == Plan("both", ("open the drawer", "press the button"), 1, ("done", "active"))
    assert saying_of(plan) == rest
    finished = plan_of("both", Instructions(), plan.steps)
    assert finished.done
    assert finished.status == ("done", "done")


def test_a_refusal_and_an_answer_have_nothing_to_do():
    refusal = plan_of("put the red ball in the bowl", Refusal("missing", "red ball"))
    answer = plan_of("how many balls are there?", Answer("none"))
    assert (refusal.kind, refusal.note, refusal.done) == ("cannot", "because there is no red ball", True)
    assert (answer.kind, answer.note, answer.done) == ("answer", "none", True)
    for kind, steps, note in itertools.product(("cannot", "answer"), ((), ("go",)), ("", "why")):
        if steps or not note:
            with pytest.raises(ContractError, match="has a note and no steps"):
                Plan("goal", steps, 0, ("active",) * len(steps), note, kind)
    with pytest.raises(ContractError, match="plan kind"):
        Plan("goal", (), 0, (), "why", "perhaps")  # pyright: ignore[reportArgumentType]
