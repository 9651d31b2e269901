"""The client against a peer that misbehaves: a bare ROUTER socket that the test drives by hand."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError
from vla.bridge.wire import Message
from vla.conformance import sample_observation
from vla.contract import ActionChunk, ContractError, RobotSpec


def ask(client: BridgeClient, puppet) -> Message:
    client.request_act(sample_observation(client.spec), "go")
    return puppet.hear()


def test_request_numbers_rise_strictly(puppeted: BridgeClient, puppet) -> None:
    numbers = [ask(puppeted, puppet).seq for _ in range(10)]
    assert all(a < b for a, b in pairwise(numbers))


def test_numbers_rise_over_sessions_too(puppeted: BridgeClient, puppet) -> None:
    before = ask(puppeted, puppet)
    greeter = threading.Thread(target=puppet.welcome)
    greeter.start()
    puppeted.hello()
    greeter.join()
    after = ask(puppeted, puppet)
    assert after.seq > before.seq
    assert after.session != before.session


def test_duplicates_are_dropped_and_counted(puppeted: BridgeClient, puppet) -> None:
    request = ask(puppeted, puppet)
    for _ in range(4):
        puppet.say(puppet.chunk(request))
    (reply,) = puppeted.poll(5.0)
    assert reply.seq == request.seq
    while puppeted.dropped_replies < 3:
        assert puppeted.poll(0.02) == []
    assert puppeted.drops.duplicate == 3


def test_replies_to_earlier_questions_are_dropped_in_any_order(puppeted: BridgeClient, puppet) -> None:
    requests = [ask(puppeted, puppet) for _ in range(4)]
    for request in (requests[0], requests[3], requests[2], requests[1]):
        puppet.say(puppet.chunk(request))
    got = puppeted.poll(5.0)
    assert [reply.seq for reply in got] == [requests[-1].seq]
    while puppeted.dropped_replies < 3:
        assert puppeted.poll(0.02) == []
    assert (puppeted.drops.late, puppeted.drops.reordered) == (1, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"session": "another"},
        {"seq": 10**6},
        {"verb": "plan", "body": {}},
        {"verb": "reset"},
        {"verb": "hello"},
    ],
)
def test_foreign_replies_are_dropped(puppeted: BridgeClient, puppet, change: dict) -> None:
    request = ask(puppeted, puppet)
    puppet.say(puppet.chunk(request, **change))
    assert puppeted.poll(0.2) == []
    assert (puppeted.dropped_replies, puppeted.drops.foreign) == (1, 1)
    puppet.say(puppet.chunk(request))
    assert isinstance(puppeted.poll(5.0)[0].value, ActionChunk)


def test_an_unreadable_reply_is_an_error_not_a_chunk(puppeted: BridgeClient, puppet) -> None:
    request = ask(puppeted, puppet)
    puppet.say(puppet.chunk(request, arrays=(b"short",)))
    (reply,) = puppeted.poll(5.0)
    assert isinstance(reply.value, BridgeError)
    assert reply.value.code == "bad_request"


def test_garbage_and_floods_are_dropped_and_counted(puppeted: BridgeClient, puppet) -> None:
    request = ask(puppeted, puppet)
    puppet.socket.send_multipart([puppet.identity, b"\xc1garbage"])
    puppet.socket.send_multipart([puppet.identity] + [b""] * 5000)
    puppet.say(puppet.chunk(request))
    assert [reply.seq for reply in puppeted.poll(5.0)] == [request.seq]
    assert puppeted.drops.malformed == 2


def test_a_request_is_given_up_at_its_own_deadline(puppeted: BridgeClient, puppet) -> None:
    puppeted.request_act(sample_observation(puppeted.spec), "go", within_s=0.05)
    request = puppet.hear()
    assert request.body["within_s"] == pytest.approx(0.05)
    assert puppeted.poll(0.2) == []
    puppet.say(puppet.chunk(request))
    while not puppeted.dropped_replies:
        assert puppeted.poll(0.05) == []
    assert puppeted.drops.late == 1


def test_an_answer_that_is_read_after_its_deadline_is_too_late(puppeted: BridgeClient, puppet) -> None:
    puppeted.request_act(sample_observation(puppeted.spec), "go", within_s=0.05)
    puppet.say(puppet.chunk(puppet.hear()))
    time.sleep(0.2)  # it has arrived in time, but nobody looked
    assert puppeted.poll() == []
    assert puppeted.drops.late == 1


def test_no_wall_time_and_no_infinite_deadline_is_sent(puppeted: BridgeClient, puppet) -> None:
    assert "within_s" not in ask(puppeted, puppet).body


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"model_id": "other"}, "schema: "),  # the digest is of another model
        ({"normalisation": "other"}, "schema: "),
        ({"schema": "0" * 16}, "schema: "),
    ],
)
def test_a_server_that_contradicts_itself_is_refused(
    puppet, spec: RobotSpec, change: dict, line: str
) -> None:
    with BridgeClient(puppet.endpoint, spec, timeout_s=5.0) as client:
        greeter = threading.Thread(target=lambda: puppet.welcome(**change))
        greeter.start()
        with pytest.raises(BridgeError) as refusal:
            client.hello()
        greeter.join()
    assert refusal.value.code == "schema_mismatch"
    assert refusal.value.lines[0].startswith(line)


def test_a_peer_with_another_spec_is_refused_by_the_client_too(puppet, spec: RobotSpec) -> None:
    puppet.spec = replace(spec, name="other")
    with BridgeClient(puppet.endpoint, spec, timeout_s=5.0) as client:
        greeter = threading.Thread(target=puppet.welcome)
        greeter.start()
        with pytest.raises(BridgeError, match="name: 'tiny' here, 'other' there"):
            client.hello()
        greeter.join()


def test_a_peer_with_another_model_than_insisted_on_is_refused_by_the_client_too(puppet, spec) -> None:
    with BridgeClient(puppet.endpoint, spec, timeout_s=5.0, model_id="mine") as client:
        greeter = threading.Thread(target=puppet.welcome)
        greeter.start()
        with pytest.raises(BridgeError, match="model_id: 'mine' here, 'puppet' there"):
            client.hello()
        greeter.join()


def test_unknown_encodings_are_refused_by_name(spec: RobotSpec) -> None:
    with pytest.raises(ContractError, match="'gif' is not one of raw, jpeg, webp"):
        BridgeClient("tcp://127.0.0.1:9", spec, images="gif")


def test_asking_an_absent_server_never_blocks(spec: RobotSpec) -> None:
    with BridgeClient("tcp://127.0.0.1:9", spec, timeout_s=0.1) as client:
        for _ in range(100):
            client.request_act(sample_observation(spec), "go")
            assert client.poll() == []
        assert not client.connected
        with pytest.raises(BridgeError, match="before 'hello'"):
            client.reset(0)


def test_closing_twice_is_fine(spec: RobotSpec) -> None:
    client = BridgeClient("tcp://127.0.0.1:9", spec)
    client.close()
    client.close()


class Correspondence(RuleBasedStateMachine):
    """D2: whatever becomes of the replies, each accepted one answers the question now awaited, once."""

    puppet: Any
    client: BridgeClient

    def __init__(self) -> None:
        super().__init__()
        self.client.close()
        client = type(self).client = BridgeClient(self.puppet.endpoint, self.puppet.spec, timeout_s=5.0)
        greeter = threading.Thread(target=self.puppet.welcome)
        greeter.start()
        client.hello()
        greeter.join()
        self.asked: list[Message] = []
        self.flying: list[Message] = []
        self.awaited: int | None = None
        self.said = self.accepted = 0

    @rule()
    def ask(self) -> None:
        self.asked.append(ask(self.client, self.puppet))
        self.awaited = self.asked[-1].seq
        self.flying.append(self.puppet.chunk(self.asked[-1]))

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), copies=st.integers(1, 3))
    def deliver_any(self, data: st.DataObject, copies: int) -> None:
        reply = data.draw(st.sampled_from(self.flying), label="which")
        self.flying.remove(reply)
        for _ in range(copies):
            self.puppet.say(reply)
        self.said += copies
        self.listen()

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), change=st.sampled_from([{"session": "x"}, {"seq": 10**9}, {"verb": "plan"}]))
    def deliver_foreign(self, data: st.DataObject, change: dict) -> None:
        self.puppet.say(self.puppet.chunk(data.draw(st.sampled_from(self.asked)), **change))
        self.said += 1
        self.listen()

    @precondition(lambda self: self.awaited)
    @rule()
    def give_up(self) -> None:
        assert self.awaited is not None
        assert self.client.wait(self.awaited, 0.0) is None
        self.awaited = None

    def listen(self) -> None:
        while self.accepted + self.client.dropped_replies < self.said:
            for reply in self.client.poll(0.002):
                assert reply.seq == self.awaited
                assert isinstance(reply.value, ActionChunk)
                assert reply.value.start_s == reply.seq  # the answer to this very question, not another's
                self.awaited = None
                self.accepted += 1
        assert self.accepted + self.client.dropped_replies == self.said


def test_whatever_happens_to_replies_each_accepted_one_answers_what_is_awaited(puppet, spec) -> None:
    class Machine(Correspondence):
        pass

    Machine.puppet, Machine.client = puppet, BridgeClient(puppet.endpoint, spec)
    steps = settings(max_examples=15, stateful_step_count=20, deadline=None, derandomize=True)
    try:
        run_state_machine_as_test(Machine, settings=steps)
    finally:
        Machine.client.close()
