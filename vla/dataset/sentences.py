"""Sentences on disk: what somebody says, and what that means, a pair per line of ``sentences.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from vla.dataset.schema import DatasetError, write_text

FILE: Final = "sentences.jsonl"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence.

    Attributes:
        said: What somebody says.
        meant: What it means, in the words of :mod:`vla.planner.meaning_text`.
    """

    said: str
    meant: str


def write_sentences(root: Path, sentences: Iterable[Sentence]) -> None:
    """Write a folder of sentences, all at once, in place of what was there."""
    root.mkdir(parents=True, exist_ok=True)
    write_text(root / FILE, "".join(json.dumps(asdict(sentence)) + "\n" for sentence in sentences))


def read_sentences(root: Path) -> list[Sentence]:
    """A folder's sentences.

    Raises:
        DatasetError: it holds none, or a line is none.
    """
    path = root / FILE
    if not path.exists():
        raise DatasetError(
            f"{root} holds no sentences; to make some: handily collect sentences=400000 out={root}"
        )
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            if not isinstance(row["said"], str) or not isinstance(row["meant"], str):
                raise TypeError("said and meant are no words")
            found.append(Sentence(row["said"], row["meant"]))
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{path}: {line[:80]!r} is no sentence: {error}") from error
    if not found:
        raise DatasetError(f"{path} is empty")
    return found
