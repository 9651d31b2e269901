"""The judge accepts what works and nothing else; the oracle, which shares no code with it, never fails it."""

from dataclasses import replace

import numpy as np
import pytest

from sim.goals import TEMPLATES, Goal, draw
from sim.goals.judge import find, judge
from sim.goals.model import ImpossibleError, applied
from sim.goals.oracle import StuckError, oracle
from sim.goals.symbols import nominal_truth, symbols_of
from sim.objects import ROW
from sim.randomise import Randomise, along
from sim.seeds import EVALUATION_SEED
from vla.contract import Plan
from vla.planner.desire import Drawer, Held, In, On, Pressed, Sorted, Tower
from vla.planner.grammar import Instructions, Refusal, format_saying, plan_of, step_words
from vla.planner.symbols import Symbols

ACTING = [name for name, template in TEMPLATES.items() if template.kind not in ("infeasible", "question")]
SAYING = [name for name in TEMPLATES if name not in ACTING]

NAMES = {0: "red block", 1: "blue block", 2: "green ball", 3: "yellow star"}
TABLE = Symbols(NAMES, dict.fromkeys(NAMES, "table"), frozenset({"bowl", "tray", "drawer", "button", "zone"}))


def scene(name: str, seed: int, switches: Randomise | None = None) -> tuple[Goal, Symbols]:
    goal, table = draw(TEMPLATES[name], EVALUATION_SEED + seed, switches)
    return goal, symbols_of(nominal_truth(table), goal.names)


def asked(*desire: object, ordered: bool = False, saying: Refusal | None = None) -> Goal:
    return Goal("made up", "single", "do it", 0, NAMES, desire, saying, ordered)  # pyright: ignore[reportArgumentType]


def plan(*steps: str) -> Plan:
    return Plan("do it", steps, 0, ("pending",) * len(steps), "" if steps else "nothing to do")


def after(state: Symbols, *steps: str) -> Symbols:
    for step in steps:
        state = applied(find(step, state), state)
    return state


def steps_of(goal: Goal, state: Symbols) -> tuple[str, ...]:
    saying = oracle(goal, state)
    assert isinstance(saying, Instructions)
    return tuple(map(step_words, saying.steps))


def all_valid(name: str, seeds: range) -> None:
    settings = (None, along("base"), along("all"), along("pair"))
    for seed in seeds:
        goal, state = scene(name, seed, settings[seed % 4])
        saying = oracle(goal, state)
        verdict = judge(goal, state, plan_of(goal.text, saying))
        assert verdict.valid, (goal.text, format_saying(saying), verdict.why, state)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_plan_of_the_oracle_is_valid(name: str):
    all_valid(name, range(16))


@pytest.mark.slow
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_plan_of_the_oracle_is_valid_in_many_scenes(name: str):
    all_valid(name, range(1000, 1150))


@pytest.mark.parametrize("name", ACTING)
def test_from_any_moment_of_its_plan_the_oracle_goes_on_with_the_rest(name: str):
    for seed in range(4):
        goal, state = scene(name, seed)
        steps = steps_of(goal, state)
        for done in range(len(steps) + 1):
            rest = steps_of(goal, state)
            assert len(rest) == len(steps) - done
            assert judge(goal, state, plan(*rest)).valid
            if done < len(steps):
                state = after(state, steps[done])


@pytest.mark.parametrize("name", ACTING)
def test_after_a_disturbance_the_oracle_plans_anew(name: str):
    """Between two steps somebody moves a thing, closes the drawer or opens it."""
    rng = np.random.default_rng(7)
    for seed in range(4):
        goal, state = scene(name, seed)
        steps = steps_of(goal, state)
        for step in steps[: int(rng.integers(len(steps) + 1))]:
            state = after(state, step)
        free = [row for row, at in state.where.items() if state.on(row) < 0 and at not in ("drawer", "hand")]
        if free and rng.random() < 0.7:
            state = state.moved(free[int(rng.integers(len(free)))], "table")
        if "drawer" in state.fixtures:
            state = replace(state, drawer=("open", "closed")[int(rng.integers(2))])
        if goal.ordered or (
            name.startswith("swap_") and name not in ("swap_tower", "swap_zone_corner", "swap_corners")
        ):
            continue  # what has been done is not to be seen; or a thing may now stand where no skill leads on
        try:
            rest = steps_of(goal, state)
        except StuckError:
            assert any(at in ("bowl", "tray") for at in state.where.values())
            continue
        assert judge(goal, state, plan(*rest)).valid, (goal.text, rest, state)


