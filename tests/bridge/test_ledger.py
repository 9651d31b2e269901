"""Which reply counts, decided without a socket."""

from __future__ import annotations

import math

import pytest

from vla.bridge.ledger import DroppedReplies, Ledger
from vla.bridge.wire import Message


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.begin()
    return made


def reply(ledger: Ledger, seq: int, verb: str = "act", session: str | None = None) -> Message:
    return Message(verb, ledger.session if session is None else session, seq)


def test_an_answer_counts_once(ledger: Ledger) -> None:
    asked = ledger.ask("act", 1.0)
    assert asked.seq in ledger
    assert ledger.admit(reply(ledger, asked.seq)) == asked
    assert asked.seq not in ledger
    assert ledger.admit(reply(ledger, asked.seq)) is None
    assert ledger.drops == DroppedReplies(duplicate=1)


def test_asking_again_gives_the_earlier_question_of_that_verb_up(ledger: Ledger) -> None:
    first, plan, second = (ledger.ask(verb, 1.0) for verb in ("act", "plan", "act"))
    assert ledger.admit(reply(ledger, first.seq)) is None
    assert ledger.admit(reply(ledger, second.seq)) == second
    assert ledger.admit(reply(ledger, plan.seq, "plan")) == plan
    assert ledger.drops == DroppedReplies(late=1)


def test_kinds_of_dropped_replies(ledger: Ledger) -> None:
    early, late, last = (ledger.ask("act", 1.0) for _ in range(3))
    ledger.admit(reply(ledger, early.seq))
    ledger.admit(reply(ledger, last.seq))
    ledger.admit(reply(ledger, late.seq))
    ledger.admit(reply(ledger, last.seq))
    ledger.admit(reply(ledger, last.seq + 1))
    ledger.admit(reply(ledger, 0))
    ledger.drop("malformed")
    assert ledger.drops == DroppedReplies(malformed=1, foreign=2, duplicate=1, reordered=1, late=1)
    assert ledger.drops.total == 6


def test_an_error_answers_any_question(ledger: Ledger) -> None:
    asked = ledger.ask("plan", 1.0)
    assert ledger.admit(reply(ledger, asked.seq, "error")) == asked


def test_a_reply_of_another_session_or_verb_does_not_close_the_question(ledger: Ledger) -> None:
    asked = ledger.ask("act", 1.0)
    for stranger in (reply(ledger, asked.seq, session="x"), reply(ledger, asked.seq, "plan")):
        assert ledger.admit(stranger) is None
    assert ledger.drops == DroppedReplies(foreign=2)
    assert ledger.admit(reply(ledger, asked.seq)) == asked


def test_a_question_expires_at_its_deadline_and_not_before(ledger: Ledger) -> None:
    asked, forever = ledger.ask("act", 10.0, 0.5), ledger.ask("plan", 10.0, math.inf)
    assert ledger.expire(10.4999, ("act", "plan")) == []
    assert ledger.expire(10.5, ("plan",)) == []
    assert ledger.expire(10.5, ("act", "plan")) == [asked]
    assert ledger.expire(1e9, ("act", "plan")) == []
    assert ledger.admit(reply(ledger, asked.seq)) is None
    assert ledger.drops == DroppedReplies(late=1)
    assert ledger.awaits("plan")
    assert forever.seq in ledger


def test_a_new_session_has_a_new_name_and_higher_numbers(ledger: Ledger) -> None:
    name, asked = ledger.session, ledger.ask("act", 1.0)
    assert ledger.begin() == [asked]
    assert ledger.session != name
    assert len(ledger.session) == 32
    assert ledger.ask("act", 1.0).seq > asked.seq
    assert ledger.admit(Message("act", name, asked.seq)) is None
    assert ledger.drops == DroppedReplies(foreign=1)
