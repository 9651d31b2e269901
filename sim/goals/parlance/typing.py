"""Sentences as they are typed in a hurry."""

from __future__ import annotations

import re

import numpy as np

_LEAST = 5
"""Letters of a word that may be mistyped: a shorter one might become another."""
_LONG = re.compile(rf"[a-z]{{{_LEAST},}}")
_LEFT_OUT = re.compile(r"\b(?:the|an?) ")


def mistyped(text: str, rng: np.random.Generator) -> str:
    """A sentence with one word's letters a little wrong, or without some of its articles.

    First and last letters stay, and so does what a word looks like at a glance: two neighbours change places,
    a letter is missing, or one comes twice.
    """
    words = [match.span() for match in _LONG.finditer(text)]
    if not words or rng.random() < 1 / 3:
        return _LEFT_OUT.sub(lambda article: "" if rng.random() < 0.7 else article[0], text)
    first, end = words[int(rng.integers(len(words)))]
    at = int(rng.integers(first + 1, end - 2))
    here, after = text[at], text[at + 1]
    changed = (after + here, after, here + here + after)[int(rng.integers(3))]
    return text[:at] + changed + text[at + 2 :]
