"""Asking an openpi server: the bytes that reach it, and what becomes of late, wrong and absent answers."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from vla.bridge.errors import BridgeError, DeadlineMissed
from vla.bridge.ndarrays import pack
from vla.bridge.openpi_mapping import OpenpiMapping
from vla.bridge.openpi_policy import OpenpiPolicy
from vla.bridge.openpi_server import OpenpiServer
from vla.conformance import check_policy, sample_observation
from vla.contract import ActionChunk, Axis, ContractError, Observation, Prefix, RobotSpec

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

LONG_S = 10.0
AXES = (Axis("tool_x", "m", -1.0, 1.0), Axis("gripper_gap", "m", -1.0, 1.0))
SPEC = RobotSpec("tiny", AXES, AXES, {"front": (1, 2)}, 20.0)

# Written by hand from the protocol's description.
STATE = b"\x00\x00\x80\x3e\x00\x00\x80\xbf"  # 0.25 and -1 as little-endian float32
REQUEST = (
    b"\x83"
    b"\xb1observation/image\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x06\x01\x02\x03\x04\x05\x06"
    b"\xc4\x05dtype\xa3|u1\xc4\x05shape\x93\x01\x02\x03"
    b"\xb1observation/state\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x08" + STATE + b"\xc4\x05dtype\xa3<f4"
    b"\xc4\x05shape\x91\x02"
    b"\xa6prompt\xa2go"
)
DOUBLES = b"\x00\x00\x00\x00\x00\x00\xd0\x3f\x00\x00\x00\x00\x00\x00\xf0\xbf"  # the same as float64
ANSWER = (
    b"\x82\xa7actions\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x10" + DOUBLES + b"\xc4\x05dtype\xa3<f8"
    b"\xc4\x05shape\x92\x01\x02\xadserver_timing\x80"
)
SENSED = Observation(
    {"front": np.arange(1, 7, dtype=np.uint8).reshape(1, 2, 3)}, np.array([0.25, -1], np.float32), 3.0
)

Fake = Callable[..., str]


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Starts a websocket server of the given conversation and returns its URL."""
    with ExitStack() as stack:

        def start(converse: Callable[[ServerConnection], None], port: int = 0) -> str:
            def safely(connection: ServerConnection) -> None:
                try:
                    converse(connection)
                except ConnectionClosed:
                    return

            server = stack.enter_context(serve(safely, "127.0.0.1", port, compression=None))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"ws://127.0.0.1:{server.socket.getsockname()[1]}"

        yield start


def answering(*answers: bytes | str, seen: list[Any] | None = None) -> Callable[[ServerConnection], None]:
    """A conversation: empty metadata, then one of ``answers`` per request."""

    def converse(connection: ServerConnection) -> None:
        connection.send(b"\x80")
        for answer in answers:
            data = connection.recv(LONG_S)
            if seen is not None:
                seen.append(data)
            connection.send(answer)
        connection.recv(LONG_S)

    return converse


def test_the_bytes_that_reach_the_server_are_openpis(fake: Fake) -> None:
    seen: list[Any] = []
    with OpenpiPolicy(fake(answering(ANSWER, ANSWER, seen=seen)), SPEC, LONG_S) as policy:
        for _ in range(2):
            chunk = policy.act(SENSED, "go")
            assert chunk.actions.dtype == np.float32
            assert chunk.actions.tolist() == [[0.25, -1.0]]
            assert (chunk.dt_s, chunk.start_s) == (SPEC.dt_s, 3.0)
    assert seen == [REQUEST, REQUEST]


def test_key_mapping_and_row_time_are_the_callers(fake: Fake) -> None:
    headers: list[Any] = []
    seen: list[Any] = []

    def converse(connection: ServerConnection) -> None:
        assert connection.request is not None
        headers.append(connection.request.headers.get("Authorization"))
        answering(ANSWER, seen=seen)(connection)

    mapping = OpenpiMapping.aloha(SPEC)
    with OpenpiPolicy(fake(converse), SPEC, LONG_S, mapping, "sesame", 0.1) as policy:
        assert policy.act(SENSED, "go").dt_s == 0.1
    assert headers == ["Api-Key sesame"]
    assert seen[0].startswith(b"\x83\xa6images\x81\xa5front\x84\xc4\x0b__ndarray__")


class Mirror:
    """Five rows of the state."""

    spec = SPEC

    def reset(self, seed: int) -> None: ...

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        return ActionChunk(np.tile(observation.state, (5, 1)), 0.05, observation.stamp_s)


