"""Laws of the foreign array forms: the bytes the peers write, what comes back, and nothing else gets in.

The golden bytes are written by hand from the protocols' descriptions, not by our own encoder.
"""

from __future__ import annotations

import io
from typing import Any, cast

import fuzz_targets
import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.bridge import ndarrays
from vla.bridge.ndarrays import CodecError, Form, pack, restore, unpack

FORMS: tuple[Form, ...] = ("openpi", "npy", "msgpack_numpy")
LIMIT = 100_000

VALUES = b"\x00\x00\x80\x3e\x00\x00\x80\xbf"  # 0.25 and -1 as little-endian float32
_HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
NPY = b"\x93NUMPY\x01\x00\x76\x00" + _HEADER.ljust(117) + b"\n" + VALUES
GOLDEN: dict[Form, bytes] = {
    "openpi": b"\x84\xc4\x0b__ndarray__\xc3\xc4\x04data\xc4\x08"
    + VALUES
    + b"\xc4\x05dtype\xa3<f4\xc4\x05shape\x91\x02",
    "npy": b"\x82\xb1__ndarray_class__\xc3\xa6as_npy\xc4\x88" + NPY,
    "msgpack_numpy": b"\x85\xc4\x02nd\xc3\xc4\x04type\xa3<f4\xc4\x04kind\xc4\x00"
    b"\xc4\x05shape\x91\x02\xc4\x04data\xc4\x08" + VALUES,
}


def read(data: bytes, *forms: Form) -> Any:
    return restore(unpack(data, LIMIT), forms or FORMS)[0]


def packed(value: Any) -> bytes:
    return cast(bytes, msgpack.packb(value))


def npy(header: bytes, data: bytes = VALUES) -> bytes:
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data
    return packed({"__ndarray_class__": True, "as_npy": body})


def openpi(**changes: Any) -> bytes:
    whole: dict[bytes, Any] = {b"__ndarray__": True, b"data": VALUES, b"dtype": "<f4", b"shape": [2]}
    return packed(whole | {key.encode(): value for key, value in changes.items()})


def nd(**changes: Any) -> bytes:
    whole: dict[bytes, Any] = {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [2], b"data": VALUES}
    return packed(whole | {key.encode(): value for key, value in changes.items()})


@pytest.mark.parametrize("form", FORMS)
def test_the_peers_bytes_are_read_and_written(form: Form) -> None:
    array = np.array([0.25, -1], np.float32)
    assert pack(array, form) == GOLDEN[form]
    got = read(GOLDEN[form])
    assert (got.dtype, got.tolist()) == (np.float32, [0.25, -1.0])
    assert restore(unpack(GOLDEN[form], LIMIT), FORMS)[1] == form


def test_one_number_in_array_form_is_a_plain_number() -> None:
    assert read(b"\x83\xc4\x0d__npgeneric__\xc3\xc4\x04data\xca\x3e\x80\x00\x00\xc4\x05dtype\xa3<f4") == 0.25
    assert read(b"\x83\xc4\x02nd\xc2\xc4\x04type\xa3<f4\xc4\x04data\xc4\x04\x00\x00\x80\x3e") == 0.25
    assert read(b"\x83\xc4\x02nd\xc2\xc4\x04type\xa3<i4\xc4\x04data\xc4\x04\x07\x00\x00\x00") == 7


def test_columns_first_is_read_as_numpy_meant_it() -> None:
    array = np.asfortranarray(np.arange(6, dtype="<i4").reshape(2, 3))
    buffer = io.BytesIO()
    np.save(buffer, array)
    assert b"'fortran_order': True" in buffer.getvalue()
    assert np.array_equal(read(packed({"__ndarray_class__": True, "as_npy": buffer.getvalue()})), array)


_ARRAYS = st.tuples(
    st.sampled_from(ndarrays.DTYPES), st.lists(st.integers(1, 4), max_size=4), st.integers(0, 2**32 - 1)
)


@given(_ARRAYS, st.sampled_from(FORMS))
@settings(max_examples=80, deadline=None)
def test_every_array_comes_back_bit_for_bit_and_read_only(spec: Any, form: Form) -> None:
    dtype, shape, seed = spec
    array = np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)
    got = read(pack({"a": [array], "b": "x"}, form), form)["a"][0]
    assert (got.dtype, got.shape, got.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert not got.flags.writeable


@pytest.mark.parametrize(
    "dtype", ["|O", "|V8", "<c8", "<f2", ">f4", "<U2", "|S8", "f4", "<M8[s]", "|b1", "", 3]
)
def test_only_listed_dtypes_are_read(dtype: Any) -> None:
    # Six bytes short or long would be refused for its length: make the length right for each of them.
    for data in (b"\0" * n for n in (2, 4, 8, 16, 32)):
        for bad in (openpi(dtype=dtype, data=data), nd(type=dtype, data=data)):
            with pytest.raises(CodecError, match="dtype"):
                read(bad)
    with pytest.raises(CodecError, match=r"dtype|npy"):
        read(npy(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': (2,), }}\n".encode()))


@pytest.mark.parametrize(
    "shape",
    [[-2], [-1, -2], [3], [1], [], [2.0], [True, 2], ["2"], [0], [1] * 6 + [2], 2, None, [2**62, 2**62]],
)
def test_shapes_agree_with_the_bytes_or_are_refused(shape: Any) -> None:
    for bad in (openpi(shape=shape), nd(shape=shape)):
        with pytest.raises(CodecError):
            read(bad)


def test_a_huge_shape_is_refused_before_any_memory_is_taken() -> None:
    wide = [2**24] * 6
    for bad in (
        openpi(shape=wide),
        nd(shape=wide),
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (16777216, 16777216), }\n"),
    ):
        with pytest.raises(CodecError, match="bytes"):
            read(bad)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }; import os\n",
        b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n",
        b"{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': (2,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1 2), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1, }\n",
        b"{'descr': '<f4', 'shape': (2,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }" + b" " * 5000,
        b"",
    ],
)  # fmt: skip
def test_an_npy_header_is_matched_never_evaluated(header: bytes) -> None:
    with pytest.raises(CodecError):
        read(npy(header))


