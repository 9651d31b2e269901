"""GR00T's protocol over real ZeroMQ sockets: what goes over the wire, byte for byte, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, cast

import msgpack
import numpy as np
import pytest
import zmq

from vla.bridge.groot_mapping import GrootMapping
from vla.bridge.groot_server import GrootServer
from vla.bridge.ndarrays import Form, pack, restore, unpack
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Axis, ContractError, Observation, Prefix, RobotSpec

WAIT_MS = 10_000
AXES = (Axis("arm_x", "m", -1.0, 1.0), Axis("arm_y", "m", -1.0, 1.0))
SPEC = RobotSpec("tiny", AXES, AXES, {"front": (1, 2)}, 20.0)
MAPPING = GrootMapping.of(SPEC)
FORMS: tuple[Form, ...] = ("npy", "msgpack_numpy")

# Written by hand from the protocol's description.
STATE = b"\x00\x00\x80\x3e\x00\x00\x80\xbf"  # 0.25 and -1 as little-endian float32
PIXELS = b"\x01\x02\x03\x04\x05\x06"


def npy(descr: str, shape: str, data: bytes) -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    whole = b"\x93NUMPY\x01\x00\x76\x00" + header + data
    return b"\x82\xb1__ndarray_class__\xc3\xa6as_npy\xc4" + bytes([len(whole)]) + whole


def nd(descr: bytes, shape: bytes, data: bytes) -> bytes:
    head = b"\x85\xc4\x02nd\xc3\xc4\x04type\xa3" + descr + b"\xc4\x04kind\xc4\x00\xc4\x05shape" + shape
    return head + b"\xc4\x04data\xc4" + bytes([len(data)]) + data


TASK = b"\xd9\x21annotation.human.task_description"
N15_CUSTOM = (
    b"\x82\xa8endpoint\xaaget_action\xa4data\x83"
    b"\xabvideo.front" + npy("|u1", "(1, 1, 2, 3)", PIXELS) + b"\xa9state.arm" + npy("<f4", "(1, 2)", STATE) +
    b"\xd9\x28annotation.human.action.task_description\x91\xa2go"
)  # fmt: skip
N15_ACTIONS = b"\x81\xaaaction.arm" + npy("<f4", "(2, 2)", STATE + STATE)
N17 = (
    b"\x82\xa8endpoint\xaaget_action\xa4data\x82\xabobservation\x83"
    b"\xa5video\x81\xa5front" + nd(b"|u1", b"\x95\x01\x01\x01\x02\x03", PIXELS) +
    b"\xa5state\x81\xa3arm" + nd(b"<f4", b"\x93\x01\x01\x02", STATE) +
    b"\xa8language\x81" + TASK + b"\x91\x91\xa2go"
    b"\xa7options\xc0"
)  # fmt: skip
N17_ACTIONS = b"\x92\x81\xa3arm" + nd(b"<f4", b"\x93\x01\x02\x02", STATE + STATE) + b"\x80"


class Mirror:
    """Two rows of the state; some instructions misbehave, "wait" waits for the gate."""

    spec = SPEC

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.waiting = threading.Event()
        self.seen: list[Observation] = []
        self.seeds: list[int] = []

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.seen.append(observation)
        if instruction == "explode":
            raise ZeroDivisionError("first line\nsecond line of /some/path")
        if instruction == "wait":
            self.waiting.set()
            self.gate.wait(60)
        factor = 100.0 if instruction == "far" else 1.0
        return ActionChunk(np.tile(observation.state * np.float32(factor), (2, 1)), 0.05, observation.stamp_s)


@pytest.fixture
def policy() -> Iterator[Mirror]:
    mirror = Mirror()
    yield mirror
    mirror.gate.set()


@pytest.fixture
def server(policy: Mirror) -> Iterator[GrootServer]:
    with GrootServer(policy, port=0) as serving:
        yield serving


class Asker:
    """A REQ socket, as GR00T's client has one."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self.socket = context.socket(zmq.REQ)
        self.socket.linger = 0
        self.socket.rcvtimeo = WAIT_MS
        self.socket.connect(endpoint)

    def raw(self, request: bytes) -> bytes:
        self.socket.send(request)
        return self.socket.recv()

    def ask(self, endpoint: str, data: Any = None, form: Form = "npy", **more: Any) -> Any:
        reply = self.raw(pack({"endpoint": endpoint, "data": data} | more, form))
        answer, found = restore(unpack(reply, 10_000), FORMS)
        assert found in (None, form)
        return answer


