"""What goes wrong goes wrong in the simulator, once, and whoever looks recovers from it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sim.expert import ScriptedExpert
from sim.goals import TEMPLATES
from sim.goals.composite import CompositeEpisode, CompositeJob, CompositeSettings
from sim.goals.composite_player import CompositePlayer
from sim.goals.mishaps import Mishap
from sim.goals.world import GoalWorld, OraclePlanner
from sim.randomise import BASE
from sim.seeds import EVALUATION_SEED
from vla.planner.symbols import LOOSE

RECOVERED = {
    "knock": ("tower_two", "push_to_corner"),
    "remove": ("onto_tray", "push_to_corner", "store_close"),
    "close": ("fetch_close",),
}


@pytest.fixture(scope="module")
def player() -> Iterator[CompositePlayer]:
    made = CompositePlayer(
        ScriptedExpert, {"oracle": OraclePlanner}, CompositeSettings(image_size=32), render=False
    )
    yield made
    made.close()


def play(player: CompositePlayer, template: str, disturbance: str, seed: int = 0) -> CompositeEpisode:
    job = CompositeJob(template, "base", EVALUATION_SEED + seed, "oracle", disturbance)
    episode, _ = player.play(job)
    return episode


@pytest.mark.parametrize(
    ("disturbance", "template"), [(kind, name) for kind, names in RECOVERED.items() for name in names]
)
def test_a_planner_that_looks_recovers(player: CompositePlayer, disturbance: str, template: str):
    calm = play(player, template, "none")
    episode = play(player, template, disturbance)
    assert calm.success, calm
    assert not calm.happened
    assert episode.happened, episode
    assert episode.success, episode
    assert episode.seconds >= calm.seconds


def laid(world: GoalWorld, template: str) -> tuple[GoalWorld, Mishap, list[str]]:
    goal = world.lay(TEMPLATES[template], EVALUATION_SEED, BASE)
    steps = OraclePlanner(world).plan(goal.text, world.observe(), None).steps
    return world, Mishap(world, "knock"), list(steps)


def watch(world: GoalWorld, mishap: Mishap, steps: list[str], seconds: float) -> None:
    for k in range(round(5 * seconds)):
        mishap.look(0.2 * k, steps, world.symbols(), world.truth())
        for _ in range(4):
            world.hold()


def test_a_knock_moves_the_one_thing_that_is_handled_to_a_free_place_on_the_table():
    with GoalWorld(32, render=False) as made:
        world, mishap, steps = laid(made, "tower_two")
        row = world.query(steps[0]).target
        before = world.truth().position_m
        watch(world, mishap, steps, 8.0)
        moved_m = np.nan_to_num(np.linalg.norm(world.truth().position_m - before, axis=1))
        assert mishap.happened
        assert moved_m[row] > 0.08
        assert np.delete(moved_m, row).max() < 0.005
        assert world.symbols().where[row] in LOOSE
        once = world.truth().position_m[row].copy()
        watch(world, mishap, steps, 8.0)
        assert np.linalg.norm(world.truth().position_m[row] - once) < 0.005


def test_nothing_happens_before_there_is_a_plan_or_where_it_could_not():
    with GoalWorld(32, render=False) as made:
        world, mishap, _ = laid(made, "tower_two")
        watch(world, mishap, [], 8.0)
        assert (mishap.happened, mishap.at_s) == (False, None)
        for kind in ("remove", "close"):  # nothing is placed, and there is no drawer that is needed
            unmet = Mishap(world, kind)
            watch(world, unmet, ["press the button"], 4.0)
            assert (unmet.happened, unmet.at_s) == (False, None)


def test_an_unknown_one_is_named():
    with GoalWorld(32, render=False) as made:
        made.lay(TEMPLATES["tower_two"], EVALUATION_SEED, BASE)
        with pytest.raises(ValueError, match="'quake' is not one of none, knock, remove, close"):
            Mishap(made, "quake")
