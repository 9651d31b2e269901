"""Trained cells of a study as lines of a file: one is added whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vla.contract import ContractError


@dataclass(frozen=True)
class Cell:
    """One network to train."""

    model: str
    labels: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """A trained cell.

    Attributes:
        cell: Which one.
        right: Held-out pictures named rightly.
        trials: Held-out pictures.
        loss: Mean over the last tenth of the steps, in nats.
        steps: Optimiser steps taken, without those of pre-training.
        pictures: Pictures seen in them, repetitions counted.
        seconds: How long it took.
    """

    cell: Cell
    right: int
    trials: int
    loss: float
    steps: int
    pictures: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share named rightly."""
        return self.right / self.trials


def read_outcomes(path: Path) -> dict[Cell, Outcome]:
    """Finished cells; a last line that an interruption cut short does not count, and is cut off.

    Raises:
        ContractError: another line is damaged; the message names it.
    """
    if not path.exists():
        return {}
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        os.truncate(path, len(whole))
    return {outcome.cell: outcome for outcome in _parsed(path, whole.decode())}


def _parsed(path: Path, text: str) -> Iterator[Outcome]:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            told: dict[str, Any] = json.loads(line)
            yield Outcome(**{**told, "cell": Cell(**told["cell"])})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ContractError(f"{path} line {number} is not a trained cell: {error!r}") from error


def append_outcome(path: Path, outcome: Outcome) -> None:
    """Add one line, on the disk before this returns."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(outcome)) + "\n")
        file.flush()
        os.fsync(file.fileno())
