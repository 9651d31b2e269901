"""A scene suits its sentence: everything spoken of is there, once, undone, and the expert can do it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sim.judges import InstructionJudge
from sim.objects import COLOUR_NAMES, POOL
from sim.request import RequestError, RequestWorld
from sim.tasks import task_named
from sim.waypoints import toward

SENTENCES = {
    ("put the red block in the bowl",): ["put_in"],
    ("stack the green block on the yellow block",): ["stack"],
    ("open the drawer", "put the blue block in the drawer"): ["open_drawer", "put_in_drawer"],
    ("take the red ball out of the drawer", "put the red ball in the bowl"): ["take_out", "put_in"],
    ("put the purple block in the drawer", "close the drawer"): ["put_in_drawer", "close_drawer"],
    ("pick up the block left of the bowl",): ["pick_up"],
}


@pytest.fixture
def worlds() -> Iterator[list[RequestWorld]]:
    made: list[RequestWorld] = []
    yield made
    for world in made:
        world.close()


def laid(worlds: list[RequestWorld], steps: tuple[str, ...], seed: int) -> RequestWorld:
    world = RequestWorld(steps, image_size=32)
    worlds.append(world)
    world.lay(seed)
    return world


def act_out(world: RequestWorld, judge: InstructionJudge) -> None:
    """Let the experts do everything that was asked, in order."""
    for query in world.asked:
        task = task_named(query.family)
        for _ in range(task.horizon + 60):
            truth = world.truth()
            world.step(toward(truth, task.waypoint(truth, query)).astype(np.float32))
            judge.look()
            if world.judge(query):
                break
    for _ in range(10):
        world.hold()
        judge.look()


@pytest.mark.parametrize("steps", SENTENCES)
def test_nothing_is_done_at_first_and_the_expert_can_do_it_all(worlds, steps: tuple[str, ...]):
    world = laid(worlds, steps, seed=3)
    assert [query.family for query in world.asked] == SENTENCES[steps]
    judge = InstructionJudge(world, world.asked)
    assert not judge.success
    act_out(world, judge)
    assert judge.success


def test_the_same_seed_lays_the_same_scene_and_another_seed_another(worlds):
    first, second, other = (laid(worlds, ("put the red block in the bowl",), seed) for seed in (1, 1, 2))
    assert np.array_equal(first.entities(), second.entities(), equal_nan=True)
    assert not np.array_equal(first.entities(), other.entities(), equal_nan=True)


def test_what_is_spoken_of_is_on_the_table_exactly_once(worlds):
    for seed in range(5):
        world = laid(worlds, ("stack the red block on the star",), seed)
        table = world.entities().reshape(len(world.truth().position_m), -1)[: len(POOL)]
        present = [(POOL[i], COLOUR_NAMES[int(row[1])]) for i, row in enumerate(table) if row[0] > 0]
        assert present.count(("block", "red")) == 1
        assert [shape for shape, _ in present].count("star") == 1


def test_a_step_done_out_of_turn_does_not_count(worlds):
    world = laid(worlds, ("press the button", "reach the red block"), seed=0)
    judge = InstructionJudge(world, world.asked)
    reach = world.asked[1]
    for _ in range(80):
        truth = world.truth()
        world.step(toward(truth, task_named("reach").waypoint(truth, reach)).astype(np.float32))
        judge.look()
    assert world.judge(reach)
    assert judge.fulfilled == 0
    assert not judge.success


def test_a_request_that_contradicts_itself_is_refused(worlds):
    world = RequestWorld(("stack the red block on the red block",), image_size=32)
    worlds.append(world)
    with pytest.raises(RequestError, match="stack"):
        world.lay(0)
