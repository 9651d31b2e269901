"""How people say it: a small grammar that words an instruction in many ways.

Left, right, in front and behind are meant as seen in the front camera's picture (the viewer's side).
"""

from __future__ import annotations

import numpy as np

from sim.randomise import Split

FAMILIES = (
    "reach", "push", "pick_up", "put_in", "stack", "unstack", "open_drawer", "close_drawer",
    "put_in_drawer", "take_out", "press_button",
)  # fmt: skip

SHAPE_WORDS = {
    "block": ("block", "block", "block", "cube", "box"),
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
    "tray": ("the tray", "the tray", "the metal tray"),
    "button": ("the button", "the button", "the push button"),
    "drawer": ("the drawer",),
    "zone": ("the zone", "the square", "the marked square", "the target zone"),
    "front left": ("the front left corner", "the left front corner", "the near left corner"),
    "front right": ("the front right corner", "the right front corner", "the near right corner"),
    "back left": ("the back left corner", "the left back corner", "the far left corner"),
    "back right": ("the back right corner", "the right back corner", "the far right corner"),
}

_TRAIN = {
    "reach": (
        "reach {t}", "move to {t}", "go to {t}", "touch {t}", "move the gripper to {t}", "reach for {t}",
        "bring the gripper over {t}", "go above {t}", "point at {t}", "hover over {t}",
        "move the hand to {t}", "approach {t}",
    ),
    "push": (
        "push {t} to {d}", "push {t} into {d}", "slide {t} to {d}", "move {t} to {d} by pushing",
        "shove {t} to {d}", "push {t} over to {d}", "slide {t} over to {d}", "push {t} onto {d}",
        "nudge {t} to {d}", "slide {t} into {d}", "shift {t} to {d}",
    ),
    "pick_up": (
        "pick up {t}", "pick {t} up", "lift {t}", "lift up {t}", "grasp {t} and lift it", "grab {t}",
        "raise {t}", "take {t}", "hold up {t}", "get {t}", "grab {t} and lift it up",
        "lift {t} off the table",
    ),
    "put_in": (
        "put {t} {in} {d}", "place {t} {in} {d}", "drop {t} {in} {d}", "set {t} {in} {d}",
        "move {t} {in} {d}", "pick up {t} and put it {in} {d}", "bring {t} to {d}", "lay {t} {in} {d}",
        "deposit {t} {in} {d}", "take {t} and place it {in} {d}", "{t} goes {in} {d}",
    ),
    "stack": (
        "stack {t} on {d}", "put {t} on {d}", "place {t} on top of {d}", "stack {t} on top of {d}",
        "put {t} on top of {d}", "set {t} on {d}", "pick up {t} and place it on {d}",
        "build a tower of {t} on {d}", "move {t} onto {d}", "place {t} onto {d}", "lay {t} on {d}",
    ),
    "unstack": (
        "take {t} off {d}", "unstack {t} from {d}", "remove {t} from {d}", "take {t} down from {d}",
        "put {t} on the table", "move {t} from {d} to the table",
        "lift {t} off {d} and put it on the table", "unstack {t}", "take {t} off {d} and put it down",
        "get {t} off {d}", "place {t} on the table", "set {t} down on the table",
    ),
    "open_drawer": (
        "open the drawer", "pull the drawer open", "pull open the drawer", "slide the drawer open",
        "pull the drawer out", "pull the handle of the drawer", "open up the drawer", "get the drawer open",
        "pull out the drawer",
    ),
    "close_drawer": (
        "close the drawer", "push the drawer closed", "shut the drawer", "push the drawer shut",
        "push the drawer in", "slide the drawer closed", "push the drawer back in", "get the drawer closed",
    ),
    "put_in_drawer": (
        "put {t} in the drawer", "place {t} in the drawer", "drop {t} into the drawer",
        "put {t} into the drawer", "store {t} in the drawer", "put {t} inside the drawer",
        "move {t} into the drawer", "set {t} in the drawer", "pick up {t} and put it in the drawer",
        "place {t} inside the drawer", "{t} goes in the drawer",
    ),
    "take_out": (
        "take {t} out of the drawer", "get {t} out of the drawer", "remove {t} from the drawer",
        "take {t} from the drawer", "pick {t} out of the drawer", "bring {t} out of the drawer",
        "move {t} from the drawer to the table", "lift {t} out of the drawer", "get {t} from the drawer",
        "take {t} out of the drawer and put it on the table",
    ),
    "press_button": (
        "press the button", "push the button", "press down the button", "hit the button",
        "push down the button", "press the button down", "push the button down", "tap the button",
        "click the button",
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
        "",
        "",
        "",
        "",
        "please ",
        "can you ",
        "could you ",
        "now ",
        "robot, ",
        "i want you to ",
        "go and ",
    ),
    "test": ("", "", "would you ", "please go ahead and ", "next, "),
}
_AFTER = {
    "train": ("", "", "", "", " please", " for me", " now", "."),
    "test": ("", "", " if you can", ", thanks"),
}
_IN = {"bowl": ("in", "into", "inside"), "tray": ("on", "onto", "in")}


def noun(colour: str | None, shape: str, relation: tuple[str, str] | None, rng: np.random.Generator) -> str:
    """A noun phrase such as "the red cube" or "the ball left of the bowl".

    Args:
        colour: A colour word, or None when colour does not identify.
        shape: A shape, or "object" when shape does not identify.
        relation: (relation, landmark phrase) such as ("left", "the bowl"), or None.
        rng: Chooses among synonyms.
    """
    words = ["the", colour, rng.choice(SHAPE_WORDS[shape])]
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
        container: "bowl" or "tray", which chooses the preposition.
        rng: Chooses.
    """
    template = str(rng.choice((_TRAIN if split == "train" else _TEST)[family]))
    preposition = str(rng.choice(_IN.get(container, ("to",))))
    core = template.replace("{in}", preposition).format(t=target, d=destination)
    return str(rng.choice(_BEFORE[split])) + core + str(rng.choice(_AFTER[split]))
