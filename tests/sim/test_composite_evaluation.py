"""Many composite episodes: the same whoever plays them, interrupted or not; a manifest that comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sim.diary import DIARY
from sim.expert import ScriptedExpert
from sim.goals import KINDS, TEMPLATES
from sim.goals.composite import CompositeEpisode, CompositeSettings
from sim.goals.composite_evaluation import evaluate_composite
from sim.goals.composite_report import ACTION_KINDS, CompositeCondition, CompositeReport
from sim.goals.evaluate import PlannerSource
from sim.goals.ledger import Try
from sim.goals.world import OraclePlanner
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError

PLANNERS: Mapping[str, PlannerSource] = {"oracle": OraclePlanner}
run = partial(
    evaluate_composite,
    ScriptedExpert,
    PLANNERS,
    settings=CompositeSettings(image_size=32),
    render=False,
    workers=1,
)
TWO = ("press", "missing_object")


def made_up(**changes: object) -> CompositeEpisode:
    attempt = Try("press the button", "press_button", 0.1, 4.0, 3.0, True)
    episode = CompositeEpisode(
        template="press", kind="single", held_out=False, axis="base", seed=EVALUATION_SEED, planner="oracle",
        disturbance="none", happened=False, at_s=None, goal="press the button", success=True, cause="",
        detail="", said="", tries=(attempt,), replans=0, retries=0, seconds=4.0,
    )  # fmt: skip
    return replace(episode, **changes)


def report(*episodes: CompositeEpisode, disturbances: tuple[str, ...] = ("none",)) -> CompositeReport:
    settings = {
        "planners": ["oracle"],
        "disturbances": list(disturbances),
        "axes": ["base"],
        "templates": list(dict.fromkeys(e.template for e in episodes)),
    }
    return CompositeReport(settings, {}, episodes)


def test_an_interrupted_evaluation_goes_on_and_ends_as_one_that_was_not(tmp_path: Path):
    whole = run(TWO, 2)
    assert [(e.template, e.seed - EVALUATION_SEED) for e in whole.episodes] == [
        ("press", 0), ("missing_object", 0), ("press", 1), ("missing_object", 1),
    ]  # fmt: skip
    assert all(episode.success for episode in whole.episodes)

    class StoppedError(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(TWO, 2, folder=tmp_path, progress=interrupt)
    assert not (tmp_path / "eval.json").exists()
    with (tmp_path / DIARY).open("a") as diary:
        diary.write('{"index": 2, "epis')  # torn in the middle of a line
    told: list[tuple[int, int]] = []
    resumed = run(TWO, 2, folder=tmp_path, progress=lambda *n: told.append(n))
    assert resumed.episodes == whole.episodes
    assert told[-1] == (4, 4)
    assert len(told) <= 2
    manifest = json.loads((tmp_path / "eval.json").read_text())
    again = CompositeReport.from_dict(manifest)
    assert again.episodes == whole.episodes
    assert manifest["settings"]["patience"]["recovery"] == "home"
    assert {"summary", "by_kind", "by_template", "causes", "skills", "versions"} <= manifest.keys()
    told.clear()
    more = run(TWO, 3, folder=tmp_path, progress=lambda *n: told.append(n))
    assert more.episodes[:4] == whole.episodes
    assert len(told) == 2


def test_a_folder_with_another_evaluation_or_none_is_refused(tmp_path: Path):
    run(("missing_object",), 1, folder=tmp_path)
    with pytest.raises(ContractError, match=r"templates was .*missing_object.* and is .*how_many"):
        run(("how_many",), 1, folder=tmp_path)
    (tmp_path / DIARY).write_text("{}\n")
    with pytest.raises(ContractError, match="is no diary of an evaluation"):
        run(("how_many",), 1, folder=tmp_path)
    with pytest.raises(ContractError, match="not a manifest of composite goals"):
        CompositeReport.from_dict({"episodes": []})


def test_recovery_is_counted_where_the_disturbance_happened_only():
    found = report(
        made_up(disturbance="knock", happened=True),
        made_up(disturbance="knock", happened=True, success=False, cause="timed out"),
        made_up(disturbance="knock", happened=False, success=False, cause="step failed"),
        made_up(),
        disturbances=("none", "knock"),
    )
    calm, knocked = ({s.what: s for s in found.summary(condition)} for condition in found.conditions)
    assert (calm["goals reached"].count, calm["goals reached"].trials) == (1, 1)
    assert calm["recovered after a disturbance"].trials == 0
    assert (knocked["goals reached"].count, knocked["goals reached"].trials) == (1, 3)
    recovered = knocked["recovered after a disturbance"]
    assert (recovered.count, recovered.trials) == (1, 2)
    assert 0 < recovered.low < 0.5 < recovered.high < 1
    causes = {s.what: s.count for s in found.causes(CompositeCondition("oracle", "knock"))}
    assert {what for what, count in causes.items() if count} == {"timed out", "step failed"}


def test_what_asks_for_words_has_rows_of_its_own():
    found = report(
        made_up(),
        made_up(template="missing_object", kind="infeasible", tries=()),
        made_up(template="how_many", kind="question", success=False, cause="wrong plan", tries=()),
    )
    (condition,) = found.conditions
    summary = {s.what: (s.count, s.trials) for s in found.summary(condition)}
    assert summary["goals reached"] == (1, 1)
    assert summary["refused, unmoved"] == (1, 1)
    assert summary["answered, unmoved"] == (0, 1)
    assert [s.what for s in found.by_kind(condition)] == ["single", "infeasible", "question"]
    assert set(ACTION_KINDS) == set(KINDS) - {"infeasible", "question"}


def test_skills_are_judged_on_attempts_that_were_rightly_planned():
    done = Try("press the button", "press_button", 0.0, 4.0, 3.0, True)
    undone, wrong = replace(done, done_s=None), replace(done, done_s=None, planned=False)
    found = report(made_up(tries=(done, undone, wrong)))
    (share,) = found.skills(found.conditions[0])
    assert (share.what, share.count, share.trials) == ("press_button", 1, 2)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seed": EVALUATION_SEED - 1}, "training data"),
        ({"episodes": 0}, "episodes 0"),
        ({"workers": -1}, "workers -1"),
        ({"axes": ("camera",)}, "axis 'camera'"),
        ({"axes": ()}, "axes must name"),
        ({"disturbances": ("quake",)}, "disturbance 'quake'"),
        ({"templates": ("sorting",)}, "goal template 'sorting'"),
    ],
)
def test_a_mistake_is_named_before_anything_is_played(wrong: dict, says: str):
    with pytest.raises(ValueError, match=says):
        run(**{"templates": tuple(TEMPLATES), **wrong})
