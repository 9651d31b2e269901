"""Asking a GR00T server: the bytes that reach it, and what becomes of late, wrong and absent answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast

import msgpack
import numpy as np
import pytest
import zmq

from vla.bridge.errors import BridgeError, DeadlineMissed
from vla.bridge.groot_policy import GrootPolicy
from vla.bridge.groot_server import GrootServer
from vla.bridge.ndarrays import Form, pack
from vla.conformance import check_policy
from vla.contract import ActionChunk, ActRequest, Axis, ContractError, Observation, Prefix, RobotSpec

LONG_S = 10.0
AXES = (Axis("arm_x", "m", -1.0, 1.0), Axis("arm_y", "m", -1.0, 1.0))
SPEC = RobotSpec("tiny", AXES, AXES, {"front": (1, 2)}, 20.0)
SENSED = Observation(
    {"front": np.arange(1, 7, dtype=np.uint8).reshape(1, 2, 3)}, np.array([0.25, -1], np.float32), 3.0
)

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


SAID = b"\xd9\x21annotation.human.task_description"
N15 = (
    b"\x82\xa8endpoint\xaaget_action\xa4data\x83"
    b"\xabvideo.front" + npy("|u1", "(1, 1, 2, 3)", PIXELS) + b"\xa9state.arm" + npy("<f4", "(1, 2)", STATE) +
    SAID + b"\x91\xa2go"
)  # fmt: skip
N15_ANSWER = b"\x81\xaaaction.arm" + npy("<f4", "(2, 2)", STATE + STATE)
N17 = (
    b"\x83\xa8endpoint\xaaget_action\xa4data\x82\xabobservation\x83"
    b"\xa5video\x81\xa5front" + nd(b"|u1", b"\x95\x01\x01\x01\x02\x03", PIXELS) +
    b"\xa5state\x81\xa3arm" + nd(b"<f4", b"\x93\x01\x01\x02", STATE) +
    b"\xa8language\x81" + SAID + b"\x91\x91\xa2go"
    b"\xa7options\xc0"
    b"\xa9api_token\xa6sesame"
)  # fmt: skip
N17_ANSWER = b"\x92\x81\xa3arm" + nd(b"<f4", b"\x93\x01\x02\x02", STATE + STATE) + b"\x80"

Fake = Callable[..., str]


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A ROUTER that answers request i with ``answers[i]``, a callable or frames; None is silence."""
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())

        def start(*answers: Any, seen: list[bytes] | None = None, late: threading.Event | None = None) -> str:
            router = context.socket(zmq.ROUTER)
            router.linger = 0
            port = router.bind_to_random_port("tcp://127.0.0.1")
            stop = threading.Event()

            def serve() -> None:
                left = list(answers)
                while not stop.is_set():
                    if not router.poll(20):
                        continue
                    client, _, request = router.recv_multipart()
                    if seen is not None:
                        seen.append(request)
                    answer = left.pop(0) if left else None
                    if late is not None:
                        late.wait(LONG_S)
                    if answer is not None:
                        frames = answer if isinstance(answer, list) else [answer]
                        router.send_multipart([client, b"", *cast(list[bytes], frames)])
                router.close()

            thread = threading.Thread(target=serve)
            thread.start()
            stack.callback(thread.join)
            stack.callback(stop.set)
            return f"tcp://127.0.0.1:{port}"

        yield start


class Noisy:
    """A policy that answers batches; its rows are drawn from the request's seed."""

    spec = SPEC

    def reset(self, seed: int) -> None:
        raise AssertionError("a client's reset concerns that client alone")

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        raise AssertionError("asked without a seed")

    def act_batch(self, requests: list[ActRequest]) -> list[ActionChunk]:
        return [
            ActionChunk(
                np.random.default_rng(r.seed).uniform(-1, 1, (4, 2)).astype(np.float32),
                0.05,
                r.observation.stamp_s,
            )
            for r in requests
        ]


def test_the_bytes_that_reach_an_n15_server_are_gr00ts(fake: Fake) -> None:
    seen: list[bytes] = []
    with GrootPolicy(fake(N15_ANSWER, seen=seen), SPEC, LONG_S, "n1.5") as policy:
        policy.reset(3)  # nothing to send
        chunk = policy.act(SENSED, "go")
    assert seen == [N15]
    assert chunk.actions.tolist() == [[0.25, -1.0]] * 2
    assert (chunk.actions.dtype, chunk.dt_s, chunk.start_s) == (np.float32, SPEC.dt_s, 3.0)


def test_the_bytes_that_reach_an_n17_server_are_gr00ts(fake: Fake) -> None:
    seen: list[bytes] = []
    endpoint = fake(b"\x80", N17_ANSWER, seen=seen)
    with GrootPolicy(endpoint, SPEC, LONG_S, form="msgpack_numpy", api_token="sesame", dt_s=0.1) as policy:
        policy.reset(3)
        chunk = policy.act(SENSED, "go")
    assert seen[0].startswith(b"\x83\xa8endpoint\xa5reset\xa4data\x81\xa7options\x81\xa4seed\x03")
    assert seen[1] == N17
    assert chunk.actions.tolist() == [[0.25, -1.0]] * 2
    assert chunk.dt_s == 0.1


