"""Meanings of the benchmark's goals: with perfect eyes and perfect understanding every plan is right."""

from __future__ import annotations

import numpy as np
import pytest

from sim.goals import TEMPLATES, draw
from sim.goals.goal import layout_words, worded, wordings
from sim.goals.judge import judge
from sim.goals.meanings import HELD_OUT_MEANINGS, MEANINGS, is_held_out_meaning, meaning_of
from sim.goals.sentences import draw_sentences, free_sentence, is_held_out
from sim.goals.symbols import nominal_truth, symbols_of
from sim.goals.telling import seen_of
from sim.randomise import Randomise
from vla.planner.grammar import plan_of
from vla.planner.grounding import say
from vla.planner.manner import in_manner
from vla.planner.meaning_text import parse_meaning
from vla.planner.meaning_words import format_meaning
from vla.planner.seen_table import seen_table

SEEDS = range(3_000_000, 3_000_006)
UNTAUGHT = {
    "ambiguous_shape": "hold the {s}",
    "block_on_ball": "stack the {x} on the {y}",
    "missing_object": "put the {x} in {p}",
    "missing_in_tower": "stack the {y} on the {z} and stack the {x} on the {y}",
    "missing_container": "put the {x} in {p}",
    "missing_drawer": "put the {x} in drawer",
    "missing_button": "press",
    "missing_shape": "put every {s} in tray",
    "ambiguous_object": "hold the {x}",
    "ball_on_block": "stack the {x} on the {y}",
    "bowl_taken": "put the {x} in bowl",
    "blocked_corner": "put the {x} in {p}",
    "fixed_thing": "put the {p} in zone",
    "not_in_drawer": "put the {x} inside drawer in table",
}
"""Meanings of templates that are said in the words of others."""


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_language_of_meanings_can_say_every_goal_and_its_plan_is_valid(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanings = MEANINGS.get(name) or HELD_OUT_MEANINGS.get(name) or (UNTAUGHT[name],)
    for meaning in meanings:
        monkeypatch.setitem(MEANINGS, name, (meaning,))  # pyright: ignore[reportArgumentType]
        for seed in SEEDS:
            goal, table = draw(TEMPLATES[name], seed)
            truth = nominal_truth(table)
            state = symbols_of(truth, goal.names)
            text = meaning_of(name, meaning, layout_words(TEMPLATES[name], seed, Randomise()))
            assert text is not None
            seen = seen_table(seen_of(state, truth))
            saying = in_manner(goal.text, say(parse_meaning(text), seen), seen.state)
            verdict = judge(goal, state, plan_of(goal.text, saying))
            assert verdict.valid, (text, saying, verdict.why)


@pytest.mark.parametrize("name", MEANINGS)
def test_every_training_wording_has_a_meaning(name: str) -> None:
    template = TEMPLATES[name]
    assert not template.held_out
    words = layout_words(template, 5, Randomise())
    for wording in wordings(template, "train"):
        text = meaning_of(name, wording, words)
        assert text is not None, wording
        assert format_meaning(parse_meaning(text)) == text


def test_sentences_are_a_function_of_their_seed_and_never_say_what_is_held_out() -> None:
    sentences = list(draw_sentences(3000, 7))
    assert sentences == list(draw_sentences(3000, 7))
    assert sentences[:100] != list(draw_sentences(100, 8))
    said = {sentence.said for sentence in sentences}
    assert len(said) > 2700
    for sentence in sentences:
        assert format_meaning(parse_meaning(sentence.meant)) == sentence.meant


def test_what_is_held_out_is_recognised_in_whatever_it_is_part_of() -> None:
    for template in TEMPLATES.values():
        words = layout_words(template, 5, Randomise())
        for wording in wordings(template, "test"):
            text = worded(wording, words, np.random.default_rng(0))
            assert is_held_out(text), text
            assert is_held_out(f"please {text} and then open the drawer"), text
    assert not is_held_out("put the red block in the bowl")
    rng = np.random.default_rng(9)
    sentences = [free_sentence(rng) for _ in range(1500)]
    assert not any(is_held_out(one.said) or is_held_out_meaning(one.meant) for one in sentences)


def test_what_held_out_templates_mean_is_recognised_whatever_it_is_about() -> None:
    assert set(HELD_OUT_MEANINGS) == {name for name, template in TEMPLATES.items() if template.held_out}
    for name, meanings in HELD_OUT_MEANINGS.items():
        for seed in range(4):
            words = layout_words(TEMPLATES[name], seed, Randomise())
            for meaning in meanings:
                monkey = meaning.format(**{slot: value.removesuffix("s") for slot, value in words.items()})
                assert is_held_out_meaning(f"{monkey} ."), monkey
    taught = (
        "hold the block topmost .",
        "put every block in tray .",
        "swap the red block with the blue star .",
    )
    assert not any(map(is_held_out_meaning, taught))
    assert not any(map(is_held_out_meaning, ("pile every star .", "name any thing inside drawer .")))
