"""The planner's grammar as a regular expression, for servers that constrain what a model writes by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from vla.planner.grammar import ANSWERS, MAX_STEPS, REFUSALS, STEPS


class _Node(dict[str, "_Node"]):
    """Which words lead on; the empty word leads nowhere: a sentence may end here."""


@cache
def plan_pattern() -> str:
    """What :func:`vla.planner.grammar.parse` takes in its usual spacing, from ``^`` to ``$``.

    Only groups, alternatives, ``?`` and one repetition, which every dialect has.
    """
    step = _sentences(STEPS)
    steps = f"{step}(; {step}){{0,{MAX_STEPS - 1}}}"
    cannot, answer = f"cannot: because {_sentences(REFUSALS)}", f"answer: {_sentences(ANSWERS)}"
    return rf"^({steps}|done|{cannot}|{answer})\.$"


def _sentences(sentences: Iterable[str]) -> str:
    root = _Node()
    for sentence in sentences:
        node = root
        for word in sentence.split():
            node = node.setdefault(word, _Node())
        node[""] = _Node()
    return _rest(root, "")


def _rest(node: _Node, gap: str) -> str:
    """What follows a node; words that are followed by the same are written together, which keeps it short."""
    words_before: dict[str, list[str]] = {}
    for word, child in node.items():
        if word:
            words_before.setdefault(_rest(child, " "), []).append(word)
    parts = [gap + _either(words) + rest for rest, words in words_before.items()]
    if not parts:
        return ""
    return f"({_either(parts)})?" if "" in node else _either(parts)


def _either(choices: Sequence[str]) -> str:
    return choices[0] if len(choices) == 1 else f"({'|'.join(choices)})"
