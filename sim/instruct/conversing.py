"""Records from a language model: each scene and kind is asked for until it has the right form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from sim.instruct import KINDS
from sim.instruct.endpoint import Endpoint
from sim.instruct.prompts import FormError, again, prompt, turns_of
from sim.instruct.question import Kind
from sim.instruct.records import Record

_TRIES = 3


def conversed(
    contexts: Sequence[dict[str, Any]],
    endpoint: Endpoint,
    workers: int = 4,
    progress: Callable[[int, int], None] | None = None,
) -> list[Record]:
    """A record of each kind about each scene, in the order of the scenes.

    Answers that were kept by the endpoint are not asked for again: an interrupted run goes on where it
    stopped. What has not got the right form after three tries is left out.

    Args:
        contexts: See :func:`sim.instruct.drawing.read_contexts`.
        endpoint: Whom to ask.
        workers: Questions under way at a time, at least 1.
        progress: Told (done, total).

    Raises:
        ChatError: the endpoint cannot be used.
    """
    jobs: list[tuple[dict[str, Any], Kind]] = [(context, kind) for context in contexts for kind in KINDS]
    found: dict[int, Record] = {}
    with ThreadPoolExecutor(max(1, workers)) as pool:
        futures = {pool.submit(_record, *job, endpoint): number for number, job in enumerate(jobs)}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                record = future.result()
                if record is not None:
                    found[futures[future]] = record
                if progress is not None:
                    progress(done, len(jobs))
        finally:
            pool.shutdown(cancel_futures=True)
    return [found[number] for number in sorted(found)]


def _record(context: dict[str, Any], kind: Kind, endpoint: Endpoint) -> Record | None:
    messages = prompt(kind, context["text"])
    for _ in range(_TRIES):
        answer = endpoint.complete(messages)
        try:
            turns = turns_of(kind, answer, context)
        except FormError as error:
            messages = again(messages, answer, error)
            continue
        return Record(f"{context['id']}-{kind}", context["image"], kind, turns)
    return None