def test_over_our_own_server_it_conforms() -> None:
    with OpenpiServer(Mirror(), port=0) as server, OpenpiPolicy(server.endpoint, SPEC, LONG_S) as policy:
        check_policy(policy, "push the block")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Traceback (most recent call last):\n  boom", "policy_failed"),
        (b"", "bad_request"),
        (b"\x80", "bad_request"),
        (b"\x07", "bad_request"),
        (ANSWER.replace(b"<f8", b"|O8"), "bad_request"),
        (pack({"actions": np.zeros((3, 7), np.float32)}, "openpi"), "bad_request"),
        (pack({"actions": np.zeros(2, np.float32)}, "openpi"), "bad_request"),
        (pack({"actions": np.zeros((1025, 2), np.float32)}, "openpi"), "bad_request"),
        (pack({"actions": [[0.0, 0.0]]}, "openpi"), "bad_request"),
    ],
)
def test_a_bad_answer_is_a_named_error_on_one_line_and_the_next_call_connects_anew(
    fake: Fake, answer: bytes | str, code: str
) -> None:
    answers = [answer, ANSWER]

    def converse(connection: ServerConnection) -> None:
        answering(answers.pop(0))(connection)

    with OpenpiPolicy(fake(converse), SPEC, LONG_S) as policy:
        with pytest.raises(BridgeError) as refused:
            policy.act(SENSED, "go")
        assert refused.value.code == code
        assert "\n" not in str(refused.value)
        assert policy.act(SENSED, "go").actions.tolist() == [[0.25, -1.0]]


def test_an_answer_of_unreasonable_size_is_not_read(fake: Fake) -> None:
    with (
        OpenpiPolicy(fake(answering(b"\0" * 900_000)), SPEC, 1.0) as policy,
        pytest.raises(BridgeError, match="longer than"),
    ):
        policy.act(SENSED, "go")


def test_silence_is_a_deadline_wherever_it_sets_in(fake: Fake) -> None:
    def mute(connection: ServerConnection) -> None:
        connection.recv(LONG_S)

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        silent = f"ws://127.0.0.1:{deaf.getsockname()[1]}"
        for url in (
            silent,
            fake(mute),
            fake(lambda connection: connection.send(b"\x80") or mute(connection)),
        ):
            with OpenpiPolicy(url, SPEC, 0.2) as policy:
                began = time.monotonic()
                with pytest.raises(DeadlineMissed, match=r"'act' within 0\.2 s"):
                    policy.act(SENSED, "go")
                assert time.monotonic() - began < 5


def test_a_late_answer_is_never_taken_for_the_next(fake: Fake) -> None:
    missed, connections = threading.Event(), list[ServerConnection]()

    def converse(connection: ServerConnection) -> None:
        connections.append(connection)
        connection.send(b"\x80")
        connection.recv(LONG_S)
        if len(connections) == 1:
            missed.wait(LONG_S)
            connection.send(pack({"actions": np.full((1, 2), 0.9)}, "openpi"))
            connection.recv(LONG_S)
        connection.send(ANSWER)

    with OpenpiPolicy(fake(converse), SPEC, 1.0) as policy:
        with pytest.raises(DeadlineMissed):
            policy.act(SENSED, "go")
        missed.set()
        assert policy.act(SENSED, "go").actions.tolist() == [[0.25, -1.0]]


def test_it_waits_for_a_server_and_survives_its_restart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with OpenpiPolicy(f"ws://127.0.0.1:{port}", SPEC, LONG_S) as policy:
        for _ in range(2):
            started: list[OpenpiServer] = []
            later = threading.Timer(0.2, lambda s=started: s.append(OpenpiServer(Mirror(), port=port)))
            later.start()
            assert policy.act(SENSED, "go").actions.shape == (5, 2)
            later.join()
            started[0].close()
    with OpenpiPolicy(f"ws://127.0.0.1:{port}", SPEC, 0.2) as policy, pytest.raises(DeadlineMissed):
        policy.act(SENSED, "go")


def test_a_refused_key_is_said_at_once() -> None:
    with (
        OpenpiServer(Mirror(), port=0, api_key="sesame") as server,
        OpenpiPolicy(server.endpoint, SPEC, LONG_S, api_key="wrong") as policy,
        pytest.raises(BridgeError, match=r"policy_failed: .*401"),
    ):
        policy.act(SENSED, "go")


def test_what_does_not_fit_is_not_sent() -> None:
    with pytest.raises(ContractError, match="ws://"):
        OpenpiPolicy("http://127.0.0.1:8000", SPEC)
    with OpenpiPolicy("ws://127.0.0.1:1", SPEC) as policy, pytest.raises(ContractError, match="cameras"):
        policy.act(Observation({}, SENSED.state, 0.0), "go")
    policy.close()


def test_a_random_observation_crosses_both_ways() -> None:
    with OpenpiServer(Mirror(), port=0) as server:
        for mapping in (OpenpiMapping.libero(SPEC), OpenpiMapping.aloha(SPEC)):
            with OpenpiPolicy(server.endpoint, SPEC, LONG_S, mapping) as policy:
                sensed = sample_observation(SPEC, 5)
                assert np.array_equal(policy.act(sensed, "go").actions[0], sensed.state)


def test_without_websockets_the_extra_to_install_is_named(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "websockets.asyncio.client", None)
    with pytest.raises(ContractError, match=r"handily\[compat\]"):
        OpenpiPolicy("ws://127.0.0.1:1", SPEC)
