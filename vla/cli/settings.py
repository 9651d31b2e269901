"""How a command gets its configuration, or shows it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import typer
from omegaconf import OmegaConf

from vla.cli.terminal import console
from vla.config import ConfigError, check_choice, compose_yaml, load
from vla.runtime.outcome import new_run_folder

Schema = TypeVar("Schema")

CHUNKINGS = ("auto", "trained", "guided", "stop_gradient", "off")
"""``policies.chunking.CHUNKING``, which a command line must know before it loads torch."""


def configured(command: str, overrides: Sequence[str], schema: type[Schema], show: bool = False) -> Schema:
    """The command's configuration; with ``show`` it is printed as YAML and the command ends here.

    Raises:
        ConfigError: see :func:`vla.config.load`.
        typer.Exit: after printing.
    """
    if show:
        typer.echo(OmegaConf.to_yaml(compose_yaml(command, overrides, schema), resolve=True), nl=False)
        raise typer.Exit()
    return load(command, overrides, schema)


def families(names: Sequence[str]) -> tuple[str, ...]:
    """Task families by name; see :func:`tasks_among`."""
    from sim.tasks import TASKS

    return tasks_among(names, TASKS)


def tasks_among(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Tasks by name; ``all`` stands for every one.

    Raises:
        ConfigError: a name is none of the known ones, or there is none; the message lists them.
    """
    choices = [*known, "all"]
    for name in names:
        check_choice("task", name, choices)
    if not names:
        raise ConfigError(f"task=[] names none of {', '.join(choices)}")
    return tuple(choices[:-1]) if "all" in names else tuple(dict.fromkeys(names))


def evaluation_folder(out: str, resume: str | None) -> Path:
    """Where an evaluation goes on, or a new folder in ``out``, named after the time; says which.

    Raises:
        ConfigError: there is nothing in ``resume`` to go on with.
    """
    from sim.diary import DIARY

    if resume is None:
        folder = new_run_folder(Path(out), datetime.now())
    elif not ((folder := Path(resume)) / DIARY).is_file():
        raise ConfigError(f"resume={resume} is no folder of an interrupted evaluation: it has no {DIARY}")
    console(stderr=True).print(f"an interrupted evaluation goes on with resume={folder}")
    return folder


def check_least(config: object, **least: int) -> None:
    """Refuse numbers that are too small.

    Args:
        config: Has the named attributes.
        least: Name to the least value.

    Raises:
        ValueError: one is below; the message names it.
    """
    for key, bound in least.items():
        value = getattr(config, key)
        if value < bound:
            raise ValueError(f"{key}={value} must be at least {bound}")


def check_renderer(name: str) -> None:
    """Raise :class:`ConfigError` unless ``renderer=name`` is a choice."""
    from sim.backend import BACKENDS

    check_choice("renderer", name, ("auto", *BACKENDS))


def check_device(name: str) -> None:
    """Raise :class:`ConfigError` unless ``device=name`` is a choice; whether it is there shows later."""
    check_choice("device", name, ("auto", "cpu", "cuda"))


def processes(workers: int) -> int:
    """Worker processes for ``workers=``, where 0 means one per core; 0 here means none but this one."""
    count = workers or len(os.sched_getaffinity(0))
    return 0 if count == 1 else count
