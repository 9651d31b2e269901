"""A person's mistake is one line and exit code 2; an interruption is one line and exit code 130."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer

from vla.contract import ContractError

Given = ParamSpec("Given")

USER_MISTAKE = 2
INTERRUPTED = 130

MISTAKES = (ContractError, FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError)


def reported(command: Callable[Given, None]) -> Callable[Given, None]:
    """Wrap a command so that a mistake or Ctrl-C ends it with one line on stderr and no traceback.

    What counts as a mistake: :class:`vla.contract.ContractError` and everything the rooms derive from it, and
    a file that is missing or cannot be used. Anything else is a bug, and keeps its traceback.
    """

    @functools.wraps(command)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo("handily: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except MISTAKES as error:
            typer.echo(f"handily: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(USER_MISTAKE) from None

    return guarded
