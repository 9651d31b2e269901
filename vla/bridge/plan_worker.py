"""The server's slow worker: it makes plans while the fast one acts."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from vla.bridge.errors import BridgeError, error_reply, guarded
from vla.bridge.mailbox import Mailbox
from vla.bridge.payload import pack_plan
from vla.bridge.waiting import Finished, Job, WaitingRoom
from vla.bridge.wire import Message
from vla.contract import Observation, Plan, Planner, SeparablePlanner

_PATIENCE_S = 2.0
_MOST_OWN = 256
"""Robots whose planners are remembered; who has not asked for longest begins anew."""


@dataclass(frozen=True, slots=True)
class PlanJob(Job):
    """A plan request that waits; attributes as :meth:`vla.contract.Planner.plan`'s arguments."""

    goal: str
    observation: Observation
    previous: Plan | None


class PlanWorker:
    """Runs a planner in a thread of its own, one request at a time; one that remembers, per robot."""

    def __init__(self, planner: Planner, mailbox: Mailbox[Finished]) -> None:
        """Ready; :meth:`start` begins. ``mailbox`` receives what is finished."""
        self._planner = planner
        self._own: OrderedDict[str, Planner] = OrderedDict()
        self._mailbox = mailbox
        self._thread: threading.Thread | None = None
        self.waiting: WaitingRoom[PlanJob] = WaitingRoom()

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._work, name="planner", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the plan under way, or leave it behind if it takes longer than 2 s."""
        self.waiting.close()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)

    def _work(self) -> None:
        while self.waiting.wait():
            jobs, began_s = self.waiting.take(1), time.monotonic()
            self._mailbox.post(Finished([(job, self._reply(job)) for job in jobs], began_s, len(jobs)))

    def _reply(self, job: PlanJob) -> Message:
        try:
            body = guarded("planner_failed", lambda: {"plan": self._plan(job)})
        except BridgeError as error:
            return error_reply(job.session.name, job.seq, error)
        return Message("plan", job.session.name, job.seq, body)

    def _plan(self, job: PlanJob) -> object:
        planner = self._planner_of(job.session.name)
        return pack_plan(planner.plan(job.goal, job.observation, job.previous))

    def _planner_of(self, robot: str) -> Planner:
        if not isinstance(self._planner, SeparablePlanner):
            return self._planner
        self._own[robot] = self._own.pop(robot, None) or self._planner.separate()
        if len(self._own) > _MOST_OWN:
            self._own.popitem(last=False)
        return self._own[robot]
