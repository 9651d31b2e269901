"""Wordings in files: ``[name]`` on a line of its own, then a wording per line; ``#`` begins a remark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"\[([\w ]+)\]")


def extended(wordings: Mapping[str, tuple[str, ...]], path: Path, own: int = 1) -> dict[str, tuple[str, ...]]:
    """Wordings by name, each with those of a file behind its own.

    Args:
        wordings: By name.
        path: Of the file.
        own: How many times each of ``wordings`` is there, which makes it so much commoner.
    """
    more = read_wordings(path)
    return {name: (*several * own, *more.get(name, ())) for name, several in wordings.items()}


def read_wordings(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Wordings by name, of a file."""
    found: dict[str, list[str]] = {}
    wordings: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if name := _NAME.fullmatch(line):
            wordings = found.setdefault(name[1], [])
        elif line and not line.startswith("#"):
            wordings.append(line)
    return {name: tuple(several) for name, several in found.items()}
