"""From what should be true to instructions: each makes its part true, nothing needless is done."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.planner.desire import Atom, Clear, Drawer, Held, In, On, Over, Pressed, Sorted, Tower
from vla.planner.grammar import format_saying
from vla.planner.means import StuckError, means
from vla.planner.sayings import CORNERS, NAMES, Refusal, Step
from vla.planner.seen import parse_seen
from vla.planner.seen_table import seen_table
from vla.planner.symbols import CAPACITY, HELD, TABLE, Symbols

BLOCKS = tuple(row for row, name in enumerate(NAMES) if name.endswith("block"))
RED, BLUE, GREEN = (NAMES.index(f"{colour} block") for colour in ("red", "blue", "green"))
STAR = NAMES.index("green star")


def state(seen: str) -> Symbols:
    return seen_table(parse_seen(seen)).state


def carried_out(step: Step, state: Symbols) -> Symbols:
    """The state after one instruction, told independently of how a plan is made."""
    row = next((row for row, name in state.names.items() if name == step.target), -1)
    base = next((other for other, name in state.names.items() if name == step.place), -1)
    if row >= 0:
        assert state.on(row) < 0, f"{step} moves what carries something"
    if step.family in ("put_in_drawer", "take_out"):
        assert state.drawer == "open", step
    match step.family:
        case "open_drawer" | "close_drawer":
            drawer = "open" if step.family == "open_drawer" else "closed"
            return Symbols(state.names, state.where, state.fixtures, drawer, state.pressed, state.over)
        case "press_button":
            return Symbols(state.names, state.where, state.fixtures, state.drawer, True, state.over)
        case "stack":
            assert state.on(base) < 0, f"{step} on what carries something"
            return state.moved(row, base)
        case "unstack" | "take_out":
            return state.moved(row, TABLE)
        case "pick_up":
            return state.moved(row, HELD)
        case "reach":
            return Symbols(state.names, state.where, state.fixtures, state.drawer, state.pressed, row)
        case _:
            return state.moved(row, step.place)


@st.composite
def tables(draw: st.DrawFn) -> Symbols:
    rows = draw(st.lists(st.sampled_from(BLOCKS), min_size=3, max_size=4, unique=True))
    where: dict[int, str | int] = {}
    for at, row in enumerate(rows):
        free = [base for base in rows[:at] if base not in where.values() and where[base] == TABLE]
        # The drawer always has room for one more.
        drawer = ["drawer"] if [*where.values()].count("drawer") < CAPACITY["drawer"] - 1 else []
        where[row] = draw(st.sampled_from([TABLE, *drawer, *free]))
    names = {row: NAMES[row] for row in rows}
    fixtures = frozenset({"drawer", "tray", "bowl"})
    return Symbols(names, where, fixtures, draw(st.sampled_from(["open", "closed"])))


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Symbols, Atom]:
    table = draw(tables())
    first, second = list(table.names)[:2]
    return table, draw(
        st.sampled_from(
            [In(first, "bowl"), In(second, "tray"), In(first, "drawer"), In(second, TABLE), On(first, second),
             Clear(first), Held(second), Over(first), Drawer("open"), Drawer("closed"), Pressed(),
             Tower((first, second))]
        )
    )  # fmt: skip


@given(wishes())
def test_what_is_done_makes_it_true_and_nothing_remains(drawn: tuple[Symbols, Atom]) -> None:
    table, atom = drawn
    for step in means([atom], table).steps:
        table = carried_out(step, table)
    assert atom.holds(table)
    assert means([atom], table).steps == ()


@given(wishes())
def test_a_plan_may_be_made_anew_after_every_step(drawn: tuple[Symbols, Atom]) -> None:
    table, atom = drawn
    steps = means([atom], table).steps
    for done, step in enumerate(steps, 1):
        table = carried_out(step, table)
        assert means([atom], table).steps == steps[done:]


@pytest.mark.parametrize(
    ("desire", "seen", "saying"),
    [
        ([In(RED, "tray")], "tray 4 4 ; red block tray .", "done."),
        ([On(RED, BLUE)], "drawer closed ; red block table 1 1 ; blue block drawer .",
         "open the drawer; take the blue block out of the drawer; stack the red block on the blue block."),
        ([Over(RED)], "drawer closed ; red block drawer .",
         "open the drawer; take the red block out of the drawer; reach the red block."),
        ([In(RED, "bowl"), In(BLUE, "tray")], "bowl 1 1 ; tray 4 4 ; red block table 1 1 ; blue block bowl .",
         "put the blue block on the tray; put the red block in the bowl."),
        ([In(RED, "zone"), In(BLUE, "front left")], "zone 4 4 ; red block front left ; blue block zone .",
         "put the blue block in the front right corner; put the red block in the zone"
         "; put the blue block in the front left corner."),
        ([On(RED, BLUE), On(BLUE, GREEN)],
         "green block table 2 2 ; red block table 1 1 ; blue block table 5 5 .",
         "stack the blue block on the green block; stack the red block on the blue block."),
        ([On(RED, BLUE), On(BLUE, GREEN)],
         "green block table 2 2 ; red block hand ; blue block table 5 5 .",
         "stack the red block on the blue block; take the red block off the blue block"
         "; stack the blue block on the green block; stack the red block on the blue block."),
        ([In(RED, "tray"), In(BLUE, "tray")], "tray 4 4 ; red block table 1 1 ; blue block hand .",
         "put the blue block on the tray; put the red block on the tray."),
        ([Tower((RED, BLUE, STAR))], "red block table 1 1 ; green star on red block ; blue block table 4 4 .",
         "take the green star off the red block; stack the blue block on the red block"
         "; stack the green star on the blue block."),
        ([Sorted((RED, BLUE))], "drawer closed ; red block table 1 1 ; blue block front left .",
         "put the red block in the back left corner."),
    ],
)  # fmt: skip
def test_examples(desire: list[Atom], seen: str, saying: str) -> None:
    assert format_saying(means(desire, state(seen))) == saying


@given(tables())
def test_a_tower_is_built_in_whatever_order_it_is_named(table: Symbols) -> None:
    low, middle, high = list(table.names)[:3]
    for atoms in itertools.permutations((On(middle, low), On(high, middle))):
        after = table
        for step in means(atoms, table).steps:
            after = carried_out(step, after)
        assert all(atom.holds(after) for atom in atoms)


def test_in_order_means_that_what_is_in_the_hand_does_not_come_first() -> None:
    table = state("tray 4 4 ; red block table 1 1 ; blue block hand .")
    desire = [In(RED, "tray"), In(BLUE, "tray")]
    assert [step.target for step in means(desire, table, ordered=True).steps] == ["red block", "blue block"]


@pytest.mark.parametrize("rows", [*itertools.permutations((RED, BLUE, STAR))])
def test_in_a_tower_nothing_stands_on_what_is_no_block(rows: tuple[int, ...]) -> None:
    table = state("red block table 1 1 ; blue block table 4 4 ; green star table 7 7 .")
    steps = means([Tower(rows)], table).steps
    assert [step.place.split()[1] for step in steps] == ["block", "block"]


@pytest.mark.parametrize(
    ("atom", "seen", "why", "refusal"),
    [
        (In(RED, "bowl"), "bowl 1 1 ; red block table 1 1 ; green star bowl .", "no room",
         Refusal("full", "bowl")),
        (In(RED, "back left"), "red block table 1 1 ; green star back left .", "no room",
         Refusal("blocked", "back left")),
        (In(RED, TABLE), "red block hand .", "is being carried to the table", None),
    ],
)  # fmt: skip
def test_where_there_is_no_way_it_says_what_is_in_it(
    atom: Atom, seen: str, why: str, refusal: Refusal | None
) -> None:
    with pytest.raises(StuckError, match=why) as stuck:
        means([atom], state(seen))
    assert stuck.value.refusal == refusal


def test_sorting_never_uses_a_corner_twice() -> None:
    table = state(
        "red block table 1 1 ; blue block table 3 3 ; green block table 5 5 ; green star back right ."
    )
    steps = means([Sorted((RED, BLUE, GREEN))], table).steps
    assert sorted(step.place for step in steps) == sorted(set(CORNERS) - {"back right"})
