"""An examination is fair: who knows gets full marks, and a mistake costs where it was made."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sim.instruct import TYPES
from sim.instruct.answer_sheet import answer_sheet
from sim.instruct.examination import Answerer, Examined, Pictures, Trial, examine
from sim.instruct.marks import ExamReport
from sim.instruct.scoring import mentioned
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError

SCENES, QUESTIONS = 12, 12


def mute(pictures: Pictures) -> Answerer:
    return lambda question: ""


def sit(examinee: Callable[[Pictures], Answerer]) -> list[Examined]:
    return list(examine(examinee, SCENES, QUESTIONS, render=False, image_size=32))


@cache
def asked() -> tuple[Trial, ...]:
    return tuple(trial for scene in sit(mute) for trial in scene.trials)


def report(says: Callable[[Trial], str]) -> ExamReport:
    """An examinee who has seen the questions with their answers before, and says what it likes."""
    left = iter(asked())

    def look(pictures: Pictures) -> Answerer:
        def answer(question: str) -> str:
            trial = next(left)
            assert trial.question == question
            return says(trial)

        return answer

    trials = tuple(trial for scene in sit(look) for trial in scene.trials)
    return ExamReport({"scenes": SCENES}, {}, trials)


def marks(found: ExamReport) -> dict[tuple[str, str], float]:
    return {(mark.what, mark.split): mark.rate for mark in found.marks() if mark.trials}


def test_who_knows_gets_full_marks_and_who_is_mute_none():
    known, mute = report(lambda trial: trial.expected), ExamReport({}, {}, asked())
    assert set(marks(known).values()) == {1.0}
    assert set(marks(mute).values()) == {0.0}
    assert all(m.precision[0] == m.recall[0] == 1 for m in known.mentions() if m.counts.there)
    assert all(m.recall[0] == 0 for m in mute.mentions() if m.counts.there)
    assert all(mark.commonest >= 1 for mark in known.marks() if mark.trials)
    assert any(mark.commonest < mark.trials for mark in known.marks())


def test_a_mistake_costs_where_it_was_made():
    found = marks(report(lambda t: "never" if (t.type, t.split) == ("there", "test") else t.expected))
    assert found["there", "test"] == 0
    assert found["there", "train"] == found["reasoning", "test"] == 1
    assert found["conversation", "test"] < 1
    assert found["all", "test"] < found["all", "train"] == 1


def test_descriptions_are_counted_thing_by_thing():
    """Somebody adds a thing that is not there to every description, and somebody else says half."""
    absent = "there is a purple block, a purple star, a purple ball and a purple cylinder."
    more = report(lambda t: t.expected if t.kind != "description" else f"{t.expected} {absent}")
    for each in more.mentions():
        told = [
            t for t in more.trials if t.overlap and t.split == each.split and each.what in (t.type, t.kind)
        ]
        extra = sum(len(mentioned(absent) - mentioned(t.expected)) for t in told)
        assert each.counts.mentioned == each.counts.there + extra
        assert each.recall[0] == 1
        assert each.precision[1] < each.precision[0] < each.precision[2]
    less = report(lambda t: t.expected if t.kind != "description" else "there is a bowl.")
    whole = next(each for each in less.mentions() if each.what == "description")
    assert whole.counts.mentioned == sum(
        t.kind == "description" and t.split == whole.split for t in less.trials
    )
    assert whole.recall[0] < 0.5


def test_only_the_words_differ_between_the_columns():
    pairs: dict[tuple[int, str], dict[str, Trial]] = defaultdict(dict)
    for trial in asked():
        assert trial.split not in pairs[trial.seed, trial.type]
        pairs[trial.seed, trial.type][trial.split] = trial
    both = [pair for pair in pairs.values() if len(pair) == 2]
    assert len(both) > 0.9 * len(pairs)
    assert all(pair["train"].expected == pair["test"].expected for pair in both)
    assert all(pair["train"].question != pair["test"].question for pair in both)
    alone = {name for (_, name), pair in pairs.items() if len(pair) == 1}
    assert all(not TYPES[name].train or not TYPES[name].test for name in alone)


def test_every_type_that_can_be_asked_is_asked_about_as_often():
    """What is nearly always possible to ask is not asked more often than the rest."""
    counts = Counter(trial.type for trial in asked() if trial.split == "test")
    assert len(counts) > 0.9 * len(TYPES)
    assert counts.most_common(1)[0][1] <= 2 + SCENES * QUESTIONS // len(TYPES)
    assert len({trial.seed for trial in asked()}) == SCENES
    assert min(trial.seed for trial in asked()) == EVALUATION_SEED


def test_the_examinee_looks_once_at_both_cameras_of_each_scene():
    looks: list[Pictures] = []

    def look(pictures: Pictures) -> Answerer:
        looks.append(pictures)
        return lambda question: ""

    scenes = list(examine(look, 2, 3, image_size=32, backend="raycast"))
    assert [set(pictures) for pictures in looks] == [{"front", "wrist"}] * 2
    assert np.abs(looks[0]["front"].astype(int) - looks[1]["front"]).max() > 30
    assert all(scene.pictures is pictures for scene, pictures in zip(scenes, looks, strict=True))


def test_the_manifest_is_complete_and_comes_back(tmp_path: Path):
    found = ExamReport({"scenes": SCENES}, {"python": "3"}, asked(), 1.5)
    found.write(tmp_path / "vqa.json")
    manifest = json.loads((tmp_path / "vqa.json").read_text())
    assert ExamReport.from_dict(manifest) == found
    assert {mark["what"] for mark in manifest["marks"]} >= {"all", "conversation", "description", "reasoning"}
    assert {each["what"] for each in manifest["mentions"]} >= {"description", "brief"}
    with pytest.raises(ContractError, match="not a manifest of an examination"):
        ExamReport.from_dict({"trials": [{}]})


def test_the_page_shows_mistakes_first(tmp_path: Path):
    trial = replace(asked()[0], question="is it?", expected="no", got="no", right=True)
    wrong = replace(trial, got="yes", right=False)
    black = {name: np.zeros((32, 32, 3), np.uint8) for name in ("front", "wrist")}
    sizes = {}
    for name, trials in (("right", [trial] * 30), ("wrong", [*[trial] * 30, wrong])):
        scene = Examined(black, tuple(trials))
        sizes[name] = answer_sheet([scene], tmp_path / f"{name}.png", at_most=1)
    with Image.open(tmp_path / "wrong.png") as sheet:
        pixels = np.asarray(sheet).astype(int)
    assert sheet.size == sizes["wrong"]
    assert ((pixels[..., 0] > 200) & (pixels[..., 2] < 150)).any()
    with Image.open(tmp_path / "right.png") as sheet:
        pixels = np.asarray(sheet).astype(int)
    assert not ((pixels[..., 0] > 200) & (pixels[..., 2] < 150)).any()
    with pytest.raises(ValueError, match="at least one scene"):
        answer_sheet([], tmp_path / "none.png")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"seed": EVALUATION_SEED - 1}, "training data"),
        ({"scenes": 0}, "scenes 0"),
        ({"questions": 0}, "questions 0"),
    ],
)
def test_a_mistake_is_named_before_anything_is_laid(wrong: dict, why: str):
    with pytest.raises(ValueError, match=why):
        next(examine(mute, **wrong))
