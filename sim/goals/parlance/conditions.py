"""Ways of saying that something is so, of asking whether it is, and of choosing by it.

Slots: ``{x}`` whom it is about, ``{y}`` the others, ``{l}`` a place with its preposition, ``{q}`` the place,
``{t}`` a trait as a predicate, ``{c}`` a condition, ``{a}`` and ``{b}`` wishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CLAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "drawer open": ("the drawer is open", "the drawer stands open", "the drawer is not (closed|shut)"),
    "drawer closed": ("the drawer is (closed|shut)", "the drawer is not open"),
    "button": ("the button is pressed", "the button has been pressed", "the button is down"),
    "some": ("there [is/are] {x}", "you see {x}", "{x} [is/are] there", "you can find {x}"),
    "several": ("there is more than one {x}", "there are (several|at least two) {x}"),
    "more": ("there are more {x} than {y}", "{x} outnumber {y}", "you count more {x} than {y}"),
    "same": ("there are as many {x} as {y}", "the number of {x} and {y} is the same"),
    "empty": ("{q} is empty", "there is nothing {l}", "{q} is free", "nothing lies {l}"),
    "covered": ("something (is|stands) on {x}", "{x} carries something", "{x} is not free on top"),
    "is": ("{x} [is/are] {t}",),
}
"""Kind of condition to clauses."""

OPPOSITES: Final[Mapping[str, tuple[str, ...]]] = {
    "button": ("the button is not pressed", "nobody has pressed the button"),
    "some": ("there [is/are] no {x}", "you do not see {x}", "{x} [is/are] not there", "you cannot find {x}"),
    "several": ("there is at most one {x}",),
    "more": ("there are not more {x} than {y}",),
    "same": ("there are not as many {x} as {y}",),
    "empty": ("{q} is not empty", "there is something {l}", "{q} (holds|carries) something"),
    "covered": ("nothing (is|stands) on {x}", "{x} is free on top", "the top of {x} is (clear|free)"),
    "is": ("{x} [is/are] not {t}",),
}
"""Kind of condition to clauses that deny it."""

QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "drawer open": ("is the drawer open?", "does the drawer stand open?"),
    "drawer closed": ("is the drawer (closed|shut)?",),
    "button": ("is the button pressed?", "has the button been pressed?"),
    "some": ("(is|are) there {x}?", "(do|can) you see {x}?"),
    "several": ("is there more than one {x}?", "are there several {x}?"),
    "more": ("are there more {x} than {y}?", "do {x} outnumber {y}?"),
    "same": ("are there as many {x} as {y}?",),
    "empty": ("is {q} empty?", "is there nothing {l}?", "is {q} free?"),
    "covered": ("is (anything|something) on {x}?", "does {x} carry anything?"),
    "is": ("[is/are] {x} {t}?",),
}
"""Kind of condition to questions."""

CHOICES: Final = (
    "if {c}, {a}, (otherwise|else|if not) {b}",
    "{a} if {c}, (otherwise|else) {b}",
    "{b}, unless {c}: then {a}",
    "in case {c}, {a}; else {b}",
    "when {c}, {a}; when not, {b}",
)
LONE_CHOICES: Final = (
    "if {c}, {a}",
    "{a} if {c}",
    "in case {c}, {a}",
    "{a}, but only if {c}",
    "only if {c}, {a}",
)
