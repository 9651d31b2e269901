"""What goes around a wish: politeness, and one after another."""

from __future__ import annotations

from typing import Final

BEFORE: Final = (
    *("",) * 10,
    "please",
    "could you",
    "can you",
    "would you",
    "now",
    "robot,",
    "ok,",
    "i want you to",
    "i need you to",
    "your job is to",
    "i would like you to",
    "go and",
    "let's",
)
"""Before an imperative."""
AFTER: Final = (*("",) * 10, "please", "for me", "now", ", thanks", ".")
BEFORE_STATEMENTS: Final = (*("",) * 10, "i want it like this:", "make sure that", "see to it that", "ok,")
THEN: Final = (
    "{a}, then {b}",
    "{a} and then {b}",
    "first {a}, then {b}",
    "{a}, after that {b}",
    "{a}. then {b}",
    "{a}, and afterwards {b}",
    "{a}; next {b}",
    "before you {b}, {a}",
    "after you {a}, {b}",
)
THEN_THREE: Final = ("first {a}, then {b} and finally {c}", "{a}, then {b}, then {c}", "{a}. {b}. {c}")
AND: Final = (
    "{a} and {b}",
    "{a}; {b}",
    "{a}, and {b}",
    "{a} and also {b}",
    "{a}. {b}",
    "two things: {a} and {b}",
)
AND_THREE: Final = ("{a}, {b} and {c}", "{a}; {b}; {c}", "{a} and {b} and {c}")
