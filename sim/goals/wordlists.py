"""Wordings in files: ``[name]`` on a line of its own, then a wording per line; ``#`` begins a remark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def extended(wordings: Mapping[str, tuple[str, ...]], path: Path) -> dict[str, tuple[str, ...]]:
    """Wordings by name, each with those of a file behind its own."""
    more = read_wordings(path)
    return {name: (*several, *more.get(name, ())) for name, several in wordings.items()}


def read_wordings(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Wordings by name, of a file."""
    found: dict[str, list[str]] = {}
    wordings: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            wordings = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            wordings.append(line)
    return {name: tuple(several) for name, several in found.items()}
