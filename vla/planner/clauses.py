"""Cutting a compound sentence into single commands, by words alone.

A cut is made where a connective is followed by a new command, that is by a known action verb. "put the red
block in the bowl and close the drawer" has two commands; "pick up the red block and put it in the bowl" has
one, since the picking is only how the putting is done.
"""

from __future__ import annotations

import re

ACTION_VERBS = frozenset(
    {
        "activate", "aim", "align", "approach", "arrange", "balance", "bring", "build", "bump",
        "carry", "catch", "choose", "clear", "click", "close", "clutch", "collect", "come", "deliver",
        "deposit", "dig", "drag", "draw", "drift", "drive", "drop", "dump", "elevate", "empty",
        "extract", "fetch", "file", "find", "fire", "fish", "float", "fly", "free", "gather", "get",
        "give", "glide", "go", "grab", "grasp", "grip", "guide", "haul", "have", "head", "heave",
        "herd", "hide", "hit", "hoist", "hold", "hover", "indicate", "keep", "lay", "lean", "leave",
        "let", "lift", "light", "line", "locate", "lower", "make", "move", "nudge", "open", "operate",
        "pack", "park", "pick", "pile", "pinch", "place", "plop", "pluck", "point", "poke", "pop",
        "position", "pound", "press", "pull", "punch", "push", "put", "raise", "reach", "release",
        "relieve", "remove", "rest", "retrieve", "return", "scoop", "scoot", "see", "seize", "select",
        "send", "separate", "set", "shift", "shove", "show", "shut", "slide", "slip", "snatch",
        "squeeze", "stack", "stay", "steer", "stick", "stop", "store", "stow", "stretch", "strike",
        "sweep", "switch", "take", "tap", "target", "throw", "tip", "toss", "touch", "transfer",
        "travel", "trigger", "tuck", "tug", "turn", "unclose", "unload", "unpack", "unstack", "use",
        "wait", "work",
    }
)  # fmt: skip
"""Words that start a command."""

_TAKING = frozenset(
    {
        "bring", "carry", "catch", "choose", "collect", "fetch", "find", "get", "grab", "grasp", "grip",
        "hoist", "hold", "lift", "locate", "move", "pick", "pinch", "raise", "seize", "select", "take",
    }
)  # fmt: skip
_LEAVES_FROM = re.compile(r"\b(?:off|from|out of|down from)\b")
_TO_TABLE = re.compile(r"\b(?:down|table|(?:next to|beside) (?:it|them))\b")
# How one begins a grasp; what follows with "it" is the rest of the same command.
_GRIP = re.compile(
    r"^(?:close the (?:gripper|fingers|hand|claw) (?:on|around|over)|(?:go|move) (?:over )?to"
    r"|reach (?:for|out to)) "
)
_REMOVING = frozenset({"drag", "draw", "extract", "fish", "pull", "remove", "retrieve"})
_HANDLE = re.compile(r"\bthe (?:drawer )?handle(?: of the drawer)?$")
_OPENS = re.compile(r"^(?:open|pull|draw|slide|drag|tug)\b(?: open| out)? (?:the drawer|it)\b(?! to\b)")
# "go ahead and ...", "reach out and ...": nothing has been asked for yet.
_LEAD_IN = re.compile(r"(?:go|come|move|reach|stretch)(?: ahead| on| out| over)*")
# "I want the star in the bowl", "the star should be in the bowl": what is to be, not what to do.
_STATE = re.compile(
    r"i (?:want|need|would like|'d like) (?:the|a|an|this|that|my|your|it|them)\b"
    r"|(?:the|this|that) [\w' -]*\b(?:should|must|has to|have to|needs to|need to|goes|belongs)\b"
)
_PLACING = frozenset({"drop", "lay", "leave", "move", "place", "push", "put", "set", "slide", "stack"})
_INTO = r"(?:in|into|inside|on|onto|on top of|to)"
_PLACED_AT = re.compile(rf" {_INTO} (?:the|a|an) ")
_VERBLESS = re.compile(rf"^(?:the|a|an) (?:(?!and\b)[\w'-]+ )+?{_INTO} (?:the|a|an) \w")
BEFORE = "before "
"""Starts a command that is said first but done second ("before closing the drawer, put the ball in it")."""
_GERUNDS = {
    form: verb for verb in ACTION_VERBS for form in (verb + "ing", verb[:-1] + "ing", verb + verb[-1] + "ing")
}
_TIMED = re.compile(r"(?:(?<=^)|(?<=[.;!?\n] ))(after|before) (?:you )?([a-z]+)")
_OBJECT_PRONOUN = re.compile(r"^\w+ (?:up |down |back )?(?:it|them)\b")

