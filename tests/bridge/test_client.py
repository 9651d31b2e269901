"""The client against a peer that misbehaves: a bare ROUTER socket that the test drives by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import zmq

from vla.bridge import wire
from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError
from vla.bridge.wire import Message
from vla.conformance import sample_observation
from vla.contract import ActionChunk, RobotSpec


class Puppet:
    """A server whose every frame is the test's choice."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind("tcp://127.0.0.1:0")
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.identity = b""

    def hear(self) -> Message:
        assert self.socket.poll(5000)
        self.identity, *frames = self.socket.recv_multipart()
        return wire.decode(frames, wire.max_frames(self.spec))

    def say(self, message: Message) -> None:
        self.socket.send_multipart([self.identity, *wire.encode(message)])

    def chunk(self, request: Message, **changes: object) -> Message:
        actions = np.zeros((3, len(self.spec.action)), np.float32)
        body, frames = wire.pack_chunk(ActionChunk(actions, 0.05, request.seq), self.spec)
        fields = {
            "verb": "act",
            "session": request.session,
            "seq": request.seq,
            "body": body,
            "arrays": frames,
        }
        return Message(**(fields | changes))  # pyright: ignore[reportArgumentType]

    def welcome(self) -> None:
        request = self.hear()
        body = {"spec": self.spec.to_dict(), "model_id": "puppet", "plans": False}
        self.say(Message("hello", request.session, request.seq, body))

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture
def puppet(spec: RobotSpec) -> Iterator[Puppet]:
    made = Puppet(spec)
    yield made
    made.close()


@pytest.fixture
def puppeted(puppet: Puppet, spec: RobotSpec) -> Iterator[BridgeClient]:
    with BridgeClient(puppet.endpoint, spec, timeout_s=5.0) as client:
        greeter = threading.Thread(target=puppet.welcome)
        greeter.start()
        client.hello()
        greeter.join()
        yield client


def ask(client: BridgeClient, puppet: Puppet) -> Message:
    client.request_act(sample_observation(client.spec), "go")
    return puppet.hear()


def test_request_numbers_rise_strictly(puppeted: BridgeClient, puppet: Puppet) -> None:
    numbers = [ask(puppeted, puppet).seq for _ in range(10)]
    assert all(a < b for a, b in pairwise(numbers))


def test_duplicates_are_dropped_and_counted(puppeted: BridgeClient, puppet: Puppet) -> None:
    request = ask(puppeted, puppet)
    for _ in range(4):
        puppet.say(puppet.chunk(request))
    (reply,) = puppeted.poll(5.0)
    assert reply.seq == request.seq
    while puppeted.dropped_replies < 3:
        assert puppeted.poll(0.5) == []


def test_replies_to_earlier_questions_are_dropped_in_any_order(
    puppeted: BridgeClient, puppet: Puppet
) -> None:
    requests = [ask(puppeted, puppet) for _ in range(4)]
    for request in reversed(requests):
        puppet.say(puppet.chunk(request))
    got = puppeted.poll(5.0)
    assert [reply.seq for reply in got] == [requests[-1].seq]
    while puppeted.dropped_replies < 3:
        assert puppeted.poll(0.5) == []


@pytest.mark.parametrize(
    "change", [{"session": "another"}, {"seq": 10**6}, {"verb": "plan", "body": {}}, {"verb": "reset"}]
)
def test_foreign_replies_are_dropped(puppeted: BridgeClient, puppet: Puppet, change: dict) -> None:
    request = ask(puppeted, puppet)
    puppet.say(puppet.chunk(request, **change))
    assert puppeted.poll(0.2) == []
    assert puppeted.dropped_replies == 1
    puppet.say(puppet.chunk(request))
    assert isinstance(puppeted.poll(5.0)[0].value, ActionChunk)


def test_an_unreadable_reply_is_an_error_not_a_chunk(puppeted: BridgeClient, puppet: Puppet) -> None:
    request = ask(puppeted, puppet)
    puppet.say(puppet.chunk(request, arrays=(b"short",)))
    (reply,) = puppeted.poll(5.0)
    assert isinstance(reply.value, BridgeError)
    assert reply.value.code == "bad_request"


def test_garbage_is_dropped_and_counted(puppeted: BridgeClient, puppet: Puppet) -> None:
    request = ask(puppeted, puppet)
    puppet.socket.send_multipart([puppet.identity, b"\xc1garbage"])
    puppet.say(puppet.chunk(request))
    assert [reply.seq for reply in puppeted.poll(5.0)] == [request.seq]
    assert puppeted.dropped_replies == 1


def test_a_peer_with_another_spec_is_refused_by_the_client_too(puppet: Puppet, spec: RobotSpec) -> None:
    other = RobotSpec("other", spec.action, spec.state, spec.cameras, spec.control_hz)
    puppet.spec = other
    with BridgeClient(puppet.endpoint, spec, timeout_s=5.0) as client:
        greeter = threading.Thread(target=puppet.welcome)
        greeter.start()
        with pytest.raises(BridgeError, match="name: 'tiny' here, 'other' there"):
            client.hello()
        greeter.join()


def test_asking_an_absent_server_never_blocks(spec: RobotSpec) -> None:
    with BridgeClient("tcp://127.0.0.1:9", spec, timeout_s=0.1) as client:
        for _ in range(100):
            client.request_act(sample_observation(spec), "go")
            assert client.poll() == []


def test_closing_twice_is_fine(spec: RobotSpec) -> None:
    client = BridgeClient("tcp://127.0.0.1:9", spec)
    client.close()
    client.close()
