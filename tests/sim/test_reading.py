"""The simulator understands every sentence that its own grammar can say, and says so when it does not."""

from __future__ import annotations

import numpy as np
import pytest

from sim.language import phrase
from sim.layout import NoRoomError, Table
from sim.randomise import along
from sim.reading import Mention, UnreadableError, Wish, read_wish
from sim.tasks import TASKS
from sim.truth import Query
from sim.wording import texts


def drawn(family: str, seed: int, axis: str) -> tuple[Query, list[str]]:
    """A query of a family and four wordings of it."""
    for attempt in range(50):
        table = Table(along(axis), np.random.default_rng([seed, attempt]))
        try:
            query = TASKS[family].lay(table)
        except NoRoomError:
            continue
        return query, texts(query, table.switches.paraphrase, table.rng, 4)
    raise AssertionError(f"no table for {family}")


@pytest.mark.parametrize("axis", ["base", "all"])
@pytest.mark.parametrize("family", TASKS)
def test_every_wording_is_read_as_it_was_meant(family: str, axis: str):
    for seed in range(25):
        query, wordings = drawn(family, seed, axis)
        for words in wordings:
            wish = read_wish(words)
            assert wish.family == family, words
            if wish.target is not None:
                assert wish.target == Mention(query.colour, query.noun, query.relation), words
            if wish.base is not None:
                assert wish.base == Mention(query.base_colour, query.base_noun), words
            if family != "take_out":
                assert wish.place == query.place, words


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ("Put the RED block in the bowl!", Wish("put_in", Mention("red", "block"), "bowl")),
        ("place a green star on my tray", Wish("put_in", Mention("green", "star"), "tray")),
        ("shut that drawer", Wish("close_drawer")),
        ("pull the drawer out", Wish("open_drawer")),
        (
            "pick up the ball that is left of the bowl",
            Wish("pick_up", Mention(None, "ball", ("left", "bowl"))),
        ),
        (
            "stack red block on blue block",
            Wish("stack", Mention("red", "block"), base=Mention("blue", "block")),
        ),
    ],
)
def test_people_may_say_it_their_way(words: str, wish: Wish):
    assert read_wish(words) == wish


@pytest.mark.parametrize("words", ["make me a coffee", "", "put it there", "the drawer", "dance"])
def test_what_it_cannot_read_is_refused_with_what_it_can(words: str):
    with pytest.raises(UnreadableError) as caught:
        read_wish(words)
    assert repr(words) in str(caught.value)
    assert "press the button" in str(caught.value)


@pytest.mark.parametrize("family", TASKS)
def test_training_never_says_a_held_out_phrasing(family: str):
    rng = np.random.default_rng(0)
    held_out = {
        phrase(family, "test", "the star", "the bowl", "bowl", np.random.default_rng(seed))
        for seed in range(400)
    }
    said = {phrase(family, "train", "the star", "the bowl", "bowl", rng) for _ in range(2000)}
    assert len(said) > 200
    assert not said & held_out
