"""Losing a server and finding it again: noticed, never waited for, and never to another model by mistake."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vla.bridge.backoff import Backoff
from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError
from vla.bridge.process import ServerProcess
from vla.bridge.remote import RemotePolicy
from vla.bridge.server import PolicyServer
from vla.bridge.wire import Message
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Policy, RobotSpec

TINY = Path(__file__).with_name("tiny_server.py")

Until = Callable[[Callable[[], object]], None]


@contextmanager
def serving(policy: Policy, endpoint: str = "tcp://127.0.0.1:0", **options: object) -> Iterator[str]:
    stop = threading.Event()
    with PolicyServer(policy, None, endpoint, **options) as server:  # pyright: ignore[reportArgumentType]
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        try:
            yield server.endpoint
        finally:
            stop.set()
            thread.join()


class Relay:
    """TCP between a client and a server, that a test can cut."""

    def __init__(self, endpoint: str) -> None:
        self.target = ("127.0.0.1", int(endpoint.rsplit(":", 1)[1]))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                ends = self.listener.accept()[0], socket.create_connection(self.target)
                self.open += ends
                for source, sink in (ends, ends[::-1]):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def cut(self) -> None:
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.open.clear()


@pytest.fixture
def robot(spec: RobotSpec) -> Callable[..., BridgeClient]:
    """A client that comes back quickly, and the same way each time."""
    return lambda endpoint, **options: BridgeClient(
        endpoint, spec, 10.0, backoff=Backoff(0.01, 0.05, lambda: 0.5), **options
    )


def back(client: BridgeClient, until: Until) -> None:
    until(lambda: client.poll() is not None and client.connected)


def gone(client: BridgeClient, until: Until) -> None:
    until(lambda: client.poll() is not None and not client.connected)


def act(client: BridgeClient) -> ActionChunk:
    return RemotePolicy(client, 10.0).act(sample_observation(client.spec), "go")


def test_delays_double_up_to_a_bound_and_are_jittered() -> None:
    late, early = Backoff(0.05, 2.0, lambda: 1.0), Backoff(0.05, 2.0, lambda: 0.0)
    assert [late.next_s() for _ in range(8)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert [early.next_s() for _ in range(8)] == [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    late.reset()
    assert late.next_s() == 0.05
    assert max(late.next_s() for _ in range(2000)) == 2.0


def test_a_restarted_server_is_found_again_each_time(policy, robot, until: Until) -> None:
    with serving(policy) as endpoint:
        client = robot(endpoint)
        client.hello()
        act(client)
    with client:
        for _ in range(5):
            gone(client, until)
            with serving(policy, endpoint):
                back(client, until)
                act(client)
        assert policy.seeds == [0] * 6  # nothing of an old session lives on in a new server


def test_what_is_under_way_when_the_server_goes_is_answered_at_once(policy, robot, until: Until) -> None:
    policy.gate.clear()
    with serving(policy) as endpoint:
        client = robot(endpoint)
        client.hello()
        seq = client.request_act(sample_observation(client.spec), "go")
        until(lambda: policy.stamps)
    with client:
        (reply,) = client.poll(10.0)
        assert (reply.verb, reply.seq) == ("act", seq)
        assert isinstance(reply.value, BridgeError)
        assert reply.value.code == "connection_lost"
        assert not client.connected
        for _ in range(50):
            client.request_act(sample_observation(client.spec), "go")
            assert client.poll() == []
    policy.gate.set()


def test_a_server_with_another_model_is_not_taken_for_the_old_one(policy, robot, until: Until) -> None:
    with serving(policy, model_id="old", normalisation_digest="n") as endpoint:
        client = robot(endpoint)
        client.hello()
        act(client)
    with client:
        gone(client, until)
        for options in ({"model_id": "new", "normalisation_digest": "n"}, {"model_id": "old"}):
            with serving(policy, endpoint, **options):
                until(lambda: client.poll() is not None and client.refusal)
                assert client.refusal is not None
                assert client.refusal.code == "schema_mismatch"
                assert not client.connected
                assert len(policy.stamps) == 1
                client._connection.refusal = None
        with serving(policy, endpoint, model_id="new"):
            assert client.hello().model_id == "new"  # whoever says hello again by hand accepts it
            act(client)


def test_a_session_that_the_server_forgot_is_taken_up_again(puppeted: BridgeClient, puppet, until) -> None:
    first = puppeted._connection.ledger.session
    seq = puppeted.request_act(sample_observation(puppeted.spec), "go")
    request = puppet.hear()
    puppet.say(Message("error", request.session, request.seq, {"code": "no_session", "text": "?"}))
    (reply,) = puppeted.poll(5.0)
    assert reply.seq == seq
    assert not puppeted.connected
    greeter = threading.Thread(target=lambda: heard.append(puppet.welcome()))
    heard: list[Message] = []
    greeter.start()
    back(puppeted, until)
    greeter.join()
    assert heard[0].session != first
    assert heard[0].body["resumes"] == [first]
    assert (heard[0].body["model_id"], heard[0].body["normalisation"]) == ("puppet", "")


def test_a_slow_policy_is_not_mistaken_for_a_dead_server(client: BridgeClient, policy, until) -> None:
    policy.gate.clear()
    session = client._connection.ledger.session
    for _ in range(4):
        client.request_act(sample_observation(client.spec), "go", within_s=0.05)
        assert client.poll(0.15) == []
    assert client.connected
    assert client._connection.ledger.session == session
    policy.gate.set()
    until(lambda: client.poll() is not None and client.dropped_replies)
    assert isinstance(act(client), ActionChunk)


def test_silence_after_a_missed_deadline_is_a_lost_session(puppeted: BridgeClient, puppet, until) -> None:
    puppeted.request_act(sample_observation(puppeted.spec), "go", within_s=0.05)
    assert puppet.hear().verb == "act"
    until(lambda: puppeted.poll() is not None and puppet.socket.poll(0))
    assert puppet.hear().verb == "health"  # is anybody there?
    gone(puppeted, until)
    puppeted.request_act(sample_observation(puppeted.spec), "go")  # the socket would take it; nobody may
    until(lambda: puppeted.poll() is not None and puppet.socket.poll(0))
    assert puppet.hear().verb == "hello"
    assert not puppet.socket.poll(50)
    assert puppeted.poll() == []


def test_hello_is_repeated_with_a_new_name_when_it_is_not_answered(puppet, robot, until) -> None:
    with robot(puppet.endpoint) as client:
        greeter = threading.Thread(target=puppet.welcome)
        greeter.start()
        client.hello()
        greeter.join()
        client.timeout_s = 0.05
        client._connection._lose(time.monotonic(), "for the test")
        names = []
        for _ in range(4):
            until(lambda: client.poll() is not None and puppet.socket.poll(0))
            names.append(puppet.hear().session)
        assert len(set(names)) == 4


def test_a_session_whose_welcome_was_never_heard_is_resumed_by_the_next_hello(puppet, robot, until) -> None:
    """The server counts such a session as the robot's latest, and the policy is held by it."""
    with robot(puppet.endpoint) as client:
        greeter = threading.Thread(target=puppet.welcome)
        greeter.start()
        client.hello()
        greeter.join()
        names = [client._connection.ledger.session]
        client.timeout_s = 0.05
        client._connection._lose(time.monotonic(), "for the test")
        for _ in range(3):
            until(lambda: client.poll() is not None and puppet.socket.poll(0))
            hello = puppet.hear()
            assert hello.body["resumes"] == names
            names.append(hello.session)


def test_a_robot_keeps_its_hold_and_its_episode_over_a_lost_connection(policy, robot, serve, until) -> None:
    endpoint = serve(policy).endpoint
    relay = Relay(endpoint)
    with robot(relay.endpoint) as client, robot(endpoint) as rival:
        client.hello()
        rival.hello()
        client.reset(4)
        act(client)
        relay.cut()
        gone(client, until)
        back(client, until)
        act(client)
        assert policy.seeds == [4]
        with pytest.raises(BridgeError, match="busy"):
            act(rival)
        assert client.health()["sessions"] == 2
    relay.cut()
    relay.listener.close()


def test_a_frozen_server_is_found_out_and_found_again(tmp_path: Path, robot, until: Until) -> None:
    where = tmp_path / "endpoint"
    command = [sys.executable, str(TINY), str(where)]
    with (
        ServerProcess(command, where, tmp_path / "log", 60.0) as process,
        robot(process.endpoint, heartbeat_s=0.1) as client,
    ):
        client.hello()
        act(client)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            gone(client, until)  # by heartbeats alone: nothing is asked
            client.request_act(sample_observation(client.spec), "go")
            assert client.poll() == []
        finally:
            os.kill(process.pid, signal.SIGCONT)
        back(client, until)
        act(client)
