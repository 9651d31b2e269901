"""Patterns of sentences: alternatives, slots, and one form of a word for one thing, another for several."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

_INNERMOST = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_VOWEL = re.compile(r"\ba (?=[aeiou](?!ne\b))")
_NUMBER = re.compile(r"\[([^/\]]*)/([^\]]*)\]")


def expand(pattern: str, rng: np.random.Generator, plural: bool = False) -> str:
    """One of a pattern's wordings; slots in curly brackets stay.

    Args:
        pattern: ``(a|b)`` is one of several, nested or not; ``[is/are]`` depends on ``plural``.
        rng: Chooses.
        plural: Whether the sentence is about several things.
    """
    while match := _INNERMOST.search(pattern):
        choices = match[1].split("|")
        pattern = pattern[: match.start()] + choices[int(rng.integers(len(choices)))] + pattern[match.end() :]
    return _NUMBER.sub(lambda m: m[2] if plural else m[1], pattern)


def fill(pattern: str, slots: Mapping[str, str]) -> str:
    """A wording with its slots filled and its spaces tidied."""
    text = " ".join(pattern.format(**slots).split())
    text = re.sub(r" ([,.;:?])", r"\1", _VOWEL.sub("an ", text))
    return re.sub(r",+(?=[,.;:?])", "", text)


def slots_of(pattern: str) -> frozenset[str]:
    """The names of a pattern's slots."""
    return frozenset(_SLOT.findall(pattern))


def pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    """One of some patterns."""
    return choices[int(rng.integers(len(choices)))]
