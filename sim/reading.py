"""What a sentence asks of the table: the judge's own reading of an instruction, by key words.

A policy never sees this. It lets the simulator lay a scene in which a typed sentence makes sense, and judge
whether it was carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sim.language import PLACES, RELATIONS, SHAPE_WORDS
from sim.objects import COLOUR_NAMES
from vla.contract import ContractError
from vla.planner.manner import PUSHING


class UnreadableError(ContractError):
    """The simulator cannot tell what a sentence asks for; the message says what it understands."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An object that is spoken of.

    Attributes:
        colour: Colour word, or None.
        shape: One of ``sim.objects.SHAPES``, or "object" when the shape is left open.
        relation: (relation, landmark fixture), or None.
    """

    colour: str | None
    shape: str
    relation: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """One instruction, as far as words tell.

    Attributes:
        family: Task family.
        target: The object acted on; None for the drawer and the button.
        place: Destination that is not an object: "bowl", "zone", "front left", ..., or "".
        base: The object that the target goes on or comes off, or None.
    """

    family: str
    target: Mention | None = None
    place: str = ""
    base: Mention | None = None


def _either(words: Iterable[str]) -> str:
    return "|".join(sorted((re.escape(word) for word in words), key=len, reverse=True))


_SHAPE_OF = {word: shape for shape, words in SHAPE_WORDS.items() for word in words}
_PLACE_OF = {phrase: name for name, phrases in PLACES.items() for phrase in phrases}
_RELATION_OF = {p.removesuffix(" {}"): name for name, phrases in RELATIONS.items() for p in phrases}
_OBJECT = re.compile(
    rf"(?:\bthe (?P<colour>{_either(COLOUR_NAMES)})?|\b(?P<bare>{_either(COLOUR_NAMES)})) ?"
    rf"\b(?P<shape>{_either(_SHAPE_OF)})\b"
    rf"(?: (?:that is |which is )?(?P<relation>{_either(_RELATION_OF)})"
    rf" (?P<landmark>{_either(_PLACE_OF)})\b)?"
)
_FROM = re.compile(rf"\bfrom (?:{_either(set(_PLACE_OF) - set(PLACES['drawer']))})\b")
"""Where something is, not where it should go."""
_PLACE = re.compile(rf"\b(?:{_either(_PLACE_OF)})\b")
_OUT = re.compile(r"\b(?:out|from|off)\b")
_OFF = re.compile(r"\b(?:off|from|unstack|separate|remove|down)\b")
_CLOSES = re.compile(r"\b(?:close[ds]?|shut|push|in|into|inside|back|home)\b")
_OPENS = re.compile(r"\b(?:open|opens|opened|unclose|pull|tug|draw|out|slide)\b")
_TAKES = re.compile(
    r"\b(?:pick|lift|grasp|grab|raise|take|hold|get|hoist|elevate|fetch|seize|collect|grip|catch|clutch"
    r"|snatch|scoop|heave|haul|gather|pluck|pinch|lifted|picked|held|air|above the table"
    r"|(?:in|between) the (?:gripper|hand|fingers))\b"
)
_LIFTS = re.compile(r"\b(?:pick|lift|grasp|grab|raise|hold|get)\b(?!.*\b(?:put|set|place)\b)")
_SETS_DOWN = re.compile(r"\b(?:(?<!from the )(?<!off the )(?<!above the )table|down|unstack)\b")

UNDERSTOOD = (
    "reach, push to the zone or a corner, pick up, put in the bowl, on the tray, in the zone or a corner, "
    "stack, take off, open or close the drawer, put in or take out of the drawer, press the button"
)


def read_wish(instruction: str) -> Wish:
    """What one instruction asks for.

    Args:
        instruction: One command, for example a planner's step.

    Raises:
        UnreadableError: no task family fits.
    """
    text = " ".join(re.sub(r"[^a-z ]", " ", instruction.lower()).split())
    text = re.sub(r"\b(?:a|an|this|that|my|your|any)\b(?! is\b)", "the", text)
    objects = [_mention(match) for match in _OBJECT.finditer(text)]
    rest = _FROM.sub(" ", _OBJECT.sub(" ", text))
    places = [_PLACE_OF[match[0]] for match in _PLACE.finditer(rest)]
    wish = _about_fixture(rest, places) if not objects else _about_object(rest, objects, places)
    if wish is None:
        raise UnreadableError(
            f"the simulated table cannot be laid for {instruction!r}; it knows how to {UNDERSTOOD}, "
            f"with {', '.join(SHAPE_WORDS)} in {', '.join(COLOUR_NAMES)}"
        )
    return wish


def _mention(match: re.Match[str]) -> Mention:
    relation = None
    if match["relation"]:
        relation = (_RELATION_OF[match["relation"]], _PLACE_OF[match["landmark"]])
    return Mention(match["colour"] or match["bare"], _SHAPE_OF[match["shape"]], relation)


def _about_fixture(rest: str, places: list[str]) -> Wish | None:
    if "button" in places:
        return Wish("press_button")
    if "drawer" not in places:
        return None
    # "pull the drawer out" opens, "slide the drawer back in" closes; "push the drawer closed" says both.
    if _CLOSES.search(rest) and not re.search(r"\b(?:opens?|pull|draw|out|tug)\b", rest):
        return Wish("close_drawer")
    return Wish("open_drawer") if _OPENS.search(rest) else None


def _about_object(rest: str, objects: list[Mention], places: list[str]) -> Wish | None:
    target = objects[0]
    if "drawer" in places:
        return Wish("take_out" if _OUT.search(rest) else "put_in_drawer", target, "drawer")
    for place in places:
        if place in ("bowl", "tray"):
            return Wish("put_in", target, place)
        if place == "zone" or " " in place:
            return Wish("push" if PUSHING.search(rest) else "put_in", target, place)
    if len(objects) > 1:
        return Wish("unstack" if _OFF.search(rest) else "stack", target, base=objects[1])
    if _SETS_DOWN.search(rest) and not _LIFTS.search(rest):
        return Wish("unstack", target)
    return Wish("pick_up" if _TAKES.search(rest) else "reach", target)
