"""A goal's words are understood backwards: into the template and the things that they were made from."""

from __future__ import annotations

import pytest

from sim.goals import TEMPLATES, draw
from sim.goals.asking import draw_asked, draw_ordinary
from sim.goals.hearing import Heard, hear
from sim.goals.symbols import nominal_truth, symbols_of
from sim.objects import HELD_OUT_PAIRS
from sim.randomise import along
from vla.planner.grammar import Refusal

HEARD = {
    "Sort the cubes into corners by color!": ("sort_corners", {}),
    "could you please take that green box out of the drawer, thanks": ("fetch", {"x": "green block"}),
    "build a tower: the red block at the bottom, the blue block in the middle and the green star on top": (
        "tower_three",
        {"z": "red block", "y": "blue block", "x": "green star"},
    ),
    "how many spheres do you see?": ("how_many", {"s": "balls"}),
    "put all stars on the plate": None,
    "put all stars on the tray": ("gather_shape", {"s": "stars"}),
    "push a white can to the near left corner and the red star to the far left corner": (
        "sort_two_corners",
        {"x": "white cylinder", "p": "front left", "y": "red star", "q": "back left"},
    ),
    "first, press the button, then put the red sphere in the bowl": (
        "two_in_order",
        {"a": "press the button", "b": "put the red ball in the bowl"},
    ),
    "make me a coffee": None,
}


@pytest.mark.parametrize("sentence", HEARD)
def test_a_sentence_is_heard_with_its_things(sentence: str):
    heard = hear(sentence)
    wanted = HEARD[sentence]
    assert (heard[0].template.name, heard[0].words) == wanted if wanted else not heard


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_wording_of_a_template_is_heard_as_it_and_can_be_laid_as_said(name: str):
    for seed, axis in ((0, "base"), (1, "paraphrase")):
        goal, table = draw(TEMPLATES[name], seed, along(axis))
        heard = next((h for h in hear(goal.text) if h.template.name == name), None)
        assert heard is not None, goal.text
        things = [word for slot, word in heard.words.items() if slot in "xyz"]
        missing = [goal.saying.thing] if isinstance(goal.saying, Refusal) else []
        assert set(things) <= {*goal.names.values(), *missing, *_unseen(name, things)}, goal.text
        drawn = draw_asked(heard, goal.text, seed)
        assert drawn is not None, goal.text
        assert (drawn[0].template, drawn[0].text) == (name, goal.text)
        assert table.things


def _unseen(name: str, things: list[str]) -> list[str]:
    """Of a thing that is only perhaps there, a scene may show nothing."""
    return things if name in ("is_there", "if_there_put_else_press") else []


def test_things_that_cannot_be_done_come_last():
    kinds = [heard.template.kind for heard in hear("put the cyan block in the bowl")]
    assert kinds == sorted(kinds, key=lambda kind: kind == "infeasible")
    assert {"uncover", "infeasible"} <= set(kinds)


def test_what_was_asked_for_is_there_and_what_is_missing_is_not():
    for seed in range(5):
        (there,) = (h for h in hear("take the cyan ball out of the drawer") if h.template.name == "fetch")
        drawn = draw_asked(there, "x", seed)
        assert drawn is not None
        goal, table = drawn
        state = symbols_of(nominal_truth(table), goal.names)
        assert [state.where[row] for row in state.rows_named("cyan ball")] == ["drawer"]
        (gone,) = (h for h in hear("put the cyan ball in the bowl") if h.template.name == "missing_object")
        drawn = draw_asked(gone, "x", seed)
        assert drawn is not None
        assert "cyan ball" not in drawn[0].names.values()


def test_a_pair_that_training_never_shows_may_be_asked_for():
    colour, shape = next(pair for pair in HELD_OUT_PAIRS if pair[1] == "block")
    heard = Heard(TEMPLATES["fetch"], {"x": f"{colour} {shape}"})
    drawn = draw_asked(heard, "x", 0)
    assert drawn is not None
    assert f"{colour} {shape}" in drawn[0].names.values()


def test_two_things_are_swapped_whichever_is_named_first():
    for words in ({"x": "red ball", "y": "blue star"}, {"x": "blue star", "y": "red ball"}):
        drawn = draw_asked(Heard(TEMPLATES["swap_containers"], words), "swap", 3)
        assert drawn is not None
        assert {"red ball", "blue star"} <= set(drawn[0].names.values())


def test_words_that_a_template_never_means_have_no_table():
    ball_on_top = Heard(TEMPLATES["tower_two"], {"x": "red ball", "y": "blue block"})
    assert draw_asked(ball_on_top, "x", 0, tries=100) is None


def test_tables_repeat_with_their_seed():
    (heard,) = hear("how many stars do you see?")
    for one in (lambda seed: draw_asked(heard, "x", seed), lambda seed: draw_ordinary("x", seed)):
        first, second, other = (one(seed) for seed in (1, 1, 2))
        assert first is not None
        assert second is not None
        assert other is not None
        assert first[1].things == second[1].things != other[1].things


def test_an_ordinary_table_has_several_things():
    assert all(len(draw_ordinary("make me a coffee", seed)[1].things) >= 3 for seed in range(5))
