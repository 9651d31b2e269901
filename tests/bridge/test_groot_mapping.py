"""Which GR00T group is which camera, state and action, in both layouts, and what is refused by name."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge.groot_mapping import GrootMapping, Schema
from vla.conformance import sample_observation
from vla.contract import Axis, ContractError, RobotSpec

_JOINTS = tuple(Axis(f"joint_{i}", "rad", -3.0, 3.0) for i in range(3))
_GRIP = Axis("gripper_gap", "m", 0.0, 0.08)
SPEC = RobotSpec("tiny", (_GRIP, *_JOINTS), (*_JOINTS, _GRIP), {"front": (8, 6), "wrist": (4, 4)}, 20.0)
MAPPING = GrootMapping.of(SPEC)
SENSED = sample_observation(SPEC)
SCHEMAS: tuple[Schema, ...] = ("n1.5", "n1.6")
SAID = "annotation.human.task_description"


def written(schema: Schema, **changes: Any) -> dict[str, Any]:
    """An observation; ``video_front=x`` changes ``video.front``."""
    whole = MAPPING.write(SENSED, "go", SPEC, schema)
    for name, value in changes.items():
        modality, _, key = name.partition("_")
        if schema == "n1.5":
            whole[f"{modality}.{key}"] = value
        else:
            whole[modality][key] = value
    return whole


def test_groups_are_what_stands_before_the_last_underscore() -> None:
    MAPPING.check(SPEC)
    joints = ("joint_0", "joint_1", "joint_2")
    assert MAPPING.state == {"joint": joints, "gripper": ("gripper_gap",)}
    assert MAPPING.action == {"gripper": ("gripper_gap",), "joint": joints}


def test_the_two_layouts_are_gr00ts() -> None:
    flat, nested = written("n1.5"), written("n1.6")
    assert {key: getattr(x, "shape", x) for key, x in flat.items()} == {
        "video.front": (1, 8, 6, 3),
        "video.wrist": (1, 4, 4, 3),
        "state.joint": (1, 3),
        "state.gripper": (1, 1),
        SAID: ["go"],
    }
    assert nested["video"]["front"].shape == (1, 1, 8, 6, 3)
    assert nested["state"]["joint"].shape == (1, 1, 3)
    assert nested["language"] == {SAID: [["go"]]}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_is_written_is_read(schema: Schema) -> None:
    got, words = MAPPING.read(written(schema), SPEC, schema, 3.0)
    assert (words, got.stamp_s) == ("go", 3.0)
    assert got.state.tobytes() == SENSED.state.tobytes()
    for name, image in SENSED.images.items():
        assert np.array_equal(got.images[name], image)


@pytest.mark.parametrize("words", ["go", ["go"], [["go"]]])
@pytest.mark.parametrize("key", MAPPING.language)
def test_every_known_language_key_and_nesting_is_understood(key: str, words: Any) -> None:
    for schema in SCHEMAS:
        whole = written(schema)
        said = whole if schema == "n1.5" else whole["language"]
        del said[SAID]
        said[key] = words
        assert MAPPING.read(whole, SPEC, schema, 0.0)[1] == "go"


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"video_front": np.zeros((1, 1, 9, 6, 3), np.uint8)}, r"video\.front.*\(1, 1, 9, 6, 3\).*8, 6, 3"),
        ({"video_front": np.zeros((2, 1, 8, 6, 3), np.uint8)}, r"video\.front.*\(2, 1, 8, 6, 3\)"),
        ({"video_front": np.zeros((6, 3), np.uint8)}, r"video\.front"),
        ({"video_front": np.zeros((8, 6, 3), np.float32)}, "float32"),
        ({"state_joint": np.zeros((2, 1, 3), np.float32)}, r"state\.joint.*one row"),
        ({"state_joint": np.zeros((1, 4), np.float32)}, "holds 4 numbers, expected 3"),
        ({"state_joint": np.zeros((1, 3), np.uint8)}, "uint8"),
        ({"state_joint": np.array(1.0)}, r"state\.joint"),
        ({"state_gripper": np.full((1, 1), np.inf, np.float32)}, "not finite"),
        ({"state_gripper": None}, "NoneType"),
    ],
)
def test_what_does_not_fit_is_named(schema: Schema, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        MAPPING.read(written(schema, **changes), SPEC, schema, 0.0)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_missing_keys_are_named_and_further_keys_ignored(schema: Schema) -> None:
    further = written(schema, video_top=np.zeros(3), state_torso=np.zeros(9)) | {"more": 1}
    MAPPING.read(further, SPEC, schema, 0.0)
    lacking = written(schema)
    if schema == "n1.5":
        del lacking["state.joint"], lacking[SAID]
    else:
        del lacking["state"]["joint"], lacking["language"]
    with pytest.raises(ContractError, match=r"missing state\.joint, one of annotation.*; got .*video\.front"):
        MAPPING.read(lacking, SPEC, schema, 0.0)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("batched", [False, True])
def test_actions_come_back_in_the_order_of_the_spec(schema: Schema, batched: bool) -> None:
    actions = np.arange(20, dtype=np.float32).reshape(5, 4)
    groups = MAPPING.write_actions(actions, SPEC, schema, batched)
    prefix = "action." if schema == "n1.5" else ""
    assert groups[f"{prefix}joint"].shape == ((1, 5, 3) if batched else (5, 3))
    assert np.array_equal(groups[f"{prefix}gripper"].reshape(-1), actions[:, 0])
    assert np.array_equal(MAPPING.read_actions(groups, SPEC, schema), actions)
    squeezed = groups | {f"{prefix}gripper": actions[:, 0]}
    assert np.array_equal(MAPPING.read_actions(squeezed, SPEC, schema), actions)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        {"joint": np.zeros((5, 3))},
        {"joint": np.zeros((5, 2)), "gripper": np.zeros((5, 1))},
        {"joint": np.zeros((5, 3)), "gripper": np.zeros((4, 1))},
        {"joint": np.zeros((2, 5, 3)), "gripper": np.zeros((2, 5, 1))},
        {"joint": [[0.0] * 3], "gripper": [[0.0]]},
    ],
)
def test_actions_that_do_not_fit_are_refused(bad: Any) -> None:
    with pytest.raises(ContractError):
        MAPPING.read_actions(bad, SPEC, "n1.6")


def test_a_mapping_covers_the_robot_exactly() -> None:
    partial: Any = ({"cameras": {}}, {"state": {"joint": ("joint_0",)}}, {"action": {}})
    for changes in partial:
        fields: dict[str, Any] = {
            "cameras": MAPPING.cameras,
            "state": MAPPING.state,
            "action": MAPPING.action,
        } | changes
        with pytest.raises(ContractError, match=next(iter(changes))):
            GrootMapping(**fields).check(SPEC)


_ARRAYS = (np.zeros(3, np.float32), np.zeros((1, 1)), np.zeros((8, 6, 3), np.uint8), np.zeros((1,) * 6, int))
_KEYS = st.sampled_from(["front", "joint", SAID])
_VALUES = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(_ARRAYS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=2),
    max_leaves=4,
)


@given(
    schema=st.sampled_from(SCHEMAS),
    changes=st.dictionaries(
        st.sampled_from([*written("n1.5"), "video", "state", "language", "joint", "gripper"]), _VALUES
    ),
)
@settings(max_examples=100, deadline=None)
def test_any_values_are_an_observation_or_refused(schema: Schema, changes: dict[str, Any]) -> None:
    with suppress(ContractError):
        observation, words = MAPPING.read(written(schema) | changes, SPEC, schema, 0.0)
        observation.check(SPEC)
        assert words
    with suppress(ContractError):
        assert MAPPING.read_actions(changes, SPEC, schema).shape[1] == 4