@pytest.mark.parametrize("cut", range(0, 136, 5))
def test_a_cut_npy_is_refused(cut: int) -> None:
    with pytest.raises(CodecError):
        read(packed({"__ndarray_class__": True, "as_npy": NPY[:cut]}))


def test_pickles_are_refused_by_kind() -> None:
    for kind in (b"O", b"V", "O", None):
        with pytest.raises(CodecError, match="no plain kind"):
            read(nd(kind=kind))
    with pytest.raises(CodecError, match="no plain kind"):
        read(nd(nd=1))


def test_forms_of_another_protocol_and_mixtures_are_refused() -> None:
    with pytest.raises(CodecError, match="'npy'"):
        read(GOLDEN["npy"], "openpi")
    with pytest.raises(CodecError, match="mixes"):
        read(b"\x92" + GOLDEN["npy"] + GOLDEN["msgpack_numpy"], "npy", "msgpack_numpy")


def test_unknown_keys_of_an_array_and_byte_keys_elsewhere_are_refused() -> None:
    for bad in (openpi(more=1), nd(more=1), packed({b"complex": True, b"data": "1j"}), packed({b"x": 1})):
        with pytest.raises(CodecError, match="keys"):
            read(bad)
    with pytest.raises(CodecError, match="keys"):
        read(packed({"__ndarray_class__": True, "as_npy": NPY, "more": 1}))


def test_floods_and_bombs_are_refused() -> None:
    with pytest.raises(CodecError, match="at most"):
        unpack(b"\0" * (LIMIT + 1), LIMIT)
    for flood in ([[{}] * 200] * 20, [[0] * 200] * 30):
        with pytest.raises(CodecError, match="more than 4096 values"):
            unpack(packed(flood), LIMIT)
    with pytest.raises(CodecError, match="twice"):
        unpack(b"\x82\xa1a\x01\xa1a\x02", LIMIT)
    with pytest.raises(CodecError, match="extension type, 5"):
        unpack(b"\xc7\x00\x05", LIMIT)
    for bad in (
        b"\xc7\x00\xff",  # an empty timestamp
        packed([0] * (ndarrays.MAX_ITEMS + 1)),
        packed("x" * (ndarrays.MAX_TEXT_BYTES + 1)),
        b"\x91" * 50_000,
        b"\xc7\x08\x05" + b"\0" * 8,  # an extension type
        b"\xd6\xff\0\0\0\0",  # msgpack's timestamp
        b"\xdd\xff\xff\xff\xff",  # four milliards of items, says the header
        b"\x81\x01\x01",  # a number as key
        b"\xa2\xff\xfe",  # no UTF-8
        b"\x01\x01",  # more than one value
        b"",
    ):
        with pytest.raises(CodecError, match="msgpack"):
            unpack(bad, LIMIT)
    deep: Any = 1
    for _ in range(ndarrays.MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(CodecError, match="deep"):
        read(packed(deep))


def test_what_the_peer_could_not_read_is_not_sent() -> None:
    for bad in (np.zeros(2, bool), np.zeros(2, np.float16), np.array([None]), {1, 2}, 2**70):
        with pytest.raises(CodecError):
            pack({"a": bad}, "openpi")


_ODD = st.sampled_from(
    [True, False, None, 0, 1, -1, 2**63, 0.5, float("nan"), "", "<f4", "|O", "<f8", "|u1", b"", b"O", VALUES,
     [], [2], [2, 1], [-1]]
)  # fmt: skip


@given(
    form=st.sampled_from(FORMS),
    where=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    odd=st.lists(_ODD, min_size=3, max_size=3),
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 255)), max_size=4),
    cut=st.integers(0, 400) | st.none(),
)
@settings(max_examples=300, deadline=None)
def test_any_mutation_of_an_array_is_a_value_or_a_codec_error(
    form: Form, where: list[int], odd: list[Any], flips: list[tuple[int, int]], cut: int | None
) -> None:
    array = msgpack.unpackb(GOLDEN[form])
    for place, value in zip(where, odd, strict=False):
        array[list(array)[place % len(array)]] = value
    damaged = bytearray(packed({"a": array}))
    for place, bits in flips:
        damaged[place % len(damaged)] ^= bits
    fuzz_targets.ndarrays(bytes(damaged[:cut]))
