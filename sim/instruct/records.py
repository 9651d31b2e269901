"""The data itself, in the format in which LLaVA is trained: conversations beside pictures, as JSON lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from sim.instruct import KINDS, TYPES, Turn
from sim.instruct.context import from_json
from sim.instruct.question import Kind
from sim.randomise import Split
from vla.dataset import conversations
from vla.dataset.conversations import DATA, IMAGE, conversation_of
from vla.dataset.schema import DatasetError, write_text

_TALK: Final = 5
_REASONS: Final = 2
_TRIES: Final = 60


@dataclass(frozen=True, slots=True)
class Record:
    """A talk about one picture.

    Attributes:
        id: Unique in its folder.
        image: Path of the picture below the folder.
        kind: LLaVA's kind.
        turns: Questions and answers in order.
    """

    id: str
    image: str
    kind: Kind
    turns: tuple[Turn, ...]

    def to_dict(self) -> dict[str, Any]:
        """LLaVA's format, with the kind and the type of each question besides."""
        talk: list[dict[str, str]] = []
        for i, turn in enumerate(self.turns):
            talk.append({"from": "human", "value": turn.question if i else IMAGE + turn.question})
            talk.append({"from": "gpt", "value": turn.answer})
        types = [turn.type for turn in self.turns]
        return {"id": self.id, "image": self.image, "kind": self.kind, "types": types, "conversations": talk}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Record:
        """The record of :meth:`to_dict`.

        Raises:
            DatasetError: it is something else.
        """
        talk = conversation_of(data)
        try:
            types = zip(talk.turns, data["types"], strict=True)
            turns = tuple(Turn(data["kind"], type_, q, a) for (q, a), type_ in types)
            return cls(data["id"], talk.image, data["kind"], turns)
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"not a record of visual instruction data: {error!r}") from error


def templated(context: dict[str, Any], split: Split = "train") -> list[Record]:
    """The talks about one scene by templates: some questions, a description, a few reasons.

    Args:
        context: See :func:`sim.instruct.drawing.read_contexts`.
        split: Training wordings, or those that training never hears.
    """
    scene, rng = from_json(context["scene"]), np.random.default_rng([context["seed"], 10])
    records: list[Record] = []
    for kind, wanted in (("conversation", _TALK), ("description", 1), ("reasoning", _REASONS)):
        found: dict[str, Turn] = {}
        questions = [question for question in TYPES.values() if question.kind == kind]
        for _ in range(_TRIES):
            if len(found) == wanted:
                break
            turn = questions[int(rng.integers(len(questions)))].turn(scene, rng, split)
            if turn is not None:
                found.setdefault(turn.question, turn)
        talks = [tuple(found.values())] if kind == "conversation" else [(turn,) for turn in found.values()]
        for i, talk in enumerate(talks):
            if talk:
                name = f"{context['id']}-{kind}-{i}"
                records.append(Record(name, context["image"], KINDS[KINDS.index(kind)], talk))
    return records


def write_records(root: Path, records: Iterable[Record]) -> None:
    """Write :data:`DATA`; it appears only when it is complete."""
    write_text(root / DATA, "".join(json.dumps(record.to_dict()) + "\n" for record in records))


def read_records(root: Path) -> list[Record]:
    """The records of a folder.

    Raises:
        DatasetError: there are none, or a line is something else.
    """
    return conversations.read_records(root, Record.from_dict)


def counts(records: Sequence[Record]) -> Counter[tuple[Kind, str]]:
    """How many turns there are of each kind and type."""
    return Counter((record.kind, turn.type) for record in records for turn in record.turns)
