"""One goal end to end: who plans rightly gets there, and the record says where anybody else failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pytest

from sim.expert import ScriptedExpert
from sim.goals import TEMPLATES
from sim.goals.composite import CompositeEpisode, CompositeJob, CompositeSettings
from sim.goals.composite_player import CompositePlayer
from sim.goals.evaluate import PlannerSource
from sim.goals.expert import TruthDetector
from sim.goals.goal import draw
from sim.goals.world import GoalWorld, OraclePlanner
from sim.randomise import along
from sim.robot import robot_spec
from sim.seeds import EVALUATION_SEED
from vla.contract import ActionChunk, ContractError, Observation, Plan, Policy, Prefix, RobotSpec
from vla.planner.grammar import Answer, Instructions, Refusal, Saying, Step, plan_of
from vla.planner.language import LanguagePlanner
from vla.planner.patience import HOME, Patience

SIZE = 32


class Told:
    """Says the same whatever it sees."""

    def __init__(self, saying: Saying, world: GoalWorld) -> None:
        self._saying = saying

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        return plan_of(goal, self._saying)


class Presser:
    """Whatever the goal is: until the button is pressed, that is what it is about."""

    def __init__(self, world: GoalWorld) -> None:
        self._world = world

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        pressed = self._world.truth().button_pressed
        return plan_of(goal, Instructions(() if pressed else (Step("press_button"),)))


def language(world: GoalWorld) -> LanguagePlanner:
    return LanguagePlanner(TruthDetector(world), looks=1)


PLANNERS: Mapping[str, PlannerSource] = {
    "oracle": OraclePlanner,
    "language": language,
    "done": partial(Told, Instructions()),
    "refuser": partial(Told, Refusal("unknown")),
    "teller": partial(Told, Answer("two")),
    "presser": Presser,
}


class Idler:
    """Stays where it is; notes what it was asked, and when."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec, self.asked = spec, list[tuple[float, str]]()

    def reset(self, seed: int) -> None:
        self.asked.clear()

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.asked.append((observation.stamp_s, instruction))
        rows = np.repeat(np.array([[0.42, 0.0, 0.22, 0.08]], np.float32), 8, axis=0)
        return ActionChunk(rows, self.spec.dt_s, observation.stamp_s)


@pytest.fixture(scope="module")
def player() -> Iterator[CompositePlayer]:
    made = CompositePlayer(ScriptedExpert, PLANNERS, CompositeSettings(image_size=SIZE), render=False)
    yield made
    made.close()


def play(
    player: CompositePlayer, template: str, planner: str = "oracle", seed: int = EVALUATION_SEED
) -> CompositeEpisode:
    return player.play(CompositeJob(template, "base", seed, planner))[0]


def idle(settings: CompositeSettings, planner: str = "oracle") -> tuple[CompositeEpisode, Idler]:
    idler = Idler(robot_spec(SIZE))
    player = CompositePlayer(lambda: idler, PLANNERS, settings, render=False)
    episode = play(player, "press", planner)
    player.close()
    return episode, idler


def test_several_instructions_in_order_each_done_by_the_truth(player: CompositePlayer):
    episode = play(player, "fetch_close")
    assert (episode.success, episode.cause, episode.detail) == (True, "", "")
    assert [attempt.family for attempt in episode.tries] == ["open_drawer", "take_out", "close_drawer"]
    for attempt in episode.tries:
        assert attempt.planned
        assert attempt.done_s is not None
        assert attempt.began_s < attempt.done_s <= attempt.ended_s
    assert (episode.replans, episode.retries) == (0, 0)
    assert episode == play(player, "fetch_close")


@pytest.mark.parametrize("template", ["missing_object", "how_many"])
def test_what_asks_for_words_gets_them_and_the_table_is_left_alone(player: CompositePlayer, template: str):
    episode = play(player, template)
    assert episode.success, episode
    assert episode.tries == ()
    assert episode.seconds < 3
    wrong = play(player, template, "refuser" if template == "how_many" else "teller")
    assert (wrong.success, wrong.cause) == (False, "wrong plan")
    assert "should say" in wrong.detail


def test_whoever_moves_something_before_the_right_words_has_failed():
    class Late(OraclePlanner):
        def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
            if observation.stamp_s < 8.0:
                return plan_of(goal, Instructions((Step("press_button"),)))
            return super().plan(goal, observation, previous)

    player = CompositePlayer(ScriptedExpert, {"late": Late}, CompositeSettings(image_size=SIZE), render=False)
    found = [player.play(CompositeJob("how_many", "base", EVALUATION_SEED + k, "late"))[0] for k in range(3)]
    player.close()
    pressed = [episode for episode in found if episode.tries[0].done_s is not None]
    assert pressed
    for episode in pressed:
        assert (episode.success, episode.cause, episode.detail) == (False, "moved something", "button")


@pytest.mark.parametrize(
    ("planner", "cause"), [("done", "stopped too early"), ("refuser", "wrong plan"), ("teller", "wrong plan")]
)
def test_a_planner_that_ends_it_wrongly_is_found_out(player: CompositePlayer, planner: str, cause: str):
    episode = play(player, "tower_two", planner)
    assert (episode.success, episode.cause) == (False, cause)
    assert episode.tries == ()


