"""Pictures on the wire: raw, or as JPEG or WebP where the link is slower than the codec.

The client chooses, the server offers what it can read, and the choice is part of the schema's digest, since a
policy sees what a codec leaves. A stranger's picture is opened only by the one decoder that was agreed upon,
and only when its header says exactly the size that the robot's spec says.
"""

from __future__ import annotations

import importlib.util
import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.bridge.wire import Frame, WireError
from vla.contract import ContractError

ENCODINGS = ("raw", "jpeg", "webp")
"""``jpeg`` is of quality 95 without chroma subsampling; ``webp`` is lossy, of quality 95."""

_QUALITY = 95
_OPTIONS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "quality": _QUALITY, "subsampling": 0},
    "webp": {"format": "WEBP", "quality": _QUALITY, "method": 0},
}
# All that Pillow's readers have been seen to raise on bytes that are no picture.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    struct.error,
)


def offered() -> tuple[str, ...]:
    """The encodings that this installation can write and read; all but ``raw`` need Pillow."""
    return ENCODINGS if importlib.util.find_spec("PIL") else ENCODINGS[:1]


def check_encoding(encoding: str) -> None:
    """Raise :class:`ContractError` unless this installation can write and read ``encoding``."""
    if encoding not in ENCODINGS:
        raise ContractError(f"images {encoding!r} is not one of {', '.join(ENCODINGS)}")
    if encoding not in offered():
        raise ContractError(f"images {encoding!r} needs Pillow: pip install 'handily[images]'")


def most_bytes(size: tuple[int, int]) -> int:
    """Largest legal encoded picture of ``size`` (height, width): noise grows in a codec."""
    raw = 3 * size[0] * size[1]
    return raw + raw // 2 + 4096


def encode_image(image: NDArray[np.uint8], encoding: str) -> Frame:
    """``image``, uint8 RGB (H, W, 3), as bytes; raw, as a view of it where its memory is in one piece."""
    if encoding == "raw":
        return np.ascontiguousarray(image).data.toreadonly().cast("B")
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, **_OPTIONS[encoding])
    return out.getvalue()


def decode_image(what: str, data: Frame, encoding: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture in ``data``: uint8 RGB (H, W, 3), read-only.

    Args:
        what: Its name in an error.
        data: Untrusted.
        encoding: One of :data:`ENCODINGS`, as agreed at the handshake.
        size: The (height, width) that it must have.

    Raises:
        WireError: it is anything else than one RGB picture of that size in that encoding.
    """
    if encoding == "raw":
        if len(data) != 3 * size[0] * size[1]:
            raise WireError(f"{what} is {len(data)} bytes, expected {3 * size[0] * size[1]} for {size}")
        return np.frombuffer(data, np.uint8).reshape(*size, 3)
    if len(data) > most_bytes(size):
        raise WireError(f"{what} is {len(data)} bytes, at most {most_bytes(size)} are allowed for {size}")
    if encoding == "webp":
        _check_webp(what, data, size)  # Pillow's reader makes room for the whole canvas when it opens one
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=[_OPTIONS[encoding]["format"]]) as picture:
            # A progressive JPEG can ask for thousands of passes over the picture in a few kilobytes.
            fits = (picture.mode, picture.size) == ("RGB", size[::-1]) and "progressive" not in picture.info
            pixels = np.asarray(picture) if fits else None
    except (*_UNREADABLE, Image.DecompressionBombError) as error:
        raise WireError(f"{what} is not readable as {encoding}: {type(error).__name__}") from error
    if pixels is None:
        raise WireError(f"{what} is not one sequential RGB picture of {size}")
    pixels.flags.writeable = False
    return pixels


def _check_webp(what: str, data: Frame, size: tuple[int, int]) -> None:
    """Only the simple lossy file format (RFC 9649, section 2.5) of the right size: no animation."""
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8 " or data[23:26] != b"\x9d\x01\x2a" or len(data) < 30:
        raise WireError(f"{what} is not a simple lossy WebP")
    width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
    if (height, width) != size:
        raise WireError(f"{what} is {(height, width)}, expected {size}")
