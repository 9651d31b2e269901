"""``handily vqa generate | show``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from sim.backend import choose_backend
from sim.instruct.conversing import conversed
from sim.instruct.drawing import SceneSettings, draw_scenes, read_contexts
from sim.instruct.endpoint import Endpoint, EndpointSettings
from sim.instruct.records import DATA, Record, counts, read_records, templated, write_records
from sim.instruct.sheet import talk_sheet
from sim.instruct.still_scenes import scenes_of_stills
from sim.randomise import Split
from vla.cli.settings import check_least, configured, processes
from vla.cli.terminal import console, counted
from vla.config import ConfigError, check_choice


@dataclass(frozen=True)
class GenerateConfig:
    """Keys of ``handily vqa generate``; what they mean stands in ``configs/vqa_generate.yaml``."""

    out: str
    count: int
    stills: str
    split: str
    seed: int
    image_size: int
    workers: int
    endpoint: str
    model: str
    key_variable: str
    temperature: float
    max_tokens: int
    timeout_s: float
    retries: int
    at_once: int
    cache: str
    price_in: float
    price_out: float
    plain_http: bool

    def __post_init__(self) -> None:
        check_choice("split", self.split, ("train", "test"))
        check_least(self, workers=0, retries=0)
        check_least(self, count=1, at_once=1, max_tokens=1)
        if self.image_size < 16 or self.image_size % 2:
            raise ValueError(f"image_size={self.image_size} must be even and at least 16 pixels")
        if self.timeout_s <= 0:
            raise ValueError(f"timeout_s={self.timeout_s} must be above 0")
        if bool(self.endpoint) != bool(self.model):
            raise ValueError(
                f"endpoint={self.endpoint} and model={self.model} go together: "
                "an address such as http://127.0.0.1:8000/v1, and the name of a model there"
            )


@dataclass(frozen=True)
class ShowConfig:
    """Keys of ``handily vqa show``.

    Attributes:
        pictures: How many, spread evenly over the folder.
        out: The PNG to write; "" writes ``sheet.png`` in the folder itself.
    """

    pictures: int
    out: str

    def __post_init__(self) -> None:
        if self.pictures < 1:
            raise ValueError(f"pictures={self.pictures} must be at least 1")


def generate(overrides: list[str], show_config: bool) -> None:
    """Draw what is missing of the scenes, then talk about them."""
    config = configured("vqa_generate", overrides, GenerateConfig, show_config)
    root = Path(config.out)
    _draw(config, root)
    contexts = read_contexts(root)
    if config.endpoint:
        records = _asked(config, root)
    else:
        split: Split = "test" if config.split == "test" else "train"
        with counted("talking", "scenes") as progress:
            records: list[Record] = []
            for done, context in enumerate(contexts, 1):
                records += templated(context, split)
                progress(done, len(contexts))
    write_records(root, records)
    turns = sum(len(record.turns) for record in records)
    out = console()
    out.print(
        f"{root / DATA}: {turns} questions with answers in {len(records)} records, {len(contexts)} scenes"
    )
    out.print(f"to see them: handily vqa show {root}")


def _draw(config: GenerateConfig, root: Path) -> None:
    if config.stills:
        if config.split == "test":
            raise ConfigError("split=test draws scenes of its own: it does not go with stills=FOLDER")
        with counted("reading", "stills") as progress:
            for done, total in scenes_of_stills(Path(config.stills), root):
                progress(done, total)
        return
    choose_backend()
    settings = SceneSettings(root, config.count, config.seed, config.image_size, config.split == "test")
    with counted("drawing", "scenes") as progress:
        for done in draw_scenes(settings, processes(config.workers)):
            progress(done, config.count)


def _asked(config: GenerateConfig, root: Path) -> list[Record]:
    """Records from a language model, and what it cost."""
    settings = EndpointSettings(
        url=config.endpoint,
        model=config.model,
        key_variable=config.key_variable,
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        timeout_s=config.timeout_s,
        retries=config.retries,
        price_in=config.price_in,
        price_out=config.price_out,
        plain_http=config.plain_http,
    )
    endpoint = Endpoint(settings, Path(config.cache) if config.cache else root / "answers")
    contexts = read_contexts(root)
    try:
        with counted("asking", "talks") as progress:
            return conversed(contexts, endpoint, config.at_once, progress)
    finally:
        tally = endpoint.tally
        console().print(
            f"{tally.asked} answers from {config.model}, {tally.kept} kept from before, "
            f"{tally.retried} retries; {tally.tokens_in} tokens read, {tally.tokens_out} written, "
            f"cost {tally.cost(settings):.4f}"
        )


def show(folder: str, overrides: list[str], show_config: bool) -> None:
    """Count what is in a folder, and draw some of it."""
    config = configured("vqa_show", overrides, ShowConfig, show_config)
    root = Path(folder)
    records, contexts = read_records(root), read_contexts(root)
    table = Table("kind", "type", "questions")
    for (kind, type_), count in sorted(counts(records).items()):
        table.add_row(kind, type_, str(count))
    images = list(dict.fromkeys(record.image for record in records))
    step = max(1, len(images) // config.pictures)
    chosen = set(images[::step][: config.pictures])
    path = Path(config.out) if config.out else root / "sheet.png"
    shown = [record for record in records if record.image in chosen]
    talk_sheet(root, shown, {context["image"]: context for context in contexts}, path)
    console().print(table)
    console().print(f"{path} shows {len(chosen)} of {len(images)} pictures with what is said about them")