@pytest.mark.parametrize("name", ACTING)
def test_a_plan_without_one_of_its_steps_or_with_one_more_is_not_valid(name: str):
    for seed in range(3):
        goal, state = scene(name, seed)
        steps = steps_of(goal, state)
        careful = {i for i, s in enumerate(steps) if " off the " in s}
        for i in set(range(len(steps))) - careful:
            assert not judge(goal, state, plan(*steps[:i], *steps[i + 1 :])).valid
        extra = (
            "open the drawer"
            if "drawer" in state.fixtures
            else f"reach the {next(iter(goal.names.values()))}"
        )
        for i in range(len(steps) + 1):
            assert not judge(goal, state, plan(*steps[:i], extra, *steps[i:])).valid or extra in steps
        assert not judge(goal, state, plan_of(goal.text, Refusal("unknown"))).valid


@pytest.mark.parametrize("name", SAYING)
def test_where_something_is_to_be_said_nothing_else_is_valid(name: str):
    goal, state = scene(name, 0)
    assert not judge(goal, state, plan()).valid
    assert not judge(goal, state, plan("reach the red block")).valid
    other = Refusal("missing", "zone")
    assert "should say" in judge(goal, state, plan_of(goal.text, other)).why


REFUSED = {
    "a cover": (after(TABLE, "stack the blue block on the red block"), "pick up the red block", "stands on"),
    "a closed drawer": (TABLE, "put the red block in the drawer", "closed"),
    "nothing in it": (after(TABLE, "open the drawer"), "take the red block out of the drawer", "not in"),
    "from the drawer at once": (
        after(TABLE, "open the drawer", "put the red block in the drawer"),
        "put the red block on the tray",
        "taken out first",
    ),
    "a full bowl": (after(TABLE, "put the red block in the bowl"), "put the green ball in the bowl", "room"),
    "a full hand": (after(TABLE, "pick up the red block"), "press the button", "hand is full"),
    "a ball on a block": (TABLE, "stack the green ball on the red block", "rolls off"),
    "a block on a ball": (TABLE, "stack the red block on the green ball", "nothing holds"),
    "a pushed ball": (TABLE, "push the green ball to the zone", "rolls away"),
    "a corner behind the cabinet": (TABLE, "push the red block to the back right corner", "drawer stands"),
    "pushing out of the bowl": (
        after(TABLE, "put the red block in the bowl"), "push the red block to the zone", "table itself",
    ),
    "off what it is not on": (TABLE, "take the red block off the blue block", "stands on nothing"),
    "a thing that is not there": (TABLE, "pick up the orange star", "there is no"),
    "two that fit": (TABLE, "pick up the block", "more than one"),
    "no button": (replace(TABLE, fixtures=frozenset()), "press the button", "no button"),
    "words that are no instruction": (TABLE, "press the button unless the drawer is open", "says unless"),
    "nonsense": (TABLE, "the drawer", "not understood"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_an_impossible_step_is_refused_by_name(case: str):
    state, step, why = REFUSED[case]
    with pytest.raises(ImpossibleError, match=why):
        after(state, step)


def test_a_tower_gets_three_high_and_stands_on_the_table():
    two = after(TABLE, "stack the blue block on the red block")
    three = after(two, "stack the yellow star on the blue block")
    assert three.column(0) == (0, 1, 3)
    assert Tower((3, 0, 1)).holds(three)
    assert not Tower((0, 1)).holds(three)
    full = Symbols({**NAMES, 4: "cyan block"}, {**three.where, 3: "table", 4: 1}, three.fixtures)
    with pytest.raises(ImpossibleError, match="too high"):
        after(full, "stack the yellow star on the cyan block")
    with pytest.raises(ImpossibleError, match="not on the table"):
        after(TABLE, "put the red block on the tray", "stack the blue block on the red block")


def test_no_two_colours_share_a_corner_and_one_colour_may():
    rows = {0: "red block", 1: "red block", 2: "blue block"}
    state = Symbols(rows, {0: "front left", 1: "front left", 2: "back left"}, frozenset())
    assert Sorted((0, 1, 2)).holds(state)
    assert not Sorted((0, 1, 2)).holds(state.moved(2, "front left"))
    assert not Sorted((0, 1, 2)).holds(state.moved(2, "table"))


def test_order_counts_where_it_was_asked_for():
    goal = asked(Pressed(), Drawer("open"), ordered=True)
    assert judge(goal, TABLE, plan("press the button", "open the drawer")).valid
    assert "order" in judge(goal, TABLE, plan("open the drawer", "press the button")).why
    free = asked(Pressed(), Drawer("open"))
    assert judge(free, TABLE, plan("open the drawer", "press the button")).valid


def test_side_effects_are_needless_even_in_pairs_but_care_is_not():
    goal = asked(In(0, "tray"))
    put = "put the red block on the tray"
    assert judge(goal, TABLE, plan(put)).valid
    assert "needless" in judge(goal, TABLE, plan(put, "press the button")).why
    assert "needless" in judge(goal, TABLE, plan("open the drawer", put, "close the drawer")).why
    assert "needless" in judge(goal, TABLE, plan("put the blue block in the bowl", put)).why
    covered, bared = "stack the blue block on the red block", "take the blue block off the red block"
    assert "needless" in judge(goal, TABLE, plan(covered, bared, put)).why
    stacked = after(TABLE, "stack the red block on the blue block")
    assert judge(goal, stacked, plan(put)).valid
    careful = "take the red block off the blue block"
    assert judge(goal, stacked, plan(careful, put)).valid
    assert "needless: press" in judge(goal, stacked, plan(careful, "press the button", put)).why


def test_the_oracle_takes_down_a_foot_that_stands_on_its_own_tower():
    blocks = {0: "red block", 1: "blue block", 2: "green block"}
    state = Symbols(blocks, {0: 2, 1: "table", 2: "table"}, frozenset())
    goal = replace(asked(On(1, 0), On(2, 1)), names=blocks)
    steps = steps_of(goal, state)
    assert steps[0] == "take the red block off the green block"
    assert judge(goal, state, plan(*steps)).valid


def test_the_oracle_first_puts_away_what_is_in_the_hand():
    state = after(TABLE, "pick up the blue block")
    goal = asked(In(0, "tray"), In(1, "tray"))
    steps = steps_of(goal, state)
    assert steps == ("put the blue block on the tray", "put the red block on the tray")
    assert judge(goal, state, plan(*steps)).valid


def test_a_thing_waits_in_a_corner_that_nobody_needs():
    where = {0: "front left", 1: "back right", 2: "front right", 3: "table"}
    state = Symbols(NAMES, where, frozenset())
    steps = steps_of(asked(In(0, "back right"), In(1, "front left")), state)
    assert steps[0] == "put the blue block in the back left corner"


def test_things_are_pushed_where_the_goal_says_so():
    goal = replace(asked(In(0, "front left")), text="push the red block to the front left corner")
    assert steps_of(goal, TABLE) == ("push the red block to the front left corner",)
    assert not judge(goal, TABLE, plan("put the red block in the front left corner")).valid
    held = after(TABLE, "pick up the red block")
    assert steps_of(goal, held) == ("put the red block in the front left corner",)


def test_the_oracle_says_where_no_skill_leads_on():
    with pytest.raises(StuckError, match="the red block is being carried"):
        oracle(asked(In(0, "table")), after(TABLE, "pick up the red block"))
    with pytest.raises(StuckError, match="the red block is out of reach"):
        oracle(asked(In(0, "front left")), TABLE.moved(0, "gone"))
    with pytest.raises(StuckError, match="no room in bowl"):
        oracle(asked(In(0, "bowl")), after(TABLE, "put the green ball in the bowl"))


def test_free_words_are_judged_by_what_they_mean():
    goal = asked(On(0, 1), Held(2))
    assert judge(goal, TABLE, plan("set the red cube on top of the blue cube", "grab the ball")).valid


def test_only_what_remains_of_a_plan_is_judged():
    done = Plan("do it", ("fly away", "press the button"), 1, ("done", "active"))
    assert judge(asked(Pressed()), TABLE, done).valid


def test_the_hand_hovers_until_it_does_something_else():
    over = after(TABLE, "reach the red block")
    assert over.over == 0
    assert after(over, "press the button").over == -1
    hidden = after(TABLE, "open the drawer", "put the red block in the drawer", "close the drawer")
    with pytest.raises(ImpossibleError, match="drawer hides"):
        after(hidden, "reach the red block")


def test_what_stands_on_what_is_on_the_tray_is_on_the_tray():
    goal = asked(In(0, "tray"), In(1, "tray"))
    piled = replace(TABLE, where={**TABLE.where, 0: "tray", 1: 0})
    assert steps_of(goal, piled) == ()
    assert judge(goal, piled, plan()).valid
    assert not judge(goal, piled, plan("put the blue block on the tray")).valid
    assert not judge(
        asked(In(1, "bowl")), replace(TABLE, where={**TABLE.where, 0: "bowl", 1: 0}), plan()
    ).valid


@pytest.mark.parametrize("place", ["tray", "drawer"])
def test_a_pile_in_the_tray_or_the_drawer_is_read_as_lying_there(place: str):
    name = {"tray": "gather_two", "drawer": "gather_in_drawer"}[place]
    goal, table = draw(TEMPLATES[name], EVALUATION_SEED + 1)
    truth = nominal_truth(table)
    entity = {"tray": "tray", "drawer": "drawer_inside"}[place]
    row = next(row for row in goal.names if not goal.names[row].endswith("block"))
    x, y, _ = truth.position_m[ROW[entity]]
    for height_m, at in ((0.06, place), (0.4, "gone")):
        position_m = truth.position_m.copy()
        position_m[row] = (x, y, height_m)
        assert symbols_of(replace(truth, position_m=position_m), goal.names).where[row] == at
