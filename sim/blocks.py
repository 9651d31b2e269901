"""Blocks of work over worker processes, handed back as each is done."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

DoneT = TypeVar("DoneT")


def spread(work: Callable[[range], DoneT], blocks: Sequence[range], workers: int) -> Iterator[DoneT]:
    """What ``work`` makes of each block, as it is safely done; the rest is dropped when nobody listens.

    Args:
        work: Picklable: a function of a module, or a ``functools.partial`` of one.
        blocks: Numbers of what is to be made.
        workers: Processes, fresh interpreters each; 0 works in this one.
    """
    if workers == 0:
        yield from map(work, blocks)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            for job in as_completed([pool.submit(work, block) for block in blocks]):
                yield job.result()
        finally:
            pool.shutdown(cancel_futures=True)
