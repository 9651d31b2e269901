"""Server and client over real loopback sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest
import zmq

from vla.bridge import wire
from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError, DeadlineMissed
from vla.bridge.payload import pack_act
from vla.bridge.remote import RemotePlanner, RemotePolicy
from vla.bridge.server import PolicyServer
from vla.bridge.settings import ServerSettings
from vla.bridge.wire import Message
from vla.conformance import check_policy, sample_observation
from vla.contract import ActionChunk, ContractError, Plan, RobotSpec

HELLO = {"images": "raw", "resumes": []}


def one_reply(client: BridgeClient, timeout_s: float = 5.0):
    (reply,) = client.poll(timeout_s)
    return reply


def code_of(reply) -> str:
    assert isinstance(reply.value, BridgeError), reply
    return reply.value.code


@pytest.fixture
def join(spec: RobotSpec) -> Iterator[Callable[..., BridgeClient]]:
    """Clients of a server, each after its handshake."""
    with ExitStack() as stack:

        def connect(server: PolicyServer, **options: object) -> BridgeClient:
            client = BridgeClient(server.endpoint, spec, timeout_s=5.0, **options)  # pyright: ignore[reportArgumentType]
            stack.enter_context(client).hello()
            return client

        yield connect


@pytest.fixture
def raw(client: BridgeClient, spec: RobotSpec) -> Iterator[Callable[..., Message | None]]:
    """Sends one message as a bare socket would, and returns the answer or None."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(client.endpoint)

        def exchange(message: Message, timeout_s: float = 5.0) -> Message | None:
            socket.send_multipart(wire.encode(message))
            if not socket.poll(int(timeout_s * 1000)):
                return None
            return wire.decode(socket.recv_multipart())

        yield exchange


def test_hello_names_the_model(client: BridgeClient) -> None:
    info = client.hello()
    assert (info.model_id, info.plans) == ("echo", True)
    assert client.connected


@pytest.mark.parametrize("images", ["raw", "jpeg", "webp"])
def test_the_remote_policy_conforms(serve, join, policy, batch_policy, images: str) -> None:
    for served in (policy, batch_policy):
        check_policy(RemotePolicy(join(serve(served), images=images)), "push the block")


def test_a_reset_reaches_the_policy_before_the_next_act(client: BridgeClient, policy) -> None:
    client.reset(41)
    client.reset(42)
    assert policy.seeds == []
    RemotePolicy(client).act(sample_observation(client.spec), "go")
    RemotePolicy(client).act(sample_observation(client.spec), "go")
    assert policy.seeds == [42]


def test_another_protocol_version_is_refused_by_name(raw, spec: RobotSpec) -> None:
    reply = raw(Message("hello", "s", 1, HELLO | {"spec": spec.to_dict()}, version=wire.PROTOCOL + 1))
    assert (reply.verb, reply.body["code"]) == ("error", "protocol_version")


def test_nothing_works_before_hello(raw) -> None:
    for verb in ("act", "plan", "reset", "health", "goodbye", "error"):
        assert raw(Message(verb, "s", 1)).body["code"] == "no_session"


def test_replayed_requests_are_not_carried_out_twice(raw, spec: RobotSpec) -> None:
    hello = Message("hello", "s", 1, HELLO | {"spec": spec.to_dict()})
    raw(hello)
    assert raw(Message("reset", "s", 2, {"seed": 5})).verb == "reset"
    assert raw(Message("reset", "s", 2, {"seed": 5}), timeout_s=0.2) is None
    assert raw(Message("reset", "s", 1, {"seed": 6}), timeout_s=0.2) is None
    assert raw(hello, timeout_s=0.2) is None
    assert raw(Message("health", "s", 3)).body["replayed"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"spec": 3},
        {"spec": {}},
        {"spec": {"control_hz": "fast"}},
        {"images": 3},
        {"resumes": None},
        {"model_id": 7},
    ],
)
def test_a_bad_hello_is_answered_and_the_server_lives(raw, body: dict, spec: RobotSpec) -> None:
    good = HELLO | {"spec": spec.to_dict()}
    bad = good | body if body else body
    assert raw(Message("hello", "s", 1, bad)).body["code"] == "bad_request"
    assert raw(Message("hello", "s", 1, good)).verb == "hello"


def test_frames_where_none_belong_are_refused(raw, spec: RobotSpec) -> None:
    assert (
        raw(Message("hello", "s", 1, HELLO | {"spec": spec.to_dict()}, (b"x",))).body["code"] == "bad_request"
    )
    raw(Message("hello", "s", 2, HELLO | {"spec": spec.to_dict()}))
    assert raw(Message("reset", "s", 3, {"seed": 1}, (b"x",))).body["code"] == "bad_request"
    body, frames = pack_act(sample_observation(spec), "go", None, 1.0, spec)
    assert raw(Message("act", "s", 4, body, (*frames, b""))).body["code"] == "bad_request"
    assert raw(Message("act", "s", 5, body, frames)).verb == "act"


