"""What the wordings of goal templates mean, in the language of :mod:`vla.planner.meaning`.

A meaning has the slots of the wording. Where a template's wordings do not all name the same slots, it has
several meanings, and a wording has the first whose slots it names. What is wished for side by side stands in
the order in which the wording names it, as it does in free parlance. Templates about what cannot be done are
mostly not here: they are said in the words of those that can, and mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from vla.planner.sayings import SHAPES

MEANINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "sort_corners": ("sort every block",),
    "sort_two_corners": ("put the {x} in {p} and put the {y} in {q}",),
    "sort_zone_corner": ("put the {x} in zone and put the {y} in {p}",),
    "sort_colours_apart": ("put every {a} thing in bowl and put every {b} thing in tray",),
    "sort_shapes_apart": ("put the {a} in bowl and put every {b} in tray",),
    "sort_drawer_tray": ("put every {a} in drawer and put every {b} in tray",),
    "grasp_covered": ("hold the {x}",),
    "put_covered": ("put the {x} in {p}",),
    "push_covered": ("put the {x} in zone",),
    "store_covered": ("put the {x} in drawer",),
    "clear_block": ("clear the {x}",),
    "reach_covered": ("reach the {x}",),
    "fetch": ("put the {x} inside drawer in table",),
    "fetch_close": ("put the {x} inside drawer in table and close",),
    "fetch_to": ("put the {x} inside drawer in {p}",),
    "fetch_to_close": ("put the {x} inside drawer in {p} and close",),
    "store": ("put the {x} in drawer",),
    "store_close": ("put the {x} in drawer and close",),
    "empty_drawer": ("put every thing inside drawer in table",),
    "gather_shape": ("put every {s} in tray",),
    "gather_colour": ("put every {c} thing in tray",),
    "gather_two": ("put the {x} plus the {y} in tray",),
    "gather_in_drawer": ("put every {s} in drawer",),
    "tidy_onto_tray": ("put every thing in tray",),
    "tidy_into_drawer": ("put every thing in drawer and close",),
    "tidy_table": ("tidy",),
    "tower_two": ("stack the {x} on the {y}",),
    "tower_three": ("stack the {y} on the {z} and stack the {x} on the {y}",),
    "tower_apart": ("undo",),
    "swap_containers": ("swap the {x} with the {y}", "swap the thing inside bowl with the thing inside tray"),
    "swap_tower": ("swap the {x} with the {y}", "flip"),
    "swap_drawer": ("swap the {x} with the {y}", "swap the thing inside drawer with the thing inside tray"),
    "swap_zone_corner": (
        "swap the {x} with the {y}",
        "swap the thing inside {p} with the thing inside {q}",
    ),
    "if_open_close_else_press": ("if drawer open do close else press",),
    "if_closed_open_else_put": ("if drawer closed do open else put the {x} in drawer",),
    "if_there_put_else_press": ("if some any {x} do put the {x} in bowl else press",),
    "if_covered_clear_else_lift": ("if covered the {x} do clear the {x} else hold the {x}",),
    "if_empty_bowl_else_tray": ("if empty bowl do put the {x} in bowl else put the {x} in tray",),
    "unless_open_press": ("if drawer closed do press",),
    "two_in_order": ("{a} then {b}",),
    "three_in_order": ("{a} then {b} then {c}",),
    "press": ("press",),
    "open_drawer": ("open",),
    "close_drawer": ("close",),
    "push_to_corner": ("put the {x} in {p}",),
    "pick_shape": ("hold the {s}",),
    "onto_tray": ("put the {x} in tray",),
    "onto_block": ("stack the {x} on the {y}",),
    "tower_of_balls": ("pile every ball",),
    "both_in_bowl": ("put the {x} plus the {y} in bowl",),
    "unknown_skill": ("unknown",),
    "is_drawer_open": ("ask drawer open",),
    "what_colour": ("colour the {s}",),
    "how_many": ("count every {s}",),
    "where_is": ("where the {x}",),
    "is_there": ("ask some any {x}",),
    "what_is_on": ("name any thing upon the {x}",),
    "is_left_of": ("ask is the {x} left of the {y}",),
}
"""Template to its meanings, without the full stop."""

HELD_OUT_MEANINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "sort_all_but": ("sort every block but the {x}",),
    "clear_blocks": ("clear every block",),
    "grasp_lowest": ("hold the block lowest",),
    "fetch_onto": ("stack the {x} inside drawer on the {y}",),
    "gather_all_but": ("put every block but the {x} in tray",),
    "tidy_all_but": ("put every thing but the {x} in tray",),
    "tower_any_order": ("pile every block",),
    "swap_corners": ("swap the thing inside {p} with the thing inside {q}",),
    "if_more_press_else_open": ("if more every {a} than every {b} do press else open",),
    "what_is_in": ("name any thing inside {p}",),
}
"""Meanings of held-out templates, which nobody says in training."""
_CORNER: Final = "(?:front|back) (?:left|right)"
_SLOTS: Final = {
    **dict.fromkeys("xy", r"(?:\w+ )?\w+"),
    **dict.fromkeys("ab", r"\w+"),
    "p": f"(?:bowl|tray|{_CORNER})",
    "q": _CORNER,
}
_SLOTS_OF: Final = {"swap_corners": {"p": _CORNER}}
"""Where a template's slots hold less than others of their name."""
_SLOT: Final = re.compile(r"{\w}")
_SIDE_BY_SIDE: Final = re.compile(r"^(put .+) and (put .+)$|(the {x}) plus (the {y})|swap (.+) with (.+)$")
_BETWEEN: Final = re.compile(r" (?:and|then|do|else) ")

