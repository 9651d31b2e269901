"""The regular expression says what the grammar says."""

from __future__ import annotations

import re

import numpy as np

from vla.planner.grammar import ANSWERS, MAX_STEPS, REFUSALS, STEPS, allowed_next, tokens
from vla.planner.pattern import plan_pattern

PATTERN = re.compile(plan_pattern())


def written(words: list[str]) -> str:
    return re.sub(r" ([;:.])", r"\1", " ".join(words))


def test_every_sentence_fits() -> None:
    said = [*STEPS, "done", *(f"cannot: because {r}" for r in REFUSALS), *(f"answer: {a}" for a in ANSWERS)]
    assert all(PATTERN.fullmatch(f"{text}.") for text in said)
    assert not any(PATTERN.search(text) or PATTERN.search(f" {text}.") for text in said)
    steps = list(STEPS)[:: len(STEPS) // MAX_STEPS][:MAX_STEPS]
    assert PATTERN.fullmatch("; ".join(steps) + ".")
    assert not PATTERN.fullmatch("; ".join([*steps, steps[0]]) + ".")


def test_what_fits_is_a_sentence_as_far_as_one_word_changed_can_tell() -> None:
    rng, outside = np.random.default_rng(0), 0
    vocabulary = sorted({word for text in (*STEPS, *ANSWERS) for word in tokens(text)})
    for _ in range(400):
        words: list[str] = []
        while choices := sorted(allowed_next(words)):
            words.append(str(rng.choice(choices)))
        assert PATTERN.fullmatch(written(words))
        words[rng.integers(len(words))] = str(rng.choice(vocabulary))
        inside = all(word in allowed_next(words[:i]) for i, word in enumerate(words)) and words[-1] == "."
        assert bool(PATTERN.fullmatch(written(words))) == inside, words
        outside += not inside
    assert outside > 200


def test_it_is_short_and_plain_enough_for_any_server() -> None:
    assert len(plan_pattern()) < 10_000
    assert set(re.sub(r"[a-z ]", "", plan_pattern())) <= set(r"^$().|;:?{0,1}\\")