def test_noise_is_counted_and_the_server_lives(client: BridgeClient) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as noise:
        noise.linger = 0
        noise.connect(client.endpoint)
        for frames in ([b""], [b"\xff" * 9], [b"x"] * 20, [b"x" * 3000] * 2000):
            noise.send_multipart(frames)
        deadline = time.monotonic() + 5
        while client.health()["malformed"] < 4:
            assert time.monotonic() < deadline


def test_a_failing_policy_is_a_code_and_a_class_and_no_more(
    client: BridgeClient, spec: RobotSpec, caplog
) -> None:
    for words, kind in (("explode", "ZeroDivisionError"), ("nonsense", "WireError")):
        client.request_act(sample_observation(spec), words)
        error = one_reply(client).value
        assert str(error) == f"policy_failed: {kind}"
    assert "secret.py" in caplog.text  # the operator's log has it all
    with pytest.raises(BridgeError) as failure:
        RemotePlanner(client).plan("explode", sample_observation(spec), None)
    assert str(failure.value) == "planner_failed: KeyError"
    client.request_act(sample_observation(spec), "go on")
    assert isinstance(one_reply(client).value, ActionChunk)
    assert client.health()["failed"] == 3


def test_plans_cross(client: BridgeClient, spec: RobotSpec) -> None:
    remote = RemotePlanner(client, deadline_s=5.0)
    first = remote.plan("a,b", sample_observation(spec), None)
    assert first == Plan("a,b", ("a", "b"), 0, ("pending", "pending"), "as asked")
    assert remote.plan("a,b", sample_observation(spec), first).index == 1


def test_a_server_without_planner_says_so(spec: RobotSpec, policy, serve, join) -> None:
    client = join(serve(policy))
    assert not client.plans
    with pytest.raises(BridgeError, match="planner_absent"):
        RemotePlanner(client).plan("a", sample_observation(spec), None)


def test_planning_does_not_delay_acting(client: BridgeClient, spec: RobotSpec, planner) -> None:
    planner.gate.clear()
    plan_seq = client.request_plan("a,b", sample_observation(spec), None)
    for _ in range(5):
        client.request_act(sample_observation(spec), "go")
        assert one_reply(client).verb == "act"
    planner.gate.set()
    reply = one_reply(client)
    assert (reply.verb, reply.seq) == ("plan", plan_seq)


def test_only_the_newest_waiting_plan_request_is_planned(
    client: BridgeClient, spec: RobotSpec, planner, until
) -> None:
    planner.gate.clear()
    for goal in ("first", "b", "c", "d", "last"):
        client.request_plan(goal, sample_observation(spec), None)
        client.health()  # answered after the request was read
        until(lambda: planner.asked)
    planner.gate.set()
    reply = one_reply(client)
    assert isinstance(reply.value, Plan)
    assert reply.value.goal == "last"
    assert planner.asked == 2


def test_health_counts(client: BridgeClient, spec: RobotSpec) -> None:
    for _ in range(3):
        RemotePolicy(client).act(sample_observation(spec), "go")
    health = client.health()
    assert (health["model_id"], health["sessions"], health["batch_mean"]) == ("echo", 1, 1.0)
    assert (health["acts"], health["batches"], health["failed"], health["busy_s"]) == (3, 3, 0, 0.0)
    assert 0 < health["act_p50_s"] <= health["act_p95_s"] < 5
    assert health["uptime_s"] > 0


def test_the_server_answers_while_the_policy_hangs_and_shows_it(
    client: BridgeClient, spec: RobotSpec, policy, join, until
) -> None:
    policy.gate.clear()
    client.request_act(sample_observation(spec), "go")
    until(lambda: policy.stamps)
    with BridgeClient(client.endpoint, spec, timeout_s=5.0) as other:
        assert other.hello().model_id == "echo"
    client.reset(3)
    first = client.health()["busy_s"]
    time.sleep(0.02)
    assert 0 < first < client.health()["busy_s"]


def test_a_server_whose_policy_hangs_still_ends(spec: RobotSpec, policy, until) -> None:
    policy.gate.clear()
    stop = threading.Event()
    with PolicyServer(policy) as server, BridgeClient(server.endpoint, spec, timeout_s=5.0) as client:
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        client.hello()
        client.request_act(sample_observation(spec), "go")
        until(lambda: policy.stamps)
        stop.set()
        thread.join(8)
        assert not thread.is_alive()
    policy.gate.set()


@pytest.mark.parametrize(
    "where", ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://192.168.1.5:5555", "ipc:///tmp/x", "x"]
)
def test_only_loopback_may_be_bound(policy, where: str) -> None:
    with pytest.raises(ContractError, match="loopback"):
        PolicyServer(policy, endpoint=where)


def test_a_taken_port_is_named(policy) -> None:
    with PolicyServer(policy) as server, pytest.raises(ContractError, match=server.endpoint):
        PolicyServer(policy, endpoint=server.endpoint)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_batch": 0},
        {"max_sessions": 0},
        {"batch_window_s": -0.1},
        {"batch_window_s": float("nan")},
        {"session_timeout_s": 0.0},
        {"heartbeat_s": 0.0},
    ],
)
def test_settings_out_of_range_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ContractError, match=next(iter(wrong))):
        ServerSettings(**wrong)


