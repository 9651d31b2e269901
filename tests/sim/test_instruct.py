"""Turns of talk: words, splits, balance, and what is never asked because nobody could answer for certain."""

from __future__ import annotations

import itertools
import re
import zlib
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from sim.goals import TEMPLATES, draw
from sim.goals.symbols import nominal_truth, symbols_of
from sim.instruct import KINDS, TYPES, Scene, Turn, turns
from sim.instruct.held_out import is_held_out
from sim.instruct.scoring import canonical, mentioned, overlap, score_answers
from sim.instruct.tables import LIVED_IN
from sim.objects import HELD_OUT_PAIRS, ROW
from vla.planner.grammar import NAMES
from vla.planner.symbols import Symbols

SCENES = 250
Place = dict[str, tuple[float, float]]


def scene(seed: int) -> tuple[Symbols, Place]:
    template = LIVED_IN if seed % 2 else list(TEMPLATES.values())[seed % len(TEMPLATES)]
    goal, table = draw(template, seed)
    truth = nominal_truth(table)
    state = symbols_of(truth, goal.names)
    rows = {**{name: row for row, name in goal.names.items()}, **{name: ROW[name] for name in state.fixtures}}
    return state, {
        name: (float(truth.position_m[row, 0]), float(truth.position_m[row, 1])) for name, row in rows.items()
    }


def talks(split: str, scenes: int = SCENES, count: int = 12) -> list[tuple[Symbols, Turn]]:
    found: list[tuple[Symbols, Turn]] = []
    for seed in range(scenes):
        state, at = scene(seed)
        found += [
            (state, turn)
            for turn in turns(
                state, at, np.random.default_rng(seed), count, "test" if split == "test" else "train"
            )
        ]
    return found


TRAIN, TEST = talks("train"), talks("test", 120)


def wordings(patterns: tuple[str, ...]) -> set[str]:
    """Every wording that patterns stand for, whatever their slots are called."""
    found: set[str] = set()
    for pattern in patterns:
        parts = re.split(r"\(([^()]*)\)", pattern)
        choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
        found |= {" ".join("".join(chosen).split()) for chosen in itertools.product(*choices)}
    return {re.sub(r"\{\w\}", "{}", wording) for wording in found}


def alone(state: Symbols, at: Place, name: str, tries: int = 300) -> list[Turn]:
    """What one type asks of one scene."""
    rng, found = np.random.default_rng(zlib.crc32(str(sorted(at)).encode())), []
    for _ in range(tries):
        turn = TYPES[name].turn(Scene(state, at), rng)
        if turn is not None:
            found.append(turn)
    return found


def test_there_are_many_types_of_three_kinds_each_worded_in_many_ways():
    assert Counter(q.kind for q in TYPES.values()).keys() == set(KINDS)
    assert len(TYPES) >= 55
    for question in TYPES.values():
        assert len(wordings(question.train)) >= 3 or not question.train, question.name
        assert len(question.test) >= 2, question.name
        assert not wordings(question.train) & wordings(question.test), question.name


def test_words_are_lower_case_with_few_marks():
    for _, turn in TRAIN + TEST:
        assert re.fullmatch(r"[a-z .,?;:]+", turn.question), turn
        assert re.fullmatch(r"[a-z .,?;:]+", turn.answer), turn
        assert "  " not in turn.question + turn.answer, turn
        assert "a the " not in turn.question, turn
        assert re.search(r"\ba [aeiou]|\ban [^aeiou]", turn.question + " . " + turn.answer) is None, turn


def test_what_planners_are_examined_with_is_never_said_in_training():
    assert not [turn for _, turn in TRAIN if is_held_out(turn.question)]
    for text in ("what is in the dish?", "does the red cube exist here?", "the tray holds what?",
                 "what do you see on the red block?", "could you count the balls?"):  # fmt: skip
        assert is_held_out(text), text
    for text in ("what is in the drawer?", "where is the red cube?", "can you see a ball?"):
        assert not is_held_out(text), text


def test_pairs_that_training_never_shows_are_not_named_in_training_scenes():
    held_out = {f"{colour} {shape}" for colour, shape in HELD_OUT_PAIRS}
    for state, turn in TRAIN:
        named = {name for name in NAMES if name in canonical(f"{turn.question} {turn.answer}")}
        assert not (named - set(state.names.values())) & held_out, turn


def test_the_same_seed_says_the_same_and_nothing_twice():
    state, at = scene(7)
    one, other = (turns(state, at, np.random.default_rng(3), 15) for _ in range(2))
    assert one == other
    assert len({turn.question for turn in one}) == len(one) == 15
    assert turns(state, at, np.random.default_rng(4), 15) != one


@pytest.mark.parametrize(
    "name", ["there", "there_shape", "there_colour", "there_fixture", "alike_colour", "left_right",
             "front_behind", "there_at", "done", "may_stack", "may_put", "may_push", "free"]
)  # fmt: skip
def test_yes_is_as_likely_as_no(name: str):
    found = [turn for seed in range(40) for turn in alone(*scene(seed), name, 12)]
    share = np.mean([turn.answer.startswith("yes") for turn in found])
    assert len(found) > 30
    assert 0.36 < share < 0.64, (len(found), share)


