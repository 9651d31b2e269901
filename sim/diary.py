"""Many episodes and their folder: noted as they end, so that an interrupted evaluation goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sim.crew import Playing, play_all
from sim.footage import Reel, Take
from vla.contract import ContractError

DIARY = "episodes.jsonl"
"""The episodes of an evaluation as they were finished, behind a line of settings."""

_FREE = ("workers", "out", "resume")
"""Settings that may change between the turns of any evaluation."""


class _Data(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class _Filmable(_Data, Protocol):
    @property
    def filmed(self) -> bool: ...


JobT = TypeVar("JobT", bound=_Filmable)
OutcomeT = TypeVar("OutcomeT", bound=_Data)


@dataclass(frozen=True, slots=True)
class Keeping(Generic[JobT, OutcomeT]):
    """What an evaluation leaves in a folder: a diary, clips of failures, a sheet of pictures.

    Attributes:
        folder: Made if it is not there; where it holds a diary, the evaluation goes on from it.
        settings: What determines the episodes, in plain JSON types.
        read: An outcome out of its plain JSON form, the inverse of :func:`dataclasses.asdict`.
        take: What is written on an outcome's pictures.
        group: The first job of each group among those still to be played is filmed for the sheet.
        free: Settings that may change between turns, beside ``workers``, ``out`` and ``resume``:
            ``episodes``, where more of them are more jobs at the end.
        sheet_title: Of the sheet.
        films: False where there are no pictures.
    """

    folder: Path
    settings: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], OutcomeT]
    take: Callable[[OutcomeT], Take]
    group: Callable[[JobT], str]
    free: tuple[str, ...] = ()
    sheet_title: str = "one episode per task"
    films: bool = True


def play_kept(
    make_player: Callable[[], Playing[JobT, OutcomeT]],
    jobs: Sequence[JobT],
    workers: int,
    progress: Callable[[int, int], None] | None = None,
    keeping: Keeping[JobT, OutcomeT] | None = None,
) -> tuple[OutcomeT, ...]:
    """All outcomes, in the order of the jobs; what is in the folder already is not played again.

    Args:
        make_player: Called once per worker.
        jobs: What to play; nothing is filmed but what ``keeping`` asks for.
        workers: Processes; 0 means one per core that this process may use.
        progress: Told (jobs done, jobs in all) after each job.
        keeping: What to leave where; None leaves nothing.

    Raises:
        ContractError: the folder holds another evaluation.
    """
    found = {} if keeping is None else _recalled(keeping, len(jobs))
    reel = Reel(keeping.folder, keeping.sheet_title) if keeping is not None and keeping.films else None
    left = [index for index in range(len(jobs)) if index not in found]
    filmed: set[int] = set()
    if keeping is not None and reel is not None:
        for index, outcome in found.items():
            reel.recall(index, keeping.take(outcome).name)
        filmed = _firsts([(index, keeping.group(jobs[index])) for index in left])
    playing = [replace(jobs[index], filmed=index in filmed) for index in left]
    for k, outcome, shots in play_all(make_player, playing, workers):
        index = left[k]
        found[index] = outcome
        if keeping is not None:
            _note(keeping.folder, {"index": index, "episode": asdict(outcome)})
            if reel is not None:
                reel.add(index, index in filmed, keeping.take(outcome), shots)
        if progress is not None:
            progress(len(found), len(jobs))
    if reel is not None:
        reel.finish()
    return tuple(found[index] for index in range(len(jobs)))


def _firsts(named: Sequence[tuple[int, str]]) -> set[int]:
    """The first number of each name."""
    first: dict[str, int] = {}
    for index, name in named:
        first.setdefault(name, index)
    return set(first.values())


def _recalled(keeping: Keeping[JobT, OutcomeT], jobs: int) -> dict[int, OutcomeT]:
    """Job number to what was played before, from the folder's diary; none where a new one was begun.

    Raises:
        ContractError: the diary is another evaluation's, or none.
    """
    folder, path = keeping.folder, keeping.folder / DIARY
    plain = json.loads(json.dumps(keeping.settings))
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
        found = {int(line["index"]): keeping.read(line["episode"]) for line in rest}
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path} is no diary of an evaluation: {error!r}") from error
    free = {*_FREE, *keeping.free}
    differing = sorted(
        key for key in (before.keys() | plain.keys()) - free if before.get(key) != plain.get(key)
    )
    if differing:
        was = ", ".join(f"{key} was {before.get(key)!r} and is {plain.get(key)!r}" for key in differing)
        raise ContractError(f"{folder} holds another evaluation: {was}")
    return {index: outcome for index, outcome in found.items() if index < jobs}


def _note(folder: Path, line: Mapping[str, Any]) -> None:
    with (folder / DIARY).open("a", encoding="utf-8") as diary:
        diary.write(json.dumps(line) + "\n")
