"""The grammar of faults, and what it refuses."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.contract import ContractError
from vla.runtime.faults import FAULTS, VERBS, Effect, Fault, check_faults, parse_faults

ROWS = [(component, verb) for component, effects in FAULTS.items() for verb in effects]
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    component, verb = draw(st.sampled_from(ROWS))
    wanted = FAULTS[component][verb].amount
    name = draw(st.sampled_from(["", "wrist", "tool_x"])) if component in ("camera", "state") else ""
    amount = None if wanted is None else draw(st.floats(1e-6, wanted.high))
    from_s = draw(st.floats(0, 1e6))
    to_s = draw(st.one_of(st.just(math.inf), st.floats(1e6 + 1, 2e6)))
    return Fault(component, verb, name, amount, from_s, to_s)


@given(st.lists(faults(), max_size=4).map(tuple))
def test_what_is_written_is_read_back(injected: tuple[Fault, ...]) -> None:
    assert parse_faults(", ".join(map(str, injected))) == injected


def test_the_parts_of_a_fault() -> None:
    text = " camera.wrist=stuck,policy=slow:0.3 , driver=garbage@5-8,link=intermittent:0.2@1.5"
    assert parse_faults(text) == (
        Fault("camera", "stuck", "wrist"),
        Fault("policy", "slow", amount=0.3),
        Fault("driver", "garbage", from_s=5.0, to_s=8.0),
        Fault("link", "intermittent", amount=0.2, from_s=1.5),
    )
    assert parse_faults("  ") == ()


@pytest.mark.parametrize(("component", "verb"), ROWS)
def test_an_amount_left_out_is_the_tables(component: str, verb: str) -> None:
    wanted = FAULTS[component][verb].amount
    (fault,) = parse_faults(f"{component}={verb}")
    assert fault.amount == (None if wanted is None else wanted.default)
    assert wanted is None or 0 < wanted.default <= wanted.high


@pytest.mark.parametrize("component", FAULTS)
@pytest.mark.parametrize("verb", VERBS)
def test_what_the_table_lacks_is_refused_with_what_it_has(component: str, verb: str) -> None:
    if verb in FAULTS[component]:
        parse_faults(f"{component}={verb}")
        return
    with pytest.raises(ContractError, match=f"{component}={verb} is not supported; {component} takes off, "):
        parse_faults(f"{component}={verb}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("camera", r"'camera' is not COMPONENT\[\.NAME\]=VERB"),
        ("camera=off,,link=off", r"'' is not COMPONENT"),
        ("motor=off", r"component 'motor' is not one of camera, state, driver, policy, planner, link"),
        ("camera=broken", r"verb 'broken' is not one of off, stuck, garbage, wrong, slow, delayed"),
        ("camera=", r"verb '' is not one of"),
        ("camera.=off", r"'camera\.=off': the name after '\.' is missing"),
        ("policy.left=off", r"policy\.left: only camera and state have named parts"),
        ("policy=slow:fast", r"'policy=slow:fast': AMOUNT 'fast' is not a number"),
        ("policy=slow:", r"AMOUNT '' is not a number"),
        ("policy=slow:nan", r"AMOUNT 'nan' is not a number"),
        ("policy=slow:-1", r"AMOUNT '-1' is not a number"),
        ("policy=slow:0", r"policy=slow:0 must be above 0, at most 60 s"),
        ("link=delayed:61", r"at most 60 s"),
        ("link=intermittent:1.5", r"link=intermittent:1.5 must be above 0, at most 1 of answers"),
        ("camera=stuck:3", r"camera=stuck takes no amount, got 3"),
        ("camera=stuck@", r"FROM '' is not a number"),
        ("camera=stuck@1-", r"TO '' is not a number"),
        ("camera=stuck@1-2-3", r"TO '2-3' is not a number"),
        ("camera=stuck@5-5", r"window 5-5 s must begin before it ends"),
        ("camera=stuck@6-5", r"window 6-5 s must begin before it ends"),
    ],
)
def test_mistakes_are_named(text: str, complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        parse_faults(text)


def test_a_fault_that_is_made_by_hand_is_checked_as_well() -> None:
    with pytest.raises(ContractError, match="verb 'sabotage' is not one of off"):
        Fault("driver", "sabotage")


def test_names_are_checked_against_the_robot(spec) -> None:
    check_faults(parse_faults("camera.front=off, state.tool_x=off, camera=off, link=off"), spec)
    with pytest.raises(ContractError, match=r"camera\.wrist=off: 'tiny' has no camera 'wrist'; it has front"):
        check_faults(parse_faults("camera.wrist=off"), spec)
    with pytest.raises(ContractError, match="no state 'elbow'; it has tool_x, gripper_gap"):
        check_faults(parse_faults("state.elbow=off"), spec)


def test_a_window_holds_its_beginning_and_not_its_end() -> None:
    (fault,) = parse_faults("link=off@2-3")
    assert [fault.active(s) for s in (1.999, 2.0, 2.999, 3.0)] == [False, True, True, False]


@pytest.mark.parametrize(("component", "verb"), ROWS)
def test_the_page_for_people_has_every_row_word_for_word(component: str, verb: str) -> None:
    effect: Effect = FAULTS[component][verb]
    amount = "" if effect.amount is None else f"{effect.amount.default:g} {effect.amount.unit}"
    assert f"| `{component}` | `{verb}` | {amount} | {effect.does} |" in PAGE.read_text().splitlines()
