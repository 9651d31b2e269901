"""Goals that no arm reaches with what is there: the right thing is to say why, and not to move."""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.layout import CORNERS
from sim.tasks.push import PUSHABLE
from vla.planner.grammar import Refusal


def _ball_on_block(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    ball, block = table.one(("ball",)), table.one(("block",))
    table.fill()
    name = table.name(ball)
    return Drawn({"x": name, "y": table.name(block)}, saying=Refusal("rolls", name))


def _on_ball(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    block, ball = table.one(("block",)), table.one(("ball", "star"))
    table.fill()
    name = table.name(ball)
    return Drawn({"x": table.name(block), "y": name}, saying=Refusal("unstable", name))


def _tower_of_balls(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.some(2, ("ball",))
    table.fill(avoid=("ball",))
    return Drawn({}, saying=Refusal("rolls", "ball"))


def _bowl_taken(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("bowl")
    table.one(place="bowl")
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row)}, saying=Refusal("full", "bowl"))


def _both_in_bowl(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    table.fixture("bowl")
    rows = table.some(2)
    table.fill()
    words = {"x": table.name(rows[0]), "y": table.name(rows[1])}
    return Drawn(words, saying=Refusal("full", "bowl"))


def _blocked_corner(table: GoalTable) -> Drawn:
    """The cabinet takes up the right corners, or another thing stands there."""
    if table.chance(0.5):
        table.cabinet()
        corner = table.pick([c for c in CORNERS if c not in table.corners])
    else:
        corner = table.pick(tuple(CORNERS))
        table.one(place=corner)
    row = table.one(PUSHABLE)
    table.fill()
    return Drawn({"x": table.name(row), "p": corner}, saying=Refusal("blocked", corner))


def _fixed(table: GoalTable) -> Drawn:
    what = table.pick(("bowl", "tray", "button", "drawer"))
    if what == "drawer":
        table.cabinet()
    else:
        table.fixture(what)
    table.fixture("zone")
    block = table.one(("block",))
    table.fill()
    return Drawn({"p": what, "x": table.name(block)}, saying=Refusal("fixed", what))


def _not_in_drawer(table: GoalTable) -> Drawn:
    """The drawer is open, so that one can see that it is not there."""
    table.cabinet("open")
    row = table.one()
    if table.chance(0.5):
        table.one(place="drawer")
    table.fill()
    return Drawn({"x": table.name(row)}, saying=Refusal("elsewhere", table.name(row)))


def _unknown(table: GoalTable) -> Drawn:
    table.maybe_cabinet()
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row)}, saying=Refusal("unknown"))


TEMPLATES = (
    Template(
        "ball_on_block",
        "infeasible",
        (
            "(stack|put|place) {x} on (top of|) {y}",
            "build a (tower|stack) with {y} at the bottom and {x} on top",
        ),
        ("{y} is the foot of the tower and {x} its top", "set {x} upon {y}"),
        _ball_on_block,
    ),
    Template(
        "block_on_ball",
        "infeasible",
        (
            "(stack|put|place) {x} on (top of|) {y}",
            "build a (tower|stack) with {y} at the bottom and {x} on top",
        ),
        ("{y} is the foot of the tower and {x} its top", "set {x} upon {y}"),
        _on_ball,
    ),
    Template(
        "tower_of_balls",
        "infeasible",
        (
            "(build|make) a (tower|stack|pile) (of|from|out of) (the|all the) (balls|spheres)",
            "(stack|pile) up (the|all the) (balls|spheres)",
        ),
        ("the balls should stand on one another", "use every ball for a tower"),
        _tower_of_balls,
    ),
    Template(
        "bowl_taken",
        "infeasible",
        (
            "(put|place|drop) {x} (in|into) the bowl",
            "{x} (goes|belongs|should be) in the bowl",
            "(move|bring|carry) {x} to the bowl",
        ),
        ("get {x} into the bowl", "see that {x} ends up in the bowl"),
        _bowl_taken,
    ),
    Template(
        "both_in_bowl",
        "infeasible",
        ("(put|place|drop) {x} and {y} in the bowl", "{x} and {y} (go|belong) in the bowl"),
        ("the bowl should hold {x} as well as {y}",),
        _both_in_bowl,
    ),
    Template(
        "blocked_corner",
        "infeasible",
        ("(push|move|slide|bring) {x} to {p}", "{x} (goes|belongs) in {p}"),
        ("{x} should end up in {p}", "slide {x} along until it is in {p}"),
        _blocked_corner,
    ),
    Template(
        "fixed_thing",
        "infeasible",
        (
            "(push|move|slide|shove) {p} to the zone",
            "(lift|pick up|grasp) {p}",
            "(stack|put) {p} on {x}",
        ),
        ("{p} should end up in the zone", "take {p} in the hand"),
        _fixed,
    ),
    Template(
        "not_in_drawer",
        "infeasible",
        (
            "(bring|fetch|get|give) me {x} from the drawer",
            "take {x} out of the drawer",
            "(get|fetch|remove) {x} from the drawer",
        ),
        ("i need {x}, which is in the drawer", "retrieve {x} from inside the drawer"),
        _not_in_drawer,
    ),
    Template(
        "unknown_skill",
        "infeasible",
        (
            "(paint|cut|burn|wash|break|eat|cook|melt) {x}",
            "(fold the towel|make coffee|sing a song|tell me a story|pour the water|wipe the table)",
            "throw {x} (out of the window|at the wall|to me)",
        ),
        ("peel {x}", "write me a letter", "screw {x} into the wall"),
        _unknown,
    ),
)
