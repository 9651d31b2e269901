"""Everything that reads bytes from outside, as functions that raise only where promise S3 is broken.

A target takes any bytes. What it reads must be typed and usable, and nothing but the one error class of its
reader may come out; it returns whether there was anything to read. ``run.py`` hands a target to atheris,
``test_corpus.py`` gives it the corpus and what hypothesis makes of that.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from fuzz_judges import BODIES, SPEC, check_spec, is_legal, is_plain

from vla.bridge import wire as frames_wire
from vla.bridge.errors import read_error
from vla.bridge.groot_mapping import GrootMapping
from vla.bridge.groups import numbers, table
from vla.bridge.images import ENCODINGS, decode_image
from vla.bridge.key_files import KeyFileError
from vla.bridge.keys import KeyStore, read_allow_list, read_public
from vla.bridge.link import LocalLink
from vla.bridge.ndarrays import CodecError, Form, restore, unpack
from vla.bridge.openpi_mapping import OpenpiMapping, read_openpi
from vla.bridge.wire import WireError
from vla.contract import ActionChunk, ContractError, Observation, Prefix
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock
from vla.runtime.loop import ControlLoop
from vla.runtime.spool import SPOOL, RecordingError, read_spool
from vla.runtime.station import RobotStation

_T = TypeVar("_T")
FORMS: tuple[Form, ...] = ("openpi", "npy", "msgpack_numpy")
DIALECTS = (OpenpiMapping.libero(SPEC), OpenpiMapping.aloha(SPEC))
GROOT = GrootMapping.of(SPEC)
SIZE = (12, 16)
MOST_BYTES = 64 * 1024
TOKEN = b"TOKEN"
"""In a request to the station: the token that its last ``take`` gave."""


def split(data: bytes) -> list[bytes]:
    """Frames, each after its length in two bytes, little end first; the last may be cut."""
    frames: list[bytes] = []
    at = 0
    while at + 2 <= len(data):
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "little")
        frames.append(data[begin:at])
    return frames


def joined(frames: Sequence[bytes | memoryview]) -> bytes:
    """The inverse of :func:`split`."""
    return b"".join(len(frame).to_bytes(2, "little") + bytes(frame) for frame in frames)


def wire(data: bytes) -> bool:
    """One message of the bridge, and each thing that its body and frames may be."""
    try:
        message = frames_wire.decode(split(data))
    except WireError:
        return False
    assert message.verb in frames_wire.VERBS
    assert is_plain(message.body)
    assert repr(frames_wire.decode(frames_wire.encode(message))) == repr(message)
    assert read_error(message).code
    return any([_read(ContractError, lambda r=reader: r(message)) for reader in BODIES])


def ndarrays(data: bytes) -> bool:
    """One msgpack message with arrays in any of the three foreign forms."""
    try:
        value, form = restore(unpack(data, MOST_BYTES), FORMS)
    except CodecError:
        return False
    assert is_legal(value)
    return form is not None


def openpi(data: bytes) -> bool:
    """An observation of an openpi client, or a server's answer to one."""
    try:
        given, _ = restore(unpack(data, MOST_BYTES), ("openpi",))
    except CodecError:
        return False

    def read() -> None:
        observation, words = read_openpi(given, SPEC, DIALECTS, 0.0)
        observation.check(SPEC)
        assert 1 <= len(words) <= 4096

    def read_actions() -> None:
        actions = numbers("actions", table("the answer", given).get("actions"), axes=2)
        assert (actions.ndim, actions.dtype) == (2, np.float32)

    return any([_read(ContractError, call) for call in (read, read_actions)])


def groot(data: bytes) -> bool:
    """An observation of a GR00T client of either age, or a server's answer to one."""
    try:
        given, _ = restore(unpack(data, MOST_BYTES), ("npy", "msgpack_numpy"))
    except CodecError:
        return False

    def read(schema: Any) -> None:
        observation, words = GROOT.read(given, SPEC, schema, 0.0)
        observation.check(SPEC)
        assert 1 <= len(words) <= 4096

    def read_actions(schema: Any) -> None:
        actions = GROOT.read_actions(given, SPEC, schema)
        assert (actions.ndim, actions.dtype, actions.shape[1]) == (2, np.float32, len(SPEC.action))

    calls = [lambda f=f, s=s: f(s) for f in (read, read_actions) for s in ("n1.5", "n1.6")]
    return any([_read(ContractError, call) for call in calls])


