"""A person's mistake is one line and exit code 2; an interruption is one line and exit code 130."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from vla.contract import ContractError
from vla.extras import needs

Given = ParamSpec("Given")

USER_MISTAKE = 2
INTERRUPTED = 130

ROOM_ERRORS = (
    ("vla.bridge.errors", "BridgeError"),
    ("vla.dataset.schema", "DatasetError"),
    ("policies.manifest", "CheckpointError"),
)
"""Module and class of errors that speak to the person but do not derive from ContractError."""

EXTRAS = {
    "run": "sim,serve",
    "collect": "sim",
    "train": "train,sim",
    "evaluate": "sim,serve",
    "serve": "serve",
    "bench": "sim,serve,bench",
    "clip_train": "train,sim",
    "clip_eval": "train,sim",
    "clip_calibrate": "train,sim,plot",
    "look": "serve,images",
    "planner_train": "train",
    "vqa_generate": "sim",
    "vqa_show": "sim",
    "vqa_eval": "sim,serve",
    "dataset_info": "record",
    "dataset_doctor": "record",
    "dataset_show": "record",
    "dataset_replay": "sim",
    "study_vision": "sim,serve,plot",
}
"""What to install for a whole command; for those not listed it is the extra of the first package missed."""


def reported(command: Callable[Given, None]) -> Callable[Given, None]:
    """Wrap a command so that a mistake or Ctrl-C ends it with one line on stderr and no traceback.

    What counts as a mistake: :class:`vla.contract.ContractError`, :data:`ROOM_ERRORS`, an optional package
    that is not installed, and a file that is missing or cannot be used. Anything else is a bug, and keeps its
    traceback.
    """

    @functools.wraps(command)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            with needs(EXTRAS.get(command.__name__)):
                command(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo("handily: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except _mistakes() as error:
            typer.echo(f"handily: {_one_line(error)}", err=True)
            raise typer.Exit(USER_MISTAKE) from None

    return guarded


def _mistakes() -> tuple[type[Exception], ...]:
    """The classes to catch. A room that was never imported raised nothing, and stays unimported."""
    rooms = [getattr(sys.modules[module], name) for module, name in ROOM_ERRORS if module in sys.modules]
    return (ContractError, FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError, *rooms)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or 'cannot be used').lower()}"
    return " ".join(str(error).split())