def test_a_silent_server_is_a_named_deadline(spec: RobotSpec, policy) -> None:
    with (
        PolicyServer(policy) as idle,
        BridgeClient(idle.endpoint, spec, timeout_s=0.05) as client,
        pytest.raises(DeadlineMissed, match=r"'hello' within 0\.05 s"),
    ):
        client.hello()


def test_a_late_reply_is_dropped_and_never_taken_for_the_next(
    client: BridgeClient, spec: RobotSpec, policy, until
) -> None:
    policy.gate.clear()
    client.request_act(sample_observation(spec, 1, 1.0), "old", within_s=0.2)
    until(lambda: policy.stamps)
    assert client.poll(0.4) == []  # it was in time for the policy, but the policy was not
    policy.gate.set()
    while not client.dropped_replies:
        assert client.poll(0.05) == []
    chunk = RemotePolicy(client).act(sample_observation(spec, 2, 2.0), "new")
    assert chunk.start_s == 2.0
    assert client.drops.late == 1


def test_acts_that_a_newer_one_overtook_are_not_computed(
    client: BridgeClient, spec: RobotSpec, policy, until
) -> None:
    policy.gate.clear()
    for i in range(5):
        client.request_act(sample_observation(spec, 0, float(i)), "go")
        client.health()  # answered after the act was read
        until(lambda: policy.stamps)
    policy.gate.set()
    chunk = one_reply(client).value
    assert isinstance(chunk, ActionChunk)
    assert np.isclose(chunk.start_s, 4.0)
    assert policy.stamps == [0.0, 4.0]
    assert client.health()["superseded"] == 3
    assert client.drops.late == 1


def test_an_act_whose_budget_has_passed_is_not_computed(serve, join, spec, policy, until) -> None:
    client = join(serve(policy))
    policy.gate.clear()
    client.request_act(sample_observation(spec, 0, 1.0), "go")
    until(lambda: policy.stamps)
    client.request_act(sample_observation(spec, 0, 2.0), "go", within_s=0.05)
    client.health()
    time.sleep(0.1)
    policy.gate.set()
    until(lambda: client.health()["too_late"] == 1)
    assert policy.stamps == [1.0]
    assert client.poll() == []  # the client had given it up by itself


def test_a_reset_withdraws_the_act_that_waits(client: BridgeClient, spec: RobotSpec, policy, until) -> None:
    policy.gate.clear()
    client.request_act(sample_observation(spec, 0, 1.0), "go")
    until(lambda: policy.stamps)
    client.request_act(sample_observation(spec, 0, 2.0), "go")
    client.reset(9)
    policy.gate.set()
    RemotePolicy(client).act(sample_observation(spec, 0, 3.0), "go")
    assert policy.stamps == [1.0, 3.0]
    assert policy.seeds == [0, 9]


def test_a_policy_with_a_memory_serves_one_robot_at_a_time(serve, join, spec, policy) -> None:
    server = serve(policy, settings=ServerSettings(session_timeout_s=0.3))
    first, second = join(server), join(server)
    RemotePolicy(first).act(sample_observation(spec), "go")
    second.request_act(sample_observation(spec), "go")
    assert code_of(one_reply(second)) == "busy"
    second.reset(5)  # another's reset does not disturb the first
    RemotePolicy(first).act(sample_observation(spec), "go")
    assert policy.seeds == [0]
    time.sleep(0.35)  # the first falls silent
    RemotePolicy(second).act(sample_observation(spec), "go")
    assert policy.seeds == [0, 5]
    first.request_act(sample_observation(spec), "go")
    assert code_of(one_reply(first)) == "busy"
    second.close()
    RemotePolicy(first).act(sample_observation(spec), "go")
    assert policy.seeds == [0, 5, 0]


def test_a_robot_that_hangs_up_frees_the_policy_at_once(serve, join, spec, policy, until) -> None:
    server = serve(policy)
    first, second = join(server), join(server)
    RemotePolicy(first).act(sample_observation(spec), "go")
    first.close()
    until(lambda: second.health()["sessions"] == 1)
    assert isinstance(RemotePolicy(second).act(sample_observation(spec), "go"), ActionChunk)


def test_a_full_server_refuses_newcomers_and_keeps_those_it_has(serve, join, spec, policy) -> None:
    server = serve(policy, settings=ServerSettings(max_sessions=2, session_timeout_s=0.3))
    first, second = join(server), join(server)
    with BridgeClient(server.endpoint, spec, timeout_s=5.0) as third:
        with pytest.raises(BridgeError, match="busy"):
            third.hello()
        second.health()
        time.sleep(0.35)
        second.health()
        third.hello()  # the first has been silent for long
        assert second.health()["sessions"] == 2
        first.request_act(sample_observation(spec), "go")
        assert code_of(one_reply(first)) == "no_session"


def test_hello_again_on_the_same_connection_is_one_session(client: BridgeClient) -> None:
    for _ in range(5):
        client.hello()
    assert client.health()["sessions"] == 1
