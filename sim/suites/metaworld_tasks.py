"""The fifty tasks of Meta-World: their names, their groups by difficulty, and what the robot is told."""

from __future__ import annotations

from typing import Final, Literal

from sim.suites.suite import SuiteTask

Group = Literal["easy", "medium", "hard", "very hard"]
"""By difficulty, after Seo et al. (arXiv 2206.14244); results are also averaged over these four."""

ENTITIES: Final = ("hand", "object", "second object", "goal")

_SENTENCES: Final[dict[Group, dict[str, str]]] = {
    "easy": {
        "button-press": "Press a button",
        "button-press-topdown": "Press a button from the top",
        "button-press-topdown-wall": "Bypass a wall and press a button from the top",
        "button-press-wall": "Bypass a wall and press a button",
        "coffee-button": "Push a button on the coffee machine",
        "dial-turn": "Rotate a dial 180 degrees",
        "door-close": "Close a door with a revolving joint",
        "door-lock": "Lock the door by rotating the lock clockwise",
        "door-open": "Open a door with a revolving joint",
        "door-unlock": "Unlock the door by rotating the lock counter-clockwise",
        "drawer-close": "Push and close a drawer",
        "drawer-open": "Open a drawer",
        "faucet-close": "Rotate the faucet clockwise",
        "faucet-open": "Rotate the faucet counter-clockwise",
        "handle-press": "Press a handle down",
        "handle-press-side": "Press a handle down sideways",
        "handle-pull": "Pull a handle up",
        "handle-pull-side": "Pull a handle up sideways",
        "lever-pull": "Pull a lever down 90 degrees",
        "peg-unplug-side": "Unplug a peg sideways",
        "plate-slide": "Slide a plate into a cabinet",
        "plate-slide-back": "Get a plate from the cabinet",
        "plate-slide-back-side": "Get a plate from the cabinet sideways",
        "plate-slide-side": "Slide a plate into a cabinet sideways",
        "reach": "Reach a goal position",
        "reach-wall": "Bypass a wall and reach a goal",
        "window-close": "Push and close a window",
        "window-open": "Push and open a window",
    },
    "medium": {
        "basketball": "Dunk the basketball into the basket",
        "bin-picking": "Grasp the puck from one bin and place it into another bin",
        "box-close": "Grasp the cover and close the box with it",
        "coffee-pull": "Pull a mug from a coffee machine",
        "coffee-push": "Push a mug under a coffee machine",
        "hammer": "Hammer a screw on the wall",
        "peg-insert-side": "Insert a peg sideways",
        "push-wall": "Bypass a wall and push a puck to a goal",
        "soccer": "Kick a soccer into the goal",
        "sweep": "Sweep a puck off the table",
        "sweep-into": "Sweep a puck into a hole",
    },
    "hard": {
        "assembly": "Pick up a nut and place it onto a peg",
        "hand-insert": "Insert the gripper into a hole",
        "pick-out-of-hole": "Pick up a puck from a hole",
        "pick-place": "Pick and place a puck to a goal",
        "push": "Push the puck to a goal",
        "push-back": "Push the puck to a goal",
    },
    "very hard": {
        "disassemble": "Pick a nut out of a peg",
        "pick-place-wall": "Pick a puck, bypass a wall and place the puck",
        "shelf-place": "Pick and place a puck onto a shelf",
        "stick-pull": "Grasp a stick and pull a box with the stick",
        "stick-push": "Grasp a stick and push a box using the stick",
    },
}

TASKS: Final[dict[str, SuiteTask]] = {
    name: SuiteTask(name, group, sentence, ENTITIES.index("object"), ENTITIES.index("goal"))
    for group, sentences in _SENTENCES.items()
    for name, sentence in sentences.items()
}
"""Name, as in the package without its version, to task. The wording is that of LeRobot's dataset."""