@pytest.mark.parametrize("form", ["npy", "msgpack_numpy"])
def test_over_our_own_server_it_conforms_noise_and_all(form: Form) -> None:
    with (
        GrootServer(Noisy(), port=0) as server,
        GrootPolicy(server.endpoint, SPEC, LONG_S, form=form) as policy,
        GrootPolicy(server.endpoint, SPEC, LONG_S, form=form) as other,
    ):
        check_policy(policy, "push the block")
        policy.reset(7)
        first = policy.act(SENSED, "go").actions
        policy.reset(7)
        other.reset(8)
        theirs = other.act(SENSED, "go").actions
        assert np.array_equal(policy.act(SENSED, "go").actions, first)
        assert not np.array_equal(theirs, first)
        assert not np.array_equal(policy.act(SENSED, "go").actions, first)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"ERROR", "policy_failed"),
        (msgpack.packb({"error": "Traceback:\n boom"}), "policy_failed"),
        (msgpack.packb({"error": 3}), "policy_failed"),
        (b"", "bad_request"),
        (b"\x80", "bad_request"),
        (b"\x90", "bad_request"),
        (b"\x92\x80\x80", "bad_request"),
        (N17_ANSWER.replace(b"<f4", b"|O8"), "bad_request"),
        (pack([{"arm": np.zeros((1, 3, 7), np.float32)}, {}], "npy"), "bad_request"),
        (pack([{"arm": np.zeros((2, 3, 2), np.float32)}, {}], "npy"), "bad_request"),
        (pack([{"arm": np.zeros((1, 1025, 2), np.float32)}, {}], "npy"), "bad_request"),
        ([N17_ANSWER, N17_ANSWER], "bad_request"),
    ],
)
def test_a_bad_answer_is_a_named_error_on_one_line(fake: Fake, answer: Any, code: str) -> None:
    with GrootPolicy(fake(answer, N17_ANSWER), SPEC, LONG_S) as policy:
        with pytest.raises(BridgeError) as refused:
            policy.act(SENSED, "go")
        assert refused.value.code == code
        assert "\n" not in str(refused.value)
        assert policy.act(SENSED, "go").actions.shape == (2, 2)


def test_an_answer_of_unreasonable_size_is_not_read(fake: Fake) -> None:
    with GrootPolicy(fake(b"\0" * 900_000), SPEC, 0.5) as policy, pytest.raises(DeadlineMissed):
        policy.act(SENSED, "go")


def test_silence_is_a_deadline_and_the_policy_goes_on(fake: Fake) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        for endpoint in (f"tcp://127.0.0.1:{deaf.getsockname()[1]}", "tcp://127.0.0.1:1", fake(None)):
            with GrootPolicy(endpoint, SPEC, 0.2) as policy:
                began = time.monotonic()
                with pytest.raises(DeadlineMissed, match=r"'get_action' within 0\.2 s"):
                    policy.act(SENSED, "go")
                with pytest.raises(DeadlineMissed, match=r"'reset' within 0\.2 s"):
                    policy.reset(0)
                assert time.monotonic() - began < 5


def test_a_late_answer_is_never_taken_for_the_next(fake: Fake) -> None:
    stale = pack([{"arm": np.full((1, 1, 2), 0.9, np.float32)}, {}], "npy")
    missed = threading.Event()
    with GrootPolicy(fake(stale, N17_ANSWER, late=missed), SPEC, 1.0) as policy:
        with pytest.raises(DeadlineMissed):
            policy.act(SENSED, "go")
        missed.set()
        assert policy.act(SENSED, "go").actions.tolist() == [[0.25, -1.0]] * 2


def test_it_waits_for_a_server_and_survives_its_restart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with GrootPolicy(f"tcp://127.0.0.1:{port}", SPEC, LONG_S) as policy:
        for _ in range(2):
            started: list[GrootServer] = []
            later = threading.Timer(0.2, lambda s=started: s.append(GrootServer(Noisy(), port=port)))
            later.start()
            assert policy.act(SENSED, "go").actions.shape == (4, 2)
            later.join()
            started[0].close()


def test_a_refused_token_is_said() -> None:
    with (
        GrootServer(Noisy(), port=0, api_token="sesame") as server,
        GrootPolicy(server.endpoint, SPEC, LONG_S, api_token="wrong") as policy,
        pytest.raises(BridgeError, match=r"policy_failed: .*Unauthorized"),
    ):
        policy.act(SENSED, "go")


def test_what_does_not_fit_is_not_sent() -> None:
    for wrong in ({"schema": "n2"}, {"form": "openpi"}):
        with pytest.raises(ContractError, match="schema"):
            GrootPolicy("tcp://127.0.0.1:1", SPEC, **cast(Any, wrong))
    with GrootPolicy("tcp://127.0.0.1:1", SPEC) as policy, pytest.raises(ContractError, match="cameras"):
        policy.act(Observation({}, SENSED.state, 0.0), "go")
    policy.close()
