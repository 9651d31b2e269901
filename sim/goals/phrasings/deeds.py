"""Further wordings of single deeds: a button is pressed, one thing is taken or goes to one place.

Refusals and longer goals are worded from the same tuples: whether a deed is possible must be read from the
table, never from the way it is asked for.
"""

from __future__ import annotations

from typing import Final

from sim.goals.phrasings.frames import asked, filled

PRESS: Final = (
    *asked("(press|push|hit|tap) the button"),
    "(tap|depress|activate|trigger|push in) the button",
    "(press|push) down on the button",
    "press the button (in|down)",
    "i (want|would like|need) the button (pressed|pushed)",
    "i'd like you to (press|push|tap) the button",
    "the button (should|must|needs to) be (pressed|pushed)",
    "make sure (that|) the button (is|gets) (pressed|pushed)",
    "see to it that the button is (pressed|pushed|down)",
    "(can|will|would) you (press|push|hit|tap) the button",
    "would you mind (pressing|pushing|tapping) the button",
    "the button: (press|push|tap) it",
    "button (press|push)",
    "put (your finger|the gripper|the hand) on the button and (press|push)",
    "(go to|move to|reach for) the button and (press|push) it",
    "use the (gripper|hand|arm) to (press|push) the button",
    "give the button a (tap|press|click)",
    "let the (gripper|hand|arm) (press|push) the button",
    "have the button (pressed|pushed)",
    "the button (wants|needs) a (push|press)",
)

HOLD: Final = (
    *asked("(pick up|lift|grasp|grab|take) {x}"),
    "(seize|grip|clutch|catch|take up) {x}",
    "(raise|hoist|lift) {x} into the air",
    "(lift|pick) {x} up",
    "close the (gripper|fingers|hand) (on|around) {x}",
    "i'd like you to (hold|pick up|grab|lift) {x}",
    "i (want|would like|need) {x} (lifted|picked up|grasped|in your hand)",
    "make sure (that|) you (hold|have|are holding) {x}",
    "have {x} in your (hand|gripper)",
    "get {x} (into|in) (your|the) (gripper|hand)",
    "{x} (should|must|needs to|has to) be (picked up|lifted|held|grasped)",
    "{x} should (be|end up) in (your|the) (gripper|hand)",
    "let the (gripper|hand|arm) (take|grasp|pick up|lift) {x}",
    "(can|will|would) you (lift|pick up|grab|hold|grasp) {x}",
    "would you mind (lifting|picking up|holding) {x}",
    "{x}: (lift it|grasp it|pick it up|grab it)",
    "see to it that {x} is (held|grasped|lifted|in the gripper)",
    "the thing to (grasp|pick up|lift) is {x}",
    "use the (gripper|hand|arm) to (grab|pick up|lift) {x}",
    "(go|reach) for {x} and (grab it|pick it up|lift it|hold it)",
)

HOW_TO_HOLD: Final = (
    "how (can|could|should) {x} be (grasped|picked up|lifted)?",
    "how (does one|can i|can you|could you) (grasp|pick up|lift|grab) {x}?",
    "what (must|has to|should) be done to (grasp|lift|pick up) {x}?",
    "what are the steps to (grasp|lift|pick up) {x}?",
    "what would you do to (get hold of|pick up|lift|grasp) {x}?",
)

PUT_IN: Final = (
    *asked("(put|place|drop|move) {x} into {p}"),
    "(set|lay|deposit|pop|stick) {x} (in|into|inside) {p}",
    "(transfer|transport|shift|take|deliver) {x} to {p}",
    "take {x} and (put|drop|place|set) it (in|into) {p}",
    "(pick up|grab|lift|grasp) {x} and (put|drop|place) it in {p}",
    "find {x} and (put it in|bring it to|drop it into) {p}",
    "i (want|would like|need) {x} (in|inside) {p}",
    "i'd like {x} to (be|end up|go|lie) in {p}",
    "i'd like you to (put|drop|place) {x} in {p}",
    "make sure (that|) {x} (is|ends up|lies) in {p}",
    "see to it that {x} (gets into|ends up in|lies in) {p}",
    "(can|will|would) you (put|drop|place) {x} (in|into) {p}",
    "would you mind (putting|placing|dropping) {x} in {p}",
    "{x} (must|has to|needs to|ought to) go (in|into) {p}",
    "{x} (must|has to|should) be (put|placed|dropped) (in|into) {p}",
    "{p} is where {x} (goes|belongs|should be)",
    "(in|into) {p} (goes|belongs) {x}",
    "into {p} with {x}",
    "{x} (in|into) {p}",
    "the (right place|place|home) for {x} is {p}",
    "let {p} (hold|have|receive) {x}",
    "{p}: (put|drop|place) {x} (there|in it)",
    "have {x} (moved|brought|carried) to {p}",
)

