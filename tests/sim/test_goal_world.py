"""What words say about a goal's scene is so in the simulator; experts carry out the oracle's plans."""

from collections.abc import Iterator

import pytest

from sim.goals import TEMPLATES, draw
from sim.goals.symbols import nominal_truth, symbols_of
from sim.goals.world import GoalWorld, OraclePlanner
from sim.randomise import BASE
from sim.seeds import EVALUATION_SEED
from vla.conformance import check_planner
from vla.contract import Plan

ACTING = [name for name, template in TEMPLATES.items() if template.kind not in ("infeasible", "question")]
SAMPLE = ("grasp_covered", "fetch_close", "gather_two", "push_to_corner")


@pytest.fixture(scope="module")
def world() -> Iterator[GoalWorld]:
    with GoalWorld(32, render=False) as made:
        yield made


def plan_of_oracle(world: GoalWorld, previous: Plan | None = None) -> Plan:
    return OraclePlanner(world).plan(world.goal.text, world.observe(), previous)


@pytest.mark.parametrize("name", TEMPLATES)
def test_physics_settles_into_what_was_laid(world: GoalWorld, name: str):
    goal = world.lay(TEMPLATES[name], EVALUATION_SEED, BASE)
    again, table = draw(TEMPLATES[name], EVALUATION_SEED, BASE)
    assert goal == again
    assert world.symbols() == symbols_of(nominal_truth(table), goal.names)


def test_the_oracle_is_a_planner(world: GoalWorld):
    for name in ("tower_three", "missing_object", "how_many"):
        goal = world.lay(TEMPLATES[name], EVALUATION_SEED, BASE)
        check_planner(OraclePlanner(world), goal.text, world.observe())


@pytest.mark.parametrize("name", SAMPLE)
def test_experts_carry_out_the_oracles_plan_and_it_ticks_off(world: GoalWorld, name: str):
    goal = world.lay(TEMPLATES[name], EVALUATION_SEED, BASE)
    plan = plan_of_oracle(world)
    count = len(plan.steps)
    assert count
    for k in range(count):
        assert plan.instruction is not None
        assert world.carry_out(plan.instruction), plan
        for _ in range(8):
            world.hold()
        plan = plan_of_oracle(world, plan)
        assert (plan.index, len(plan.steps)) == (k + 1, count)
    assert plan.done
    assert all(atom.holds(world.symbols()) for atom in goal.desire)


@pytest.mark.slow
def test_experts_reach_nine_goals_of_ten(world: GoalWorld):
    reached = []
    for name in ACTING:
        for seed in range(2):
            world.lay(TEMPLATES[name], EVALUATION_SEED + 100 + seed, BASE)
            reached.append(world.carry_out_all(plan_of_oracle(world).steps))
    assert sum(reached) / len(reached) > 0.9
