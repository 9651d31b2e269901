"""What "it", "them" and "there" stand for in a sequence of commands.

Commands are carried out one at a time by a policy that remembers nothing, so each must name its things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RELATION = (
    r"(?:to |on )?the (?:left|right)(?: side)? of|left of|right of|in front of|in the back of|behind|before"
    r"|beside|next to|nearer than|farther than|closer to the camera than|further away than"
)
_STOP = (
    r"in|into|inside|on|onto|to|towards|toward|off|from|out|over|at|with|by|up|down|open|closed|shut|back|away|of|and|or"
    r"|then|so|gently|carefully|slowly|quickly|again|first|near|under|above|below|across|goes|is|that|which|it|them"
    r"|there|" + _RELATION
)
_NOUN = rf"(?:the|a|an|this|that|my|your) (?:(?!(?:{_STOP})\b)[\w'-]+ ?)+"
_MENTION = re.compile(rf"(?P<thing>{_NOUN}(?:(?:{_RELATION}) {_NOUN})?)")
_PLACED = re.compile(
    r"(?P<preposition>into|inside|in|onto|on top of|on|over to|to|towards|at|off|from|out of) $"
)
_INTO = ("into", "inside", "in", "onto", "on top of", "on", "over to", "to", "towards", "at")
_PLACED_PRONOUN = re.compile(
    r"\b(?P<preposition>on top of|on the top of|out of|into|inside|in|onto|on|to|towards|off|from|of|than"
    r"|behind|at) (?<!\bsee to )(?<!\bnext to )(?P<word>it|them)\b"
)
_PRONOUN = re.compile(r"(?<!\bsee to )(?<!\blifting )\b(?:it|them)\b")
_FIXTURE = re.compile(r"\b(?:bowl|dish|tray|drawer|zone|square|corner|box|button|table)$")
_STAYS_PUT = re.compile(r"\b(?:drawer|button|zone|square|corner|table)$")
_ONLY_DRAWERS = re.compile(
    r"^(?:open|close|shut|pull it open|push it (?:closed|shut|in)|slide it (?:open|closed))\b"
)
_ONLY_BUTTONS = re.compile(r"^(?:press|click|tap|hit)\b")


@dataclass(frozen=True, slots=True)
class Mention:
    """A thing that a command names.

    Attributes:
        thing: The noun phrase, for example ``"the red block"``.
        preposition: The word in front of it, or "" for what the command acts on.
    """

    thing: str
    preposition: str


def mentions(command: str) -> list[Mention]:
    """The things a command names, in order; a landmark ("the block left of the bowl") belongs to its noun."""
    found: list[Mention] = []
    for match in _MENTION.finditer(command):
        before = _PLACED.search(command[: match.start()])
        found.append(Mention(match["thing"].strip(), before["preposition"] if before else ""))
    return found


def resolve(commands: tuple[str, ...]) -> tuple[str, ...]:
    """The commands with "it", "them" and "there" replaced by what an earlier command named.

    A pronoun that a command itself explains ("pick up the ball and put it in the bowl") stays, and so does
    one that nothing explains.
    """
    said: list[Mention] = []
    clear: list[str] = []
    for command in commands:
        command = _name(command, said) if said else command
        said += mentions(command)
        clear.append(command)
    return tuple(clear)


def _name(command: str, said: list[Mention]) -> str:
    placed = _PLACED_PRONOUN.search(command)
    if placed:
        command = _replaced(command, placed.span("word"), _placed_thing(placed["preposition"], said))
    pronoun = _PRONOUN.search(command)
    if pronoun and not mentions(command[: pronoun.start()]):
        command = _replaced(command, pronoun.span(), _handled_thing(command, said))
    there = re.search(r"\b(?:in |into |on |onto |over |to )?there$|\bthere\b(?! is\b)", command)
    if there:
        places = [mention for mention in said if mention.preposition in _INTO]
        fixtures = [mention for mention in said if _FIXTURE.search(mention.thing)]
        preposition = there[0].removesuffix("there").strip()
        if preposition in ("in", "into", "on", "onto") and fixtures:
            command = _replaced(command, there.span(), f"{preposition} {fixtures[-1].thing}")
        elif places:
            command = _replaced(command, there.span(), f"{places[-1].preposition} {places[-1].thing}")
    return command


def _placed_thing(preposition: str, said: list[Mention]) -> str:
    """What "in it" or "on it" means: the last fixture, or after stacking, the upper of the two objects."""
    last = said[-1]
    if preposition in ("in", "into", "inside", "out of", "from"):
        fixtures = [mention for mention in said if _FIXTURE.search(mention.thing)]
        return (fixtures or said)[-1].thing
    if last.preposition and not _FIXTURE.search(last.thing):
        handled = [mention for mention in said if not mention.preposition]
        return (handled or said)[-1].thing
    return last.thing


def _handled_thing(command: str, said: list[Mention]) -> str:
    """What a bare "it" means: the last thing acted on that this command can act on."""
    for only, noun in ((_ONLY_DRAWERS, "drawer"), (_ONLY_BUTTONS, "button")):
        if only.search(command):
            fitting = [mention for mention in said if mention.thing.endswith(noun)]
            return (fitting or said)[-1].thing
    handled = [mention for mention in said if not mention.preposition]
    movable = [mention for mention in handled if not _STAYS_PUT.search(mention.thing)]
    return (movable or handled or said)[-1].thing


def _replaced(text: str, span: tuple[int, int], words: str) -> str:
    return text[: span[0]] + words + text[span[1] :]
