"""``handily clip calibrate``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from policies.calibration import best_threshold, fit_platt, judge_at, reliability
from policies.checkpoint import find_checkpoint
from policies.clip_evaluation import embed_all
from policies.manifest import CheckpointError
from vla.cli.clip_data import subgoals_of
from vla.cli.clip_eval import SETS, unseen
from vla.cli.image_text import image_text_model
from vla.cli.settings import check_device, configured
from vla.cli.terminal import console, counted
from vla.extras import needs
from vla.models.clip import ImageTextModel
from vla.planner.looking import Calibration, done_scores
from vla.planner.verdicts import cells, numbers

_BLOCK = 128


@dataclass(frozen=True)
class CLIPCalibrateConfig:
    """Keys of ``handily clip calibrate``; what they mean stands in ``configs/clip_calibrate.yaml``."""

    model: str
    data: str
    scenes: int
    threshold: float | None
    precision: float
    seed: int
    device: str
    out: str | None

    def __post_init__(self) -> None:
        check_device(self.device)
        for key in ("threshold", "precision"):
            value = getattr(self, key)
            if value is not None and not 0 < value < 1:
                raise ValueError(f"{key}={value} is outside (0, 1)")


@dataclass(frozen=True)
class Scored:
    """Looks at instructions: family, score and truth of each, (n,)."""

    families: list[str]
    scores: NDArray[np.float64]
    done: NDArray[np.bool_]


def calibrate(overrides: list[str], show_config: bool) -> None:
    """Fit on base scenes, measure on held-out ones; leave ``calibration.json`` and ``calibration.png``."""
    config = configured("clip_calibrate", overrides, CLIPCalibrateConfig, show_config)
    model = image_text_model(config.model, config.device)
    rng = np.random.default_rng(config.seed)
    scored = {name: _score(model, config, name, rng) for name in SETS}
    calibration = fit_platt(scored["base"].scores, scored["base"].done)
    known = calibration.probability(scored["base"].scores)
    threshold = config.threshold or best_threshold(known, scored["base"].done, config.precision)
    calibration = replace(calibration, threshold=threshold)
    folder = _folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    calibration.save(folder / "calibration.json")
    plot(scored, calibration, folder / "calibration.png")
    report = {name: _numbers(one, calibration) for name, one in scored.items()}
    (folder / "verdicts.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    out = console()
    out.print(_table(scored, calibration))
    out.print(f"{folder}: calibration.json, calibration.png, verdicts.json")


def plot(scored: dict[str, Scored], calibration: Calibration, path: Path) -> None:
    """Precision against recall with the threshold in use, and promised against kept probabilities."""
    with needs("plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, one in scored.items():
        chances = calibration.probability(one.scores)
        curve = [judge_at(chances, one.done, float(t)) for t in np.linspace(0.01, 0.99, 99)]
        (line,) = left.plot([v.recall.rate for v in curve], [v.precision.rate for v in curve], label=name)
        here = judge_at(chances, one.done, calibration.threshold)
        left.plot(here.recall.rate, here.precision.rate, "o", color=line.get_color())
        said, was, _, error = reliability(chances, one.done)
        right.plot(said, was, marker="o", label=f"{name}, error {error:.3f}")
    right.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    left.set_title(f"the dot: threshold {calibration.threshold:g}", fontsize=10)
    right.set(xlabel="probability said", ylabel="share done", xlim=(0, 1), ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=150)


def _score(model: ImageTextModel, config: CLIPCalibrateConfig, name: str, rng: np.random.Generator) -> Scored:
    """Every instruction of every unseen scene, in one wording."""
    stills = unseen(Path(config.data), name, config.scenes, model.image_size)
    looks = [
        (k, query["family"], goal.texts[int(rng.integers(len(goal.texts)))], goal.done)
        for k, goals in enumerate(subgoals_of(stills))
        for query, goal in zip(stills.queries[k], goals, strict=True)
    ]
    with counted(f"looking at {name}", "pictures") as progress:
        features = embed_all(model, stills.images["front"], progress)
    scores = []
    with counted(f"judging {name}", "instructions") as progress:
        for start in range(0, len(looks), _BLOCK):
            block = looks[start : start + _BLOCK]
            seen = features[[k for k, *_ in block]]
            scores.append(done_scores(model, seen, [text for _, _, text, _ in block]))
            progress(min(start + _BLOCK, len(looks)), len(looks))
    return Scored([f for _, f, _, _ in looks], np.concatenate(scores), np.array([d for *_, d in looks]))


def _folder(config: CLIPCalibrateConfig) -> Path:
    """Where the calibration belongs."""
    if config.out is not None:
        return Path(config.out)
    try:
        return find_checkpoint(config.model)
    except CheckpointError:
        return Path("runs") / "calibration"


def _numbers(one: Scored, calibration: Calibration) -> dict[str, dict[str, Any]]:
    return {
        family: numbers(judge_at(chances, done, calibration.threshold))
        | {"calibration_error": reliability(chances, done)[3]}
        for family, chances, done in _by_family(one, calibration)
    }


def _table(scored: dict[str, Scored], calibration: Calibration) -> Table:
    title = f"threshold {calibration.threshold:g}: verdicts in %, 95 % Wilson (balanced: MOVER)"
    columns = ("precision", "recall", "rejection", "balanced")
    found = Table("scenes", "instructions", "n", "done", *columns, title=title, box=None)
    for name, one in scored.items():
        for family, chances, done in _by_family(one, calibration):
            verdicts = judge_at(chances, done, calibration.threshold)
            found.add_row(name, family, str(len(done)), str(done.sum()), *cells(verdicts))
    return found


def _by_family(
    one: Scored, calibration: Calibration
) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.bool_]]]:
    """Probabilities and truth of all instructions, then of each family of them."""
    chances, families = calibration.probability(one.scores), np.array(one.families)
    yield "all", chances, one.done
    for family in sorted(set(one.families)):
        mine = families == family
        yield family, chances[mine], one.done[mine]
