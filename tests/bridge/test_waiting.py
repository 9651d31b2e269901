"""One place per session, and everybody's turn comes."""

from __future__ import annotations

import math
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge.sessions import Episode, Session
from vla.bridge.waiting import Job, WaitingRoom


def a_session(name: str) -> Session:
    return Session(name.encode(), name, "raw", 1, 0.0, Episode(0))


def a_job(session: Session, seq: int = 1, deadline_s: float = math.inf) -> Job:
    return Job(session, seq, 0.0, deadline_s)


def test_the_newest_request_of_a_session_takes_its_place() -> None:
    room, robot = WaitingRoom[Job](), a_session("a")
    assert not room.put(a_job(robot, 1))
    assert room.put(a_job(robot, 2))
    assert len(room) == 1
    assert [job.seq for job in room.take(8)] == [2]
    assert len(room) == 0


def test_the_nearest_deadline_goes_first() -> None:
    room = WaitingRoom[Job]()
    for name, deadline_s in (("a", math.inf), ("b", 3.0), ("c", 1.0), ("d", 2.0)):
        room.put(a_job(a_session(name), 1, deadline_s))
    assert [job.session.name for job in room.take(3)] == ["c", "d", "b"]
    assert [job.session.name for job in room.take(3)] == ["a"]


@given(robots=st.integers(2, 9), most=st.integers(1, 4), greedy=st.integers(0, 8))
@settings(max_examples=40, deadline=None)
def test_nobody_is_starved_by_those_who_always_ask_with_a_nearer_deadline(
    robots: int, most: int, greedy: int
) -> None:
    """Nobody waits longer than it takes to serve everybody once."""
    room = WaitingRoom[Job]()
    sessions = [a_session(str(i)) for i in range(robots)]
    last = dict.fromkeys(sessions, 0)
    for turn in range(1, 31):
        for i, session in enumerate(sessions):
            room.put(a_job(session, 1, deadline_s=1.0 if i == greedy % robots else 100.0 + i))
        for job in room.take(most):
            last[job.session] = turn
        assert turn - min(last.values()) <= math.ceil(robots / most)


def test_what_is_withdrawn_is_not_taken() -> None:
    room, robot, other = WaitingRoom[Job](), a_session("a"), a_session("b")
    room.put(a_job(robot))
    room.put(a_job(other))
    assert room.withdraw(robot)
    assert not room.withdraw(robot)
    assert [job.session for job in room.take(8)] == [other]
    room.put(a_job(robot))
    room.leave(robot)
    assert len(room) == 0


def test_waiting_ends_with_the_first_and_when_closed() -> None:
    room, taken = WaitingRoom[Job](), []

    def work() -> None:
        while room.wait():
            taken.append([job.seq for job in room.take(8)])

    worker = threading.Thread(target=work)
    worker.start()
    room.put(a_job(a_session("a"), 7))
    while not taken:
        worker.join(0.001)
    room.close()
    worker.join(10)
    assert not worker.is_alive()
    assert taken == [[7]]
