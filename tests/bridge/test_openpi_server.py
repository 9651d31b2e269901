"""openpi's protocol over a real websocket: what goes over the wire, byte for byte, and what is refused."""

from __future__ import annotations

import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import msgpack
import numpy as np
import pytest

from vla.bridge.ndarrays import pack, restore, unpack
from vla.bridge.openpi_mapping import OpenpiMapping
from vla.bridge.openpi_server import OpenpiServer
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Axis, ContractError, Observation, Prefix, RobotSpec

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

WAIT_S = 10.0
AXES = (Axis("tool_x", "m", -1.0, 1.0), Axis("gripper_gap", "m", -1.0, 1.0))
SPEC = RobotSpec("tiny", AXES, AXES, {"front": (1, 2)}, 20.0)

# Written by hand from the protocol's description: a client of LIBERO's keys sends one picture of 1 x 2 and a
# state of two, and is answered with two rows of that state.
STATE = b"\x00\x00\x80\x3e\x00\x00\x80\xbf"  # 0.25 and -1 as little-endian float32
REQUEST = (
    b"\x83"
    b"\xb1observation/image\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x06\x01\x02\x03\x04\x05\x06"
    b"\xc4\x05dtype\xa3|u1\xc4\x05shape\x93\x01\x02\x03"
    b"\xb1observation/state\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x08" + STATE + b"\xc4\x05dtype\xa3<f4"
    b"\xc4\x05shape\x91\x02"
    b"\xa6prompt\xa2go"
)
ACTIONS = (
    b"\x83\xa7actions\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x10"
    + STATE
    + STATE
    + b"\xc4\x05dtype\xa3<f4"
    b"\xc4\x05shape\x92\x02\x02"
)


class Mirror:
    """Two rows of the state; some instructions misbehave, "wait" waits for the gate."""

    spec = SPEC

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.waiting = threading.Event()
        self.seen: list[Observation] = []

    def reset(self, seed: int) -> None:
        raise AssertionError("openpi has no reset")

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.seen.append(observation)
        if instruction == "explode":
            raise ZeroDivisionError("first line\nsecond line of /some/path")
        if instruction == "wait":
            self.waiting.set()
            self.gate.wait(60)
        factor = {"far": 100.0, "nowhere": np.nan}.get(instruction, 1.0)
        rows = np.tile(observation.state * np.float32(factor), (2, 1))
        return ActionChunk(rows[:, :1] if instruction == "narrow" else rows, 0.05, observation.stamp_s)


@pytest.fixture
def policy() -> Iterator[Mirror]:
    mirror = Mirror()
    yield mirror
    mirror.gate.set()


@pytest.fixture
def server(policy: Mirror) -> Iterator[OpenpiServer]:
    with OpenpiServer(policy, port=0, model_id="m") as serving:
        yield serving


def asking(server: OpenpiServer, **options: Any) -> ClientConnection:
    return connect(server.endpoint, compression=None, **options)


def exchange(client: ClientConnection, data: bytes | str) -> Any:
    client.send(data)
    answer = client.recv(WAIT_S)
    return restore(unpack(answer, 10_000), ("openpi",))[0] if isinstance(answer, bytes) else answer


def said(prompt: str) -> bytes:
    return REQUEST.replace(b"\xa2go", bytes([0xA0 + len(prompt)]) + prompt.encode())


