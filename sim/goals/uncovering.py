"""Goals about things that something may stand on: it has to come off first, which only eyes can tell."""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from vla.planner.desire import Clear, Held, In, Over

_COVERED = 0.65


def _maybe_covered(table: GoalTable) -> int:
    block = table.one(("block",))
    if table.chance(_COVERED):
        table.stacked(block)
    return block


def _grasp(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    block = _maybe_covered(table)
    table.fill()
    return Drawn({"x": table.name(block)}, (Held(block),))


def _put(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    block = _maybe_covered(table)
    table.fill()
    return Drawn({"x": table.name(block), "p": place}, (In(block, place),))


def _push(table: GoalTable) -> Drawn:
    table.fixture("zone")
    block = _maybe_covered(table)
    top = [row for row in table.things if row != block]
    lifted = {row: table.things.pop(row) for row in top}
    table.lane(block, "zone")
    table.things |= lifted
    table.fill()
    return Drawn({"x": table.name(block)}, (In(block, "zone"),))


def _store(table: GoalTable) -> Drawn:
    table.cabinet()
    block = _maybe_covered(table)
    table.fill()
    return Drawn({"x": table.name(block)}, (In(block, "drawer"),))


def _clear(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    block = table.one(("block",))
    table.stacked(block)
    if table.chance(0.5):
        other = table.one(("block",))
        table.stacked(other)
    table.fill()
    return Drawn({"x": table.name(block)}, (Clear(block),))


def _clear_all(table: GoalTable) -> Drawn:
    """One block or two carry something, another may not."""
    table.maybe_cabinet()
    blocks = table.some(2, ("block",))
    for block in blocks[: table.pick((1, 2))]:
        table.stacked(block)
    table.fill()
    return Drawn({}, tuple(Clear(block) for block in blocks))


def _reach(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    block = _maybe_covered(table)
    table.fill()
    return Drawn({"x": table.name(block)}, (Over(block),))


def _lowest(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    bottom = table.one(("block",))
    middle = table.stacked(bottom, ("block",))
    if table.chance(0.5):
        table.stacked(middle)
    table.fill()
    return Drawn({}, (Held(bottom),))


TEMPLATES = (
    Template(
        "grasp_covered",
        "uncover",
        (
            "how (to|do you|would you) (grasp|grab|take) {x}?",
            "(grasp|grab|pick up|lift|hold) {x}",
            "(get|take) hold of {x}",
            "i (want|need) {x} in the gripper",
        ),
        ("lift {x} up in the air", "what must be done to hold {x}?", "take {x} in the hand"),
        _grasp,
    ),
    Template(
        "put_covered",
        "uncover",
        (
            "(put|place|drop) {x} (in|into) {p}",
            "{x} (goes|belongs|should be) in {p}",
            "(move|bring|carry) {x} to {p}",
        ),
        ("get {x} into {p}", "see that {x} ends up in {p}"),
        _put,
    ),
    Template(
        "push_covered",
        "uncover",
        (
            "(push|slide|move|shove) {x} (to|into) the (zone|marked square)",
            "{x} (belongs|goes) in the (zone|marked square)",
        ),
        ("get {x} over to the zone", "slide {x} along until it is in the marked square"),
        _push,
    ),
    Template(
        "store_covered",
        "uncover",
        (
            "(put|store|stow) {x} (in|into|inside) the drawer",
            "{x} (goes|belongs) (in|inside) the drawer",
            "(hide|keep) {x} in the drawer",
        ),
        ("i want {x} stowed in the drawer", "the drawer is where {x} has to be"),
        _store,
    ),
    Template(
        "clear_block",
        "uncover",
        (
            "(clear|free) the top of {x}",
            "take (off what is on|away whatever is on|down what stands on) {x}",
            "nothing (should|may) (stand|be) on {x}",
            "(make|have) {x} free on top",
        ),
        ("whatever stands on {x} must come down", "uncover {x}"),
        _clear,
    ),
    Template(
        "clear_blocks",
        "uncover",
        (
            "(uncover|free) (all|all the) (blocks|cubes)",
            "nothing (should|may) (stand|be) on any of the (blocks|cubes)",
        ),
        (),
        _clear_all,
        held_out=True,
    ),
    Template(
        "reach_covered",
        "uncover",
        (
            "(reach|point at|go to|touch|show me) {x}",
            "(move|bring) the (gripper|hand|arm) (over|above) {x}",
            "hover (over|above) {x}",
        ),
        ("bring the fingers right over {x}", "go over to {x}"),
        _reach,
    ),
    Template(
        "grasp_lowest",
        "uncover",
        (
            "(grasp|pick up|grab|take) the (lowest|bottom) block of the (tower|stack|pile)",
            "(get|lift) the block at the (bottom|foot) of the (tower|stack)",
        ),
        ("take hold of the block that carries the whole tower", "hold the lowest brick of the pile"),
        _lowest,
        held_out=True,
    ),
)
