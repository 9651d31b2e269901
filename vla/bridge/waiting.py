"""Where requests wait for a worker: the newest of each session, and nobody is starved."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

from vla.bridge.sessions import Session
from vla.bridge.wire import Message


@dataclass(frozen=True, slots=True)
class Job:
    """A request that waits.

    Attributes:
        session: Who asked.
        seq: Its number.
        received_s: When it was read from the socket, on the server's monotonic clock.
        deadline_s: When its answer becomes worthless, on the same clock; inf for never.
    """

    session: Session
    seq: int
    received_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Finished:
    """What a worker hands back.

    Attributes:
        answers: Each job with the reply to it.
        began_s: When the worker turned to them, on the server's monotonic clock.
        computed: How many went to the model; the others were too late.
    """

    answers: list[tuple[Job, Message]]
    began_s: float
    computed: int


_J = TypeVar("_J", bound=Job)


class WaitingRoom(Generic[_J]):
    """One place per session: a newer request takes it over.

    Whoever was served longest ago goes first, and among equals whose deadline is nearest.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[Session, _J] = {}
        self._served: dict[Session, int] = {}
        self._turn = 0
        self._open = True

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, job: _J) -> bool:
        """Wait; True when an older request of the same session has been superseded."""
        with self._changed:
            superseded = job.session in self._waiting
            self._waiting[job.session] = job
            self._changed.notify()
            return superseded

    def withdraw(self, session: Session) -> bool:
        """Forget what waits for ``session``; True when something did."""
        with self._changed:
            return self._waiting.pop(session, None) is not None

    def leave(self, session: Session) -> None:
        """Forget ``session`` altogether."""
        with self._changed:
            self._waiting.pop(session, None)
            self._served.pop(session, None)

    def take(self, most: int) -> list[_J]:
        """Up to ``most`` jobs, at least 1, in the order of their turn; [] when nothing waits."""
        with self._changed:
            jobs = sorted(
                self._waiting.values(), key=lambda job: (self._served.get(job.session, 0), job.deadline_s)
            )[:most]
            self._turn += 1
            for job in jobs:
                del self._waiting[job.session]
                self._served[job.session] = self._turn
            return jobs

    def wait(self) -> bool:
        """Until something waits to be taken; False once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._open)
            return self._open

    def close(self) -> None:
        """Let whoever waits go home with nothing."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
