"""Which openpi key is which camera and state, and what is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge.openpi_mapping import OpenpiMapping, read_openpi
from vla.conformance import sample_observation
from vla.contract import Axis, ContractError, RobotSpec

_AXES = tuple(Axis(f"joint_{i}", "rad", -3.0, 3.0) for i in range(3)) + (Axis("gripper_gap", "m", 0.0, 0.08),)
SPEC = RobotSpec("tiny", _AXES, _AXES, {"front": (8, 6), "wrist": (4, 4)}, 20.0)
LIBERO = OpenpiMapping.libero(SPEC)
ALOHA = OpenpiMapping.aloha(SPEC)
DROID = OpenpiMapping(
    {"front": "observation/exterior_image_1_left", "wrist": "observation/wrist_image_left"},
    {
        "observation/gripper_position": ("gripper_gap",),
        "observation/joint_position": ("joint_0", "joint_1", "joint_2"),
    },
)
SENSED = sample_observation(SPEC)


def libero(**changes: Any) -> dict[str, Any]:
    return LIBERO.write(SENSED, "go", SPEC) | {f"observation/{key}": x for key, x in changes.items()}


def test_the_keys_are_those_of_openpis_own_configurations() -> None:
    assert list(libero()) == ["observation/image", "observation/wrist_image", "observation/state", "prompt"]
    nested = ALOHA.write(SENSED, "go", SPEC)
    assert {key: list(x) if isinstance(x, dict) else None for key, x in nested.items()} == {
        "images": ["front", "wrist"],
        "state": None,
        "prompt": None,
    }
    assert nested["images"]["front"].shape == (3, 8, 6)


def test_further_cameras_keep_their_names() -> None:
    spec = RobotSpec("r", _AXES, _AXES, {"left": (4, 4), "hand": (4, 4), "right": (4, 4)}, 20.0)
    assert OpenpiMapping.libero(spec).cameras == {
        "left": "observation/image",
        "hand": "observation/wrist_image",
        "right": "observation/right",
    }


@pytest.mark.parametrize("mapping", [LIBERO, ALOHA, DROID])
def test_what_a_dialect_writes_it_reads(mapping: OpenpiMapping) -> None:
    mapping.check(SPEC)
    got, words = read_openpi(mapping.write(SENSED, "go", SPEC), SPEC, (LIBERO, ALOHA, DROID), 3.0)
    assert (words, got.stamp_s) == ("go", 3.0)
    assert got.state.tobytes() == SENSED.state.tobytes()
    for name, image in SENSED.images.items():
        assert np.array_equal(got.images[name], image)


def test_either_layout_of_a_picture_and_any_real_dtype_of_a_state_is_taken() -> None:
    turned = np.ascontiguousarray(SENSED.images["front"].transpose(2, 0, 1))
    got, _ = read_openpi(libero(image=turned, state=SENSED.state.astype(np.float64)), SPEC, (LIBERO,), 0.0)
    assert np.array_equal(got.images["front"], SENSED.images["front"])
    assert got.state.tobytes() == SENSED.state.tobytes()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image": np.zeros((9, 6, 3), np.uint8)}, r"observation/image.*\(9, 6, 3\).*\(8, 6, 3\)"),
        ({"image": np.zeros((224, 224, 3), np.uint8)}, r"\(224, 224, 3\), expected uint8 \(8, 6, 3\)"),
        ({"image": np.zeros((8, 6, 3), np.float32)}, "float32"),
        ({"image": "a picture"}, "str"),
        ({"state": np.zeros(5, np.float32)}, "holds 5 numbers, expected 4"),
        ({"state": np.zeros((1, 4), np.float32)}, "observation/state"),
        ({"state": np.full(4, np.nan, np.float32)}, "not finite"),
        ({"state": np.full(4, 1e300)}, "not finite"),
        ({"state": [0.0] * 4}, "list"),
        ({"state": np.zeros(4, np.uint8)}, "uint8"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        read_openpi(libero(**changes), SPEC, (LIBERO,), 0.0)


@pytest.mark.parametrize("prompt", ["", "x" * 5000, 3, None, b"go"])
def test_a_prompt_is_text_of_bounded_length(prompt: Any) -> None:
    with pytest.raises(ContractError, match="prompt"):
        read_openpi(libero() | {"prompt": prompt}, SPEC, (LIBERO,), 0.0)


def test_missing_keys_are_named_for_every_dialect_and_further_keys_ignored() -> None:
    read_openpi(libero(depth=np.zeros(3)) | {"session": {"id": 7}}, SPEC, (LIBERO,), 0.0)
    lacking = libero()
    del lacking["observation/image"], lacking["prompt"]
    says = "missing observation/image and prompt, or images/front and .*; got observation/state"
    with pytest.raises(ContractError, match=says):
        read_openpi(lacking, SPEC, (LIBERO, ALOHA), 0.0)
    for nothing in (None, [], "x", {}):
        with pytest.raises(ContractError):
            read_openpi(nothing, SPEC, (LIBERO,), 0.0)
    with pytest.raises(ContractError, match="both nested and flat"):
        read_openpi(libero() | {"observation": {"state": SENSED.state}}, SPEC, (LIBERO,), 0.0)


def test_a_mapping_covers_the_robot_exactly() -> None:
    names = tuple(axis.name for axis in _AXES)
    for cameras, state, says in (
        ({"front": "a"}, {"s": names}, "cameras"),
        ({"front": "a", "wrist": "b", "top": "c"}, {"s": names}, "cameras"),
        ({"front": "a", "wrist": "b"}, {"s": names[:-1]}, "state axes"),
        ({"front": "a", "wrist": "b"}, {"s": names, "t": names[:1]}, "state axes"),
    ):
        with pytest.raises(ContractError, match=says):
            OpenpiMapping(cameras, state).check(SPEC)


_ARRAYS = (np.zeros(4, np.float32), np.zeros(1), np.zeros((8, 6, 3), np.uint8), np.zeros((1,) * 6, int))
_VALUES = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4)
    | st.sampled_from(_ARRAYS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(changes=st.dictionaries(st.sampled_from([*libero(), "observation", "images", "state"]), _VALUES))
@settings(max_examples=100, deadline=None)
def test_any_values_are_an_observation_or_refused(changes: dict[str, Any]) -> None:
    for given_ in (libero() | changes, ALOHA.write(SENSED, "go", SPEC) | changes, changes):
        try:
            observation, words = read_openpi(given_, SPEC, (LIBERO, ALOHA), 0.0)
        except ContractError:
            continue
        observation.check(SPEC)
        assert words
