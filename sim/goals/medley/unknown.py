"""Deeds that no skill does, alone and together with ones that some skill does."""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.deeds import deed, stand
from sim.goals.medley.wording import say, taught
from vla.planner.grammar import Refusal

_UNKNOWN: Final = Refusal("unknown")
_TO_A_THING: Final = (
    "(wrap|unwrap|polish|scratch|bend|crush|smash|glue|sew|knit) {x}",
    "(weigh|measure|draw|photograph|describe in a poem|sell|rent|post|mail) {x}",
    "(boil|fry|bake|grill|freeze|chop|slice|grate|season) {x}",
    "(dye|colour|varnish|tattoo|engrave|sand|drill a hole in|hammer) {x}",
    "(blow|breathe) (on|at) {x}",
    "(kick|throw away|juggle with|play with|bounce|spin|balance on one finger) {x}",
    "(tie|untie) a (knot|ribbon|rope) around {x}",
    "(talk to|sing to|listen to|smell|taste|lick|feed) {x}",
    "make {x} (bigger|smaller|heavier|wet|warm|cold|invisible|float|glow)",
    "turn {x} into (gold|a cake|a bird|something else)",
    "(plug in|switch on|charge|repair|oil|inflate) {x}",
    "(buy|order) another one like {x}",
)
_ALONE: Final = (
    "(fold|iron|hang up|wash) the (shirt|towel|laundry|blanket)",
    "(count|count aloud) to (three|ten|twenty|a hundred)",
    "(sing|hum|whistle|play) (a tune|a song|something nice)",
    "(cook|bake|prepare|warm up) (dinner|lunch|a cake|some soup)",
    "(dance|jump|wave|bow|clap|salute) for (me|us)",
    "(what is the weather|what time is it|who are you|how old are you)?",
    "(call|phone|text|write to) (my mother|the doctor|a friend)",
    "(read|translate|summarise) (the newspaper|this book|a poem)",
    "(turn on|turn off|dim) the (light|lights|radio|heating)",
    "(open|close|clean) the (window|door|curtains|fridge)",
    "(water|plant|cut) the (flowers|grass|roses)",
    "(drive|fly|sail) (home|to the moon|to the shop)",
    "(solve|do) (this equation|my homework|the crossword)",
    "(type|print|send) (a letter|an email|a report)",
    "(tell|crack) (a joke|a fairy tale)",
)
_TO_A_FIXTURE: Final = (
    "(wash|rinse|dry|polish|scrub) {p}",
    "(paint|varnish|decorate) {p} (red|green|blue|with flowers)",
    "(fill|pour) (water|milk|sand) (in|into) {p}",
    "(break|smash|melt|burn) {p}",
    "(lock|unlock) {p} with (a|the) key",
    "(take a photo|draw a picture) of {p}",
    "(screw|nail|glue) {p} to the (table|wall)",
    "(ask|tell) {p} (something|a secret)",
)
_SKILLS: Final = (
    "(paint it|wash it|cut it|burn it|eat it|fold it)", "(sing|dance|whistle|clap)", "count to (five|ten)",
    "(cook|fry|boil) it", "(call|phone) me", "tell me (a story|a joke)", "throw it (away|at the wall)",
    "make (coffee|tea)", "(sew|knit|iron) something",
)  # fmt: skip
_AND: Final = (
    "{a} and then {b}",
    "{a}, then {b}",
    "first {a}, and after that {b}",
    "{a}. {b}.",
    "{a} and (finally|in the end) {b}",
    "(two things|two jobs): {a}, {b}",
)


def _thing(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row)}, saying=_UNKNOWN)


def _alone(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.one()
    table.fill()
    return Drawn(saying=_UNKNOWN)


def _fixture(table: GoalTable) -> Drawn:
    what = table.pick(("bowl", "tray", "drawer", "button"))
    stand(table, (what,))
    if what == "drawer" and "drawer" not in table.fixtures:
        table.cabinet()
    table.one()
    table.fill()
    return Drawn({"p": what}, saying=_UNKNOWN)


def _second(table: GoalTable) -> Drawn:
    """The first clause could be done."""
    kind = table.pick(("bowl", "tray", "drawer", "stack"))
    if kind != "drawer":
        table.maybe_cabinet()
    stand(table, (kind,))
    first = deed(table, kind)
    table.fill()
    return Drawn({"a": first.order, "b": say(table, *_SKILLS)}, saying=_UNKNOWN)


TEMPLATES: Final = (
    taught("unknown_to_a_thing", "infeasible", _thing, _TO_A_THING),
    taught("unknown_alone", "infeasible", _alone, _ALONE),
    taught("unknown_to_a_fixture", "infeasible", _fixture, _TO_A_FIXTURE),
    taught("unknown_second", "infeasible", _second, _AND),
)
"""What the arm was never taught."""
