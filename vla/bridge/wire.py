"""Bytes: how the contract's nouns cross the wire, and every check they pass on the way in.

A message is one small msgpack header frame followed by raw little-endian array frames. The header never names
a dtype or a shape: both ends agreed on a :class:`RobotSpec` at the handshake, so the receiver knows what each
frame must be and compares lengths before it builds an array. Nothing here can run code from the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgpack
import numpy as np
from numpy.typing import NDArray

from vla.contract import ActionChunk, ContractError, Observation, Plan, Prefix, RobotSpec

PROTOCOL = 1
"""Version of this protocol; a peer that speaks another is refused at the handshake."""

VERBS = ("hello", "act", "plan", "reset", "health", "error")
MAX_HEADER_BYTES = 64 * 1024
MAX_TEXT_CHARS = 4096
MAX_CHUNK_ROWS = 1024
MAX_PLAN_STEPS = 64
_MAX_SEQ = 2**62


class WireError(ContractError):
    """Bytes that are not a message of this protocol, or not one that fits the negotiated spec."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, either way.

    Attributes:
        verb: One of :data:`VERBS`; a reply carries its request's verb, or ``"error"``.
        session: Chosen by the client at ``hello``; 1 to 64 characters.
        seq: Request number, strictly rising within a session; a reply echoes its request's.
        body: Plain msgpack types.
        arrays: Raw frames, in the order that the verb defines.
        version: The sender's :data:`PROTOCOL`.
    """

    verb: str
    session: str
    seq: int
    body: Mapping[str, Any] = field(default_factory=dict)
    arrays: tuple[bytes, ...] = ()
    version: int = PROTOCOL


def encode(message: Message) -> list[bytes]:
    """Frames ready for ``send_multipart``.

    Raises:
        WireError: the header exceeds :data:`MAX_HEADER_BYTES`.
    """
    header = cast(
        bytes,
        msgpack.packb(
            {
                "v": message.version,
                "verb": message.verb,
                "session": message.session,
                "seq": message.seq,
                "body": dict(message.body),
            }
        ),
    )
    if len(header) > MAX_HEADER_BYTES:
        raise WireError(
            f"{message.verb} header is {len(header)} bytes, at most {MAX_HEADER_BYTES} are allowed"
        )
    return [header, *message.arrays]


def decode(frames: Sequence[bytes], max_frames: int) -> Message:
    """The message in ``frames``; array frames are passed on unread.

    Args:
        frames: As received, header first.
        max_frames: Most frames a message of the negotiated spec can have, see :func:`max_frames`.

    Raises:
        WireError: anything else than one well-formed message.
    """
    if not 1 <= len(frames) <= max_frames:
        raise WireError(f"{len(frames)} frames, expected 1..{max_frames}")
    if len(frames[0]) > MAX_HEADER_BYTES:
        raise WireError(f"header is {len(frames[0])} bytes, at most {MAX_HEADER_BYTES} are allowed")
    try:
        header = msgpack.unpackb(
            frames[0],
            max_array_len=256,
            max_map_len=64,
            max_str_len=MAX_HEADER_BYTES,
            max_bin_len=0,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"header is not msgpack: {type(error).__name__}") from error
    if not isinstance(header, dict):
        raise WireError(f"header is a {type(header).__name__}, expected a map")
    session = text(header, "session", low=1, high=64)
    verb = text(header, "verb")
    if verb not in VERBS:
        raise WireError(f"verb {verb[:32]!r} is not one of {', '.join(VERBS)}")
    body = header.get("body")
    if not isinstance(body, dict):
        raise WireError("header has no 'body' map")
    seq, version = integer(header, "seq"), integer(header, "v")
    return Message(verb, session, seq, body, tuple(frames[1:]), version)


def max_frames(spec: RobotSpec) -> int:
    """Most frames in any message about ``spec``: header, state, one image per camera, a prefix."""
    return 3 + len(spec.cameras)


def max_frame_bytes(spec: RobotSpec) -> int:
    """Largest single frame in any message about ``spec``, for ``ZMQ_MAXMSGSIZE``."""
    largest_image = max((3 * h * w for h, w in spec.cameras.values()), default=0)
    return max(largest_image, 4 * len(spec.state), 4 * MAX_CHUNK_ROWS * len(spec.action), MAX_HEADER_BYTES)


def pack_observation(observation: Observation, spec: RobotSpec) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """Body fields and frames: the state, then the cameras in alphabetical order.

    Raises:
        ContractError: the observation does not fit ``spec``.
    """
    observation.check(spec)
    frames = [observation.state.astype("<f4", copy=False).tobytes()]
    frames += [observation.images[name].tobytes() for name in sorted(spec.cameras)]
    return {"stamp_s": float(observation.stamp_s)}, tuple(frames)


def unpack_observation(message: Message, spec: RobotSpec) -> Observation:
    """The inverse of :func:`pack_observation`; its arrays are read-only views of the frames.

    Raises:
        WireError: frame count or a frame's length differs from what ``spec`` says.
        ContractError: a state value is not finite.
    """
    cameras = sorted(spec.cameras)
    if len(message.arrays) < 1 + len(cameras):
        raise WireError(f"{len(message.arrays)} array frames, expected state and cameras {cameras}")
    state = _array("state", message.arrays[0], "<f4", (len(spec.state),))
    images = {
        name: _array(f"image {name!r}", frame, "u1", (*spec.cameras[name], 3))
        for name, frame in zip(cameras, message.arrays[1:], strict=False)
    }
    observation = Observation(images, state, number(message.body, "stamp_s"))
    observation.check(spec)
    return observation


def pack_prefix(prefix: Prefix | None, spec: RobotSpec) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """Body fields and frames to go after an observation's; nothing for no prefix.

    Raises:
        ContractError: the prefix does not fit ``spec``.
    """
    if prefix is None:
        return {}, ()
    prefix.check(spec)
    rows = prefix.actions.astype("<f4", copy=False).tobytes()
    return {"prefix_rows": len(prefix.actions), "frozen": prefix.frozen}, (rows,)


def unpack_prefix(message: Message, spec: RobotSpec) -> Prefix | None:
    """The inverse of :func:`pack_prefix`.

    Raises:
        WireError: rows, frame count or frame length are not what ``spec`` allows.
        ContractError: a value is not finite, or ``frozen`` is not among the rows.
    """
    frames = message.arrays[1 + len(spec.cameras) :]
    if "prefix_rows" not in message.body and not frames:
        return None
    rows = integer(message.body, "prefix_rows")
    if not rows <= MAX_CHUNK_ROWS or len(frames) != 1:
        raise WireError(f"prefix of {rows} rows in {len(frames)} frames, expected 0..{MAX_CHUNK_ROWS} in one")
    actions = _array("prefix", frames[0], "<f4", (rows, len(spec.action)))
    prefix = Prefix(actions, integer(message.body, "frozen"))
    prefix.check(spec)
    return prefix


def pack_chunk(chunk: ActionChunk, spec: RobotSpec) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """Body fields and the one frame of a chunk.

    Values are not judged here: the robot side refuses what is not finite and says so.

    Raises:
        WireError: ``actions`` is not float32 of shape (1..1024, A).
    """
    shape = chunk.actions.shape
    fits = chunk.actions.ndim == 2 and 1 <= shape[0] <= MAX_CHUNK_ROWS and shape[1] == len(spec.action)
    if not fits or chunk.actions.dtype != np.float32:
        expected = f"float32 (1..{MAX_CHUNK_ROWS}, {len(spec.action)})"
        raise WireError(f"actions are {chunk.actions.dtype} {shape}, expected {expected}")
    body = {"rows": shape[0], "dt_s": float(chunk.dt_s), "start_s": float(chunk.start_s)}
    return body, (chunk.actions.astype("<f4", copy=False).tobytes(),)


def unpack_chunk(message: Message, spec: RobotSpec) -> ActionChunk:
    """The inverse of :func:`pack_chunk`; ``actions`` is a read-only view whose values are not judged.

    Raises:
        WireError: rows, frame count, frame length or times are not what ``spec`` allows.
    """
    rows, dt_s = integer(message.body, "rows"), number(message.body, "dt_s")
    if not 1 <= rows <= MAX_CHUNK_ROWS or not dt_s > 0:
        raise WireError(f"chunk of {rows} rows at {dt_s} s, expected 1..{MAX_CHUNK_ROWS} rows at > 0 s")
    if len(message.arrays) != 1:
        raise WireError(f"{len(message.arrays)} array frames, expected the actions alone")
    actions = _array("actions", message.arrays[0], "<f4", (rows, len(spec.action)))
    return ActionChunk(actions, dt_s, number(message.body, "start_s"))


def pack_plan(plan: Plan | None) -> dict[str, Any] | None:
    """Plain msgpack types, or None for no plan."""
    if plan is None:
        return None
    return {
        "goal": plan.goal,
        "steps": list(plan.steps),
        "index": plan.index,
        "status": list(plan.status),
        "note": plan.note,
    }


def unpack_plan(data: object) -> Plan | None:
    """The inverse of :func:`pack_plan`.

    Raises:
        WireError: not a plan of at most 64 steps and 4096 characters per text.
    """
    if data is None:
        return None
    if not isinstance(data, dict):
        raise WireError(f"plan is a {type(data).__name__}, expected a map")
    steps, status = _texts(data, "steps"), _texts(data, "status")
    try:
        return Plan(
            text(data, "goal"),
            steps,
            integer(data, "index"),
            status,  # pyright: ignore[reportArgumentType]  (Plan checks each word itself)
            text(data, "note", low=0),
        )
    except ContractError as error:
        raise WireError(f"not a plan: {error}") from error


def text(data: Mapping[str, Any], key: str, low: int = 1, high: int = MAX_TEXT_CHARS) -> str:
    """``data[key]``, a string of ``low..high`` characters, else :class:`WireError`."""
    value = data.get(key)
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise WireError(f"{key!r} must be text of {low}..{high} characters")
    return value


def integer(data: Mapping[str, Any], key: str) -> int:
    """``data[key]``, an integer in ``0..2**62``, else :class:`WireError`."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_SEQ:
        raise WireError(f"{key!r} must be an integer in 0..2**62")
    return value


def number(data: Mapping[str, Any], key: str) -> float:
    """``data[key]``, a finite float, else :class:`WireError`."""
    value = data.get(key)
    if not isinstance(value, float) or not math.isfinite(value):
        raise WireError(f"{key!r} must be a finite float")
    return value


def _texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = data.get(key)
    if not isinstance(values, list) or len(values) > MAX_PLAN_STEPS:
        raise WireError(f"{key!r} must be a list of at most {MAX_PLAN_STEPS} texts")
    return tuple(text({key: value}, key) for value in values)


def _array(what: str, frame: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    expected = math.prod(shape) * np.dtype(dtype).itemsize
    if len(frame) != expected:
        raise WireError(f"{what} is {len(frame)} bytes, expected {expected} for {dtype} {shape}")
    return np.frombuffer(frame, dtype).reshape(shape)
