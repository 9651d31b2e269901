"""Episodes over worker processes: each makes its player once and plays one job after another."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from vla.contract import ContractError
from vla.runtime.film import Shot

JobT_contra = TypeVar("JobT_contra", contravariant=True)
OutcomeT_co = TypeVar("OutcomeT_co", covariant=True)
JobT = TypeVar("JobT")
OutcomeT = TypeVar("OutcomeT")


class Playing(Protocol[JobT_contra, OutcomeT_co]):
    """Whoever plays jobs."""

    def play(self, job: JobT_contra, /) -> tuple[OutcomeT_co, list[Shot]]:
        """How one job went, and its pictures; the same job gives the same outcome."""
        ...


def play_all(
    make_player: Callable[[], Playing[JobT, OutcomeT]], jobs: Sequence[JobT], workers: int
) -> Iterator[tuple[int, OutcomeT, list[Shot]]]:
    """(job index, outcome, pictures) as the episodes finish; the number of workers changes only the time.

    Args:
        make_player: Called once per worker, so it must be picklable: a function of a module, or a
            ``functools.partial`` of one.
        jobs: What to play; none plays nothing.
        workers: Processes; 0 means one per core that this process may use.

    Raises:
        ContractError: a worker was killed.
    """
    if not jobs:
        return
    # Fresh interpreters: a forked one would inherit the parent's threads, GL state and torch settings.
    pool = ProcessPoolExecutor(
        min(workers or _cores(), len(jobs)),
        multiprocessing.get_context("spawn"),
        initializer=_prepare,
        initargs=(make_player,),
    )
    try:
        futures = {pool.submit(_play, job): index for index, job in enumerate(jobs)}
        for future in as_completed(futures):
            outcome, shots = future.result()
            yield futures.pop(future), outcome, shots
    except BrokenProcessPool as error:
        raise ContractError(
            "a worker process was killed, perhaps for want of memory: fewer workers= need less"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def play_in_order(
    make_player: Callable[[], Playing[JobT, OutcomeT]],
    jobs: Sequence[JobT],
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[OutcomeT, ...]:
    """All outcomes, in the order of the jobs; the first three arguments are those of :func:`play_all`.

    Args:
        make_player: Called once per worker.
        jobs: What to play.
        workers: Processes; 0 means one per core that this process may use.
        progress: Told (jobs done, jobs in all) after each job.
    """
    found: dict[int, OutcomeT] = {}
    for index, outcome, _ in play_all(make_player, jobs, workers):
        found[index] = outcome
        if progress is not None:
            progress(len(found), len(jobs))
    return tuple(found[index] for index in range(len(jobs)))


_recipe: Callable[[], Playing[Any, Any]] | None = None
_player: Playing[Any, Any] | None = None


def _prepare(make_player: Callable[[], Playing[Any, Any]]) -> None:
    global _recipe
    _recipe = make_player


def _play(job: object) -> tuple[Any, list[Shot]]:
    """Runs in a worker. The player is made with the first job: its errors reach the caller as they are."""
    global _player
    if _player is None:
        assert _recipe is not None
        _player = _recipe()
        torch = sys.modules.get("torch")
        if torch is not None:
            # One core per process; and sums in a fixed order, whatever the number of cores.
            torch.set_num_threads(1)
    return _player.play(job)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
