"""Arrays inside msgpack as openpi and GR00T write them, read with a closed hand.

Three forms exist in the wild:

* ``"openpi"``: ``{b"__ndarray__": True, b"data", b"dtype", b"shape"}``, and ``{b"__npgeneric__": ...}`` for
  one number (openpi-client 0.1.2, ``msgpack_numpy.py``).
* ``"npy"``: ``{"__ndarray_class__": True, "as_npy": bytes of numpy.save}`` (GR00T N1.5, N1.6, early N1.7).
* ``"msgpack_numpy"``: ``{b"nd": True, b"type", b"kind": b"", b"shape", b"data"}``, ``b"nd": False`` for one
  number (msgpack-numpy 0.4.8; later GR00T N1.7).

Their own readers build arrays from whatever dtype and shape the peer names, and one of them unpickles. Here
:func:`unpack` yields plain types within fixed limits, and :func:`restore` turns the maps above into arrays
where dtype, shape and byte count agree. Any bytes give a value or a :class:`CodecError`; nothing in them is
evaluated.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgpack
import numpy as np
from numpy.typing import NDArray

from vla.bridge.census import Census
from vla.contract import ContractError

Form = Literal["openpi", "npy", "msgpack_numpy"]

DTYPES = ("|u1", "<i4", "<i8", "<f4", "<f8")
"""Every dtype that is read, as ``numpy.dtype.str`` writes it."""

MAX_VALUES = 4096
MAX_ITEMS = 256
MAX_TEXT_BYTES = 16 * 1024
MAX_DEPTH = 8
MAX_AXES = 6
MAX_AXIS = 2**24
_MAX_NPY_HEADER = 4096
_NPY_MAGIC = b"\x93NUMPY"
# What numpy.save writes, see numpy.lib.format; numpy itself evaluates it as a Python literal.
_NPY_HEADER = re.compile(
    rb"\{\s*'descr':\s*'([<|>=]?[a-zA-Z]\d{1,3})',\s*'fortran_order':\s*(True|False),"
    rb"\s*'shape':\s*\(([\d, ]{0,80})\),?\s*\}\s*"
)


class CodecError(ContractError):
    """Bytes that are not what a foreign protocol says they are, or more than is read from a stranger."""


def unpack(data: bytes, max_bytes: int) -> Any:
    """Plain msgpack types: None, bool, int, float, str, bytes, list, and dict with text or bytes as keys.

    Args:
        data: One whole message.
        max_bytes: Longer messages are refused unread.

    Raises:
        CodecError: not msgpack, or beyond the limits of this module.
    """
    if len(data) > max_bytes:
        raise CodecError(f"message of {len(data)} bytes, at most {max_bytes} are read")
    census = Census(MAX_VALUES, CodecError)
    try:
        return msgpack.unpackb(
            data,
            list_hook=census.list,
            object_pairs_hook=census.map,
            ext_hook=census.extension,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
            max_str_len=MAX_TEXT_BYTES,
            max_ext_len=0,
        )
    except CodecError:
        raise
    except (ValueError, msgpack.UnpackException) as error:
        raise CodecError(f"message is not msgpack within limits: {type(error).__name__}") from error


def restore(value: Any, forms: Sequence[Form]) -> tuple[Any, Form | None]:
    """``value`` with every array in it rebuilt, and the form they came in; None where there was no array.

    Arrays are read-only; one number in array form becomes a plain ``int`` or ``float``.

    Args:
        value: From :func:`unpack`.
        forms: Those that this protocol knows; another's markers are refused.

    Raises:
        CodecError: a map is neither text-keyed nor an array of ``forms``, two forms are mixed, nesting is too
            deep, or an array's dtype, shape and length do not agree.
    """
    seen: set[Form] = set()
    restored = _restored(value, forms, seen, 0)
    if len(seen) > 1:
        raise CodecError(f"one message mixes arrays of the forms {', '.join(sorted(seen))}")
    return restored, next(iter(seen), None)


def pack(value: Any, form: Form) -> bytes:
    """msgpack of plain types and numeric arrays, the arrays in ``form``.

    Raises:
        CodecError: something else is in ``value``, or an array is of a dtype outside :data:`DTYPES`.
    """

    def written(item: object) -> dict[Any, Any]:
        if not isinstance(item, np.ndarray) or item.dtype.str not in DTYPES:
            what = item.dtype.str if isinstance(item, np.ndarray) else type(item).__name__
            raise CodecError(f"{what} cannot be sent; arrays of {', '.join(DTYPES)} can")
        return _written(item, form)

    try:
        return cast(bytes, msgpack.packb(value, default=written))
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"cannot be packed: {error}") from error


def _written(array: NDArray[Any], form: Form) -> dict[Any, Any]:
    if form == "openpi":
        marked = {b"__ndarray__": True, b"data": array.tobytes(), b"dtype": array.dtype.str}
        return marked | {b"shape": array.shape}
    if form == "msgpack_numpy":
        marked = {b"nd": True, b"type": array.dtype.str, b"kind": b"", b"shape": array.shape}
        return marked | {b"data": array.tobytes()}
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return {"__ndarray_class__": True, "as_npy": buffer.getvalue()}


def _restored(value: Any, forms: Sequence[Form], seen: set[Form], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise CodecError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        return [_restored(item, forms, seen, depth + 1) for item in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    found = cast(dict[Any, Any], value)
    form = _form(found)
    if form is None:
        if not all(isinstance(key, str) for key in found):
            raise CodecError(f"a map with the keys {_keys(found)} is no array of a known form")
        return {key: _restored(item, forms, seen, depth + 1) for key, item in found.items()}
    if form not in forms:
        raise CodecError(f"an array of the form {form!r}; known here: {', '.join(forms)}")
    seen.add(form)
    return _READERS[form](found)


def _form(found: Mapping[Any, Any]) -> Form | None:
    if b"__ndarray__" in found or b"__npgeneric__" in found:
        return "openpi"
    if b"nd" in found:
        return "msgpack_numpy"
    return "npy" if "__ndarray_class__" in found else None


def _read_openpi(found: Mapping[Any, Any]) -> Any:
    if set(found) == {b"__npgeneric__", b"data", b"dtype"}:
        number, dtype = found[b"data"], _dtype(found[b"dtype"])
        wanted = float if dtype.kind == "f" else int
        if isinstance(number, bool) or not isinstance(number, wanted):
            raise CodecError(f"a number of dtype {dtype.str} holds a {type(number).__name__}")
        return number
    if set(found) != {b"__ndarray__", b"data", b"dtype", b"shape"} or found[b"__ndarray__"] is not True:
        raise CodecError(f"an openpi array with the keys {_keys(found)}")
    return _array(found[b"data"], _dtype(found[b"dtype"]), _shape(found[b"shape"]))


def _read_msgpack_numpy(found: Mapping[Any, Any]) -> Any:
    if found[b"nd"] is False and set(found) == {b"nd", b"type", b"data"}:
        return _array(found[b"data"], _dtype(found[b"type"]), ()).item()
    whole = {b"nd", b"type", b"kind", b"shape", b"data"}
    if found[b"nd"] is not True or set(found) != whole or found[b"kind"] != b"":
        raise CodecError(f"a msgpack-numpy array of no plain kind, with the keys {_keys(found)}")
    return _array(found[b"data"], _dtype(found[b"type"]), _shape(found[b"shape"]))


def _read_npy(found: Mapping[Any, Any]) -> NDArray[Any]:
    data = found.get("as_npy")
    if set(found) != {"__ndarray_class__", "as_npy"} or not isinstance(data, bytes):
        raise CodecError(f"a GR00T array with the keys {_keys(found)}")
    wide = {b"\x01\x00": 2, b"\x02\x00": 4}.get(data[6:8])
    if data[:6] != _NPY_MAGIC or wide is None or len(data) < 8 + wide:
        raise CodecError("'as_npy' is not in the npy format, version 1.0 or 2.0")
    length = int.from_bytes(data[8 : 8 + wide], "little")
    start = 8 + wide + length
    header = _NPY_HEADER.fullmatch(data[8 + wide : start]) if length <= _MAX_NPY_HEADER else None
    if header is None or len(data) < start:
        raise CodecError("'as_npy' has no header as numpy.save writes it for a plain array")
    shape = _shape(_sizes(header[3]))
    dtype = _dtype(header[1].decode())
    if header[2] == b"True":
        return _array(data[start:], dtype, shape[::-1]).T
    return _array(data[start:], dtype, shape)


_READERS = {"openpi": _read_openpi, "msgpack_numpy": _read_msgpack_numpy, "npy": _read_npy}


def _dtype(name: object) -> np.dtype[Any]:
    if not isinstance(name, str) or name not in DTYPES:
        shown = name[:16] if isinstance(name, str | bytes) else type(name).__name__
        raise CodecError(f"dtype {shown!r} is not one of {', '.join(DTYPES)}")
    return np.dtype(name)


def _sizes(written: bytes) -> list[int | None]:
    """What stands between the brackets of a tuple of integers; None for what is no number."""
    words = [word.strip() for word in written.split(b",")]
    if words[-1] == b"":
        words.pop()
    return [int(word) if word.isdigit() else None for word in words]


def _shape(sizes: object) -> tuple[int, ...]:
    given = cast(list[object], sizes) if isinstance(sizes, list) else [None]
    legal = [size for size in given if type(size) is int and 0 < size <= MAX_AXIS]
    if len(legal) != len(given) or len(given) > MAX_AXES:
        raise CodecError(f"a shape must be at most {MAX_AXES} integers in 1..{MAX_AXIS}")
    return tuple(legal)


def _array(data: object, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    expected = math.prod(shape) * dtype.itemsize
    if not isinstance(data, bytes) or len(data) != expected:
        got = f"{len(data)} bytes" if isinstance(data, bytes) else type(data).__name__
        raise CodecError(f"{got} for {dtype.str} {shape}, expected {expected} bytes")
    return np.frombuffer(data, dtype).reshape(shape)


def _keys(found: Mapping[Any, Any]) -> str:
    return ", ".join(sorted(repr(key)[:24] for key in found)[:8]) or "(none)"
