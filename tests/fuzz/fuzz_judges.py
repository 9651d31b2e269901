"""What the fuzz targets hold against each thing that was read: it must be typed, and usable as it is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vla.bridge.images import ENCODINGS
from vla.bridge.ndarrays import DTYPES
from vla.bridge.payload import unpack_act, unpack_chunk, unpack_observation, unpack_plan
from vla.bridge.schema import Schema, Wish
from vla.bridge.wire import MAX_TEXT_CHARS, Message, WireError
from vla.contract import Axis, RobotSpec

_AXES = (Axis("x", "m", -1.0, 1.0, 1.0), Axis("gap", "m", 0.0, 0.08, 0.2))
SPEC = RobotSpec("tiny", _AXES, _AXES, {"front": (8, 6), "wrist": (4, 4)}, 20.0)


def _act(message: Message) -> None:
    request, within_s = unpack_act(message, SPEC, ENCODINGS[message.seq % len(ENCODINGS)])
    request.observation.check(SPEC)
    assert 1 <= len(request.instruction) <= MAX_TEXT_CHARS
    assert not math.isnan(within_s)
    if request.prefix is not None:
        request.prefix.check(SPEC)


def _observation(message: Message) -> None:
    unpack_observation(message, SPEC, ENCODINGS[message.seq % len(ENCODINGS)]).check(SPEC)


def _chunk(message: Message) -> None:
    chunk = unpack_chunk(message, SPEC)
    assert (chunk.actions.dtype, chunk.actions.ndim) == (np.float32, 2)
    assert chunk.actions.shape[1] == len(SPEC.action)
    assert not chunk.actions.flags.writeable
    assert 0 < chunk.dt_s < math.inf
    assert math.isfinite(chunk.start_s)


def _plan(message: Message) -> None:
    plan = unpack_plan(message.body.get("plan"))
    if plan is None:
        raise WireError("no plan")
    assert all(
        isinstance(words, str) for words in (plan.goal, plan.note, plan.seen, *plan.steps, *plan.status)
    )


def _wish(message: Message) -> None:
    wish = Wish.unpack(message.body)
    check_spec(wish.spec)
    lines = wish.differences(Schema(SPEC, "model"), ENCODINGS)
    assert all(isinstance(line, str) for line in lines)


def _schema(message: Message) -> None:
    schema = Schema.unpack(message.body, "raw")
    check_spec(schema.spec)
    assert len(schema.digest()) == 16


def check_spec(spec: RobotSpec) -> None:
    for axis in (*spec.action, *spec.state):
        assert isinstance(axis.name, str)
        assert isinstance(axis.unit, str)
        numbers = (axis.low, axis.high, axis.max_rate, axis.max_acceleration, axis.max_jerk)
        assert all(isinstance(number, int | float) for number in numbers)
    assert spec.dt_s > 0
    assert RobotSpec.from_dict(json.loads(json.dumps(spec.to_dict()))).digest() == spec.digest()


def is_plain(value: Any) -> bool:
    """Whether ``value`` is of the types that a header may hold; ``b""`` is the only one in bytes."""
    if isinstance(value, list):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, (*value.keys(), *value.values())))
    return value is None or value == b"" or isinstance(value, bool | int | float | str)


def is_legal(value: Any) -> bool:
    """Whether ``value`` is of the types that :func:`vla.bridge.ndarrays.restore` promises."""
    if isinstance(value, np.ndarray):
        return value.dtype.str in DTYPES and value.size > 0 and not value.flags.writeable
    if isinstance(value, list):
        return all(map(is_legal, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_legal(inner) for key, inner in value.items())
    return value is None or isinstance(value, bool | int | float | str | bytes)


BODIES: tuple[Callable[[Message], None], ...] = (_act, _observation, _chunk, _plan, _wish, _schema)
"""Reads a message as each thing that its body may be, and judges that."""
