"""``handily vqa eval``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from sim.instruct.answer_sheet import answer_sheet
from sim.instruct.examination import SPLITS, Answerer, Examined, Examinee, Pictures, Trial, examine
from sim.instruct.marks import ExamReport, Mark, Mentions
from sim.seeds import check_evaluation_seed
from vla.cli.checkpoints import planner_weights_id
from vla.cli.settings import check_device, check_least, check_renderer, configured
from vla.cli.terminal import console, counted
from vla.cli.vision_language import vision_language_model
from vla.config import ConfigError
from vla.models.vlm import VisionLanguageModel
from vla.planner.chat_link import ChatLimits
from vla.runtime.outcome import new_run_folder, versions

if TYPE_CHECKING:
    from vla.planner.answering import SeeingLlava

_USUAL_SIZE = 128
_CAMERA = "front"


@dataclass(frozen=True)
class VqaEvalConfig:
    """Keys of ``handily vqa eval``; what they mean stands in ``configs/vqa_eval.yaml``."""

    model: str | None
    scenes: int
    questions: int
    seed: int
    image_size: int | None
    max_words: int
    pictures: int
    device: str
    timeout_s: float
    plain_http: bool
    renderer: str
    out: str

    def __post_init__(self) -> None:
        check_least(self, scenes=1, questions=1, max_words=1, pictures=1)
        if self.image_size is not None and self.image_size < 16:
            raise ValueError(f"image_size={self.image_size} must be at least 16")
        check_evaluation_seed(self.seed)
        check_device(self.device)
        check_renderer(self.renderer)
        self.limits()

    def limits(self) -> ChatLimits:
        """How long a server is asked."""
        return ChatLimits(timeout_s=self.timeout_s, plain_http=self.plain_http)


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Examine a model; print the tables, leave the manifest and a page of examples."""
    config = configured("vqa_eval", overrides, VqaEvalConfig, show_config)
    model = vision_language_model(config.model, config.device, config.limits())
    look, size = examinee(model, config)
    folder, began_s = new_run_folder(Path(config.out), datetime.now()), time.monotonic()
    trials: list[Trial] = []
    page = _Page(config.pictures)
    scenes = examine(
        look, config.scenes, config.questions, config.seed, image_size=size, backend=config.renderer
    )
    with counted("examining", "scenes") as progress:
        for done, scene in enumerate(scenes, 1):
            trials += scene.trials
            page.offer(scene)
            progress(done, config.scenes)
    weights = planner_weights_id(config.model)
    settings = asdict(config) | {"image_size": size, "weights": weights}
    report = ExamReport(settings, versions(), tuple(trials), time.monotonic() - began_s)
    report.write(folder / "vqa.json")
    answer_sheet(page.scenes(), folder / "answers.png")
    out = console()
    out.print(table_of(report.marks()))
    if report.mentions():
        out.print(mentions_table(report.mentions()))
    out.print(f"{len(trials)} answers in {report.wall_s:.0f} s; {folder}: vqa.json, answers.png")


def examinee(model: VisionLanguageModel, config: VqaEvalConfig) -> tuple[Examinee, int]:
    """How a model is examined, and the pictures' size.

    The small LLaVA looks once at both cameras' pictures; any other model sees that of the front camera with
    each question, as it does when it plans.

    Raises:
        ConfigError: its eyes want another size.
    """
    # Only now: a server should not have to wait for torch.
    if config.model is None or not config.model.startswith(("http://", "https://")):
        from vla.planner.answering import SeeingLlava

        if isinstance(model, SeeingLlava):
            if config.image_size not in (None, model.image_size):
                raise ConfigError(
                    f"image_size={config.image_size}: the model's eyes see {model.image_size} pixels"
                )
            return partial(_looked_once, model, config.max_words), model.image_size
    return partial(_shown_each_time, model, config.max_words), config.image_size or _USUAL_SIZE


def _looked_once(model: SeeingLlava, max_words: int, pictures: Pictures) -> Answerer:
    from vla.models.talking import CAMERAS

    look = model.look([pictures[name] for name in CAMERAS])
    return lambda question: model.answer(look, question, max_words)


def _shown_each_time(model: VisionLanguageModel, max_words: int, pictures: Pictures) -> Answerer:
    return lambda question: model.reply(pictures[_CAMERA], question, max_words=max_words)


class _Page:
    """Scenes for the page of examples: the first ones with mistakes, and the first ones without."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[bool, list[Examined]] = {False: [], True: []}

    def offer(self, scene: Examined) -> None:
        """Keep a scene if it may be shown."""
        kept = self._kept[all(trial.right for trial in scene.trials)]
        if len(kept) < self._size:
            kept.append(scene)

    def scenes(self) -> list[Examined]:
        """Half of them with mistakes where there are enough of both."""
        wrong, right = self._kept[False], self._kept[True]
        count = max(self._size - len(right), (self._size + 1) // 2)
        shown = wrong[:count]
        return [*shown, *right[: self._size - len(shown)]]


def table_of(marks: Sequence[Mark]) -> Table:
    """Exact matches in percent with 95 % Wilson intervals: a column per kind of wording."""
    title = "exact answers in %, 95 % Wilson"
    columns = [name for split in SPLITS for name in ("n", f"{split} wordings", "commonest answer")]
    found = Table("question", *columns, title=title, box=None)
    for what in dict.fromkeys(mark.what for mark in marks):
        cells: list[str] = []
        for mark in (mark for mark in marks if mark.what == what):
            share = f"{100 * mark.commonest / mark.trials:.0f}" if mark.trials else "-"
            cells += [str(mark.trials), _cell(mark.rate, mark.low, mark.high, mark.trials), share]
        found.add_row(what, *cells)
    return found


def mentions_table(mentions: Sequence[Mentions]) -> Table:
    """Precision and recall of mentioned objects and fixtures in percent, with 95 % Wilson intervals."""
    columns = [name for split in SPLITS for name in (f"precision, {split}", f"recall, {split}")]
    found = Table("description", *columns, title="things mentioned in %, 95 % Wilson", box=None)
    for what in dict.fromkeys(each.what for each in mentions):
        cells: list[str] = []
        for each in (each for each in mentions if each.what == what):
            cells += [_cell(*each.precision, each.counts.mentioned), _cell(*each.recall, each.counts.there)]
        found.add_row(what, *cells)
    return found


def _cell(rate: float, low: float, high: float, count: int) -> str:
    return f"{100 * rate:.1f} ({100 * low:.1f}-{100 * high:.1f})" if count else "-"
