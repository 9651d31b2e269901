"""Traits as what something is: "the ball is ...", "what is ...?". Slots: ``{l}`` a place, ``{o}`` a thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TOWER: Final = "the (tower|stack|pile)"

PREDICATES: Final[Mapping[str, tuple[str, ...]]] = {
    "inside": ("{l}",),
    "stacked": (f"in {_TOWER}",),
    "leftmost": (
        "furthest (to the|on the|) left",
        "farthest (to the|on the|) left",
        "at the (far|very|extreme) left",
        "the leftmost (one|thing|)",
        "most to the left",
        "on the far left",
        "left of (everything else|all the others)",
    ),
    "rightmost": (
        "furthest (to the|on the|) right",
        "farthest (to the|on the|) right",
        "at the (far|very|extreme) right",
        "the rightmost (one|thing|)",
        "most to the right",
        "on the far right",
        "right of (everything else|all the others)",
    ),
    "nearest": (
        "(nearest|closest) to (me|us|the camera|the viewer)",
        "the (nearest|closest)",
        "furthest to the front",
        "at the very front",
        "in front of (everything else|all the others)",
        "least far from (me|the camera)",
    ),
    "farthest": (
        "(farthest|furthest) from (me|us|the camera|the viewer)",
        "(farthest|furthest) (away|back)",
        "furthest to the back",
        "at the very back",
        "behind (everything else|all the others)",
        "most distant (from me|)",
    ),
    "topmost": (
        f"(on|at the) top of {_TOWER}",
        f"the (uppermost|topmost|highest) in {_TOWER}",
        f"the top of {_TOWER}",
        "at the very top",
        "(topmost|uppermost)",
        f"highest in {_TOWER}",
    ),
    "middle": (
        f"in the middle of {_TOWER}",
        f"halfway up {_TOWER}",
        f"between top and bottom of {_TOWER}",
        f"the middle one of {_TOWER}",
        f"neither the top nor the bottom of {_TOWER}",
        f"in the centre of {_TOWER}",
    ),
    "lowest": (
        f"at the (bottom|foot|base) of {_TOWER}",
        f"the bottom of {_TOWER}",
        f"(the lowest|lowest) in {_TOWER}",
        f"right at the bottom of {_TOWER}",
        f"the (base|foundation|foot) of {_TOWER}",
        "at the very bottom",
    ),
    "upon": (
        "on {o}",
        "on top of {o}",
        "upon {o}",
        "on the top of {o}",
        "standing on {o}",
        "stacked on (top of|) {o}",
        "directly on (top of|) {o}",
    ),
    "beneath": (
        "under {o}",
        "below {o}",
        "beneath {o}",
        "underneath {o}",
        "directly (under|below|beneath) {o}",
        "right (under|below) {o}",
    ),
    "left of": (
        "left of {o}",
        "to the left of {o}",
        "on the left (side|) of {o}",
        "on the left hand side of {o}",
        "further (to the|) left than {o}",
        "more to the left than {o}",
        "(left|leftwards|to the left) from {o}",
        "at the left of {o}",
        "somewhere (to the|) left of {o}",
    ),
    "right of": (
        "right of {o}",
        "to the right of {o}",
        "on the right (side|) of {o}",
        "on the right hand side of {o}",
        "further (to the|) right than {o}",
        "more to the right than {o}",
        "(rightwards|to the right) from {o}",
        "at the right of {o}",
        "somewhere (to the|) right of {o}",
    ),
    "closest to": (
        "(closest|nearest) to {o}",
        "the (closest|nearest) to {o}",
        "the least far from {o}",
        "closer to {o} than anything else",
        "nearer to {o} than all the others",
        "the (closest|nearest) neighbour of {o}",
    ),
    "coloured like": (
        "(coloured|colored) like {o}",
        "(of|in) the same (colour|color) as {o}",
        "the same (colour|color) as {o}",
        "as to colour like {o}",
        "of the (colour|color) of {o}",
        "of one colour with {o}",
    ),
}
"""Trait to predicates."""
