"""``handily collect``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sim.backend import choose_backend
from sim.collect import CollectSettings
from sim.collect import collect as record
from sim.goals.school import LessonSettings, collect_lessons
from sim.goals.sentences import draw_sentences
from sim.stills import StillSettings, draw_stills
from vla.cli.settings import check_least, configured, families, processes
from vla.cli.suites import FOREIGN, choose_suite
from vla.cli.terminal import console, counted
from vla.config import ConfigError
from vla.dataset.sentences import Sentence, write_sentences
from vla.dataset.staging import staged_keys


@dataclass(frozen=True)
class CollectConfig:
    """Keys of ``handily collect``; what they mean stands in ``configs/collect.yaml``."""

    task: list[str]
    episodes: int
    out: str
    workers: int
    seed: int
    noise: float
    midway: float
    tail: int
    image_size: int
    stills: int
    tableaux: bool
    lessons: int
    sentences: int
    pictures: bool
    talk: int

    def __post_init__(self) -> None:
        check_least(self, episodes=1, workers=0, stills=0, lessons=0, sentences=0, talk=0)
        if not 0.0 <= self.noise <= 1.0:
            raise ValueError(f"noise={self.noise} is outside 0..1")
        if not 0.0 <= self.midway <= 1.0:
            raise ValueError(f"midway={self.midway} is outside 0..1")
        if self.tableaux and not self.stills:
            raise ValueError("tableaux=true goes with stills=N: demonstrations begin with nothing done")
        if sum(map(bool, (self.stills, self.lessons, self.sentences))) > 1:
            raise ValueError(
                f"stills={self.stills}, lessons={self.lessons}, sentences={self.sentences}: "
                "collect one at a time"
            )
        if self.image_size < 16 or self.image_size % 2:
            raise ValueError(f"image_size={self.image_size} must be even and at least 16 pixels")


def collect(overrides: list[str], show_config: bool) -> None:
    """Record what is missing of the dataset, with progress."""
    suite, words = choose_suite(overrides, ("tabletop", *FOREIGN), "tabletop")
    if suite in FOREIGN:
        from vla.cli.suite import collect as command

        return command(suite, words, show_config)
    config = configured("collect", words, CollectConfig, show_config)
    if config.stills:
        return _collect_stills(config)
    if config.lessons:
        return _collect_lessons(config)
    if config.sentences:
        return _collect_sentences(config)
    settings = CollectSettings(
        root=Path(config.out),
        tasks=families(config.task),
        episodes=config.episodes,
        seed=config.seed,
        noise=config.noise,
        tail=config.tail,
        image_size=config.image_size,
        midway=config.midway,
    )
    choose_backend()
    before = len(staged_keys(settings.root)) if settings.root.is_dir() else 0
    began_s, rows, tries, recorded = time.monotonic(), 0, 0, 0
    with counted("collecting", "episodes") as progress:
        progress(before, config.episodes)
        for episode in record(settings, processes(config.workers)):
            recorded += 1
            rows += episode.length
            tries += 1 + episode.failed
            progress(before + recorded, config.episodes)
    took_s = time.monotonic() - began_s
    out = console()
    if recorded:
        rate = f"{rows} rows at {rows / took_s:.0f} rows/s, {tries - recorded} of {tries} tries failed"
        out.print(f"{recorded} episodes recorded in {took_s:.0f} s: {rate}")
    out.print(
        f"{config.out} holds {before + recorded} episodes; to see them: handily dataset show {config.out}"
    )


def _collect_stills(config: CollectConfig) -> None:
    if config.task != ["all"]:
        raise ConfigError(f"task={','.join(config.task)} does not go with stills: they show every family")
    settings = StillSettings(
        Path(config.out), config.stills, config.seed, config.image_size, tableaux=config.tableaux
    )
    choose_backend()
    with counted("drawing", "stills") as progress:
        for done in draw_stills(settings, processes(config.workers)):
            progress(done, config.stills)
    console().print(
        f"{config.out} holds {config.stills} stills; to train with them: handily train stills={config.out}"
    )


def _collect_lessons(config: CollectConfig) -> None:
    if config.task != ["all"]:
        raise ConfigError(f"task={','.join(config.task)} does not go with lessons: they are about all goals")
    settings = LessonSettings(
        Path(config.out), config.lessons, config.seed, config.pictures, config.image_size, config.talk
    )
    if config.pictures:
        choose_backend()
    with counted("collecting", "lessons") as progress:
        for done in collect_lessons(settings, processes(config.workers)):
            progress(done, config.lessons)
    key = "lessons" if config.pictures else "told"
    console().print(
        f"{config.out} holds {config.lessons} lessons; to train with them: handily planner train "
        f"{key}={config.out}"
    )


def _collect_sentences(config: CollectConfig) -> None:
    if config.task != ["all"]:
        raise ConfigError(
            f"task={','.join(config.task)} does not go with sentences: they are about all goals"
        )
    sentences: list[Sentence] = []
    with counted("drawing", "sentences") as progress:
        for sentence in draw_sentences(config.sentences, config.seed):
            sentences.append(sentence)
            if len(sentences) % 1000 == 0 or len(sentences) == config.sentences:
                progress(len(sentences), config.sentences)
    write_sentences(Path(config.out), sentences)
    console().print(
        f"{config.out} holds {config.sentences} sentences; to train with them: handily planner train "
        f"sentences={config.out}"
    )
