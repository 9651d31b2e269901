"""Further wordings of single deeds: one thing goes to one place, is taken, stored or fetched.

Refusals and longer goals are worded from the same tuples: whether a deed is possible must be read from the
table, never from the way it is asked for.
"""

from __future__ import annotations

import re
from typing import Final


def filled(wordings: tuple[str, ...], **slots: str) -> tuple[str, ...]:
    """Puts texts or other slots into slots.

    Args:
        wordings: Wordings with slots such as ``{x}``; none of the given slots inside round brackets.
        slots: Text per slot name, itself with brackets or slots if wanted; all are filled at once.

    Returns:
        The same wordings, in order.
    """

    def text_of(slot: re.Match[str]) -> str:
        return slots.get(slot[1], slot[0])

    return tuple(re.sub(r"\{(\w+)\}", text_of, wording) for wording in wordings)


PRESS: Final = (
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

OPEN: Final = (
    "(open up|draw open|pull out|slide out) the drawer",
    "(pull|draw|slide|bring) the drawer out",
    "get the drawer open",
    "i (want|would like|need) the drawer (open|opened)",
    "i'd like you to (open|pull open) the drawer",
    "the drawer (must|has to|needs to) be (open|opened)",
    "the drawer (should|must|is to) (stand|be left) open",
    "make sure (that|) the drawer (is|stands|gets) open",
    "see to it that the drawer is (open|opened)",
    "(can|will|would) you (open|pull open) the drawer",
    "would you mind (opening|pulling open) the drawer",
    "the drawer: (open it|pull it open)",
    "drawer open",
    "take the handle and (pull the drawer open|open the drawer)",
    "pull (on|at) the drawer until it is open",
    "have the drawer open",
    "let the (gripper|hand|arm) open the drawer",
    "do not leave the drawer (closed|shut), open it",
    "use the (gripper|arm|hand) to (open|pull open) the drawer",
)

CLOSE: Final = (
    "(close up|push in|slide in|slide shut|push to) the drawer",
    "(slide|move|push) the drawer (back in|all the way in)",
    "slide the drawer (closed|shut|in)",
    "get the drawer (closed|shut)",
    "i (want|would like|need) the drawer (closed|shut)",
    "i'd like you to (close|shut) the drawer",
    "the drawer (must|has to|needs to) be (closed|shut)",
    "make sure (that|) the drawer (is|gets) (closed|shut)",
    "see to it that the drawer is (closed|shut)",
    "(can|will|would) you (close|shut) the drawer",
    "would you mind (closing|shutting) the drawer",
    "the drawer: (close|shut) it",
    "drawer (closed|shut)",
    "take the handle and push the drawer (in|shut|closed)",
    "have the drawer closed",
    "let the (gripper|hand|arm) (close|shut) the drawer",
    "do not leave the drawer open, (close|shut) it",
    "use the (gripper|arm|hand) to (close|shut) the drawer",
    "push (on|against) the drawer until it is (closed|shut)",
)

HOLD: Final = (
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

STORE: Final = (
    "(stash|tuck|lay|drop|pop|deposit) {x} (in|into|inside) the drawer",
    "(move|bring|carry|transfer|take) {x} to the drawer",
    "put {x} away, (into|in) the drawer",
    "(stow|store|tuck|stash) {x} away in the drawer",
    "(pick up|grab|take|lift) {x} and (put|store|drop) it in the drawer",
    "i (want|would like|need) {x} (in|inside) the drawer",
    "i'd like {x} to (be|end up|go|lie) in the drawer",
    "i'd like you to (put|store|stow) {x} in the drawer",
    "make sure (that|) {x} (is|ends up|lies) in the drawer",
    "see to it that {x} (gets into|ends up in|lies in) the drawer",
    "(can|will|would) you (put|store|stow) {x} (in|inside) the drawer",
    "would you mind (putting|storing|stowing) {x} in the drawer",
    "{x} (must|has to|needs to|ought to|should) go (in|into) the drawer",
    "{x} (must|has to|should) be (put|stored|kept|stowed) in the drawer",
    "the drawer is (where|the place where) {x} (goes|belongs)",
    "(in|into) the drawer (goes|belongs) {x}",
    "into the drawer with {x}",
    "{x} (into|inside) the drawer",
    "let the drawer (hold|have|take) {x}",
    "use the drawer (for|to store|to keep) {x}",
)

FETCH: Final = (
    "(retrieve|extract|collect|pull|lift|grab) {x} from the drawer",
    "(get|bring|pull|lift|fetch) {x} out of the drawer",
    "(hand|pass) me {x} (from|out of) the drawer",
    "get {x} from (inside|within) the drawer",
    "i (want|would like|need) {x} (from|out of) the drawer",
    "i'd like you to (get|take|fetch) {x} (from|out of) the drawer",
    "i'd like to have {x} from the drawer",
    "make sure (that|) {x} (comes|gets|is taken) out of the drawer",
    "see to it that {x} (comes|gets|is taken) out of the drawer",
    "(can|will|would) you (get|fetch|bring) me {x} from the drawer",
    "(can|will|would) you take {x} out of the drawer",
    "would you mind (getting|taking|fetching) {x} (from|out of) the drawer",
    "{x} (must|has to|needs to|should) (come|get|be taken) out of the drawer",
    "{x} (should not|must not|may not) (stay|be|remain) in the drawer",
    "out of the drawer with {x}",
    "from the drawer (get|fetch|bring) me {x}",
    "in the drawer (is|lies|you find) {x}: (bring|get|take) it out",
    "{x} out of the drawer",
    "find {x} in the drawer and (bring it to me|take it out)",
    "{x} lies in the drawer: (get it out|fetch it|give it to me)",
    "look in the drawer and (take|get|bring) out {x}",
)

REACH: Final = (
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
    "open_drawer": OPEN,
    "close_drawer": CLOSE,
    "push_to_corner": PUSH_TO,
    "pick_shape": filled(HOLD, x="the {s}"),
    "onto_tray": ON_TRAY,
    "onto_block": ONTO,
    "grasp_covered": HOLD + HOW_TO_HOLD,
    "put_covered": PUT_IN,
    "push_covered": filled(PUSH_TO, p=ZONE),
    "store_covered": STORE,
    "reach_covered": REACH,
    "fetch": FETCH,
    "store": STORE,
}
