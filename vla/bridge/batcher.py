"""What waits becomes chunks, several robots at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from vla.bridge.errors import BridgeError, error_reply, guarded
from vla.bridge.payload import pack_chunk
from vla.bridge.sessions import Episode
from vla.bridge.waiting import Finished, Job, WaitingRoom
from vla.bridge.wire import Message
from vla.contract import ActionChunk, ActRequest, BatchPolicy, Policy


@dataclass(frozen=True, slots=True)
class ActJob(Job):
    """An act request that waits.

    Attributes:
        request: Without a seed yet.
        episode: Its session's, when it was asked.
    """

    request: ActRequest
    episode: Episode


class Batcher:
    """Runs one policy, in turns, for one thread.

    A :class:`~vla.contract.BatchPolicy` answers the newest request of every session at once, each with a
    seed of its own episode. Any other policy answers one at a time, and is reset when the episode changes.
    """

    def __init__(self, policy: Policy, max_batch: int = 8, window_s: float = 0.0) -> None:
        """Idle.

        Args:
            policy: Used by the thread that calls :meth:`answer`, and by no other.
            max_batch: Most requests at once.
            window_s: How long a turn waits for those whom the one before it answered, in seconds.
        """
        self._policy = policy
        self._batch_policy = policy if isinstance(policy, BatchPolicy) else None
        self._max_batch = max_batch if self._batch_policy else 1
        self._window_s = window_s
        self._company, self._ended_s = 0, -math.inf
        self._episode: Episode | None = None
        self._since_s: float | None = None
        self.waiting: WaitingRoom[ActJob] = WaitingRoom()

    @property
    def batches(self) -> bool:
        """True when several robots may share the policy."""
        return self._batch_policy is not None

    @property
    def busy_s(self) -> float:
        """How long the policy has been at its present work, in seconds; 0 when it is idle.

        A policy that hangs shows here, and nowhere else.
        """
        since_s = self._since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def delay_s(self) -> float:
        """How long to wait before :meth:`answer`, for company; inf when nothing waits."""
        if not self.waiting:
            return math.inf
        if len(self.waiting) >= min(self._company, self._max_batch):
            return 0.0
        return max(0.0, self._ended_s + self._window_s - time.monotonic())

    def answer(self) -> Finished:
        """One turn of the policy: whatever waits and fits into one."""
        self._since_s = began_s = time.monotonic()
        jobs = self.waiting.take(self._max_batch)
        late = [job for job in jobs if job.deadline_s <= began_s]
        due = [job for job in jobs if job.deadline_s > began_s]
        answers: list[tuple[Job, Message]] = [(job, _too_late(job, began_s)) for job in late]
        answers += zip(due, self._replies(due), strict=True)
        self._company, self._ended_s, self._since_s = len(jobs), time.monotonic(), None
        return Finished(answers, began_s, len(due))

    def _replies(self, jobs: Sequence[ActJob]) -> list[Message]:
        requests = [_seeded(job) for job in jobs]
        chunks: list[ActionChunk | BridgeError]
        if len(jobs) > 1:
            try:
                chunks = list(self._together(requests))
            except BridgeError:  # one of them may be poison: only that one shall fail
                chunks = [self._alone(job, request) for job, request in zip(jobs, requests, strict=True)]
        else:
            chunks = [self._alone(job, request) for job, request in zip(jobs, requests, strict=True)]
        return [self._reply(job, chunk) for job, chunk in zip(jobs, chunks, strict=True)]

    def _together(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        policy = self._batch_policy
        assert policy is not None, "only a batch policy is given several requests"
        chunks = guarded("policy_failed", lambda: list(policy.act_batch(requests)))
        if len(chunks) != len(requests):
            raise BridgeError("policy_failed", f"{len(chunks)} chunks for {len(requests)} requests")
        return chunks

    def _alone(self, job: ActJob, request: ActRequest) -> ActionChunk | BridgeError:
        try:
            if self._batch_policy is not None:
                return self._together([request])[0]
            return guarded("policy_failed", lambda: self._act(job, request))
        except BridgeError as error:
            return error

    def _act(self, job: ActJob, request: ActRequest) -> ActionChunk:
        if self._episode is not job.episode:
            self._policy.reset(job.episode.seed)
            self._episode = job.episode
        return self._policy.act(request.observation, request.instruction, request.prefix)

    def _reply(self, job: ActJob, chunk: ActionChunk | BridgeError) -> Message:
        try:
            if isinstance(chunk, BridgeError):
                raise chunk
            body, frames = guarded("policy_failed", lambda: pack_chunk(chunk, self._policy.spec))
        except BridgeError as error:
            return error_reply(job.session.name, job.seq, error)
        return Message("act", job.session.name, job.seq, body, frames)


def _seeded(job: ActJob) -> ActRequest:
    asked = job.request
    return ActRequest(asked.observation, asked.instruction, asked.prefix, job.episode.next_seed())


def _too_late(job: Job, now_s: float) -> Message:
    budget_s, waited_s = job.deadline_s - job.received_s, now_s - job.received_s
    words = f"it waited {waited_s:.3f} s of the {budget_s:.3f} s that its answer is worth something"
    return error_reply(job.session.name, job.seq, BridgeError("too_late", words))
