"""Server and client over real loopback sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import zmq

from vla.bridge import wire
from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError, DeadlineMissed
from vla.bridge.remote import RemotePlanner, RemotePolicy
from vla.bridge.server import PolicyServer
from vla.bridge.wire import Message
from vla.conformance import check_policy, sample_observation
from vla.contract import ActionChunk, Axis, ContractError, Plan, RobotSpec


def one_reply(client: BridgeClient, timeout_s: float = 5.0):
    (reply,) = client.poll(timeout_s)
    return reply


def test_hello_names_the_model(client: BridgeClient) -> None:
    info = client.hello()
    assert (info.model_id, info.plans) == ("echo", True)


def test_the_remote_policy_conforms(client: BridgeClient) -> None:
    check_policy(RemotePolicy(client), "push the block")


def test_reset_reaches_the_policy(client: BridgeClient, policy) -> None:
    client.reset(41)
    client.reset(42)
    assert policy.seeds == [41, 42]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"control_hz": 10.0},
        {"semantics": "delta_tool"},
        {"cameras": {"front": (8, 6)}},
        {"cameras": {"front": (8, 8), "arm": (4, 4)}},
        {"state": (Axis("tool_x", "m", -0.5, 0.5),)},
        {"action": (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.09, 0.2))},
    ],
)
def test_another_robot_is_refused_with_the_differences(spec: RobotSpec, policy, serve, change: dict) -> None:
    robot = replace(spec, **change)
    with BridgeClient(serve(policy), robot, timeout_s=5.0) as client:
        with pytest.raises(BridgeError) as refusal:
            client.hello()
        assert refusal.value.code == "spec_mismatch"
        assert list(refusal.value.lines) == robot.differences(spec)
        with pytest.raises(BridgeError, match="no_session"):
            client.reset(0)


def test_another_protocol_version_is_refused_by_name(raw, spec: RobotSpec) -> None:
    reply = raw(Message("hello", "s", 1, {"spec": spec.to_dict()}, version=wire.PROTOCOL + 1))
    assert (reply.verb, reply.body["code"]) == ("error", "protocol_version")


def test_nothing_works_before_hello(raw) -> None:
    for verb in ("act", "plan", "reset", "health"):
        assert raw(Message(verb, "s", 1)).body["code"] == "no_session"


def test_a_replayed_request_is_not_carried_out_twice(raw, spec: RobotSpec, policy) -> None:
    raw(Message("hello", "s", 1, {"spec": spec.to_dict()}))
    raw(Message("reset", "s", 2, {"seed": 5}))
    assert raw(Message("reset", "s", 2, {"seed": 5}), timeout_s=0.2) is None
    assert raw(Message("reset", "s", 1, {"seed": 6}), timeout_s=0.2) is None
    assert policy.seeds == [5]
    assert raw(Message("health", "s", 3)).body["replayed"] == 2


@pytest.mark.parametrize("body", [{}, {"spec": 3}, {"spec": {}}, {"spec": {"control_hz": "fast"}}])
def test_a_bad_hello_is_answered_and_the_server_lives(raw, body: dict, spec: RobotSpec) -> None:
    assert raw(Message("hello", "s", 1, body)).body["code"] == "bad_request"
    assert raw(Message("hello", "s", 1, {"spec": spec.to_dict()})).verb == "hello"


def test_noise_is_counted_and_the_server_lives(endpoint: str, client: BridgeClient) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as noise:
        noise.linger = 0
        noise.connect(endpoint)
        for frames in ([b""], [b"\xff" * 9], [b"x"] * 20):
            noise.send_multipart(frames)
        deadline = time.monotonic() + 5
        while client.health()["malformed"] < 3:
            assert time.monotonic() < deadline


def test_a_failing_policy_is_one_line_without_a_traceback(client: BridgeClient, spec: RobotSpec) -> None:
    for words in ("explode", "nonsense"):
        client.request_act(sample_observation(spec), words)
        error = one_reply(client).value
        assert isinstance(error, BridgeError)
        assert error.code == "policy_failed"
        assert "\n" not in str(error)
        assert "Traceback" not in str(error)
    client.request_act(sample_observation(spec), "go on")
    assert isinstance(one_reply(client).value, ActionChunk)


def test_plans_cross_and_planner_failures_are_named(client: BridgeClient, spec: RobotSpec) -> None:
    remote = RemotePlanner(client, deadline_s=5.0)
    first = remote.plan("a,b", sample_observation(spec), None)
    assert first == Plan("a,b", ("a", "b"), 0, ("pending", "pending"), "as asked")
    assert remote.plan("a,b", sample_observation(spec), first).index == 1
    with pytest.raises(BridgeError, match="planner_failed"):
        remote.plan("explode", sample_observation(spec), None)


def test_a_server_without_planner_says_so(spec: RobotSpec, policy, serve) -> None:
    with BridgeClient(serve(policy), spec, timeout_s=5.0) as client:
        assert not client.hello().plans
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
    client: BridgeClient, spec: RobotSpec, planner
) -> None:
    planner.gate.clear()
    for goal in ("first", "b", "c", "d", "last"):
        client.request_plan(goal, sample_observation(spec), None)
        while goal == "first" and not planner.asked:
            time.sleep(0.001)
    client.health()
    planner.gate.set()
    reply = one_reply(client)
    assert isinstance(reply.value, Plan)
    assert reply.value.goal == "last"
    assert planner.asked == 2


def test_health_counts(client: BridgeClient, spec: RobotSpec) -> None:
    for _ in range(3):
        RemotePolicy(client).act(sample_observation(spec), "go")
    health = client.health()
    assert (health["model_id"], health["acts"], health["failed"]) == ("echo", 3, 0)
    assert 0 < health["act_p50_s"] <= health["act_p95_s"] < 1


@pytest.mark.parametrize(
    "where", ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://192.168.1.5:5555", "ipc:///tmp/x", "x"]
)
def test_only_loopback_may_be_bound(policy, where: str) -> None:
    with pytest.raises(ContractError, match="loopback"):
        PolicyServer(policy, endpoint=where)


def test_a_taken_port_is_named(policy) -> None:
    with PolicyServer(policy) as server, pytest.raises(ContractError, match=server.endpoint):
        PolicyServer(policy, endpoint=server.endpoint)


def test_a_silent_server_is_a_named_deadline(spec: RobotSpec, policy) -> None:
    with (
        PolicyServer(policy) as idle,
        BridgeClient(idle.endpoint, spec, timeout_s=0.05) as client,
        pytest.raises(DeadlineMissed, match=r"'hello' within 0\.05 s"),
    ):
        client.hello()


def test_a_late_reply_is_dropped_and_never_taken_for_the_next(spec: RobotSpec, policy) -> None:
    stop = threading.Event()
    with PolicyServer(policy) as server, BridgeClient(server.endpoint, spec, timeout_s=5.0) as client:
        thread = threading.Thread(target=server.serve, args=(stop,))
        hold = threading.Lock()
        act = policy.act

        def slow_act(observation, instruction, prefix=None):
            with hold:
                return act(observation, instruction)

        policy.act = slow_act
        thread.start()
        client.hello()
        hold.acquire()
        with pytest.raises(DeadlineMissed, match="act"):
            RemotePolicy(client, deadline_s=0.05).act(sample_observation(spec, 1, 1.0), "old")
        hold.release()
        assert client.poll(0.3) == []
        chunk = RemotePolicy(client).act(sample_observation(spec, 2, 2.0), "new")
        assert chunk.start_s == 2.0
        assert client.dropped_replies == 1
        stop.set()
        thread.join()


@pytest.fixture
def endpoint(client: BridgeClient) -> str:
    return client.endpoint


@pytest.fixture
def raw(endpoint: str, spec: RobotSpec) -> Iterator[Callable[..., Message | None]]:
    """Sends one message as a bare socket would, and returns the answer or None."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(endpoint)

        def exchange(message: Message, timeout_s: float = 5.0) -> Message | None:
            socket.send_multipart(wire.encode(message))
            if not socket.poll(int(timeout_s * 1000)):
                return None
            return wire.decode(socket.recv_multipart(), wire.max_frames(spec))

        yield exchange


def test_acts_that_a_newer_one_overtook_are_not_computed(
    client: BridgeClient, spec: RobotSpec, policy
) -> None:
    gate, entered, act, stamps = threading.Event(), threading.Event(), policy.act, []

    def gated(observation, instruction, prefix=None):
        entered.set()
        gate.wait(5)
        stamps.append(observation.stamp_s)
        return act(observation, instruction)

    policy.act = gated
    for i in range(5):
        client.request_act(sample_observation(spec, 0, float(i)), "go")
        entered.wait(5)
    time.sleep(0.05)
    gate.set()
    chunk = one_reply(client).value
    assert isinstance(chunk, ActionChunk)
    assert np.isclose(chunk.start_s, 4.0)
    assert stamps == [0.0, 4.0]
    assert client.health()["superseded"] == 3
    assert client.dropped_replies == 1
