"""Real messages, and floods, as the first inputs of each target: ``python tests/fuzz/fuzz_seeds.py``.

Adds to ``corpus/TARGET``, under names that are hashes; what is there stays, for much of it was found by
fuzzing and cannot be made anew. Where a protocol changes, remove the folder first.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgpack
import numpy as np
from fuzz_judges import SPEC
from fuzz_targets import DIALECTS, FORMS, GROOT, SIZE, TARGETS, joined
from PIL import Image

from vla.bridge.errors import BridgeError, error_reply
from vla.bridge.images import ENCODINGS, encode_image
from vla.bridge.ndarrays import pack
from vla.bridge.payload import pack_act, pack_chunk, pack_plan
from vla.bridge.schema import Schema, Wish
from vla.bridge.wire import Message, encode
from vla.conformance import sample_observation
from vla.contract import ActionChunk, Plan, Prefix
from vla.runtime.report import TickReport
from vla.runtime.spool import SPOOL, SpoolWriter

CORPUS = Path(__file__).with_name("corpus")
SENSED = sample_observation(SPEC)
# A pair that libzmq's own tests use, known to the world.
PUBLIC, SECRET = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
ACTIONS = np.linspace(0, 0.05, 6, dtype=np.float32).reshape(3, 2)
_HEADER = {"v": 2, "verb": "act", "session": "s", "seq": 1}


def seeds(target: str, folder: Path) -> list[bytes]:
    """Inputs for ``target``; ``folder`` is an empty one for those that are files."""
    return list(_MAKERS[target](folder))


def floods(target: str) -> list[bytes]:
    """Long inputs that ask for far more than their length in memory or time; made here, not kept."""
    wide = (
        [[{}] * 250] * 240,
        [[[]] * 250] * 240,
        [[None] * 250] * 240,
        [[1000] * 250] * 80,
        [["ab"] * 250] * 80,
    )
    deep = (b"\x91" * 60_000, b"\x81\xa0" * 30_000)
    if target == "wire":
        headers = (*(_packed(_HEADER | {"body": {"a": flood}}) for flood in wide), *deep)
        return [joined([header]) for header in headers] + [b"\0\0" * 30_000]
    if target in ("ndarrays", "openpi", "groot"):
        return [*map(_packed, wide), *deep]
    brackets = [b"[" * 10_000, b'{"a":' * 10_000, b"9" * 10_000, b"[" * 900 + b"]" * 900]
    return {
        "images": [b"j\xff\xd8" + b"\xff\xc4\0\2" * 200, b"wRIFF\0\0\0\0WEBPVP8 " + bytes(600)],
        "station": [b'{"seq": ' + inner + b"}" for inner in brackets],
        "spool": [joined([inner + b"\n", b""]) for inner in brackets],
        "keys": [b'+{"handily": "public", "format": 1, "a": ' + inner + b"}" for inner in brackets],
    }[target]


def _packed(value: object) -> bytes:
    return cast(bytes, msgpack.packb(value))


def _wire(_: Path) -> Iterator[bytes]:
    body, arrays = pack_chunk(ActionChunk(ACTIONS, 0.05, 1.0), SPEC)
    plan = Plan("tidy up", ("a", "b"), 1, ("done", "active"), "as asked", seen="a and b")
    messages = [
        Message("hello", "s", 1, Wish(SPEC, "jpeg", "m", "n").pack()),
        Message("hello", "s", 1, Schema(SPEC, "m", "n").pack()),
        Message("act", "s", 2, body, arrays),
        Message("plan", "s", 3, {"plan": pack_plan(plan), "goal": "tidy up", "within_s": 1.0}),
        Message("reset", "s", 4, {"seed": 7}),
        error_reply("s", 5, BridgeError("schema_mismatch", "no", ("a: 1 here, 2 there",))),
    ]
    for number, images in enumerate(ENCODINGS):
        prefix = Prefix(ACTIONS, 1) if images == "raw" else None
        body, arrays = pack_act(SENSED, "go", prefix, 0.5, SPEC, images)
        messages.append(Message("act", "s", 3 + number, body, arrays))
    yield from (joined(encode(message)) for message in messages)
    for header in (b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc1"):
        yield joined([header])


def _ndarrays(_: Path) -> Iterator[bytes]:
    value = {
        "a": [np.arange(6, dtype="<i4").reshape(2, 3), np.ones(2, "<f8")],
        "b": "x",
        "c": [True, None, 0.5],
    }
    yield from (pack(value, form) for form in FORMS)
    yield _packed({"a": {b"__npgeneric__": True, b"data": 2.5, b"dtype": "<f4"}})
    yield _packed({"a": {b"nd": False, b"type": "<i4", b"data": b"\7\0\0\0"}})
    columns = io.BytesIO()
    np.save(columns, np.asfortranarray(np.eye(3, dtype="<f4")))
    yield _packed({"__ndarray_class__": True, "as_npy": columns.getvalue()})


def _openpi(_: Path) -> Iterator[bytes]:
    for dialect in DIALECTS:
        yield pack(dialect.write(SENSED, "go", SPEC), "openpi")
    yield pack({"actions": ACTIONS, "server_timing": {"infer_ms": 3.0}}, "openpi")


def _groot(_: Path) -> Iterator[bytes]:
    for form in FORMS[1:]:
        for schema in ("n1.5", "n1.6"):
            yield pack(GROOT.write(SENSED, "go", SPEC, schema), form)
            yield pack(GROOT.write_actions(ACTIONS, SPEC, schema, batched=True), form)


def _images(_: Path) -> Iterator[bytes]:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    smooth = np.stack([9 * x, 15 * y, 7 * (x + y)], axis=-1).astype(np.uint8)
    picture = Image.fromarray(smooth)
    jpeg, webp = (encode_image(smooth, encoding) for encoding in ENCODINGS[1:])
    yield from (b"j" + jpeg, b"w" + webp, b"j" + jpeg[:3] + b"\0" + jpeg[4:])
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("JPEG", {"progressive": True}),
        ("JPEG", {"quality": 20}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"save_all": True, "append_images": [picture.rotate(180)]}),
        ("PNG", {}),
    ]
    for kind, options in kinds:
        out = io.BytesIO()
        picture.save(out, kind, **options)
        yield kind[:1].lower().encode() + out.getvalue()


def _station(_: Path) -> Iterator[bytes]:
    def lines(*requests: dict[str, Any]) -> bytes:
        told = ({"seq": number} | request for number, request in enumerate(requests))
        return b"\n".join(json.dumps(request).encode() for request in told)

    take, mine = {"verb": "take", "name": "ann"}, {"token": "TOKEN"}
    yield lines(
        take, mine | {"verb": "run", "goal": "go", "seed": 3}, {"verb": "observe"}, mine | {"verb": "stop"}
    )
    yield lines(take, mine | {"verb": "release", "successor": "bob"}, take, take | {"name": "bob"})
    yield lines(
        {"verb": "emergency_stop", "reason": "a hand"},
        take,
        mine | {"verb": "reset"},
        mine | {"verb": "resume"},
    )
    yield lines(take, take, {"verb": "run", "goal": "go", "token": "stolen"}, {"verb": "kill"})
    yield lines({"verb": "take", "name": "\ud800"}, take, {"verb": "observe", "token": "\ud800"})


def _spool(folder: Path) -> Iterator[bytes]:
    (folder / SPOOL).mkdir()
    writer = SpoolWriter(folder, 0, SPEC, {"goal": "go", "began": 1.5, "pid": 1})
    unasked: Any = None  # nobody asks for health here
    for tick in range(3):
        words, sent = f"step {tick // 2}", SENSED.state
        writer.tick(TickReport(tick, tick / 20, SENSED, None, words, sent, False, 0, unasked, "running"))
    writer.end({"reason": "timeout", "detail": "", "success": None, "left_out": 0})
    writer.close()
    stem = folder / SPOOL / f"{0:012d}"
    words, ticks = stem.with_suffix(".jsonl").read_bytes(), stem.with_suffix(".ticks").read_bytes()
    yield joined([words, ticks])
    yield joined([words[:-9], ticks[:-9]])
    yield joined([words.replace(b'"code": 0', b'"code": 10000000000'), b""])
    yield joined([words + b'{"instruction": "lost"}\n', ticks])
    first, rest = words.split(b"\n", 1)
    about = json.loads(first)
    for spec in (
        {},
        about["spec"] | {"cameras": {"front": [2**40, 3]}},
        about["spec"] | {"control_hz": 1e999},
    ):
        yield joined([json.dumps(about | {"spec": spec}).encode() + b"\n" + rest, b""])


def _keys(_: Path) -> Iterator[bytes]:
    kinds: dict[str, dict[str, Any]] = {
        "public": {"name": "me", "public": PUBLIC},
        "secret": {"name": "me", "public": PUBLIC, "secret": SECRET},
        "allow-list": {"keys": [{"name": "me", "public": PUBLIC, "allowed": True}]},
    }
    for kind, content in kinds.items():
        document = {"handily": kind, "format": 1, **content}
        canonical = json.dumps(document, sort_keys=True).encode()
        yield json.dumps(document | {"checksum": hashlib.sha256(canonical).hexdigest()}).encode()
        yield b"+" + json.dumps(document).encode()


_MAKERS = {
    "wire": _wire,
    "ndarrays": _ndarrays,
    "openpi": _openpi,
    "groot": _groot,
    "images": _images,
    "station": _station,
    "spool": _spool,
    "keys": _keys,
}


def main() -> None:
    """Write them."""
    import tempfile

    for target in TARGETS:
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            for data in seeds(target, Path(folder)):
                (CORPUS / target / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main()
