"""Laws of the wire: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

from typing import cast

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge import wire
from vla.bridge.wire import Message, WireError
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Axis, ContractError, Plan, RobotSpec

_AXES = (Axis("x", "m", -1.0, 1.0, 1.0), Axis("gap", "m", 0.0, 0.08, 0.2))
SPEC = RobotSpec("tiny", _AXES, _AXES, {"front": (8, 6), "arm": (4, 4)}, 20.0)
TEXTS = st.text(min_size=1, max_size=40).filter(lambda words: words.isprintable())


def packed(header: dict) -> bytes:
    return cast(bytes, msgpack.packb(header))


def across(message: Message) -> Message:
    return wire.decode(wire.encode(message), wire.max_frames(SPEC))


@given(seed=st.integers(0, 2**32 - 1), stamp_s=st.floats(0, 1e9))
@settings(max_examples=30, deadline=None)
def test_observation_survives_the_wire_bit_for_bit(seed: int, stamp_s: float) -> None:
    sensed = sample_observation(SPEC, seed, stamp_s)
    body, frames = wire.pack_observation(sensed, SPEC)
    got = wire.unpack_observation(across(Message("act", "s", 1, body, frames)), SPEC)
    assert got.stamp_s == stamp_s
    assert got.state.tobytes() == sensed.state.tobytes()
    assert {n: i.tobytes() for n, i in got.images.items()} == {
        n: i.tobytes() for n, i in sensed.images.items()
    }


def test_camera_order_of_a_spec_does_not_matter() -> None:
    swapped = RobotSpec("tiny", _AXES, _AXES, {"arm": (4, 4), "front": (8, 6)}, 20.0)
    sensed = sample_observation(SPEC)
    body, frames = wire.pack_observation(sensed, SPEC)
    got = wire.unpack_observation(Message("act", "s", 1, body, frames), swapped)
    assert np.array_equal(got.images["front"], sensed.images["front"])


@given(rows=st.integers(1, 40), bits=st.integers(0, 2**32 - 1), start_s=st.floats(-1e6, 1e6))
@settings(max_examples=50, deadline=None)
def test_chunk_survives_the_wire_whatever_its_values(rows: int, bits: int, start_s: float) -> None:
    actions = np.full((rows, 2), bits, np.uint32).view(np.float32)
    body, frames = wire.pack_chunk(ActionChunk(actions, 0.05, start_s), SPEC)
    got = wire.unpack_chunk(across(Message("act", "s", 1, body, frames)), SPEC)
    assert (got.actions.tobytes(), got.dt_s, got.start_s) == (actions.tobytes(), 0.05, start_s)


@given(goal=TEXTS, steps=st.lists(TEXTS, max_size=5), done=st.integers(0, 5), note=st.text(max_size=9))
def test_plan_survives_the_wire(goal: str, steps: list[str], done: int, note: str) -> None:
    index = min(done, len(steps))
    plan = Plan(
        goal, tuple(steps), index, tuple("done" if i < index else "active" for i in range(len(steps))), note
    )
    sent = across(Message("plan", "s", 1, {"plan": wire.pack_plan(plan)}))
    assert wire.unpack_plan(sent.body["plan"]) == plan


@given(frames=st.lists(st.binary(max_size=300), max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_message_or_a_wire_error(frames: list[bytes]) -> None:
    try:
        wire.decode(frames, wire.max_frames(SPEC))
    except WireError:
        return
    assert len(frames) <= wire.max_frames(SPEC)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    header=st.dictionaries(st.sampled_from(["v", "verb", "session", "seq", "body", "x"]), _PLAIN),
    body=st.dictionaries(st.sampled_from(["rows", "dt_s", "start_s", "stamp_s", "plan"]), _PLAIN),
    frames=st.lists(st.binary(max_size=300), max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_any_header_is_read_or_refused_by_name(header: dict, body: dict, frames: list[bytes]) -> None:
    good = {"v": 1, "verb": "act", "session": "s", "seq": 1, "body": body}
    for candidate in (header, good | header, good):
        try:
            message = wire.decode([packed(candidate), *frames], wire.max_frames(SPEC))
            wire.unpack_plan(message.body.get("plan"))
            wire.unpack_observation(message, SPEC)
        except ContractError:
            pass
        try:
            wire.unpack_chunk(Message("act", "s", 1, body, tuple(frames)), SPEC)
        except WireError:
            continue


def test_frames_of_another_length_are_refused_by_name() -> None:
    body, frames = wire.pack_observation(sample_observation(SPEC), SPEC)
    for i, name in enumerate(("state", "arm", "front")):
        for wrong in (frames[i][:-1], frames[i] + b"\0", b""):
            bad = (*frames[:i], wrong, *frames[i + 1 :])
            with pytest.raises(WireError, match=name):
                wire.unpack_observation(Message("act", "s", 1, body, bad), SPEC)
    with pytest.raises(WireError, match="array frames"):
        wire.unpack_observation(Message("act", "s", 1, body, frames[:-1]), SPEC)


def test_too_many_frames_and_too_long_headers_are_refused() -> None:
    good = wire.encode(Message("health", "s", 1))
    with pytest.raises(WireError, match="frames"):
        wire.decode([*good, b"", b"", b"", b"", b""], wire.max_frames(SPEC))
    with pytest.raises(WireError, match="header"):
        wire.decode([b"\0" * (wire.MAX_HEADER_BYTES + 1)], 1)
    with pytest.raises(WireError, match="header"):
        wire.encode(Message("plan", "s", 1, {"goal": "x" * wire.MAX_HEADER_BYTES}))


def test_a_flood_of_small_containers_is_refused() -> None:
    flood = {"v": 1, "verb": "act", "session": "s", "seq": 1, "body": {"a": [{}] * 10_000}}
    with pytest.raises(WireError, match="msgpack"):
        wire.decode([packed(flood)], 1)


def test_a_chunk_of_another_width_or_dtype_is_not_sent() -> None:
    for actions in (
        np.zeros((3, 3), np.float32),
        np.zeros((3, 2)),
        np.zeros((0, 2), np.float32),
        np.zeros(2),
    ):
        with pytest.raises(WireError, match="expected float32"):
            wire.pack_chunk(ActionChunk(actions, 0.05, 0.0), SPEC)  # pyright: ignore[reportArgumentType]
