"""Sentences with their meanings: the benchmark's training wordings and free parlance, in turns.

Whoever speaks freely may say by chance what the benchmark holds out for its tests, as a whole or as a part of
a longer sentence, or mean what a held-out template means, wholly or in part; such sentences are left out. So
are those of the benchmark that hold a wording of another template's examination.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from sim.goals import TEMPLATES
from sim.goals.goal import Template, layout_words, worded_politely, wordings
from sim.goals.meanings import MEANINGS, is_held_out_meaning, meaning_of
from sim.goals.parlance import said, some_meaning
from sim.goals.parlance.typing import mistyped
from sim.goals.phrasings.examination import MANNERS
from sim.randomise import Randomise
from vla.dataset.sentences import Sentence
from vla.planner.meaning_words import format_meaning

_TABLES = 60
"""Tables per template whose words fill its wordings."""
_FIRST_SEED = 250_000
_BENCHMARK_SHARE = 0.4
_MISTYPED_SHARE = 0.06
_SLOT = r"(?:[a-z']+ ){0,8}[a-z']+"


def draw_sentences(count: int, seed: int = 0) -> Iterator[Sentence]:
    """Sentences, the same for the same arguments; held-out templates and wordings are never among them."""
    rng = np.random.default_rng([seed, 11])
    books = [_Book(TEMPLATES[name]) for name in MEANINGS]
    for _ in range(count):
        if rng.random() < _BENCHMARK_SHARE:
            sentence = books[int(rng.integers(len(books)))].sentence(rng)
        else:
            sentence = free_sentence(rng)
        if rng.random() < _MISTYPED_SHARE and not is_held_out(hasty := mistyped(sentence.said, rng)):
            sentence = Sentence(hasty, sentence.meant)
        yield sentence


def free_sentence(rng: np.random.Generator) -> Sentence:
    """A sentence of free parlance that holds nothing that is held out."""
    while True:
        meaning = some_meaning(rng)
        text, meant = said(meaning, rng), format_meaning(meaning)
        if not (is_held_out_meaning(meant) or is_held_out(text)):
            return Sentence(text, meant)


def is_held_out(text: str) -> bool:
    """Whether a text contains a wording that the benchmark holds out, whatever fills its slots."""
    plain = _plain(text)
    return any(pattern.search(plain) is not None for pattern in _held_out())


def is_examination(text: str) -> bool:
    """Whether a text contains a wording of the examinations alone, whatever fills its slots."""
    return _held_out()[0].search(_plain(text)) is not None


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


@cache
def _held_out() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Wordings of examinations, and those in which held-out templates ask for what can be done."""
    taught: set[str] = set()
    examined: set[str] = set()
    untaught: set[str] = set()
    for template in TEMPLATES.values():
        train = {plain for wording in wordings(template, "train") for plain in _alternatives(wording)}
        tested = (*template.test, *MANNERS.get(template.name, ()))
        examined.update(plain for wording in tested for plain in _alternatives(wording))
        if not template.held_out:
            taught.update(train)
        elif template.kind != "infeasible":  # what cannot be done is asked for in the words of what can
            untaught.update(train)
    return _any_of(examined - taught), _any_of(untaught - taught)


def _any_of(patterns: set[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b{pattern}\b" for pattern in sorted(patterns)))


def _alternatives(wording: str) -> Iterator[str]:
    """A wording's forms as regular expressions over words alone."""
    if match := re.search(r"\(([^()]*)\)", wording):
        for choice in match[1].split("|"):
            yield from _alternatives(wording[: match.start()] + choice + wording[match.end() :])
        return
    words = re.findall(r"\{\w\}|[a-z']+", wording)
    yield " ".join(_SLOT if word[0] == "{" else word for word in words)


@dataclass(slots=True)
class _Book:
    """A template's wordings, and words for their slots."""

    template: Template
    words: tuple[Mapping[str, str], ...] = ()

    def sentence(self, rng: np.random.Generator) -> Sentence:
        if not self.words:
            switches = Randomise()
            self.words = tuple(layout_words(self.template, _FIRST_SEED + k, switches) for k in range(_TABLES))
        while True:
            wording = str(rng.choice(wordings(self.template, "train")))
            words = self.words[int(rng.integers(len(self.words)))]
            text = worded_politely(wording, words, "train", rng)
            if not is_examination(text):
                break
        meant = meaning_of(self.template.name, wording, words)
        assert meant is not None
        return Sentence(text, meant)
