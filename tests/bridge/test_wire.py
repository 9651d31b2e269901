"""Laws of the wire: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

from typing import cast

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge import wire
from vla.bridge.schema import Wish
from vla.bridge.wire import Message, WireError
from vla.contract import Axis, RobotSpec

GOOD = {"v": wire.PROTOCOL, "verb": "act", "session": "s", "seq": 1, "body": {}}

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def packed(header: object) -> bytes:
    return cast(bytes, msgpack.packb(header))


@given(
    verb=st.sampled_from(wire.VERBS),
    session=st.text(min_size=1, max_size=64),
    seq=st.integers(0, 2**62),
    body=st.dictionaries(st.text(max_size=8), PLAIN, max_size=3),
    arrays=st.lists(st.binary(max_size=20), max_size=4).map(tuple),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_message_survives_the_wire(verb: str, session: str, seq: int, body: dict, arrays: tuple) -> None:
    message = Message(verb, session, seq, body, arrays)
    assert repr(wire.decode(wire.encode(message))) == repr(
        message
    )  # by repr, since nan is not equal to itself


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "kill"},
        {"verb": 3},
        {"session": ""},
        {"session": "x" * 65},
        {"session": None},
        {"seq": -1},
        {"seq": True},
        {"seq": 1.0},
        {"seq": 2**62 + 1},
        {"v": "2"},
        {"body": []},
        {"body": None},
    ],
)
def test_each_field_of_a_header_is_judged(change: dict) -> None:
    wire.decode([packed(GOOD)])
    with pytest.raises(WireError):
        wire.decode([packed(GOOD | change)])
    missing = {key: value for key, value in GOOD.items() if key not in change}
    with pytest.raises(WireError):
        wire.decode([packed(missing)])


def test_a_repeated_key_is_refused() -> None:
    twice = packed(GOOD)
    assert twice[0] == 0x85
    twice = bytes([0x86]) + twice[1:] + packed("seq") + packed(9)
    with pytest.raises(WireError):
        wire.decode([twice])


def test_too_long_headers_are_refused() -> None:
    with pytest.raises(WireError, match="header is 65537 bytes"):
        wire.decode([b"\0" * (wire.MAX_HEADER_BYTES + 1)])
    with pytest.raises(WireError, match="header is"):
        wire.encode(Message("plan", "s", 1, {"goal": "x" * wire.MAX_HEADER_BYTES}))
    with pytest.raises(WireError, match="no frames"):
        wire.decode([])


def test_a_flood_of_small_values_is_refused() -> None:
    for flood, why in (([{}] * 10_000, "msgpack"), ([[0] * 250] * 240, "more than 6144 values")):
        with pytest.raises(WireError, match=why):
            wire.decode([packed(GOOD | {"body": {"a": flood}})])


def test_an_extension_type_is_refused_even_without_bytes() -> None:
    with pytest.raises(WireError, match="extension type, 5"):
        wire.decode([packed(GOOD | {"body": {"a": msgpack.ExtType(5, b"")}})])


def test_a_hello_of_a_large_robot_is_none() -> None:
    axes = tuple(Axis(f"joint_{i:02}", "rad", -3.0, 3.0, 1.0, 2.0, 3.0) for i in range(100))
    wish = Wish(RobotSpec("large", axes, axes, {f"camera_{i}": (480, 640) for i in range(32)}, 100.0))
    assert Wish.unpack(wire.decode(wire.encode(Message("hello", "s", 1, wish.pack()))).body) == wish


@pytest.mark.parametrize("value", [object(), 2**70, "\ud800", {"x": {1, 2}}])
def test_what_msgpack_cannot_write_is_a_wire_error(value: object) -> None:
    with pytest.raises(WireError, match="cannot be written"):
        wire.encode(Message("act", "s", 1, {"x": value}))
