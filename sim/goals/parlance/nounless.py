"""What is said of things where they have no noun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WHATEVER: Final[Mapping[str, tuple[str, ...]]] = {
    "inside": (
        *("what is {l}",) * 4,
        "what is now {l}",
        "what (lies|sits|rests) {l}",
        "what you (see|find|can see) {l}",
        "what happens to be {l}",
        "what (somebody|someone) (put|left) {l}",
        "that which is {l}",
        "what is (lying|sitting|located) {l}",
        "what (can be|is) found {l}",
        "what's {l}",
        "what is currently {l}",
    ),
    "upon": (
        *("what is on (top of|) {o}",) * 3,
        "what (stands|sits|rests|lies) on (top of|) {o}",
        "(what|whatever) {o} carries",
        "whatever is on (top of|) {o}",
        "whatever (stands|sits|rests) on {o}",
        "what happens to be on {o}",
        "what you (see|find) on (top of|) {o}",
        "what's on (top of|) {o}",
        "what is (standing|sitting|lying) on {o}",
        "that which is on {o}",
        "what covers {o}",
        "what (somebody|someone) (put|stacked) on {o}",
    ),
    "beneath": (
        *("what is (under|below|beneath|underneath) {o}",) * 3,
        "(what|whatever) (carries|supports) {o}",
        "(what|whatever) {o} (stands|sits|rests) on",
        "whatever is (under|below|beneath) {o}",
        "what's (under|underneath) {o}",
        "what happens to be under {o}",
        "what you (see|find) (under|below) {o}",
        "what is (right|directly) (under|below) {o}",
        "that which is under {o}",
        "what has {o} on top",
        "what (lies|sits) (under|beneath) {o}",
        "that on which {o} stands",
    ),
    "left of": (
        *("(what|whatever) is (left|to the left) of {o}",) * 3,
        "what (lies|stands|sits) (left|to the left) of {o}",
        "(what|whatever) you see left of {o}",
        "what's (left|to the left) of {o}",
        "what is on the left (side|) of {o}",
        "what is (to|on) {o}'s left",
        "that which is left of {o}",
        "what happens to be left of {o}",
        "what has {o} (to|on) its right",
        "what is further left than {o}",
    ),
    "right of": (
        *("(what|whatever) is (right|to the right) of {o}",) * 3,
        "what (lies|stands|sits) (right|to the right) of {o}",
        "(what|whatever) you see right of {o}",
        "what's (right|to the right) of {o}",
        "what is on the right (side|) of {o}",
        "what is (to|on) {o}'s right",
        "that which is right of {o}",
        "what happens to be right of {o}",
        "what has {o} (to|on) its left",
        "what is further right than {o}",
    ),
    "closest to": (
        *("(what|whatever) is (closest|nearest) to {o}",) * 3,
        "what (lies|stands|sits) (closest|nearest) to {o}",
        "what's (closest|nearest) to {o}",
        "what is right next to {o}",
        "what you see (closest|nearest) to {o}",
        "that which is (closest|nearest) to {o}",
        "what happens to be (closest|nearest) to {o}",
        "(the nearest|the closest) neighbour of {o}",
        "{o}'s (nearest|closest) neighbour",
        "what is at the smallest distance from {o}",
    ),
}
"""Instead of one thing with a trait, where there is no noun."""

CONTENTS: Final = (
    "the contents of {q}",
    "the content of {q}",
    "{q}'s contents",
    "whatever is {l}",
    "whatever (lies|sits) {l}",
    "whatever you (see|find) {l}",
    "whatever happens to be {l}",
    "anything (that is|) {l}",
)
"""Whatever a place holds: one thing where there is room for one, else all of them."""

ALL_THAT: Final[Mapping[str, tuple[str, ...]]] = {
    "inside": (
        *("everything {l}",) * 3,
        "everything that is {l}",
        "everything which (is|lies) {l}",
        "all that is {l}",
        "all that (lies|sits) {l}",
        "all the things {l}",
        "everything you (see|find) {l}",
        "everything there is {l}",
        "every single thing {l}",
        "everything (lying|sitting) {l}",
        "all there is {l}",
    ),
    "stacked": (
        "everything (in|of) the (tower|stack|pile)",
        "everything that is (stacked|piled) up",
        "everything that is part of the (tower|stack|pile)",
        "all that is stacked",
        "every piece of the (tower|stack|pile)",
        "all parts of the (tower|stack|pile)",
        "everything (that|which) is in the (tower|stack|pile)",
        "each piece in the (tower|stack|pile)",
        "everything belonging to the (tower|stack|pile)",
        "all that the (tower|stack|pile) consists of",
    ),
}
"""Instead of every thing with a trait."""
