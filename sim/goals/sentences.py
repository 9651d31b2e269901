"""Sentences with their meanings: the benchmark's training wordings and free parlance, in turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sim.goals import TEMPLATES
from sim.goals.goal import Template, layout_words, worded_politely, wordings
from sim.goals.meanings import MEANINGS, meaning_of
from sim.goals.parlance import said, some_meaning
from sim.randomise import Randomise
from vla.dataset.sentences import Sentence
from vla.planner.meaning_text import format_meaning

_TABLES = 60
"""Tables per template whose words fill its wordings."""
_FIRST_SEED = 250_000
_BENCHMARK_SHARE = 0.4


def draw_sentences(count: int, seed: int = 0) -> Iterator[Sentence]:
    """Sentences, the same for the same arguments; held-out templates and wordings are never among them."""
    rng = np.random.default_rng([seed, 11])
    books = [_Book(TEMPLATES[name]) for name in MEANINGS]
    for _ in range(count):
        if rng.random() < _BENCHMARK_SHARE:
            yield books[int(rng.integers(len(books)))].sentence(rng)
        else:
            meaning = some_meaning(rng)
            yield Sentence(said(meaning, rng), format_meaning(meaning))


@dataclass(slots=True)
class _Book:
    """A template's wordings, and words for their slots."""

    template: Template
    words: tuple[Mapping[str, str], ...] = ()

    def sentence(self, rng: np.random.Generator) -> Sentence:
        if not self.words:
            switches = Randomise()
            self.words = tuple(layout_words(self.template, _FIRST_SEED + k, switches) for k in range(_TABLES))
        wording = str(rng.choice(wordings(self.template, "train")))
        words = self.words[int(rng.integers(len(self.words)))]
        meant = meaning_of(self.template.name, wording, words)
        assert meant is not None
        return Sentence(worded_politely(wording, words, "train", rng), meant)