_POLITE = re.compile(
    r"^(?:(?:please|kindly|hey|hi|hello|ok|okay|alright|so|now|just|robot|handily)\b[ ,]*"
    r"|(?:can|could|would|will) you (?:please |kindly |now |just |maybe )*"
    r"|would you mind (?:to )?"
    r"|i(?:'d| would)? (?:want|need|like) you to "
    r"|you (?:should|must|need to|have to|can) |your (?:task|job) is to |do me a favou?r(?: and|:|,) "
    r"|let's |let us |try to |try and |go ahead and |go and |come and |make sure (?:to |you )|be sure to )"
)
_THANKS = re.compile(r"(?:^|[ ,]+)(?:please|thanks|thank you|for me|if you can|if you please|right now|now)$")
_ORDINAL = re.compile(
    r"^(?:first of all|first|firstly|second|secondly|third|thirdly|finally|lastly|last|next(?! to\b)|then"
    r"|also|too|and"
    r"|after that|after this|after which|afterwards|afterward|subsequently|and then"
    r"|to (?:start|begin|finish)(?: with)?"
    r"|once (?:that|this|it) is done|when (?:that|this|it) is done|when you are done|once done|when done"
    r"|as (?:a|the) (?:first|second|third|last|next|final) step|step \w+|\(?\d+\s*[.):])(?:[ ,:]+|$)"
)
_STRONG = (
    r"first of all|firstly|secondly|thirdly|finally|lastly|and then|then|after that|after this|after which"
    r"|afterwards|afterward|subsequently|next(?! to\b)|once (?:that|this|it) is done"
    r"|when (?:that|this|it) is done"
    r"|when done"
)
# The end of a sentence and "then" are strong; a comma or "and" needs a verb right behind it.
_CUT = re.compile(
    rf"(?P<strong>\s*[.;!?]+(?:\s+|$)|\s*\n\s*|[\s,]*\b(?:and |but )?(?:{_STRONG})\b[\s,:]*|\s+\(?\d+[.)]\s+)"
    r"|(?P<weak>\s*,\s*and\b\s*|\s*,\s*|\s+(?:and|but|&)\s+)"
)


def split_commands(sentence: str) -> tuple[str, ...]:
    """The single commands of a sentence, in order: lower case, without politeness and closing punctuation.

    Returns:
        At least one command unless the sentence has no words.
    """
    text = re.sub(r"[ \t\r\f\v]+", " ", sentence.lower().replace("’", "'")).strip()
    text = _TIMED.sub(_plain_verb, text)
    commands: list[str] = []
    for piece, joint in _pieces(text):
        command = plain_clause(piece)
        if not command:
            continue
        if commands and _goes_on(commands[-1], command):
            command = f"{commands[-1].split()[0]} {command}"
        if commands and joint and _is_one(commands[-1], command):
            commands[-1] += joint + command
        else:
            commands.append(command)
    return tuple(commands)


def _pieces(text: str) -> list[tuple[str, str]]:
    """Clauses with the weak joint in front of each ("" for the first and after a strong one)."""
    pieces: list[tuple[str, str]] = []
    start, joint = 0, ""
    for cut in _CUT.finditer(text):
        before, after = text[start : cut.start()], text[cut.end() :]
        strong = cut["strong"] is not None
        starts = _starts_command(after) or _goes_on(before, after)
        if not (starts or (strong and _asks(plain_clause(after)))):
            continue
        if not _asks(plain_clause(before)) or _LEAD_IN.fullmatch(plain_clause(before)):
            continue
        pieces.append((before, joint))
        start, joint = cut.end(), "" if strong else cut[0]
    pieces.append((text[start:], joint))
    return pieces


def _plain_verb(timed: re.Match[str]) -> str:
    """ "after opening" is "open"; "before you close" is "before close"; anything else stays."""
    verb = _GERUNDS.get(timed[2], timed[2])
    if verb not in ACTION_VERBS:
        return timed[0]
    return verb if timed[1] == "after" else BEFORE + verb


def _goes_on(before: str, after: str) -> bool:
    """True for "put X in the bowl and | Y on the tray": the verb of the first command serves the second."""
    first, rest = plain_clause(before), _VERBLESS.match(plain_clause(after))
    if rest is None or _holds_command(rest[0]):
        return False
    return first.partition(" ")[0] in _PLACING and _PLACED_AT.search(first) is not None


def _starts_command(text: str) -> bool:
    word = re.match(r"[a-z]+", plain_clause(text))
    return word is not None and word[0] in ACTION_VERBS


def _asks(text: str) -> bool:
    return _holds_command(text) or _STATE.match(text) is not None


def _holds_command(text: str) -> bool:
    words = re.findall(r"[a-z]+", text)
    return any(word in ACTION_VERBS or (word[-1] == "s" and word.rstrip("es") in _STEMS) for word in words)


_STEMS = frozenset(verb.rstrip("es") for verb in ACTION_VERBS)


def plain_clause(clause: str) -> str:
    """A clause in lower case without leading connectives and politeness, closing thanks and punctuation."""
    text, before = clause, None
    while text != before:
        before = text
        text = text.strip(" \t\n,.;:!?\"'()-")
        text = _ORDINAL.sub("", text, count=1)
        text = _POLITE.sub("", text, count=1)
        text = _THANKS.sub("", text, count=1)
    return text


def _is_one(first: str, second: str) -> bool:
    """True for "take X and put it there": the first command is only how the second is done."""
    if _HANDLE.search(first):
        return _OPENS.match(second) is not None
    if _GRIP.search(first):
        return _OBJECT_PRONOUN.match(second) is not None
    verb, leaves = first.split()[0], _LEAVES_FROM.search(first) is not None
    if not _OBJECT_PRONOUN.match(second) or verb not in (_TAKING | _REMOVING if leaves else _TAKING):
        return False
    return not leaves or _TO_TABLE.search(second) is not None
