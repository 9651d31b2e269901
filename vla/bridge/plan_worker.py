"""The server's slow thread: it makes plans while the fast one acts."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

import zmq

from vla.bridge import wire
from vla.bridge.errors import BridgeError, error_reply, guarded
from vla.bridge.wire import Message
from vla.contract import Observation, Plan, Planner

_ADDRESS = "inproc://plans"


@dataclass(frozen=True, slots=True)
class _Job:
    identity: bytes
    request: Message
    goal: str
    observation: Observation
    previous: Plan | None


class PlanWorker:
    """Runs one planner in its own thread and hands back finished multipart replies.

    ZeroMQ sockets belong to one thread each: the worker writes to an inproc socket, and the thread that owns
    the outer one reads :attr:`results` and forwards. While a plan is being made only each client's newest
    request waits.
    """

    def __init__(self, planner: Planner, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Start the thread; ``results`` belongs to the calling one."""
        self._planner = planner
        self._context = context
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self.results = context.socket(zmq.PULL)
        self.results.linger = 0
        self.results.bind(_ADDRESS)
        self._thread = threading.Thread(target=self._work, name="planner", daemon=True)
        self._thread.start()

    def submit(
        self, identity: bytes, request: Message, goal: str, observation: Observation, previous: Plan | None
    ) -> None:
        """Queue a request from ``identity``; it replaces that client's request that still waits, if any."""
        self._jobs.put(_Job(identity, request, goal, observation, previous))

    def close(self) -> None:
        """Let the plan under way finish, then end the thread and release :attr:`results`."""
        self._jobs.put(None)
        self._thread.join()
        self.results.close()

    def _work(self) -> None:
        outbox = self._context.socket(zmq.PUSH)
        outbox.linger = 0
        outbox.connect(_ADDRESS)
        try:
            while (jobs := self._newest()) is not None:
                for job in jobs:
                    outbox.send_multipart([job.identity, *self._reply(job)])
        finally:
            outbox.close()

    def _newest(self) -> list[_Job] | None:
        """The newest waiting job of each client, or None to end; waits for the first."""
        waiting: dict[bytes, _Job] = {}
        job = self._jobs.get()
        while job is not None:
            waiting[job.identity] = job
            if self._jobs.empty():
                return list(waiting.values())
            job = self._jobs.get()
        return None

    def _reply(self, job: _Job) -> list[bytes]:
        try:
            return guarded("planner_failed", lambda: self._plan(job))
        except BridgeError as error:
            return wire.encode(error_reply(job.request, error))

    def _plan(self, job: _Job) -> list[bytes]:
        plan = self._planner.plan(job.goal, job.observation, job.previous)
        body = {"plan": wire.pack_plan(plan)}
        return wire.encode(Message("plan", job.request.session, job.request.seq, body))
