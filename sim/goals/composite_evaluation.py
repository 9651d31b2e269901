"""Evaluation of goals carried out end to end: many episodes over processes; interrupted, it goes on."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from sim.backend import choose_backend
from sim.crew import play_all
from sim.episode import PolicySource
from sim.footage import Reel, Take
from sim.goals import TEMPLATES
from sim.goals.composite import CompositeEpisode, CompositeJob, CompositeSettings
from sim.goals.composite_player import CompositePlayer
from sim.goals.composite_report import ACTION_KINDS, CompositeReport, episode_of
from sim.goals.evaluate import PlannerSource
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError
from vla.runtime.outcome import versions

DIARY = "episodes.jsonl"
"""The episodes of an evaluation as they were finished, behind a line of settings."""

_FREE = ("workers", "out", "resume", "episodes")
"""Settings that may change between the turns of one evaluation; more episodes are more seeds, at the end."""

Progress = Callable[[int, int], None]
"""Told (episodes done, episodes in all) after each episode."""


def evaluate_composite(
    make_policy: PolicySource,
    make_planners: Mapping[str, PlannerSource],
    templates: Sequence[str] = tuple(name for name, t in TEMPLATES.items() if t.kind in ACTION_KINDS),
    episodes: int = 5,
    axes: Sequence[str] = ("base",),
    disturbances: Sequence[str] = ("none",),
    seed: int = EVALUATION_SEED,
    workers: int = 0,
    progress: Progress | None = None,
    *,
    settings: CompositeSettings | None = None,
    backend: str = "auto",
    render: bool = True,
    folder: Path | None = None,
    more_settings: Mapping[str, Any] | None = None,
) -> CompositeReport:
    """Play ``episodes`` scenes of every template in every condition, the same scenes in each.

    Args:
        make_policy: Called once per worker; it and the planners' makers must be picklable. See
            :class:`sim.goals.composite_player.CompositePlayer`.
        make_planners: Name to maker.
        templates: Names of goal templates.
        episodes: Scenes per template and condition, at least 1.
        axes: Some of :data:`sim.goals.evaluate.PLAN_AXES`.
        disturbances: Some of :data:`sim.goals.mishaps.MISHAPS`.
        seed: First seed, at least :data:`sim.seeds.EVALUATION_SEED`.
        workers: Processes; 0 means one per core that this process may use.
        progress: Called after each episode.
        settings: How every episode is played.
        backend: See :func:`sim.backend.choose_backend`.
        render: False shows black pictures, where nobody looks; there is no footage then.
        folder: Where to leave ``eval.json``, ``contact_sheet.png``, ``failures.mp4``, ``failures/`` and the
            diary that an interrupted evaluation goes on from, if that is there already; None leaves nothing.
        more_settings: Written into the manifest's settings too.

    Raises:
        ValueError: an argument is outside its choices, or ``seed`` may have been trained on.
        ContractError: the policy was made for another robot, or ``folder`` holds another evaluation.
    """
    named = {"planners": make_planners, "templates": templates, "axes": axes, "disturbances": disturbances}
    varied = {what: list(dict.fromkeys(names)) for what, names in named.items()}
    for what, names in varied.items():
        if not names:
            raise ValueError(f"{what} must name at least one, got none")
    for what, value, least in (("episodes", episodes, 1), ("workers", workers, 0)):
        if value < least:
            raise ValueError(f"{what} {value} must be at least {least}")
    settings = settings or CompositeSettings()
    jobs = _jobs(varied, episodes, seed)
    backend = choose_backend(backend)
    told = {
        **(more_settings or {}),
        "suite": "composite",
        **varied,
        "episodes": episodes,
        "seed": seed,
        **asdict(settings),
        "backend": backend,
    }
    began_s = time.monotonic()
    recalled = {} if folder is None else _recalled(folder, told)
    found = {index: episode for index, episode in recalled.items() if index < len(jobs)}
    reel = Reel(folder, "one episode per kind of goal") if folder is not None and render else None
    for index, episode in found.items():
        if reel is not None:
            reel.recall(index, _take(episode).name)
    left = [index for index in range(len(jobs)) if index not in found]
    player = partial(CompositePlayer, make_policy, make_planners, settings, backend, render)
    filmed = _filmed(jobs, left) if reel is not None else set[int]()
    playing = [replace(jobs[index], filmed=index in filmed) for index in left]
    for k, episode, shots in play_all(player, playing, workers):
        index = left[k]
        found[index] = episode
        if folder is not None:
            _note(folder, {"index": index, "episode": asdict(episode)})
        if reel is not None:
            reel.add(index, index in filmed, _take(episode), shots)
        if progress is not None:
            progress(len(found), len(jobs))
    played = tuple(found[index] for index in range(len(jobs)))
    report = CompositeReport(told, versions(), played, time.monotonic() - began_s)
    if reel is not None:
        reel.finish()
    if folder is not None:
        report.write(folder / "eval.json")
    return report


def _jobs(varied: Mapping[str, list[str]], episodes: int, seed: int) -> list[CompositeJob]:
    """In the order of seeds, so that half an evaluation has seen every template."""
    conditions = itertools.product(
        range(episodes), varied["templates"], varied["axes"], varied["disturbances"], varied["planners"]
    )
    return [
        CompositeJob(template, axis, seed + k, planner, disturbance)
        for k, template, axis, disturbance, planner in conditions
    ]


def _filmed(jobs: Sequence[CompositeJob], left: Sequence[int]) -> set[int]:
    """The first job of each kind of goal among those that are left."""
    first: dict[str, int] = {}
    for index in left:
        first.setdefault(TEMPLATES[jobs[index].template].kind, index)
    return set(first.values())


def _take(episode: CompositeEpisode) -> Take:
    words = (episode.template, episode.axis, episode.seed, episode.planner, episode.disturbance)
    return Take("-".join(map(str, words)), f"| {episode.goal} [{episode.cause}]", episode.success)


def _recalled(folder: Path, told: Mapping[str, Any]) -> dict[int, CompositeEpisode]:
    """Job number to the episodes played before, from the folder's diary; none where a new one was begun.

    Raises:
        ContractError: the diary is another evaluation's, or none.
    """
    path = folder / DIARY
    plain = json.loads(json.dumps(told))
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _note(folder, {"settings": plain})
        return {}
    text = path.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:  # an interruption tore the last line
        path.write_text(whole, encoding="utf-8")
    try:
        first, *rest = [json.loads(line) for line in whole.splitlines()]
        before: Mapping[str, Any] = first["settings"]
        episodes = {int(line["index"]): episode_of(line["episode"]) for line in rest}
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path} is no diary of an evaluation: {error!r}") from error
    differing = sorted(
        key for key in before.keys() | plain.keys() if before.get(key) != plain.get(key) and key not in _FREE
    )
    if differing:
        was = ", ".join(f"{key} was {before.get(key)!r} and is {plain.get(key)!r}" for key in differing)
        raise ContractError(f"{folder} holds another evaluation: {was}")
    return episodes


def _note(folder: Path, line: Mapping[str, Any]) -> None:
    with (folder / DIARY).open("a", encoding="utf-8") as diary:
        diary.write(json.dumps(line) + "\n")