def test_a_wrong_instruction_is_the_planners_fault_not_the_arms(player: CompositePlayer):
    jobs = [
        CompositeJob("if_open_close_else_press", "base", EVALUATION_SEED + k, "presser") for k in range(6)
    ]
    found = [player.play(job)[0] for job in jobs]
    assert {episode.cause for episode in found} == {"", "wrong plan"}
    for episode in found:
        (attempt,) = episode.tries
        assert attempt.done_s is not None
        assert attempt.planned == episode.success


def test_words_and_eyes_that_cannot_be_wrong_manage_a_sequence(player: CompositePlayer):
    # Said so that a splitter of clauses understands it.
    wish = r"(?:put|press|open|close) the (?:\w+ )*(?:button|drawer|tray|bowl)"
    seed = next(
        seed
        for seed in range(EVALUATION_SEED, EVALUATION_SEED + 999)
        if re.fullmatch(
            f"{wish},? (?:and )?then {wish}", draw(TEMPLATES["two_in_order"], seed, along("base"))[0].text
        )
    )
    episode = play(player, "two_in_order", "language", seed)
    assert episode.success, episode
    assert len(episode.tries) == 2


def test_a_step_that_is_never_done_is_tried_again_from_home_and_given_up():
    patience = Patience(step_timeout_s=4.0, retries=2, recovery_s=2.0)
    episode, idler = idle(CompositeSettings(patience=patience, limit_s=60.0))
    assert (episode.success, episode.cause, episode.detail) == (False, "step failed", "press the button")
    assert [attempt.words for attempt in episode.tries] == ["press the button"] * 3
    assert all(attempt.done_s is None for attempt in episode.tries)
    assert episode.retries == 2
    assert "tried 3 times" in episode.said
    assert {words for _, words in idler.asked} == {"press the button"}
    gaps_s = np.diff([stamp_s for stamp_s, _ in idler.asked])
    assert sum(gaps_s > 1.5) == 2  # the way home is not the policy's


def test_the_whole_has_a_limit():
    episode, _ = idle(CompositeSettings(limit_s=5.0))
    assert (episode.cause, episode.detail) == ("timed out", "during 'press the button'")
    assert 5.0 <= episode.seconds < 6.0


def test_plans_come_at_their_period_and_late_where_they_take_long():
    asked: list[float] = []

    class Noting(OraclePlanner):
        def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
            asked.append(observation.stamp_s)
            return super().plan(goal, observation, previous)

    began: dict[float, float] = {}
    for delay_s in (0.0, 0.6):
        asked.clear()
        idler = Idler(robot_spec(SIZE))
        settings = CompositeSettings(replan_s=1.5, planner_delay_s=delay_s, limit_s=6.0)
        player = CompositePlayer(lambda idler=idler: idler, {"oracle": Noting}, settings, render=False)
        play(player, "press")
        player.close()
        np.testing.assert_allclose(np.diff(asked), 1.5, atol=0.051)
        began[delay_s] = idler.asked[0][0]
    assert began[0.6] - began[0.0] == pytest.approx(0.6, abs=0.051)


def test_pictures_are_kept_of_failures_and_of_what_is_filmed():
    settings = CompositeSettings(image_size=SIZE, limit_s=2.0)
    player = CompositePlayer(ScriptedExpert, PLANNERS, settings, backend="raycast")
    job = CompositeJob("press", "base", EVALUATION_SEED, "refuser")
    _, shots = player.play(job)
    assert len(shots) >= 5
    assert shots[0].images["front"].shape == (SIZE, SIZE, 3)
    assert "i do not know" in shots[-2].caption
    _, none = player.play(CompositeJob("how_many", "base", EVALUATION_SEED, "oracle"))
    _, some = player.play(CompositeJob("how_many", "base", EVALUATION_SEED, "oracle", filmed=True))
    player.close()
    assert none == []
    assert some


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CompositeJob("juggle", "base", EVALUATION_SEED, "oracle"), "template 'juggle'"),
        (lambda: CompositeJob("press", "camera", EVALUATION_SEED, "oracle"), "axis 'camera'"),
        (lambda: CompositeJob("press", "base", 3, "oracle"), "seed 3"),
        (lambda: CompositeJob("press", "base", EVALUATION_SEED, "oracle", "quake"), "'quake' is not one of"),
        (lambda: CompositeSettings(execute=0), "execute 0"),
        (lambda: CompositeSettings(replan_s=0.0), "replan_s 0.0"),
        (lambda: CompositeSettings(planner_delay_s=-1.0), "planner_delay_s -1.0"),
    ],
)
def test_mistakes_are_named(make, says: str):
    with pytest.raises(ValueError, match=says):
        make()


def test_a_planner_that_was_not_given_and_a_policy_for_another_robot_are_refused(player: CompositePlayer):
    with pytest.raises(ValueError, match="planner 'llava' is not one of oracle, language"):
        play(player, "press", "llava")
    other = RobotSpec("other", robot_spec().action, robot_spec().state, {"front": (SIZE, SIZE)}, 10.0)

    def foreign() -> Policy:
        return Idler(other)

    with pytest.raises(ContractError, match="control_hz"):
        CompositePlayer(foreign, PLANNERS, CompositeSettings(), render=False)


def test_home_is_no_instruction_of_any_planner():
    from vla.planner.grammar import STEPS

    assert HOME not in STEPS
