"""Detectors are counted fairly: who knows is always right, who errs on purpose is found out, just there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sim.goals.moments import Question, lay_moment
from sim.goals.success import AT_WORK, SuccessReport, evaluate_success
from sim.goals.world import GoalWorld
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError, Observation, SuccessDetector
from vla.planner.verdicts import Portion, Verdicts

FAMILIES = ("put_in", "open_drawer", "take_out")
SCENES = 4


@cache
def truths() -> Mapping[tuple[bytes, str], Question]:
    """What is so at each moment, by what the robot feels there and by the instruction."""
    found: dict[tuple[bytes, str], Question] = {}
    with GoalWorld(32, render=False) as world:
        for family in FAMILIES:
            for k in range(SCENES):
                case = ("just done", "not yet", "done before", "almost")[k % 4]
                moment = lay_moment(world, family, case, EVALUATION_SEED + k)
                felt = world.proprioception().tobytes()
                found |= {(felt, question.instruction): question for question in moment.questions}
    return found


class Knower:
    """Fed with the truth, which it bends as it is told."""

    def __init__(self, says: Callable[[Question], float]) -> None:
        self._says = says

    def success(self, observation: Observation, instruction: str) -> float:
        return self._says(truths()[observation.state.tobytes(), instruction])


def run(thresholds: float = 0.7, **detectors: SuccessDetector) -> SuccessReport:
    limits = dict.fromkeys(detectors, thresholds)
    return evaluate_success(detectors, limits, FAMILIES, SCENES, render=False, image_size=32)


def test_who_knows_is_right_everywhere_and_the_same_again():
    report = run(knower=Knower(lambda q: float(q.done)))
    assert report == run(knower=Knower(lambda q: float(q.done)))
    verdicts = report.verdicts("knower")
    assert verdicts.hits == len(FAMILIES) * SCENES // 2
    assert verdicts.rejections > len(FAMILIES) * SCENES // 2
    assert verdicts.precision.rate == verdicts.recall.rate == verdicts.balanced[0] == 1
    assert verdicts.precision.bounds[0] < 1
    assert min(look.seed for look in report.looks) == EVALUATION_SEED


def test_mistakes_are_counted_in_their_family_and_case_only():
    report = run(
        hasty=Knower(lambda q: float(q.done or q.case == "almost")),
        forgetful=Knower(lambda q: float(q.case == "just done")),
        blind=Knower(lambda q: float(q.done and q.family != "open_drawer")),
        mixed_up=Knower(lambda q: float(q.done or q.case == "another")),
    )
    assert report.verdicts("hasty", cases=("almost",)).rejection.count == 0
    for case in ("not yet", "another"):
        assert report.verdicts("hasty", cases=(case,)).rejection.rate == 1
    assert report.verdicts("hasty").recall.rate == 1
    # Nothing is nearly taken out of a drawer.
    assert report.verdicts("hasty", "take_out").balanced[0] == 1
    assert report.verdicts("forgetful").recall.rate == 0.5
    assert report.verdicts("forgetful", cases=AT_WORK).balanced[0] == 1
    assert report.verdicts("blind", "open_drawer").recall.count == 0
    assert report.verdicts("blind", "put_in").recall.rate == 1
    assert report.verdicts("blind").recall.rate == pytest.approx(2 / 3)
    assert report.verdicts("blind").precision.rate == 1
    assert report.verdicts("mixed_up", cases=("another",)).false_alarms > 0
    assert report.verdicts("mixed_up", cases=("almost",)).false_alarms == 0


def test_all_detectors_are_asked_the_same():
    report = run(a=Knower(lambda q: 0.0), b=Knower(lambda q: 1.0))
    asked = [
        [replace(look, detector="", probability=0) for look in report.looks if look.detector == name]
        for name in "ab"
    ]
    assert asked[0] == asked[1]
    assert report.verdicts("a").balanced[0] == report.verdicts("b").balanced[0] == 0.5
    assert np.isnan(report.verdicts("a").precision.rate)


def test_the_threshold_in_use_decides_and_others_may_be_tried():
    report = run(0.7, unsure=Knower(lambda q: 0.6 if q.done else 0.4))
    assert report.verdicts("unsure").recall.count == 0
    assert report.verdicts("unsure", threshold=0.5).balanced[0] == 1
    assert report.verdicts("unsure", threshold=0.3).rejection.count == 0


def test_a_detector_that_looks_sees_the_scene():
    seen: list[Observation] = []

    class Onlooker:
        def success(self, observation: Observation, instruction: str) -> float:
            seen.append(observation)
            return 0.5

    evaluate_success(
        {"eye": Onlooker()}, {"eye": 0.7}, ("press_button",), 2, image_size=32, backend="raycast"
    )
    assert [observation.images["front"].shape for observation in seen] == [(32, 32, 3)] * 2
    assert np.abs(seen[0].images["front"].astype(int) - seen[1].images["front"]).max() > 30


def test_the_manifest_is_complete_and_comes_back(tmp_path: Path):
    report = run(knower=Knower(lambda q: float(q.done)))
    report.write(tmp_path / "eval.json")
    manifest = json.loads((tmp_path / "eval.json").read_text())
    back = SuccessReport.from_dict(manifest)
    assert back == replace(report, settings=manifest["settings"], versions=manifest["versions"])
    assert manifest["settings"]["thresholds"] == {"knower": 0.7}
    assert manifest["summary"]["knower"]["all"]["balanced_accuracy"][0] == 1
    assert manifest["summary"]["knower"].keys() == {"all", "at work", *FAMILIES}
    assert [path.name for path in tmp_path.iterdir()] == ["eval.json"]
    with pytest.raises(ContractError, match="not a manifest of detectors"):
        SuccessReport.from_dict({"looks": []})


def test_bounds_hold_the_rate_and_close_in_with_more_looks():
    few, many = Verdicts(9, 2, 1, 8), Verdicts(900, 200, 100, 800)
    for verdicts in (few, many):
        rate, low, high = verdicts.balanced
        assert rate == pytest.approx(0.85)
        assert 0 <= low < rate < high <= 1
    assert many.balanced[2] - many.balanced[1] < (few.balanced[2] - few.balanced[1]) / 5
    assert Portion(0, 0).bounds == (0, 1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"seed": EVALUATION_SEED - 1}, "training data"),
        ({"scenes": 0}, "at least 1"),
        ({"families": ("fly",)}, "family 'fly'"),
        ({"families": ()}, "families must name"),
        ({"thresholds": {}}, "thresholds are for"),
        ({"thresholds": {"a": 1.0}}, "outside"),
        ({"detectors": {}, "thresholds": {}}, "detectors must name"),
    ],
)
def test_a_mistake_is_named_before_anything_is_laid(wrong: dict, why: str):
    usual = {"detectors": {"a": Knower(lambda q: 0.0)}, "thresholds": {"a": 0.7}}
    with pytest.raises(ValueError, match=why):
        evaluate_success(**{**usual, **wrong})