_COMMANDS: Final = (
    (r"^(open|close) the drawer$", r"\1"),
    (r"^press the button$", "press"),
    (r"^put the (.+) (?:in|on) the (bowl|tray|drawer)$", r"put the \1 in \2"),
)


def meaning_of(template: str, wording: str, words: Mapping[str, str]) -> str | None:
    """What a wording means, or None where the template has no meanings.

    Args:
        template: Its name.
        wording: With its slots in curly brackets.
        words: Slot to what stands there.
    """
    named = _slots(wording)
    for pattern in MEANINGS.get(template, ()):
        if _slots(pattern) <= named:
            filled = {slot: _canonical(value) for slot, value in words.items()}
            return _as_mentioned(pattern, wording).format(**filled) + " ."
    return None


def _as_mentioned(pattern: str, wording: str) -> str:
    """A meaning in which what stands side by side, such as two wishes, does so in the wording's order."""
    match = _SIDE_BY_SIDE.search(pattern)
    if match is None:
        return pattern
    first, second = filter(None, match.groups())
    places = [wording.find(slot[0]) for side in (first, second) if (slot := _SLOT.search(side))]
    if places == sorted(places):
        return pattern
    swapped = match[0].replace(first, "{}").replace(second, first).replace("{}", second)
    return pattern.replace(match[0], swapped)


def _slots(pattern: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", pattern))


def _canonical(value: str) -> str:
    """What stands in a slot, in the language of meanings: one shape for several, verbs without articles."""
    for pattern, words in _COMMANDS:
        if re.match(pattern, value):
            return re.sub(pattern, words, value)
    return value[:-1] if value[:-1] in SHAPES else value


def is_held_out_meaning(meant: str) -> bool:
    """Whether that or a part of it is what a held-out template means, whatever its things and places are."""
    whole = meant.removesuffix(" .")
    parts = (whole, *_BETWEEN.split(whole))
    return any(_held_out().fullmatch(part) is not None for part in parts)


@cache
def _held_out() -> re.Pattern[str]:
    patterns: list[str] = []
    for name, meanings in HELD_OUT_MEANINGS.items():
        slots = {**_SLOTS, **_SLOTS_OF.get(name, {})}
        patterns += (re.sub(r"{(\w)}", lambda slot, of=slots: of[slot[1]], meaning) for meaning in meanings)
    return re.compile("|".join(patterns))