@pytest.fixture
def connect(server: GrootServer) -> Iterator[Any]:
    context = zmq.Context()
    askers: list[Asker] = []

    def start(endpoint: str = "") -> Asker:
        askers.append(Asker(context, endpoint or server.endpoint))
        return askers[-1]

    yield start
    for asker in askers:
        asker.socket.close()
    context.term()


@pytest.fixture
def asker(connect: Any) -> Asker:
    return connect()


def observed(instruction: str = "go") -> dict[str, Any]:
    sensed = sample_observation(SPEC)
    return {"observation": MAPPING.write(sensed, instruction, SPEC, "n1.6"), "options": None}


def packed(value: Any) -> bytes:
    return cast(bytes, msgpack.packb(value))


@pytest.mark.parametrize(
    ("request_", "answer"),
    [(N15_CUSTOM, N15_ACTIONS), (N17, N17_ACTIONS)],
    ids=["n1.5 custom", "n1.7 msgpack-numpy"],
)
def test_the_bytes_on_the_wire_are_gr00ts(
    asker: Asker, policy: Mirror, request_: bytes, answer: bytes
) -> None:
    assert asker.raw(request_) == answer
    (observation,) = policy.seen
    assert observation.images["front"].tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert observation.state.tolist() == [0.25, -1.0]


def test_ping_is_answered_in_gr00ts_words(asker: Asker) -> None:
    wanted = b"\x82\xa6status\xa2ok\xa7message\xb1Server is running"
    assert asker.raw(b"\x81\xa8endpoint\xa4ping") == wanted


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("schema", ["n1.5", "n1.6"])
def test_either_layout_is_answered_in_kind(asker: Asker, form: Form, schema: Any) -> None:
    sensed = sample_observation(SPEC)
    whole = MAPPING.write(sensed, "go", SPEC, schema)
    answer = asker.ask("get_action", whole if schema == "n1.5" else {"observation": whole}, form)
    if schema == "n1.5":
        assert np.array_equal(answer["action.arm"], np.tile(sensed.state, (2, 1)))
        batched = {key: x[None] if isinstance(x, np.ndarray) else x for key, x in whole.items()}
        assert asker.ask("get_action", batched, form)["action.arm"].shape == (1, 2, 2)
    else:
        actions, info = answer
        assert np.array_equal(actions["arm"], np.tile(sensed.state, (1, 2, 1)))
        assert info == {}


def test_an_endpoint_need_not_be_named(asker: Asker) -> None:
    answer = asker.raw(pack({"data": observed()}, "npy"))
    assert b"arm" in answer


def test_reset_reaches_the_policy(asker: Asker, policy: Mirror) -> None:
    assert asker.ask("reset", {"options": {"seed": 41}}) == {}
    assert asker.ask("reset", {"options": None}) == {}
    assert asker.ask("reset") == {}
    assert policy.seeds == [41, 0, 0]