def images(data: bytes) -> bool:
    """A compressed picture; the first byte says how."""
    encoding = ENCODINGS[1 + (data[:1] == b"w")]
    try:
        picture = decode_image("picture", data[1:], encoding, SIZE)
    except WireError:
        return False
    assert (picture.shape, picture.dtype, picture.flags.writeable) == ((*SIZE, 3), np.uint8, False)
    return True


def station(data: bytes) -> bool:
    """Requests to a robot's front desk, one a line; :data:`TOKEN` is what holds the lease."""
    clock = SimulatedClock()
    desk, closed = RobotStation(clock=clock), threading.Event()
    closed.set()
    loop = ControlLoop(MockDriver(SPEC, clock), LocalLink(_Still()), clock)
    desk.serve(loop, closed, lambda *_: None, lambda *_: {})
    heard, token = False, b"none"
    for line in data.split(b"\n")[:64]:
        reply = desk.answer([line.replace(TOKEN, token)])
        if reply is None:
            continue
        json.dumps(reply, allow_nan=False).encode()
        heard |= reply["ok"]
        token = reply.get("token", token.decode()).encode()
    status = desk.answer([b'{"seq": 1, "verb": "observe"}'])
    assert status is not None
    assert status["ok"], "the desk no longer answers"
    return heard


def spool(data: bytes) -> bool:
    """Two files of a run that was being recorded: words, then ticks."""
    words, ticks = (split(data) + [b"", b""])[:2]
    stem = _folder() / SPOOL / f"{0:012d}"
    stem.parent.mkdir(exist_ok=True)
    stem.with_suffix(".jsonl").write_bytes(words)
    stem.with_suffix(".ticks").write_bytes(ticks)
    try:
        run = read_spool(_folder(), 0)
    except RecordingError:
        return False
    assert run.ticks.dtype["action"].shape == (len(run.spec.action),)
    assert isinstance(run.lasted_s, float)
    assert run.ended is None or isinstance(run.ended, dict)
    assert all(isinstance(words, str) for words in run.instructions.values())
    assert list(run.instructions) == list(range(len(run.instructions)))
    check_spec(run.spec)
    return len(run.ticks) > 0


def keys(data: bytes) -> bool:
    """A key file of any kind; after a ``+`` it gets the checksum that is right for it."""
    if data[:1] == b"+":
        with suppress(ValueError, TypeError, RecursionError):
            document = json.loads(data[1:])
            canonical = json.dumps(document, sort_keys=True).encode()
            data = json.dumps(document | {"checksum": hashlib.sha256(canonical).hexdigest()}).encode()
    path = _folder() / "me.secret"
    path.touch(0o600)
    path.write_bytes(data)
    readers = (lambda: read_public(path), lambda: read_allow_list(path), KeyStore(_folder()).pair)
    calls = (*readers[:2], lambda: readers[2]("me"))
    return any([_read(KeyFileError, call) for call in calls])


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "wire": wire,
    "ndarrays": ndarrays,
    "openpi": openpi,
    "groot": groot,
    "images": images,
    "station": station,
    "spool": spool,
    "keys": keys,
}


class _Still:
    """A policy that stays where it is."""

    spec = SPEC

    def reset(self, seed: int) -> None:
        del seed

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        del instruction, prefix
        return ActionChunk(observation.state[None], SPEC.dt_s, observation.stamp_s)


def _read(error: type[ContractError], call: Callable[[], object]) -> bool:
    """Whether ``call`` came through; anything but ``error`` is a broken promise."""
    try:
        call()
    except error:
        return False
    return True


def _folder() -> Path:
    """A folder of this process, in memory where the system has such."""
    if not _FOLDERS:
        shm = Path("/dev/shm")
        _FOLDERS.append(tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None))
    return Path(_FOLDERS[0].name)


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