def test_no_answer_is_nearly_always_right():
    """Whoever answers without looking is mostly wrong."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for seed in range(SCENES):
        state, at = scene(seed)
        for name in ("where", "on", "under", "contents", "count_in", "in_the_way", "same_colour", "besides"):
            for turn in alone(state, at, name, 8):
                answers[name][turn.answer] += 1
    for name, found in answers.items():
        assert found.most_common(1)[0][1] / found.total() < 0.75, (name, found.most_common(2))


def table(**where: str | int) -> tuple[Symbols, Place]:
    """A red block, a blue ball and a green star, far apart, with a bowl and a drawer."""
    names = {0: "red block", 6: "blue ball", 8: "green star"}
    at = {"red block": (0.5, -0.1), "blue ball": (0.55, 0.1), "green star": (0.42, -0.2), "bowl": (0.5, 0.2)}
    places: dict[int, str | int] = dict.fromkeys(names, "table")
    places |= {
        next(r for r, n in names.items() if n.endswith(shape)): place for shape, place in where.items()
    }
    return Symbols(names, places, frozenset({"bowl", "drawer"}), "open"), {**at, "drawer": (0.5, 0.3)}


def test_twins_are_never_spoken_of_as_the_one():
    state, at = table()
    twins = replace(state, names={**state.names, 1: "red block"}, where={**state.where, 1: "table"})
    for name in ("where", "left_right", "free", "on", "same_colour", "nearest", "detailed", "how_to_put"):
        assert all("red block" not in canonical(turn.question) for turn in alone(twins, at, name)), name
    assert alone(twins, at, "count_shape")
    assert alone(state, at, "left_right")


def test_margins_keep_sides_and_places_honest():
    state, at = table()
    near = {**at, "blue ball": (0.5, -0.07)}
    asked = [
        turn
        for turn in alone(state, near, "left_right")
        if {"red block", "blue ball"} <= mentioned(turn.question)
    ]
    assert not asked
    assert [
        turn
        for turn in alone(state, at, "left_right")
        if {"red block", "blue ball"} <= mentioned(turn.question)
    ]
    on_the_rim = {**at, "blue ball": (0.5, 0.12)}
    assert not [turn for turn in alone(state, on_the_rim, "where") if "blue ball" in mentioned(turn.question)]
    assert all("drawer" in turn.question for turn in alone(state, on_the_rim, "count_in"))


def test_what_a_closed_drawer_hides_is_not_spoken_of():
    state, at = table(ball="drawer")
    shut = replace(state, drawer="closed")
    for name in TYPES:
        for turn in alone(shut, at, name, 40):
            assert "blue ball" not in mentioned(f"{turn.question} {turn.answer}"), turn
    assert not alone(shut, at, "count_all")
    assert all("drawer" not in turn.question for turn in alone(shut, at, "contents"))
    assert any(turn.answer == "the blue ball" for turn in alone(state, at, "contents"))


def test_left_is_where_y_is_smaller_and_front_where_x_is_larger():
    state, at = table()
    for turn in alone(state, at, "which_side"):
        if turn.question.startswith("is ") and "red block" in canonical(turn.question).split(" or ")[0]:
            assert turn.answer == ("right" if "star" in turn.question else "left")
    assert {turn.answer for turn in alone(state, at, "from_front")} == {
        "the blue ball, the red block and the green star."
    }
    assert {turn.answer for turn in alone(state, at, "from_left")} == {
        "the green star, the red block and the blue ball."
    }


def test_held_out_contents_are_for_examination_only():
    assert not TYPES["contents_held_out"].train
    assert any(turn.type == "contents_held_out" for _, turn in TEST)


@pytest.mark.parametrize(
    ("type_", "expected", "got", "right"),
    [
        ("there", "yes", "Yes.", True),
        ("there", "yes", "no", False),
        ("where", "in the bowl", "in the dish", True),
        ("where", "in the bowl", "on the tray", False),
        ("on", "the red block", "red cube", True),
        ("contents", "the red block and the blue ball", "the blue ball , the red block", True),
        ("contents", "the red block and the blue ball", "the red block", False),
        ("from_left", "the red block and the blue ball.", "the blue ball and the red block.", False),
        ("room", "two, because there is room", "two , because there is room", True),
    ],
)
def test_answers_are_scored_by_exact_match(type_: str, expected: str, got: str, right: bool):
    assert score_answers(type_, expected, got) is right


def test_descriptions_are_scored_by_what_they_mention():
    assert mentioned("a red cube and two blue spheres in the dish; there is no tray.") == {
        "red block",
        "blue ball",
        "bowl",
    }
    assert mentioned("can the white can be put away?") == {"white cylinder"}
    found = overlap("a red block and a bowl.", "a red block and a green star.")
    assert (found.precision, found.recall) == (0.5, 0.5)
    both = found + overlap("a red block.", "a red block.")
    assert (both.right, both.mentioned, both.there) == (2, 3, 3)