def test_the_modalities_are_told_as_n16_reads_them(asker: Asker) -> None:
    asker.ask("get_action", observed())
    config = asker.ask("get_modality_config")
    assert {
        key: (x["as_json"]["modality_keys"], x["as_json"]["delta_indices"]) for key, x in config.items()
    } == {
        "video": (["front"], [0]),
        "state": (["arm"], [0]),
        "action": (["arm"], [0, 1]),
        "language": (["annotation.human.task_description"], [0]),
    }
    assert all(x["__ModalityConfig_class__"] is True for x in config.values())


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"", "bad_request: message is not msgpack"),
        (b"\x07", "bad_request: the request is int"),
        (packed({"endpoint": "kill"}), "bad_request: endpoint 'kill' is refused"),
        (packed({"endpoint": "load", "data": {}}), "bad_request: endpoint 'load' is unknown"),
        (packed({"endpoint": 3}), "bad_request: endpoint '3' is unknown"),
        (packed({"endpoint": "get_action"}), "bad_request: 'data' is NoneType"),
        (packed({"endpoint": "get_action", "data": {"observation": {}}}), "bad_request: missing video.front"),
        (packed({"endpoint": "reset", "data": {"options": {"seed": -1}}}), "bad_request: the seed"),
        (packed({"endpoint": "reset", "data": {"options": {"seed": 1.5}}}), "bad_request: the seed"),
        (N17.replace(b"|u1", b"|O8"), "bad_request: dtype '|O8'"),
        (
            N17.replace(b"kind\xc4\x00", b"kind\xc4\x01O"),
            "bad_request: a msgpack-numpy array of no plain kind",
        ),
        (N15_CUSTOM.replace(b"'|u1'", b"'|O8'"), "bad_request: dtype '|O8'"),
        (pack({"data": observed("explode")}, "npy"), "policy_failed: ZeroDivisionError"),
        (pack({"data": observed("far")}, "npy"), "policy_failed: ContractError"),
    ],
)
def test_an_error_is_one_line_and_the_server_lives(asker: Asker, bad: bytes, says: str) -> None:
    answer = msgpack.unpackb(asker.raw(bad))
    assert list(answer) == ["error"]
    assert answer["error"].startswith(says)
    assert "\n" not in answer["error"]
    assert "Traceback" not in answer["error"]
    assert asker.ask("ping")["status"] == "ok"


def test_only_the_token_opens_and_nothing_is_read_before_it(policy: Mirror, connect: Any) -> None:
    with GrootServer(policy, port=0, api_token="sesame") as server:
        asker = connect(server.endpoint)
        for token in ({}, {"api_token": "sesam"}, {"api_token": None}, {"api_token": b"sesame"}):
            for endpoint in ("ping", "get_action", "kill", "reset", "get_modality_config"):
                answer = asker.ask(endpoint, observed(), **token)
                assert answer == {"error": "Unauthorized: Invalid API token"}
        poisoned = {"data": {b"nd": True, b"type": "|O8", b"kind": b"O", b"shape": [1], b"data": b"."}}
        assert "Unauthorized" in str(msgpack.unpackb(asker.raw(packed(poisoned))))
        assert asker.ask("ping", api_token="sesame")["status"] == "ok"
        assert len(asker.ask("get_action", observed(), api_token="sesame")) == 2
    assert policy.seeds == []


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "192.168.1.5", "robot.example"])
def test_beyond_loopback_it_needs_a_token(policy: Mirror, host: str) -> None:
    with pytest.raises(ContractError, match="not loopback"):
        GrootServer(policy, host, 0)


def test_a_taken_port_is_named(policy: Mirror, server: GrootServer) -> None:
    port = int(server.endpoint.rpartition(":")[2])
    with pytest.raises(ContractError, match=str(port)):
        GrootServer(policy, port=port)


def test_a_hung_policy_costs_an_error_not_the_server(policy: Mirror, connect: Any) -> None:
    with GrootServer(policy, port=0, patience_s=1.0) as server:
        hanging, other = connect(server.endpoint), connect(server.endpoint)
        hanging.socket.send(pack({"data": observed("wait")}, "npy"))
        assert policy.waiting.wait(10)
        assert other.ask("ping")["status"] == "ok"
        assert other.ask("get_action", observed()) == {"error": "policy_failed: no answer within 1 s"}
        assert msgpack.unpackb(hanging.socket.recv()) == {"error": "policy_failed: no answer within 1 s"}
        policy.gate.set()
        assert len(other.ask("get_action", observed())) == 2


def test_noise_is_ignored_and_a_message_beyond_the_spec_never_read(
    server: GrootServer, asker: Asker, policy: Mirror
) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as noise:
        noise.linger = 0
        noise.connect(server.endpoint)
        for frames in ([b""], [b"", b"", b""], [b"x"] * 9, [b"x", b"\x81\xa8endpoint\xa4ping"]):
            noise.send_multipart(frames)
        noise.send_multipart([b"", b"\0" * 200_000])
        assert asker.ask("ping")["status"] == "ok"
        assert not noise.poll(200)
    assert not policy.seen
