"""Pictures in other clothes: close enough, of the right size, and nothing else gets to a decoder."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from vla.bridge import images
from vla.bridge.images import check_encoding, decode_image, encode_image, most_bytes
from vla.bridge.wire import WireError
from vla.contract import ContractError

SIZE = (48, 40)
CODECS = ("jpeg", "webp")


def a_picture(seed: int = 0) -> np.ndarray:
    """Smooth, as pictures are."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = np.random.default_rng(seed).uniform(0.05, 0.2, (3, 2))
    return np.stack([127 + 120 * np.sin(a * x + b * y) for a, b in waves], axis=-1).astype(np.uint8)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def test_raw_survives_bit_for_bit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    got = decode_image("x", encode_image(noise, "raw"), "raw", SIZE)
    assert np.array_equal(got, noise)
    assert not got.flags.writeable


@pytest.mark.parametrize("encoding", CODECS)
def test_a_codec_keeps_a_picture_and_makes_it_smaller(encoding: str) -> None:
    picture = a_picture()
    data = encode_image(picture, encoding)
    got = decode_image("x", data, encoding, SIZE)
    assert (got.shape, got.dtype, got.flags.writeable) == (picture.shape, np.uint8, False)
    assert len(data) < picture.nbytes / 2
    assert np.abs(got.astype(int) - picture).mean() < 3
    assert np.abs(got[..., 0].astype(int) - picture[..., 0]).mean() < 3  # red is still red


def test_jpeg_keeps_colour_as_sharp_as_brightness() -> None:
    stripes = np.zeros((*SIZE, 3), np.uint8)
    stripes[:, ::2, 0], stripes[:, 1::2, 2] = 255, 255
    got = decode_image("x", encode_image(stripes, "jpeg"), "jpeg", SIZE)
    assert np.abs(got.astype(int) - stripes).mean() < 10


@pytest.mark.parametrize("encoding", CODECS)
def test_noise_stays_below_the_bound(encoding: str) -> None:
    for size in ((4, 4), (1, 1), (224, 224)):
        noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        assert len(encode_image(noise, encoding)) <= most_bytes(size)


PICTURE = Image.fromarray(a_picture())
OTHER_SIZE = PICTURE.resize((41, 48))
HUGE = struct.pack("<HH", 0x3FFF, 0x3FFF)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("jpeg", saved(OTHER_SIZE, "JPEG")),
        ("webp", saved(OTHER_SIZE, "WEBP")),
        ("jpeg", saved(PICTURE, "PNG")),
        ("webp", saved(PICTURE, "PNG")),
        ("jpeg", saved(PICTURE, "WEBP")),
        ("webp", saved(PICTURE, "JPEG")),
        ("jpeg", saved(PICTURE, "JPEG", progressive=True)),
        ("jpeg", saved(PICTURE.convert("L"), "JPEG")),
        ("jpeg", saved(PICTURE.convert("CMYK"), "JPEG")),
        ("webp", saved(PICTURE, "WEBP", lossless=True)),
        ("webp", saved(PICTURE, "WEBP", save_all=True, append_images=[ImageOps.invert(PICTURE)])),
        ("webp", saved(Image.new("RGBA", PICTURE.size, (9, 9, 9, 9)), "WEBP")),
        ("jpeg", saved(PICTURE, "JPEG")[:-200]),
        ("webp", saved(PICTURE, "WEBP")[:-50]),
        ("jpeg", saved(PICTURE, "JPEG") + b"\0" * 20_000),
        ("raw", bytes(3 * 48 * 40 - 1)),
        ("jpeg", b""),
        ("webp", b""),
    ],
)
def test_anything_else_is_a_wire_error(encoding: str, data: bytes) -> None:
    with pytest.raises(WireError, match="picture"):
        decode_image("picture", data, encoding, SIZE)


@pytest.mark.parametrize("encoding", CODECS)
def test_a_bomb_is_refused_by_its_header(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(saved(PICTURE, encoding.upper()))
    if encoding == "webp":
        data[26:30] = HUGE
        monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("room was made for its canvas"))
    else:
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = b"\xff\xff\xff\xff"
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("its pixels were decoded"))
    with pytest.raises(WireError):
        decode_image("picture", bytes(data), encoding, SIZE)


def test_without_pillow_only_raw_is_offered_and_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr(images.importlib.util, "find_spec", lambda name: None)
    assert images.offered() == ("raw",)
    check_encoding("raw")
    with pytest.raises(ContractError, match=r"handily\[images\]"):
        check_encoding("jpeg")
