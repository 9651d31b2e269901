"""``handily clip eval``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.table import Table
from torch import Tensor

from policies.clip_evaluation import PromptedChoice, embed_all, probed, zero_shot
from sim.captions import BARE, UNFITTING, caption, prompts, templates
from sim.choices import TOPICS, Choice, balanced, choices_of
from sim.randomise import Randomise
from sim.statements import Statement
from sim.stills import StillSettings, draw_stills
from vla.cli.clip_data import facts_of_stills
from vla.cli.image_text import image_text_model
from vla.cli.settings import check_device, check_least, configured, processes
from vla.cli.terminal import console, counted
from vla.dataset.frames import FrameCache
from vla.models.clip import ImageTextModel
from vla.wilson import wilson_interval

SETS = {
    "base": (0, Randomise()),
    "layout": (10_000, Randomise(layout="test")),
    "pair": (20_000, Randomise(pair="test")),
}
"""Kinds of unseen scenes: where their seeds begin, and what is held out in them."""

ENSEMBLE, BEST_KNOWN = "held-out prompts", "training prompts"
_SEVERAL = 3


@dataclass(frozen=True)
class CLIPEvalConfig:
    """Keys of ``handily clip eval``; what they mean stands in ``configs/clip_eval.yaml``."""

    model: str
    stills: list[str]
    data: str
    scenes: int
    questions: int
    probe_scenes: int
    seed: int
    device: str
    out: str

    def __post_init__(self) -> None:
        check_device(self.device)
        check_least(self, scenes=1, questions=1, probe_scenes=1)


@dataclass(frozen=True)
class Row:
    """How often of ``n`` questions a way of answering was right, with 95 % Wilson bounds."""

    scenes: str
    topic: str
    way: str
    n: int
    rate: float
    low: float
    high: float
    chance: float


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Ask everything in every way; print the table and leave ``eval.json``."""
    config = configured("clip_eval", overrides, CLIPEvalConfig, show_config)
    model = image_text_model(config.model, config.device)
    rng = np.random.default_rng(config.seed)
    known = _known(config, model, rng)
    rows: list[Row] = []
    for name in SETS:
        stills = unseen(Path(config.data), name, config.scenes, model.image_size)
        choices = _asked(stills, rng, config.questions, held_out=name == "pair")
        with counted(f"looking at {name}", "pictures") as progress:
            features = embed_all(model, stills.images["front"], progress)
        rows += measure(model, name, choices, features, known)
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    report = {"settings": asdict(config), "rows": [asdict(row) for row in rows]}
    (folder / "eval.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console().print(table(rows))
    console().print(f"{folder / 'eval.json'}")


def unseen(folder: Path, name: str, count: int, image_size: int) -> FrameCache:
    """The unseen scenes of a kind, drawn where they are missing; pictures keep the simulator's usual size."""
    first, switches = SETS[name]
    settings = StillSettings(
        folder / f"{name}-{count}", count, first, switches=switches, tableaux=True, evaluation=True
    )
    with counted(f"drawing {name}", "stills") as progress:
        for done in draw_stills(settings, processes(0)):
            progress(done, count)
    return FrameCache.open_stills(settings.root)


def measure(
    model: ImageTextModel,
    scenes: str,
    choices: Sequence[PromptedChoice],
    features: Tensor,
    known: tuple[Tensor, Sequence[PromptedChoice]],
) -> list[Row]:
    """Every way of answering, by topic."""
    rows = []
    for topic in TOPICS:
        group = [choice for choice in choices if choice.topic == topic]
        if not group:
            continue
        chance = float(np.mean([1 / len(next(iter(choice.prompts.values()))) for choice in group]))
        for way in group[0].prompts:
            right = zero_shot(model, features, [c for c in group if way in c.prompts], way)
            rows.append(_row(scenes, topic, way, right, chance))
        right, fitted = probed(*known, features, group)
        rows.append(_row(scenes, topic, "linear probe", right[fitted], chance))
    return rows


def table(rows: Sequence[Row]) -> Table:
    """Accuracy in percent with 95 % Wilson intervals: a line per kind of scene and topic."""
    ways = list(dict.fromkeys(row.way for row in rows))
    found = Table("scenes", "topic", "n", "chance", *ways, title="right answers in %, 95 % Wilson", box=None)
    for scenes, topic in dict.fromkeys((row.scenes, row.topic) for row in rows):
        cells = {row.way: row for row in rows if (row.scenes, row.topic) == (scenes, topic)}
        first = next(iter(cells.values()))
        shown = [_cell(cells[way], first.n) if way in cells else "" for way in ways]
        found.add_row(scenes, topic, str(first.n), f"{100 * first.chance:.0f}", *shown)
    return found


def _cell(row: Row, usual: int) -> str:
    text = f"{100 * row.rate:.0f} ({100 * row.low:.0f}-{100 * row.high:.0f})" if row.n else "-"
    return text if row.n in (0, usual) else f"{text} n={row.n}"


def _row(scenes: str, topic: str, way: str, right: np.ndarray, chance: float) -> Row:
    count, hits = len(right), int(right.sum())
    low, high = wilson_interval(hits, count)
    return Row(scenes, topic, way, count, hits / count if count else 0.0, low, high, chance)


def _known(
    config: CLIPEvalConfig, model: ImageTextModel, rng: np.random.Generator
) -> tuple[Tensor, list[PromptedChoice]]:
    """Features of training scenes and every question about them, for the probe."""
    stills = FrameCache.open_stills(config.stills[0])
    count = min(config.probe_scenes, len(stills.tasks))
    with counted("looking at training scenes", "pictures") as progress:
        features = embed_all(model, stills.images["front"][:count], progress)
    facts = facts_of_stills(stills)[:count]
    asked = [choice for k, scene in enumerate(facts) for choice in choices_of(scene, k)]
    return features, [_prompted(choice) for choice in balanced(asked, rng, 10**9)]


def _asked(
    stills: FrameCache, rng: np.random.Generator, at_most: int, held_out: bool
) -> list[PromptedChoice]:
    """Questions about unseen scenes; of held-out pairs, those about the pairs only, and states."""
    asked = [choice for k, facts in enumerate(facts_of_stills(stills)) for choice in choices_of(facts, k)]
    if held_out:
        asked = [choice for choice in asked if choice.held_out or choice.topic == "state"]
    return [_prompted(choice) for choice in balanced(asked, rng, at_most)]


def _prompted(choice: Choice) -> PromptedChoice:
    """The question's wordings: held-out and training prompts together, bare words, a few alone, and the words
    in a sentence that does not fit.
    """

    def each(wording: Statement, split: str, number: int) -> list[str]:
        kinds = templates(wording.kind, "test" if split == "test" else "train")
        return [caption(wording, "train", None, kinds[number % len(kinds)])]

    ways = {
        ENSEMBLE: [prompts(option, "test") for option in choice.options],
        BEST_KNOWN: [prompts(option, "train") for option in choice.options],
        "bare words": [[caption(option, "train", None, BARE)] for option in choice.options],
        "unfitting": [[caption(option, "train", None, UNFITTING)] for option in choice.options],
    }
    for number in range(_SEVERAL):
        ways[f"training {number + 1}"] = [each(option, "train", number) for option in choice.options]
    for number in range(2):
        ways[f"held-out {number + 1}"] = [each(option, "test", number) for option in choice.options]
    return PromptedChoice(choice.scene, choice.topic, choice.slot, ways, choice.answer)