ON_TRAY: Final = (
    *asked("(put|place|set|move) {x} (on|onto) the tray"),
    "(set|lay|deposit|pop|stick) {x} (on|onto|down on) the tray",
    "(transfer|move|carry|bring|take|shift) {x} to the tray",
    "take {x} and (put|place|set|lay) it (on|onto) the tray",
    "(pick up|grab|lift|grasp) {x} and (put|place|set) it on the tray",
    "find {x} and (put it on|bring it to) the tray",
    "i (want|would like|need) {x} on the tray",
    "i'd like {x} to (be|end up|go|lie) on the tray",
    "i'd like you to (put|place|set) {x} on the tray",
    "make sure (that|) {x} (is|ends up|lies) on the tray",
    "see to it that {x} (gets onto|ends up on|lies on) the tray",
    "(can|will|would) you (put|place|set) {x} (on|onto) the tray",
    "would you mind (putting|placing|setting) {x} on the tray",
    "{x} (must|has to|needs to|ought to) go (on|onto) the tray",
    "{x} (must|has to) be (put|placed|laid) on the tray",
    "the tray is where {x} (goes|belongs|should be)",
    "(on|onto) the tray (goes|belongs) {x}",
    "onto the tray with {x}",
    "{x} (on|onto) the tray",
    "let the tray (hold|have|carry) {x}",
    "the tray: (put|place|set) {x} on it",
)

PUSH_TO: Final = (
    *asked("(push|slide|move|shove) {x} to {p}"),
    "(shift|drag|nudge|steer|guide) {x} (to|into) {p}",
    "(push|slide|shove) {x} (across|along|over) the table (to|into) {p}",
    "(push|slide|shove|nudge) {x} until it (is|stands) in {p}",
    "get {x} to {p}",
    "i (want|would like|need) {x} in {p}",
    "i'd like {x} to (be|end up|stand) in {p}",
    "i'd like you to (push|slide|move) {x} (to|into) {p}",
    "make sure (that|) {x} (is|ends up|stands) in {p}",
    "see to it that {x} (gets to|ends up in|stands in) {p}",
    "(can|will|would) you (push|slide|move) {x} (to|into) {p}",
    "would you mind (pushing|sliding|moving) {x} (to|into) {p}",
    "{x} (must|has to|needs to|ought to) go (to|into) {p}",
    "{x} (must|has to|should) be (pushed|moved|slid) (to|into) {p}",
    "{x} should (be|stand) in {p}",
    "{p} is where {x} (goes|belongs|should be)",
    "(in|to|into) {p} (goes|belongs) {x}",
    "into {p} with {x}",
    "{x} (to|into) {p}",
    "the (right place|place|spot) for {x} is {p}",
    "{p}: (push|slide|move) {x} there",
    "let {x} (slide|move) (to|into) {p}",
    "give {x} a push (to|into) {p}",
)

ONTO: Final = (
    *asked("(put|place|stack|set) {x} on (top of|) {y}"),
    "(set|lay|rest|pop) {x} (on|onto|on top of|atop) {y}",
    "(stack|pile) {x} onto {y}",
    "take {x} and (put|place|stack|set) it (on|on top of|onto) {y}",
    "(pick up|grab|lift) {x} and (put|place|stack) it on {y}",
    "i (want|would like|need) {x} (on|on top of) {y}",
    "i'd like {x} to (be|stand|rest|sit) on {y}",
    "make sure (that|) {x} (is|stands|rests|sits) on {y}",
    "see to it that {x} (stands|ends up|is) on (top of|) {y}",
    "(can|will|would) you (stack|put|place) {x} on (top of|) {y}",
    "would you mind (stacking|putting|placing) {x} on {y}",
    "{x} (should|must|has to|needs to) (go|stand|be|sit) on (top of|) {y}",
    "{x} (must|has to|should) be (stacked|put|placed) on (top of|) {y}",
    "on (top of|) {y} (goes|belongs) {x}",
    "{y} (must|has to|is to) (carry|hold|support) {x}",
    "{x} (onto|on top of) {y}",
    "{y} below, {x} above",
    "let {x} (stand|rest|sit) on (top of|) {y}",
    "use {y} as (the|a) base for {x}",
    "with {y} (below|underneath), (put|place|stack) {x} on top",
)

REACH: Final = (
    *asked("(reach|point at|touch|go to) {x}"),
    "(approach|point to|aim at|reach for|go near|get close to) {x}",
    "(go|move|get|travel) (over|above) {x}",
    "(place|put|hold|keep|position) the (gripper|hand|arm) (over|above) {x}",
    "(take|guide|get) the (gripper|hand|arm) to {x}",
    "stay (over|above) {x}",
    "i want the (gripper|hand|arm) (over|above|at) {x}",
    "i'd like you to (reach|touch|point at|go to) {x}",
    "the (gripper|hand|arm) (should|must|has to) (be|stop|hover) (over|above) {x}",
    "make sure (that|) the (gripper|hand|arm) (is|hovers) (over|above) {x}",
    "see to it that the (gripper|hand) (is|hovers) above {x}",
    "(can|will|would) you (reach|touch|point at|go to) {x}",
    "would you mind (reaching|touching|pointing at) {x}",
    "{x} (should|must) be (reached|touched|pointed at)",
    "{x}: (go there|point at it|reach it|touch it)",
    "(over|above) {x} with the (gripper|hand|arm)",
    "let the (gripper|hand|arm) (hover|stop) (over|above) {x}",
    "point (out|) {x} to me",
    "(gripper|hand|arm) (over|above|to) {x}",
    "bring (yourself|your hand|your gripper) (over|above|to) {x}",
)

ZONE: Final = "the (zone|square|target area|marked square)"

SINGLE: Final = {
    "press": PRESS,
    "push_to_corner": PUSH_TO,
    "pick_shape": filled(HOLD, x="the {s}"),
    "onto_tray": ON_TRAY,
    "onto_block": ONTO,
    "grasp_covered": HOLD + HOW_TO_HOLD,
    "put_covered": PUT_IN,
    "push_covered": filled(PUSH_TO, p=ZONE),
    "reach_covered": REACH,
}
