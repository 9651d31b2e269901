"""What stands around the clause of any condition: ``{c}`` is the clause."""

from __future__ import annotations

from typing import Final

AFFIRMED: Final = (
    "it is (true|so|the case|correct) that {c}",
    "you (see|notice|find|observe) that {c}",
    "it turns out that {c}",
    "it should be (so|the case) that {c}",
    "it happens that {c}",
    "{c} (right now|at the moment|at present)",
    "it looks (like|as if) {c}",
    "it (holds|is a fact) that {c}",
)
"""Around a clause, changing nothing."""

DENIED: Final = (
    "it is not (true|so|the case|correct) that {c}",
    "it isn't (true|so|the case) that {c}",
    "it is (false|wrong|untrue) that {c}",
    "it does not hold that {c}",
)
"""Around a clause, saying that it is not so."""

ENQUIRIES: Final = (
    "tell me (if|whether) {c}",
    "(please|) (check|see|find out|look) (if|whether) {c}",
    "(can|could) you (check|tell me|see|find out|say) (if|whether) {c}?",
    "i (want|would like|need|wish) to know (if|whether) {c}",
    "i (wonder|am wondering|ask myself|am not sure) (if|whether) {c}",
    "do you (know|see) (if|whether) {c}?",
    "is it (true|so|right|correct|the case|a fact) that {c}?",
    "would you say that {c}?",
    "do you (think|believe|reckon|see) that {c}?",
    "(true|right|yes) or (false|wrong|no): {c}?",
    "yes or no: {c}?",
    "{c}, (right|yes|correct|true|is that so|isn't it so)?",
    "{c}: (true or false|yes or no|is that true|is that right|right or wrong)?",
    "{c} or not?",
    "{c}?",
    "am i right that {c}?",
    "can you confirm that {c}?",
    "say yes if {c}, else no",
    "answer me: {c}?",
    "please answer (if|whether) {c}",
    "let me know (if|whether) {c}",
    "does it hold that {c}?",
    "could it be that {c}?",
    "what do you say: {c}?",
    "my question is (if|whether) {c}",
)
"""Questions around the clause of any condition, ``{c}``."""
