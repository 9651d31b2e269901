"""Laws of the payload: nouns survive the wire, and nothing that does not fit the schema becomes one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge import payload, wire
from vla.bridge.schema import Wish
from vla.bridge.wire import Message, WireError
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Axis, ContractError, Plan, PlanKind, Prefix, RobotSpec

_AXES = (Axis("x", "m", -1.0, 1.0, 1.0), Axis("gap", "m", 0.0, 0.08, 0.2))
SPEC = RobotSpec("tiny", _AXES, _AXES, {"front": (8, 6), "arm": (4, 4)}, 20.0)
TEXTS = st.text(min_size=1, max_size=40).filter(lambda words: words.isprintable())


def across(message: Message) -> Message:
    return wire.decode(wire.encode(message))


def an_act(**changes: object) -> Message:
    prefix = Prefix(np.zeros((4, 2), np.float32), 2)
    body, frames = payload.pack_act(sample_observation(SPEC), "go", prefix, 0.5, SPEC)
    return Message("act", "s", 1, body | changes, frames)


@given(seed=st.integers(0, 2**32 - 1), stamp_s=st.floats(0, 1e9), rows=st.integers(-1, 9))
@settings(max_examples=30, deadline=None)
def test_an_act_survives_the_wire_bit_for_bit(seed: int, stamp_s: float, rows: int) -> None:
    sensed = sample_observation(SPEC, seed, stamp_s)
    prefix = None if rows < 0 else Prefix(np.full((rows, 2), 0.25, np.float32), rows // 2)
    within_s = math.inf if seed % 2 else 0.125
    body, frames = payload.pack_act(sensed, "go", prefix, within_s, SPEC)
    got, budget_s = payload.unpack_act(across(Message("act", "s", 1, body, frames)), SPEC)
    assert (got.observation.stamp_s, got.instruction, budget_s) == (stamp_s, "go", within_s)
    assert got.observation.state.tobytes() == sensed.state.tobytes()
    for name, image in sensed.images.items():
        assert np.array_equal(got.observation.images[name], image)
        assert not got.observation.images[name].flags.writeable
    assert (got.prefix is None) == (prefix is None)
    if got.prefix is not None and prefix is not None:
        assert got.prefix.frozen == prefix.frozen
        assert np.array_equal(got.prefix.actions, prefix.actions)


def test_camera_order_of_a_spec_does_not_matter() -> None:
    swapped = replace(SPEC, cameras={"arm": (4, 4), "front": (8, 6)})
    sensed = sample_observation(SPEC)
    body, frames = payload.pack_observation(sensed, SPEC)
    got = payload.unpack_observation(Message("act", "s", 1, body, frames), swapped)
    assert np.array_equal(got.images["front"], sensed.images["front"])


@given(rows=st.integers(1, 40), bits=st.integers(0, 2**32 - 1), start_s=st.floats(-1e6, 1e6))
@settings(max_examples=50, deadline=None)
def test_chunk_survives_the_wire_whatever_its_values(rows: int, bits: int, start_s: float) -> None:
    actions = np.full((rows, 2), bits, np.uint32).view(np.float32)
    body, frames = payload.pack_chunk(ActionChunk(actions, 0.05, start_s), SPEC)
    got = payload.unpack_chunk(across(Message("act", "s", 1, body, frames)), SPEC)
    assert (got.actions.tobytes(), got.dt_s, got.start_s) == (actions.tobytes(), 0.05, start_s)


@given(goal=TEXTS, steps=st.lists(TEXTS, max_size=5), done=st.integers(0, 5), note=st.text(max_size=9))
@settings(max_examples=30, deadline=None)
def test_plan_survives_the_wire(goal: str, steps: list[str], done: int, note: str) -> None:
    index = min(done, len(steps))
    plan = Plan(
        goal, tuple(steps), index, tuple("done" if i < index else "active" for i in range(len(steps))), note
    )
    sent = across(Message("plan", "s", 1, {"plan": payload.pack_plan(plan)}))
    assert payload.unpack_plan(sent.body["plan"]) == plan


@pytest.mark.parametrize("kind", ["cannot", "answer"])
def test_a_refusal_and_an_answer_survive_the_wire(kind: PlanKind) -> None:
    plan = Plan("where is the red ball?", (), 0, (), "there is no red ball", kind)
    body = payload.pack_plan(plan)
    assert body is not None
    assert payload.unpack_plan(across(Message("plan", "s", 1, {"plan": body})).body["plan"]) == plan
    for wrong in ({"kind": "perhaps"}, {"kind": None}, {"note": ""}, {"steps": ["go"], "status": ["active"]}):
        with pytest.raises(WireError):
            payload.unpack_plan(body | wrong)


def test_what_a_planner_sees_survives_the_wire_and_older_peers_say_nothing_of_it() -> None:
    plan = Plan("tidy up", ("go",), 0, ("active",), "because", seen="a red block")
    body = payload.pack_plan(plan)
    assert body is not None
    assert payload.unpack_plan(across(Message("plan", "s", 1, {"plan": body})).body["plan"]) == plan
    older = {key: value for key, value in body.items() if key != "seen"}
    unpacked = payload.unpack_plan(older)
    assert unpacked is not None
    assert unpacked.seen == ""
    for wrong in (7, None, "x" * 4097):
        with pytest.raises(WireError):
            payload.unpack_plan(body | {"seen": wrong})


@pytest.mark.parametrize(
    "body",
    [
        {"within_s": math.inf},
        {"within_s": math.nan},
        {"within_s": "1"},
        {"instruction": ""},
        {"instruction": None},
        {"instruction": "x" * 4097},
        {"stamp_s": math.nan},
        {"stamp_s": 3},
        {"frozen": 5},
        {"frozen": -1},
        {"prefix_rows": 3},
        {"prefix_rows": 5},
        {"prefix_rows": -1},
        {"prefix_rows": 2**40},
    ],
)
def test_each_field_of_an_act_is_judged(body: dict) -> None:
    payload.unpack_act(an_act(), SPEC)
    with pytest.raises(ContractError):
        payload.unpack_act(an_act(**body), SPEC)


def test_frames_of_another_length_are_refused_by_name() -> None:
    good = an_act()
    for i, name in enumerate(("state", "arm", "front", "prefix")):
        for wrong in (good.arrays[i][:-1], bytes(good.arrays[i]) + b"\0", b""):
            bad = replace(good, arrays=(*good.arrays[:i], wrong, *good.arrays[i + 1 :]))
            with pytest.raises(WireError, match=name):
                payload.unpack_act(bad, SPEC)


def test_a_request_has_exactly_the_frames_that_its_body_says() -> None:
    good = an_act()
    bare = {key: value for key, value in good.body.items() if key not in ("prefix_rows", "frozen")}
    for bad in (
        replace(good, arrays=(*good.arrays, b"")),
        replace(good, arrays=good.arrays[:-1]),
        replace(good, arrays=()),
        replace(good, body=bare),
    ):
        with pytest.raises(WireError, match="array frames"):
            payload.unpack_act(bad, SPEC)
    with pytest.raises(WireError, match="array frames"):
        payload.unpack_observation(good, SPEC)
    payload.unpack_act(replace(good, body=bare, arrays=good.arrays[:-1]), SPEC)


def test_values_that_are_not_finite_are_refused() -> None:
    good = an_act()
    for i in (0, 3):
        spoilt = np.frombuffer(good.arrays[i], np.float32).copy()
        spoilt.flat[0] = np.nan
        bad = (*good.arrays[:i], spoilt.tobytes(), *good.arrays[i + 1 :])
        with pytest.raises(ContractError, match="not finite"):
            payload.unpack_act(replace(good, arrays=bad), SPEC)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = ["rows", "dt_s", "start_s", "stamp_s", "instruction", "within_s", "prefix_rows", "frozen", "spec"]


@given(
    body=st.dictionaries(st.sampled_from(_KEYS), _PLAIN),
    plan=st.dictionaries(
        st.sampled_from(["goal", "steps", "index", "status", "note", "kind", "seen"]), _PLAIN
    )
    | _PLAIN,
    spec=st.dictionaries(st.sampled_from(sorted(SPEC.to_dict())), _PLAIN),
    frames=st.lists(st.binary(max_size=300), max_size=3),
    images=st.sampled_from(["raw", "jpeg", "webp"]),
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_any_body_is_read_or_refused_by_name(
    body: dict, plan: object, spec: dict, frames: list[bytes], images: str
) -> None:
    good = an_act()
    for arrays in (tuple(frames), good.arrays):
        message = replace(good, body={**good.body, **body}, arrays=arrays)
        for read in (
            lambda message=message: payload.unpack_act(message, SPEC, images),
            lambda message=message: payload.unpack_observation(message, SPEC, images),
            lambda message=message: payload.unpack_chunk(message, SPEC),
            lambda: payload.unpack_plan(plan),
            lambda: Wish.unpack({**good.body, "images": "raw", "spec": SPEC.to_dict() | spec}),
        ):
            try:
                read()
            except ContractError:
                continue


def test_a_size_that_is_not_finite_is_no_spec() -> None:
    with pytest.raises(ContractError):
        Wish.unpack({"images": "raw", "spec": SPEC.to_dict() | {"cameras": {"front": [math.inf, 3]}}})


def test_a_chunk_of_another_width_or_dtype_is_not_sent() -> None:
    for actions in (
        np.zeros((3, 3), np.float32),
        np.zeros((3, 2)),
        np.zeros((0, 2), np.float32),
        np.zeros(2),
    ):
        with pytest.raises(WireError, match="expected float32"):
            payload.pack_chunk(ActionChunk(actions, 0.05, 0.0), SPEC)  # pyright: ignore[reportArgumentType]


def test_limits_are_those_of_the_largest_legal_messages() -> None:
    rows = payload.MAX_CHUNK_ROWS
    prefix = Prefix(np.zeros((rows, 2), np.float32), 0)
    for images in ("raw", "jpeg", "webp"):
        body, arrays = payload.pack_act(sample_observation(SPEC), "go", prefix, 1.0, SPEC, images)
        frames = wire.encode(Message("act", "s", 1, body, arrays))
        limits = payload.request_limits(SPEC)
        assert len(frames) == limits.frames
        assert max(map(len, frames)) <= limits.frame_bytes
        assert sum(map(len, frames)) <= limits.message_bytes
    _, arrays = payload.pack_chunk(ActionChunk(prefix.actions, 0.05, 0.0), SPEC)
    assert len(arrays) + 1 == payload.reply_limits(SPEC).frames
    assert len(arrays[0]) <= payload.reply_limits(SPEC).frame_bytes
