"""The contract's nouns as body and frames of a message, judged against the negotiated schema on the way in.

Frames hold little-endian arrays whose dtype and shape follow from the :class:`~vla.bridge.schema.Schema`, so
the receiver compares lengths before it builds an array.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.bridge.images import decode_image, encode_image, most_bytes
from vla.bridge.wire import MAX_HEADER_BYTES, Frame, Limits, Message, WireError, integer, number, text, texts
from vla.contract import ActionChunk, ActRequest, ContractError, Observation, Plan, Prefix, RobotSpec

MAX_CHUNK_ROWS = 1024
MAX_PLAN_STEPS = 64

_Packed = tuple[dict[str, Any], tuple[Frame, ...]]


def request_limits(spec: RobotSpec) -> Limits:
    """The largest request about ``spec``: header, state, a picture per camera in any encoding, a prefix."""
    frames = [MAX_HEADER_BYTES, 4 * len(spec.state), _rows_bytes(spec)]
    frames += [most_bytes(size) for size in spec.cameras.values()]
    return Limits(len(frames), max(frames), sum(frames))


def reply_limits(spec: RobotSpec) -> Limits:
    """The largest reply about ``spec``: header and a chunk."""
    frames = [MAX_HEADER_BYTES, _rows_bytes(spec)]
    return Limits(len(frames), max(frames), sum(frames))


def pack_act(
    observation: Observation,
    instruction: str,
    prefix: Prefix | None,
    within_s: float,
    spec: RobotSpec,
    images: str = "raw",
) -> _Packed:
    """Body and frames of an act request: observation, then the prefix if there is one.

    Args:
        observation: What the robot senses.
        instruction: What it is to do.
        prefix: What it is about to do anyway.
        within_s: Seconds after which the answer is worthless. A duration: the two ends' clocks differ.
        spec: The robot.
        images: How pictures cross.

    Raises:
        ContractError: something does not fit ``spec``.
    """
    body, frames = pack_observation(observation, spec, images)
    body["instruction"] = instruction
    if math.isfinite(within_s):
        body["within_s"] = float(within_s)
    if prefix is not None:
        prefix.check(spec)
        if len(prefix.actions) > MAX_CHUNK_ROWS:
            raise WireError(f"prefix of {len(prefix.actions)} rows, at most {MAX_CHUNK_ROWS} are allowed")
        body |= {"prefix_rows": len(prefix.actions), "frozen": prefix.frozen}
        frames += (prefix.actions.astype("<f4", copy=False).tobytes(),)
    return body, frames


def unpack_act(message: Message, spec: RobotSpec, images: str = "raw") -> tuple[ActRequest, float]:
    """The inverse of :func:`pack_act`: the request, without a seed, and its ``within_s``.

    Raises:
        WireError: frame count, a frame's length or a field is not what ``spec`` allows.
        ContractError: a value is not finite, or ``frozen`` is not among the prefix's rows.
    """
    body = message.body
    within_s = number(body, "within_s") if "within_s" in body else math.inf
    instruction = text(body, "instruction")
    if "prefix_rows" not in body:
        return ActRequest(unpack_observation(message, spec, images), instruction), within_s
    observation = unpack_observation(message, spec, images, extra=1)
    rows = integer(body, "prefix_rows")
    if rows > MAX_CHUNK_ROWS:
        raise WireError(f"prefix of {rows} rows, at most {MAX_CHUNK_ROWS} are allowed")
    actions = _array("prefix", message.arrays[-1], (rows, len(spec.action)))
    prefix = Prefix(actions, integer(body, "frozen"))
    prefix.check(spec)
    return ActRequest(observation, instruction, prefix), within_s


def pack_observation(observation: Observation, spec: RobotSpec, images: str = "raw") -> _Packed:
    """Body and frames: the state, then the cameras in alphabetical order.

    Raw pictures are views of the observation's: send them before anybody writes to it again.

    Raises:
        ContractError: the observation does not fit ``spec``.
    """
    observation.check(spec)
    frames: list[Frame] = [observation.state.astype("<f4", copy=False).tobytes()]
    frames += [encode_image(observation.images[name], images) for name in sorted(spec.cameras)]
    return {"stamp_s": float(observation.stamp_s)}, tuple(frames)


def unpack_observation(message: Message, spec: RobotSpec, images: str = "raw", extra: int = 0) -> Observation:
    """The inverse of :func:`pack_observation`; its arrays are read-only.

    Args:
        message: Its array frames are the observation's, then exactly ``extra`` others.
        spec: The robot.
        images: How pictures cross.
        extra: Frames that belong to something else.

    Raises:
        WireError: frame count or a length differs from what ``spec`` says, or a picture is unreadable.
        ContractError: a state value is not finite.
    """
    cameras = sorted(spec.cameras)
    if len(message.arrays) != 1 + len(cameras) + extra:
        raise WireError(
            f"{len(message.arrays)} array frames, expected state, cameras {cameras} and {extra} more"
        )
    stamp_s = number(message.body, "stamp_s")
    state = _array("state", message.arrays[0], (len(spec.state),))
    pictures = {
        name: decode_image(f"image {name!r}", frame, images, spec.cameras[name])
        for name, frame in zip(cameras, message.arrays[1:], strict=False)
    }
    if not np.isfinite(state).all():  # all else that an observation must be follows from the lengths
        raise ContractError("state holds a value that is not finite")
    return Observation(pictures, state, stamp_s)


def pack_chunk(chunk: ActionChunk, spec: RobotSpec) -> _Packed:
    """Body and the one frame of a chunk.

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
    actions = _array("actions", message.arrays[0], (rows, len(spec.action)))
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
        "kind": plan.kind,
        "seen": plan.seen,
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
    steps, status = texts(data, "steps", MAX_PLAN_STEPS), texts(data, "status", MAX_PLAN_STEPS)
    try:
        return Plan(
            text(data, "goal"),
            steps,
            integer(data, "index"),
            status,  # pyright: ignore[reportArgumentType]  (Plan checks each word itself)
            text(data, "note", low=0),
            text(data, "kind"),  # pyright: ignore[reportArgumentType]  (and its kind)
            text(data, "seen", low=0) if "seen" in data else "",  # older peers do not say what they see
        )
    except ContractError as error:
        raise WireError(f"not a plan: {error}") from error


def _array(what: str, frame: Frame, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if len(frame) != 4 * math.prod(shape):
        raise WireError(f"{what} is {len(frame)} bytes, expected {4 * math.prod(shape)} for float32 {shape}")
    return np.frombuffer(frame, "<f4").reshape(shape)


def _rows_bytes(spec: RobotSpec) -> int:
    return 4 * MAX_CHUNK_ROWS * len(spec.action)
