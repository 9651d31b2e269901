"""Evaluation of goals carried out end to end: many episodes over processes; interrupted, it goes on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from sim.backend import choose_backend
from sim.diary import Keeping, play_kept
from sim.episode import PolicySource
from sim.footage import Take
from sim.goals import TEMPLATES
from sim.goals.composite import CompositeEpisode, CompositeJob, CompositeSettings
from sim.goals.composite_player import CompositePlayer
from sim.goals.composite_report import ACTION_KINDS, CompositeReport, episode_of
from sim.goals.evaluate import PlannerSource
from sim.seeds import EVALUATION_SEED
from vla.runtime.outcome import versions

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
    player = partial(CompositePlayer, make_policy, make_planners, settings, backend, render)
    keeping = None
    if folder is not None:
        title = "one episode per kind of goal"
        keeping = Keeping(folder, told, episode_of, _take, _kind, ("episodes",), title, films=render)
    played = play_kept(player, jobs, workers, progress, keeping)
    report = CompositeReport(told, versions(), played, time.monotonic() - began_s)
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


def _kind(job: CompositeJob) -> str:
    return TEMPLATES[job.template].kind


def _take(episode: CompositeEpisode) -> Take:
    words = (episode.template, episode.axis, episode.seed, episode.planner, episode.disturbance)
    return Take("-".join(map(str, words)), f"| {episode.goal} [{episode.cause}]", episode.success)
