"""Small disturbances of an instruction's words, so that the policy does not hang on their exact form."""

from __future__ import annotations

import numpy as np

# Only words that carry no meaning may be left out; everything else may decide what to do.
_FILLERS = "the a an please now then robot just kindly"
# A misspelled colour, shape or place could be read as another one, so these are never touched.
_PROTECTED = """
red green blue yellow orange purple pink black white grey gray brown cyan magenta teal violet golden
block cube box brick cylinder can tube ball sphere star shape object thing item one
bowl dish tray plate metal zone square marked target area mat drawer button
nearer farther closer further camera before side
left right front behind back rear corner middle centre center near far top bottom upper lower between
next beside in into inside on onto under out off from to of at up down open close shut push pull press
pick put place stack unstack take lift grab reach touch slide move leftmost rightmost nearest closest
furthest farthest table above over away toward towards
"""
FILLERS = frozenset(_FILLERS.split())
PROTECTED = frozenset(_PROTECTED.split())
POLITE_FIRST = ("please", "now", "robot,", "can you", "could you", "ok,", "hey,", "just", "carefully")
POLITE_LAST = ("please", "now", "for me", "carefully", "thanks")


def disturb(text: str, rng: np.random.Generator, chance: float) -> str:
    """Leave out a filler, add a polite word, or misspell an unprotected word, each with ``chance``."""
    words = text.split()
    drop, add, typo = rng.random(3) < chance
    if drop:
        words = [word for word in words if word.lower() not in FILLERS] or words
    if typo:
        spots = [i for i, word in enumerate(words) if len(word) > 4 and word.lower() not in PROTECTED]
        if spots:
            i = spots[rng.integers(len(spots))]
            words[i] = _misspell(words[i], rng)
    if add:
        if rng.random() < 0.6:
            words.insert(0, POLITE_FIRST[rng.integers(len(POLITE_FIRST))])
        else:
            words.append(POLITE_LAST[rng.integers(len(POLITE_LAST))])
    return " ".join(words)


def _misspell(word: str, rng: np.random.Generator) -> str:
    i = int(rng.integers(1, len(word) - 2))
    kind = rng.integers(3)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1:
        return word[:i] + word[i + 1 :]
    return word[:i] + word[i] + word[i:]