def fetch(server: OpenpiServer, path: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(server.endpoint.replace("ws", "http") + path, timeout=WAIT_S) as answer:
        return answer.status, answer.read()


def test_the_bytes_on_the_wire_are_openpis(server: OpenpiServer, policy: Mirror) -> None:
    with asking(server) as client:
        metadata = client.recv(WAIT_S)
        assert isinstance(metadata, bytes)
        assert msgpack.unpackb(metadata)["robot"] == "tiny"
        client.send(REQUEST)
        answer = client.recv(WAIT_S)
    assert isinstance(answer, bytes)
    assert answer.startswith(ACTIONS)
    rest = msgpack.unpackb(answer)
    assert list(rest) == ["actions", "policy_timing", "server_timing"]
    assert list(rest["policy_timing"]) == ["infer_ms"]
    (observation,) = policy.seen
    assert observation.images["front"].tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert observation.state.tolist() == [0.25, -1.0]


def test_timing_tells_of_the_exchange_before(server: OpenpiServer) -> None:
    with asking(server) as client:
        client.recv(WAIT_S)
        first, second = exchange(client, REQUEST), exchange(client, REQUEST)
    assert list(first["server_timing"]) == ["infer_ms"]
    assert second["server_timing"]["prev_total_ms"] >= first["server_timing"]["infer_ms"]
    assert 0 <= first["policy_timing"]["infer_ms"] <= first["server_timing"]["infer_ms"]


def test_health_is_http(server: OpenpiServer) -> None:
    assert fetch(server, "/healthz") == (200, b"OK\n")
    with pytest.raises(urllib.error.HTTPError, match="426"):
        fetch(server, "/")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"", "bad_request: message is not msgpack"),
        (b"\xff" * 50, "bad_request: "),
        (b"\x80", "bad_request: missing observation/image"),
        (REQUEST.replace(b"|u1", b"|O8"), "bad_request: dtype '|O8'"),
        (
            REQUEST.replace(b"\x93\x01\x02\x03", b"\x93\x02\x01\x03"),
            "bad_request: 'observation/image' is uint8",
        ),
        ("words", "bad_request: a text frame"),
        (said("explode"), "policy_failed: ZeroDivisionError"),
        (said("far"), "policy_failed: ContractError"),
        (said("nowhere"), "policy_failed: ContractError"),
        (said("narrow"), "policy_failed: ContractError"),
    ],
)
def test_an_error_is_one_line_of_text_then_1011_and_the_server_lives(
    server: OpenpiServer, bad: bytes | str, says: str
) -> None:
    with asking(server) as client:
        client.recv(WAIT_S)
        words = exchange(client, bad)
        assert isinstance(words, str)
        assert words.startswith(says)
        assert "\n" not in words
        assert "Traceback" not in words
        with pytest.raises(ConnectionClosed) as end:
            client.recv(WAIT_S)
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1011
    with asking(server) as client:
        client.recv(WAIT_S)
        assert exchange(client, REQUEST)["actions"].shape == (2, 2)


def test_a_message_beyond_the_spec_is_cut_off_unread(server: OpenpiServer, policy: Mirror) -> None:
    with asking(server) as client:
        client.recv(WAIT_S)
        client.send(b"\0" * 200_000)
        with pytest.raises(ConnectionClosed) as end:
            client.recv(WAIT_S)
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1009
    assert not policy.seen


def test_a_web_page_is_turned_away(server: OpenpiServer) -> None:
    with pytest.raises(InvalidStatus, match="403"), asking(server, origin="http://127.0.0.1"):
        pass


def test_only_the_key_opens(policy: Mirror) -> None:
    with OpenpiServer(policy, port=0, api_key="sesame") as server:
        assert fetch(server, "/healthz") == (200, b"OK\n")
        wrong = ({}, {"Authorization": "Api-Key sesam"}, {"Authorization": "sesame"})
        for headers in (*wrong, {"Authorization": "Bearer sesame"}, {"Authorization": "Api-Key s\u00e9same"}):
            with pytest.raises(InvalidStatus, match="401"), asking(server, additional_headers=headers):
                pass
        with asking(server, additional_headers={"Authorization": "Api-Key sesame"}) as client:
            client.recv(WAIT_S)
            assert "actions" in exchange(client, REQUEST)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.5", "robot.example"])
def test_beyond_loopback_it_needs_a_key(policy: Mirror, host: str) -> None:
    with pytest.raises(ContractError, match="not loopback"):
        OpenpiServer(policy, host, 0)
    with pytest.raises(ContractError, match="empty key"):
        OpenpiServer(policy, host, 0, api_key="")


def test_with_a_key_it_may_listen_beyond_loopback(policy: Mirror) -> None:
    with OpenpiServer(policy, "0.0.0.0", 0, api_key="sesame") as server:
        assert server.endpoint.startswith("ws://0.0.0.0:")


