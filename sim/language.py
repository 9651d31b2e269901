"""How people say it: a small grammar that words an instruction in many ways.

Left, right, in front and behind are meant as seen in the front camera's picture (the viewer's side).
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from sim.objects import COLOUR_NAMES
from sim.randomise import Split

FAMILIES = (
    "reach", "push", "pick_up", "put_in", "stack", "unstack", "open_drawer", "close_drawer",
    "put_in_drawer", "take_out", "press_button",
)  # fmt: skip

SHAPE_WORDS = {
    "block": ("block", "block", "block", "cube", "box", "brick"),
    "cylinder": ("cylinder", "cylinder", "can", "tube"),
    "ball": ("ball", "ball", "sphere"),
    "star": ("star", "star", "star shape"),
    "object": ("object", "thing", "item", "one"),
}
RELATIONS = {
    "left": ("left of {}", "to the left of {}", "on the left of {}", "on the left side of {}"),
    "right": ("right of {}", "to the right of {}", "on the right of {}", "on the right side of {}"),
    "front": ("in front of {}", "before {}", "nearer than {}", "closer to the camera than {}"),
    "behind": ("behind {}", "in the back of {}", "farther than {}", "further away than {}"),
}
PLACES = {
    "bowl": ("the bowl", "the bowl", "the dish"),
    "tray": ("the tray", "the tray", "the metal tray", "the plate"),
    "button": ("the button", "the button", "the push button"),
    "drawer": ("the drawer",),
    "zone": ("the zone", "the square", "the marked square", "the target zone", "the target area"),
    "front left": (
        "the front left corner",
        "the front left corner of the table",
        "the left front corner",
        "the near left corner",
    ),
    "front right": (
        "the front right corner",
        "the front right corner of the table",
        "the right front corner",
        "the near right corner",
    ),
    "back left": (
        "the back left corner",
        "the back left corner of the table",
        "the left back corner",
        "the far left corner",
    ),
    "back right": (
        "the back right corner",
        "the back right corner of the table",
        "the right back corner",
        "the far right corner",
    ),
}

# Alternatives stand in round brackets; one is drawn from each.
_TRAIN = {
    "reach": (
        "(reach|reach for|reach out to|reach over to|reach out and touch|go for|stretch out to) {t}",
        "(go to|go above|go near|go right above|move to|move above|move towards|head to|head for) {t}",
        "(go right over|move right over|move on over|fly over|float over|travel over|drift over) to {t}",
        "(touch|approach|find|locate|show me|target|indicate) {t}",
        "(point at|point to|aim at|hover over|hover above|stay over|stop above|wait above|stop at) {t}",
        "(move|bring|guide|steer|send|put) the (gripper|hand|arm|claw|fingers) "
        "(over|above|near|towards|close to|right above|just above|next to|directly over) {t}",
        "(move|guide|steer|send) the (gripper|hand|arm|claw|fingers) to {t}",
        "(position|place|park|keep) the (hand|arm|claw|fingers) (over|above|near|close to) {t}",
        "(move|go|come) (close to|right over|directly above|on top of|up to|next to) {t}",
        "(move|reach|go) until you are (over|above|at|near) {t}",
        "(have|let|make) the (gripper|hand|arm) (hover|stop|wait|stay) (over|above|near) {t}",
        "(line up|align) the (gripper|hand|arm|fingers) with {t}",
        "(fly|travel|glide|drift|come) (over|above|right above|close to) {t}",
        "the (gripper|hand|arm) (should be|must be|has to be) (above|over|close to) {t}",
    ),
    "push": (
        "(push|slide|shove|nudge|shift|scoot|drag) {t} (to|into|onto|over to|up to|toward) {d}",
        "(push|slide|shove|nudge) {t} (over into|all the way to|until it is in|along the table to) {d}",
        "(push|slide) {t} (to|into) {d}",
        "(push|shove|nudge|slide) {t} (sideways to|straight to|along to|right over to|across the table "
        "to) {d}",
        "(shift|nudge|scoot|shove) {t} (across to|towards|along into) {d}",
        "(move|bring|get) {t} (to|into|over to) {d} by (pushing|pushing it|sliding|nudging it|shoving it)",
        "by (pushing|sliding|shoving), (move|bring|get) {t} (to|into) {d}",
        "use the (gripper|hand|arm|fingers) to (push|slide|shove|nudge) {t} (to|into|towards) {d}",
        "give {t} a (push|shove|nudge) (to|into|towards) {d}",
        "(push|slide) {t} so that it (is in|ends up in|comes to|reaches) {d}",
        "{t} (should be pushed|must slide) (in|into) {d}",
        "(sweep|herd|drive|steer) {t} (to|into|towards|over to|all the way to) {d}",
        "{t} (should be|must be|has to be|needs to be) (pushed|slid|shoved) (to|into|onto) {d}",
        "i want {t} (pushed to|pushed into) {d}",
        "(keep pushing|push|slide) {t} until it (is in|reaches|gets to) {d}",
        "without lifting it (push|slide|move|bring) {t} (to|into) {d}",
    ),
    "pick_up": (
        "(pick|lift|hold|take) up {t}",
        "(pick|hold|raise|take|get) {t} up",
        "(lift|raise|hoist|elevate) {t}",
        "(grasp|grab|take|get|fetch|seize|collect|grip|hold|catch|clutch) {t}",
        "(grasp|grab|take|grip|pinch|seize|catch) {t} and (lift it|lift it up|pick it up|hold it "
        "up|bring it up)",
        "(grasp|take|grip|seize|reach for|go to) {t} and (raise it|raise it up|hoist it|lift it high)",
        "(lift|raise|pick|grab|get|hold) {t} (off|from|up from|right off) the (table|mat|surface)",
        "(lift|raise|hold) {t} (high|in the air|into the air|above the table|up high|off the ground)",
        "(take|grab|catch) hold of {t}",
        "(take|grab|catch) hold of {t} and (raise it|pick it up|lift it up|hold it up)",
        "(close the fingers around|close the gripper on) {t} and (lift it|pick it up|raise it)",
        "(scoop|heave|haul|snatch|gather) {t} up",
        "(pluck|snatch|lift|take) {t} from the (table|mat|surface)",
        "{t} (should be|must be|has to be|needs to be) (lifted|picked up|held up|in the air)",
        "i want {t} (lifted|picked up|held up|in the air|in the gripper)",
        "(have|get|take) {t} (in the gripper|in the hand|between the fingers)",
        "(keep|have) {t} (in the air|above the table|up in the air)",
    ),
    "put_in": (
        "(put|place|drop|set|lay) {t} {in} {d}",
        "(deposit|leave|toss|throw|pop|stick|release|rest|position|arrange|dump|stow) {t} {in} {d}",
        "(move|bring|carry|transfer|take|deliver|get) {t} (to|over to|{in}) {d}",
        "(pick up|take|grab|get|grasp|lift|fetch) {t} and (put|place|drop|set|lay|leave|release) it {in} {d}",
        "(pick {t} up|lift {t} up|raise {t}|move {t}) and (put|place|drop|set|lay) it {in} {d}",
        "(carry|bring|take|fetch) {t} over and (put|place|drop|lay) it {in} {d}",
        "(let {t} fall|let go of {t}) {in} {d}",
        "{t} (goes|belongs|should go|should be|has to go|must be) {in} {d}",
        "{t} (should be|must be|has to be|needs to be) (put|placed|dropped|laid) {in} {d}",
        "i (want|need|would like) {t} {in} {d}",
        "(make sure|see to it that|see that) {t} (is|ends up|lands|lies) {in} {d}",
        "(find|locate|choose|select) {t} and (put|place|drop|set) it {in} {d}",
        "(slip|tip|lower|plop|tuck) {t} {in} {d}",
        "(have|get) {t} (end up|land|sitting|lying) {in} {d}",
    ),
    "stack": (
        "(stack|put|place|lay) {t} (on|onto|on top of|upon|atop) {d}",
        "(rest|balance|leave|position|drop|pile) {t} (on|onto|on top of) {d}",
        "(move|bring|lift|carry|get|raise) {t} (onto|on top of|to the top of|up onto) {d}",
        "(pick up|take|grab|get|lift|fetch) {t} and (stack|put|place|set|lay|pile) it (on|onto|on top "
        "of|up on) {d}",
        "(build|make) a (tower|stack|pile) (of|with) {t} (on|on top of) {d}",
        "(build|make) a (tower|stack|pile) by (putting|stacking|setting|laying|piling) {t} (on|onto|on "
        "top of) {d}",
        "set {t} (on|onto|upon|atop) {d}",
        "{t} (goes|belongs|should go|should be|has to go) (on|on top of) {d}",
        "{t} (should be|must be|has to be|needs to be) (put|placed|stacked|set) (on|onto|on top of) {d}",
        "i (want|need|would like) {t} (on|on top of|stacked on) {d}",
        "(make sure|see to it that|see that) {t} (is|ends up|sits|rests) (on|on top of) {d}",
        "(find|locate|choose|select) {t} and (stack|put|place|set) it (on|onto|on top of) {d}",
        "use {t} as the (top|upper part) of a (tower|stack|pile) (on|with) {d}",
    ),
    "unstack": (
        "(take|get|move|remove|pick|grab|bring|lift|pull) {t} (off of|from|down from|down off) {d}",
        "(take|get|move|remove|pick|grab|bring|pull) {t} off {d}",
        "(take|pick|grab|lift|clear|get) {t} (off|from|down from) the top of {d}",
        "(unstack {t}|unstack {t} from {d}|separate {t} from {d})",
        "(put|place|set|lay|leave|bring|move|return) {t} (on|onto|back on|down on|back down on) the table",
        "(take|lift|get|move|grab|remove|bring) {t} (off|from|down from) {d} and (put|set|place|lay) it "
        "(down|on the table|back on the table|next to it)",
        "(move|bring|take|get) {t} from {d} (to|onto|down to) the table",
        "(take|set|put|bring|place) {t} down",
        "{t} (should come|must come|has to come|should be taken|must be taken) (off|off of|down from) {d}",
        "i (want|need|would like) {t} (off|off of|down from) {d}",
        "(free|relieve|clear) {t} (from|off of) {d}",
        "{t} (goes|belongs|should be|must be|has to be) (on the table|back on the table|down on the table)",
        "i (want|need|would like) {t} (on the table|back on the table)",
        "(make sure|see that) {t} (is|ends up|lies) on the table",
    ),
    "open_drawer": (
        "(open|open up|pull open|pull out|draw out|pull|draw open|unclose) (the|this) drawer",
        "(pull|get|make|leave|bring|have) the drawer (open|out|all the way open|fully open|wide open)",
        "slide the drawer (open|out|all the way out|wide open)",
        "draw the drawer (out|wide open|all the way out)",
        "(pull|pull on|pull at|tug at) the (handle of the drawer|drawer handle|drawer by its handle)",
        "(pull|tug) (at|on) the drawer (until it opens|so that it opens|until it is open)",
        "(use|grab|take) the handle (to open|and open|and pull open) the drawer",
        "pull the drawer (towards you|towards the robot|towards the arm|out of the cabinet)",
        "(make sure|see that) the drawer is (open|wide open)",
        "the drawer (should be|must be|has to be|needs to be) (open|opened|wide open|pulled out)",
        "i (want|need|would like) the drawer (open|opened|wide open|pulled out)",
        "(open|pull open) the drawer (fully|wide|all the way|completely|by its handle|with the handle)",
        "(pull|draw|drag|slide) out the drawer",
        "(have|get) the drawer (opened|pulled open)",
    ),
    "close_drawer": (
        "(close|shut|close up|push shut|push closed|slide shut|slide in) (the|this) drawer",
        "(push|slide|move|get|press|bring) the drawer (closed|shut|in|back|fully in|completely shut)",
        "(push|move|press|shove) the drawer (back in|right in|in again)",
        "slide the drawer (all the way in|back again|fully in|in again)",
        "(push|slide|put|move) the drawer (back into|into|inside) the cabinet",
        "(close the drawer|shut the drawer|push the drawer) (completely|fully|all the way|again)",
        "push (against|on) the drawer (until it is shut|until it closes|to close it|to shut it)",
        "(shove|press) in the drawer",
        "(make sure|see that) the drawer is (closed|shut)",
        "the drawer (should be|must be|has to be|needs to be) (closed|shut|pushed shut|pushed in)",
        "i (want|need|would like) the drawer (closed|shut|pushed in)",
        "(have|get|leave) the drawer (closed|shut|pushed in)",
        "(press|shove|move) in the drawer (all the way|completely|until it is closed|so that it is shut)",
        "(press|shove|move|bring) the drawer (all the way back|back in place|back into place|home)",
    ),
    "put_in_drawer": (
        "(put|place|drop|set) {t} (in|into|inside) the drawer",
        "lay {t} (in|into|down in|within) the drawer",
        "(stow|hide|keep|leave|deposit|toss|throw|pop|stick|release) {t} (in|into|inside|within) the drawer",
        "store {t} (in|into|away in) the drawer",
        "(move|bring|carry|transfer|take|deliver|get) {t} (to|over to|into) the drawer",
        "(pick up|grab|get|lift|fetch) {t} and (put|place|set|lay|leave|store) it (in|into|inside) the "
        "drawer",
        "take {t} and (place|drop|set|lay|leave|store) it (in|into|inside) the drawer",
        "put {t} away in the drawer",
        "{t} (goes|belongs|should go|should be|has to go) (in|into|inside) the drawer",
        "{t} (should be|must be|has to be|needs to be) (put|placed|stored|laid) (in|into|inside) the drawer",
        "i (want|need|would like) {t} (in|inside|stored in) the drawer",
        "(make sure|see to it that|see that) {t} (is|ends up|lies) (in|inside) the drawer",
        "(find|locate|choose|select) {t} and (put|place|set) it (in|into|inside) the drawer",
        "(slip|tuck|lower|file|pack) {t} (in|into|inside|away in) the drawer",
    ),
    "take_out": (
        "(take|get|bring|fetch|move|carry|lift|pick) {t} (out of|out from) the drawer",
        "(take|get|lift|bring|fetch|move|carry|pull|draw|drag|pick) {t} from the drawer",
        "(remove|retrieve|extract|grab|collect) {t} from (the drawer|inside the drawer|within the drawer)",
        "(take|get|lift|pick|move|fetch|bring) {t} out of the drawer and (put|set|place|lay) it "
        "(on the table|down|next to it)",
        "(take|pick up|pull|grab) {t} from the drawer and (put|set|place|lay) it (on the table|down)",
        "(move|bring|take|transfer|pull) {t} from the drawer (to|onto) the table",
        "(take|get|pull|lift|pick up) {t} from (inside|within) the drawer",
        "(pull|take|get|lift|pick|grab|fish) out {t} from the drawer",
        "(pull|draw|fish) {t} (up out of|right out of|up from|out from) the drawer",
        "{t} (should come|must come|has to come|should be taken|must be taken) (out of|out from) the drawer",
        "i (want|need|would like) {t} (out of|taken out of|taken from) the drawer",
        "(pick|scoop|dig|unload|unpack) {t} (out of|from) the drawer",
    ),
    "press_button": (
        "(press|push|hit|tap|click|touch|poke|activate|trigger|strike|press in|push in|bump) (the|this) "
        "button",
        "(press|push|hold) down (the button|on the button)",
        "(press|push|tap|click|lean|pound|poke) (down|hard|firmly|gently|lightly|right|once) on the button",
        "(tap|click|hit|lean|bump) on the button",
        "(press|push|click|hold) the button (down|once|firmly|all the way|all the way down|right "
        "in|down fully)",
        "(press|click|poke|squeeze) the button in",
        "give the button a (press|tap|click|poke|shove|nudge|quick push|firm push|little push|good "
        "press|hit)",
        "(push|press|bring|lower) the (gripper|fingers|hand) (down on|onto|against|on) the button",
        "(make|let) the button (go down|light up)",
        "the button (should be|must be|has to be|needs to be) (pressed|pushed|pushed down|hit)",
        "i (want|need|would like) the button (pressed|pushed|pushed down|lit)",
        "(use|take) the (gripper|hand|fingers|arm) to (press|push|hit|tap) the button",
        "(switch on|turn on|light up|set off|fire|work|operate) the button",
        "(press|push|tap|hit|punch) the button (with the gripper|from above|until it lights up|again)",
        "(have|get) the button (pressed|pushed|pushed down)",
    ),
}  # fmt: skip

_TEST = {
    "reach": (
        "move over {t}", "go over to {t}", "bring the hand to {t}", "position the gripper above {t}",
    ),
    "push": (
        "push {t} towards {d}", "slide {t} across to {d}", "move {t} into {d} by sliding it",
        "shove {t} into {d}",
    ),
    "pick_up": (
        "pick {t} up off the table", "grab {t} and raise it", "lift {t} up", "get hold of {t} and lift it",
    ),
    "put_in": (
        "grab {t} and put it {in} {d}", "take {t} and drop it {in} {d}",
        "move {t} over and set it {in} {d}", "lift {t} and place it {in} {d}",
    ),
    "stack": (
        "grab {t} and stack it on {d}", "set {t} on top of {d}", "take {t} and put it on top of {d}",
        "make a tower by placing {t} on {d}",
    ),
    "unstack": (
        "get {t} down from {d}", "lift {t} off {d}", "pick {t} off {d} and set it on the table",
        "remove {t} from the top of {d}",
    ),
    "open_drawer": (
        "slide open the drawer", "pull on the drawer to open it", "open that drawer",
        "draw the drawer open",
    ),
    "close_drawer": (
        "push the drawer all the way in", "shut that drawer", "slide the drawer back in",
        "push in the drawer to close it",
    ),
    "put_in_drawer": (
        "grab {t} and drop it in the drawer", "lay {t} inside the drawer", "store {t} inside the drawer",
        "take {t} and put it into the drawer",
    ),
    "take_out": (
        "grab {t} out of the drawer", "pull {t} out of the drawer", "pick up {t} from the drawer",
        "lift {t} from the drawer and set it on the table",
    ),
    "press_button": (
        "give the button a push", "press on the button", "push on the button", "push the button in",
    ),
}  # fmt: skip

_BEFORE = {
    "train": (
        *("",) * 12,
        "please ",
        "can you ",
        "could you ",
        "now ",
        "robot, ",
        "i want you to ",
        "go and ",
        "ok, ",
        "hey robot, ",
        "i need you to ",
        "i would like you to ",
        "can you please ",
        "just ",
        "try to ",
        "you should ",
        "will you ",
        "would you please ",
        "please try to ",
        "could you go ahead and ",
        "first, ",
        "let us ",
        "your task is to ",
        "do me a favour and ",
    ),
    "test": ("", "", "would you ", "please go ahead and ", "next, "),
}
_AFTER = {
    "train": (
        *("",) * 7,
        " please",
        " for me",
        " now",
        ".",
        " carefully",
        " right now",
        " if possible",
        ", thank you",
        " when you can",
    ),
    "test": ("", "", " if you can", ", thanks"),
}  # fmt: skip
# Sentences that are no commands take few openings.
_STATES = re.compile(r"(?:i |the |this |that |without )")
_BEFORE_STATES = (*("",) * 6, "now ", "robot, ", "ok, ", "hey robot, ", "first, ")
_DETERMINERS = (*("the",) * 8, "that", "this")
_IN = {
    "bowl": ("in", "into", "inside"),
    "tray": ("on", "onto", "in"),
    "zone": ("in", "into", "on"),
    **{name: ("in", "into", "at") for name in PLACES if name.endswith(("left", "right"))},
}


@cache
def vocabulary() -> frozenset[str]:
    """Every word of the instructions themselves, in any split; politeness around them does not count."""
    templates = [t for grammar in (_TRAIN, _TEST) for wordings in grammar.values() for t in wordings]
    phrases = [p for table in (SHAPE_WORDS, RELATIONS, PLACES) for phrases in table.values() for p in phrases]
    cores = re.sub(r"\{\w*\}", " ", " ".join((*templates, *phrases)))
    return frozenset(re.findall(r"[a-z]+", cores)) | {*COLOUR_NAMES, *_DETERMINERS}


def noun(colour: str | None, shape: str, relation: tuple[str, str] | None, rng: np.random.Generator) -> str:
    """A noun phrase such as "the red cube" or "the ball left of the bowl".

    Args:
        colour: A colour word, or None when colour does not identify.
        shape: A shape, or "object" when shape does not identify.
        relation: (relation, landmark phrase) such as ("left", "the bowl"), or None.
        rng: Chooses among synonyms.
    """
    words = [rng.choice(_DETERMINERS), colour, rng.choice(SHAPE_WORDS[shape])]
    if relation is not None:
        words.append(str(rng.choice(RELATIONS[relation[0]])).format(relation[1]))
    return " ".join(str(word) for word in words if word)


def place(name: str, rng: np.random.Generator) -> str:
    """A phrase for a fixture or corner."""
    return str(rng.choice(PLACES[name]))


def phrase(
    family: str, split: Split, target: str, destination: str, container: str, rng: np.random.Generator
) -> str:
    """One wording of an instruction.

    Args:
        family: One of :data:`FAMILIES`.
        split: Training phrasings or held-out ones.
        target: Noun phrase of the referred object; unused where the family has none.
        destination: Phrase of the place; unused where the family has none.
        container: What it goes in or on, which chooses the preposition.
        rng: Chooses.
    """
    template = _template(family, split, rng)
    preposition = str(rng.choice(_IN.get(container, ("to",))))
    core = template.replace("{in}", preposition).format(t=target, d=destination)
    openings = _BEFORE_STATES if _STATES.match(core) else _BEFORE[split]
    return str(rng.choice(openings)) + core + str(rng.choice(_AFTER[split]))


def _template(family: str, split: Split, rng: np.random.Generator) -> str:
    """A phrasing with one of each alternative; the training grammar never says what is held out."""
    if split == "test":
        return str(rng.choice(_TEST[family]))
    while True:
        pattern = str(rng.choice(_TRAIN[family]))
        template = re.sub(r"\(([^()]*)\)", lambda match: str(rng.choice(match[1].split("|"))), pattern)
        if template.replace("{in}", "in") not in {held.replace("{in}", "in") for held in _TEST[family]}:
            return template
