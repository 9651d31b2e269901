"""Plans are counted fairly: the oracle is the upper bound, words alone are not enough, a manifest reruns."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.goals import TEMPLATES
from sim.goals.evaluate import MANNER, PlanReport, evaluate_planner
from sim.goals.phrasings import PHRASINGS
from sim.goals.phrasings.examination import MANNERS
from sim.goals.sentences import draw_sentences, is_examination
from sim.goals.world import GoalWorld, OraclePlanner
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError, Observation, Plan, Planner
from vla.planner.grammar import Answer, Refusal, plan_of
from vla.planner.language import LanguagePlanner

SOME = ("tower_two", "grasp_lowest", "two_in_order", "missing_object", "ambiguous_shape", "how_many")


def language(world: GoalWorld) -> Planner:
    return LanguagePlanner(None)


class Refuser:
    """Cannot do anything, and never knows why."""

    def __init__(self, world: GoalWorld) -> None:
        self.world = world

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        return plan_of(goal, Refusal("unknown"))


class Teller:
    """Answers every question and command alike."""

    def __init__(self, world: GoalWorld) -> None:
        self.world = world

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        return plan_of(goal, Answer("two"))


def shares(report: PlanReport, axis: str = "base") -> dict[str, float]:
    return {share.what: share.rate for share in report.summary(axis)}


def run(planner, templates=SOME, episodes: int = 4, **more) -> PlanReport:
    return evaluate_planner(planner, templates, episodes, render=False, image_size=32, **more)


def test_the_oracle_is_always_right_and_the_same_again():
    report = run(OraclePlanner)
    assert report == run(OraclePlanner)
    for axis in ("base", "paraphrase"):
        found = shares(report, axis)
        assert found.pop("false refusals") == 0
        assert set(found.values()) == {1.0}
    assert len(report.trials) == len(SOME) * 2 * 4
    trials = {share.what: share.trials for share in report.summary("base")}
    assert trials == {
        "valid, seen templates": 20,
        "valid, held-out templates": 4,
        "infeasible refused": 8,
        "refused for the right reason": 8,
        "false refusals": 16,
        "questions answered": 4,
    }
    assert {trial.held_out for trial in report.trials if trial.template == "grasp_lowest"} == {True}
    assert min(trial.seed for trial in report.trials) == EVALUATION_SEED


def test_manners_of_speaking_are_an_axis_of_the_templates_that_have_them():
    report = run(OraclePlanner, axes=("base", MANNER))
    spoken = [trial for trial in report.trials if trial.axis == MANNER]
    assert {trial.template for trial in spoken} == {"tower_two", "two_in_order", "how_many"}
    assert all(trial.valid for trial in report.trials)
    assert not {t.goal for t in spoken} & {t.goal for t in report.trials if t.axis == "base"}
    assert report == run(OraclePlanner, axes=("base", MANNER))
    with pytest.raises(ValueError, match="grasp_lowest is said along the axis 'manner'"):
        run(OraclePlanner, templates=("grasp_lowest",), axes=(MANNER,))


def test_training_hears_no_wording_of_the_manners():
    for name, wordings in MANNERS.items():
        assert not TEMPLATES[name].held_out
        assert not {*wordings} & {*TEMPLATES[name].train, *PHRASINGS[name]}
    assert is_examination("well, " + MANNERS["press"][0])
    assert not any(is_examination(sentence.said) for sentence in draw_sentences(300, seed=5))


def test_words_alone_manage_sequences_and_refuse_nothing():
    report = run(language)
    found = shares(report)
    assert found["infeasible refused"] == found["questions answered"] == found["false refusals"] == 0
    sequences = evaluate_planner(language, ["two_in_order"], 15, ["base"], render=False)
    (kind,) = sequences.by_kind("base")
    assert 3 <= kind.count < 15  # those that are said clause by clause
    templates = {share.what: share.rate for share in report.by_template("base")}
    assert templates["missing_object"] == 0


def test_whoever_refuses_everything_is_found_out():
    found = shares(run(Refuser))
    assert found["infeasible refused"] == 1
    assert found["refused for the right reason"] == 0
    assert found["false refusals"] == 1
    assert found["valid, seen templates"] == 0


def test_a_guessed_answer_counts_where_it_is_right_only():
    report = run(Teller, ("how_many", "is_drawer_open", "tower_two"), 12)
    for trial in report.trials:
        told = trial.template == "how_many" and "says" not in trial.why
        assert trial.valid == told
    assert 0 < shares(report)["questions answered"] < 1


def test_training_wordings_and_held_out_ones_are_told_apart():
    goals = {
        axis: {t.goal for t in run(OraclePlanner).trials if t.axis == axis} for axis in ("base", "paraphrase")
    }
    assert not goals["base"] & goals["paraphrase"]


def test_a_planner_that_looks_sees_the_scene():
    seen: list[Observation] = []

    class Onlooker(Refuser):
        def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
            seen.append(observation)
            return super().plan(goal, observation, previous)

    evaluate_planner(Onlooker, ("tower_two",), 2, ("base",), image_size=32, backend="raycast")
    pictures = [observation.images["front"] for observation in seen]
    assert [picture.shape for picture in pictures] == [(32, 32, 3)] * 2
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() > 30


def test_the_manifest_is_complete_and_comes_back(tmp_path: Path):
    report = run(OraclePlanner, ("tower_two",), 2, more_settings={"planner": "oracle"})
    report.write(tmp_path / "eval.json")
    manifest = json.loads((tmp_path / "eval.json").read_text())
    assert PlanReport.from_dict(manifest) == replace(
        report, settings=manifest["settings"], versions=manifest["versions"]
    )
    assert manifest["settings"]["seed"] == EVALUATION_SEED
    assert manifest["settings"]["planner"] == "oracle"
    assert {"summary", "kinds", "templates", "versions"} <= manifest.keys()
    assert [path.name for path in tmp_path.iterdir()] == ["eval.json"]
    with pytest.raises(ContractError, match="not a manifest of plans"):
        PlanReport.from_dict({"trials": []})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"seed": EVALUATION_SEED - 1}, "training data"),
        ({"episodes": 0}, "at least 1"),
        ({"axes": ("camera",)}, "axis 'camera'"),
        ({"axes": ()}, "axes must name"),
        ({"templates": ("sorting",)}, "goal template 'sorting'"),
        ({"templates": ()}, "templates must name"),
    ],
)
def test_a_mistake_is_named_before_anything_is_laid(wrong: dict, why: str):
    with pytest.raises(ValueError, match=why):
        evaluate_planner(OraclePlanner, **{"templates": tuple(TEMPLATES), **wrong})