def test_a_taken_or_impossible_port_is_named(policy: Mirror, server: OpenpiServer) -> None:
    port = int(server.endpoint.rpartition(":")[2])
    with pytest.raises(ContractError, match=str(port)):
        OpenpiServer(policy, port=port)
    with pytest.raises(ContractError, match="70000"):
        OpenpiServer(policy, port=70000)


def test_a_mapping_of_another_robot_is_refused(policy: Mirror) -> None:
    with pytest.raises(ContractError, match="cameras"):
        OpenpiServer(policy, port=0, mappings=[OpenpiMapping({"top": "x"}, {"s": ("tool_x", "gripper_gap")})])


def test_a_hung_policy_costs_an_error_not_the_server(policy: Mirror) -> None:
    with (
        OpenpiServer(policy, port=0, patience_s=1.0) as server,
        asking(server) as hanging,
        asking(server) as other,
    ):
        for client in (hanging, other):
            client.recv(WAIT_S)
        hanging.send(said("wait"))
        assert policy.waiting.wait(WAIT_S)
        assert fetch(server, "/healthz") == (200, b"OK\n")
        assert "policy_failed: no answer within 1 s" in exchange(other, REQUEST)
        assert "policy_failed: no answer within 1 s" in str(hanging.recv(WAIT_S))
        policy.gate.set()
        with asking(server) as client:
            client.recv(WAIT_S)
            assert "actions" in exchange(client, REQUEST)


def test_the_server_can_be_closed_while_the_policy_hangs(policy: Mirror) -> None:
    with OpenpiServer(policy, port=0) as server, asking(server) as client:
        client.recv(WAIT_S)
        client.send(said("wait"))
        assert policy.waiting.wait(WAIT_S)
        server.close()
        server.close()
        with pytest.raises(ConnectionClosed):
            client.recv(WAIT_S)


def test_seventeen_clients_are_one_too_many(server: OpenpiServer) -> None:
    with ExitStack() as clients:
        for _ in range(16):
            clients.enter_context(asking(server)).recv(WAIT_S)
        with pytest.raises(InvalidStatus, match="503"), asking(server):
            pass


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the package opens its websocket in an older way
def test_openpis_own_client_is_served(server: OpenpiServer, policy: Mirror) -> None:
    websocket_client_policy = pytest.importorskip("openpi_client.websocket_client_policy")
    port = int(server.endpoint.rpartition(":")[2])
    client = websocket_client_policy.WebsocketClientPolicy(
        "127.0.0.1", port, api_key="ignored where none is set"
    )
    sensed = sample_observation(SPEC)
    try:
        assert client.get_server_metadata()["model_id"] == "m"
        for image in (sensed.images["front"], sensed.images["front"].transpose(2, 0, 1)):
            flat = {"observation/image": image, "observation/state": sensed.state.astype(np.float64)}
            answer = client.infer(flat | {"prompt": "go", "seed": np.float32(1.5)})
            assert answer["actions"].dtype == np.float32
            assert np.array_equal(answer["actions"], np.tile(sensed.state, (2, 1)))
            assert np.array_equal(policy.seen[-1].images["front"], sensed.images["front"])
        nested = {"images": {"front": sensed.images["front"]}, "state": sensed.state, "prompt": "go"}
        assert client.infer(nested)["actions"].shape == (2, 2)
        client.reset()
        with pytest.raises(RuntimeError, match="policy_failed: ZeroDivisionError"):
            client.infer(nested | {"prompt": "explode"})
    finally:
        client._ws.close()


def test_openpis_own_codec_and_ours_write_the_same_bytes() -> None:
    theirs = pytest.importorskip("openpi_client.msgpack_numpy")
    sensed = sample_observation(SPEC)
    given = OpenpiMapping.libero(SPEC).write(sensed, "go", SPEC) | {"i": np.arange(3), "f": np.zeros((2, 2))}
    assert pack(given, "openpi") == theirs.packb(given)
    back = theirs.unpackb(pack(given, "openpi"))
    assert all(np.array_equal(back[key], value) for key, value in given.items())


def test_without_websockets_the_extra_to_install_is_named(policy: Mirror, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    with pytest.raises(ContractError, match=r"handily\[compat\]"):
        OpenpiServer(policy, port=0)
