"""Whether a policy sees what is meant: judged by the simulated world, asked in pictures and words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.pointing import Glance, PointingJob, PointingPlayer, PointingReport, evaluate_pointing
from sim.robot import robot_spec
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError, Observation
from vla.planner.verdicts import Portion


class Guesser:
    """Believes that everything is in one place, and that everyone wants to push."""

    def __init__(self, name: str = "handily-panda") -> None:
        self.spec = replace(robot_spec(32), name=name)

    def look(self, observation: Observation, instruction: str) -> Any:
        observation.check(self.spec)
        here = np.array([0.5, 0.0, 0.02], np.float32)
        return SimpleNamespace(target=here, destination=here, family="push")


class Knower:
    """Looks into the world that it is asked about."""

    def __init__(self, player: PointingPlayer, off_m: float) -> None:
        self._world, self._off_m = player._world, off_m
        self.asked: list[str] = []

    def look(self, observation: Observation, instruction: str) -> Any:
        self.asked.append(instruction)
        scenario, truth = self._world.scenario, self._world.truth()
        query = next(
            q for q, texts in zip(scenario.queries, scenario.texts, strict=True) if instruction in texts
        )
        target = truth.position_m[query.target] + [0.0, 0.0, self._off_m]
        return SimpleNamespace(target=target, destination=query.goal_m(truth), family=query.family)


@pytest.fixture
def player() -> Iterator[PointingPlayer]:
    made = PointingPlayer({"guesser": Guesser}, 3, "auto")
    yield made
    made._world.close()


@pytest.mark.parametrize(("off_m", "right"), [(0.0, True), (0.019, True), (0.021, False)])
def test_whoever_knows_is_right_and_two_centimetres_decide(
    player: PointingPlayer, off_m: float, right: bool
) -> None:
    knower = Knower(player, off_m)
    player._pointers["knower"] = knower  # pyright: ignore[reportArgumentType]
    glances, _ = player.play(PointingJob("put_in", "pair", EVALUATION_SEED + 3))
    known = [glance for glance in glances if glance.policy == "knower"]
    assert len(known) == len(set(knower.asked)) == 3
    report = PointingReport({}, {}, tuple(known))
    assert report.shares("knower", "pair")["all"] == Portion(3 * right, 3)
    assert report.shares("knower", "pair")["family"] == Portion(3, 3)
    assert report.shares("guesser", "pair")["all"] == Portion(0, 0)


def test_places_that_do_not_exist_are_not_judged() -> None:
    glances = (
        Glance("p", "put_in", "base", EVALUATION_SEED, "a", 0.01, 0.03, True),
        Glance("p", "reach", "base", EVALUATION_SEED, "b", 0.01, None, True),
        Glance("p", "reach", "base", EVALUATION_SEED, "c", 0.03, None, False),
    )
    shares = PointingReport({}, {}, glances).shares("p", "base")
    assert shares == {
        "target": Portion(2, 3),
        "destination": Portion(0, 1),
        "family": Portion(2, 3),
        "all": Portion(1, 3),
    }


def test_a_guess_is_seldom_right_and_workers_change_nothing(tmp_path: Path) -> None:
    settings: Any = {
        "tasks": ("reach", "put_in"),
        "axes": ("base", "paraphrase"),
        "scenes": 2,
        "questions": 2,
    }
    one = evaluate_pointing({"guesser": Guesser}, workers=1, **settings)
    two = evaluate_pointing({"guesser": Guesser}, workers=2, **settings)
    assert one.glances == two.glances
    assert len(one.glances) == 16
    assert one.shares("guesser", "base")["all"].rate < 0.3
    one.write(tmp_path / "eval.json")
    manifest = json.loads((tmp_path / "eval.json").read_text())
    assert [line["axis"] for line in manifest["shares"]] == ["base", "paraphrase"]
    assert manifest["shares"][0]["target"]["of"] == 8


def test_mistakes_name_the_choices() -> None:
    with pytest.raises(ValueError, match=r"axis 'dark' is not one of base, .*paraphrase"):
        PointingJob("reach", "dark", EVALUATION_SEED)
    with pytest.raises(ValueError, match="below 1000000"):
        PointingJob("reach", "base", 5)
    with pytest.raises(ValueError, match="questions 0 must be at least 1"):
        evaluate_pointing({"guesser": Guesser}, questions=0)
    with pytest.raises(ContractError, match=r"stranger is for another robot: .*other"):
        PointingPlayer({"stranger": partial(Guesser, "other")}, 1, "auto")
