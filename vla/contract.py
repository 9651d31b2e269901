"""The nouns and verbs every room of Handily shares. Read this file first.

Nouns are frozen, slotted dataclasses of numpy arrays; verbs are Protocols. Nothing here imports anything
but numpy and the standard library, so a robot computer can load it.

Conventions stated here and used everywhere: SI units, with the unit in the name; images are uint8 RGB of
shape (H, W, 3); axis letters are B batch, T chunk rows, A action, S state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

ActionSemantics = Literal["absolute_joint", "absolute_tool", "delta_tool"]
StepStatus = Literal["pending", "active", "done", "failed"]

_SEMANTICS = ("absolute_joint", "absolute_tool", "delta_tool")
_STATUSES = ("pending", "active", "done", "failed")


class ContractError(ValueError):
    """A value breaks the contract. The message names the thing, the value and the valid choices."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One scalar of an action or state vector.

    Attributes:
        name: Unique within its vector, for example ``"tool_x"``.
        unit: SI unit, for example ``"m"`` or ``"rad"``.
        low: Smallest legal value, in ``unit``.
        high: Largest legal value, in ``unit``.
        max_rate: Largest legal change per second, in ``unit``/s; 0 means unlimited (state axes).
    """

    name: str
    unit: str
    low: float
    high: float
    max_rate: float = 0.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ContractError(f"axis {self.name!r}: low {self.low} must be below high {self.high}")
        if self.max_rate < 0:
            raise ContractError(f"axis {self.name!r}: max_rate {self.max_rate} must be >= 0 (0 = unlimited)")


@dataclass(frozen=True, slots=True)
class RobotSpec:
    """What a robot senses and accepts; sent at the handshake and stored in every checkpoint.

    Attributes:
        name: The robot, for example ``"handily-panda"``.
        action: One axis per action scalar, A in all.
        state: One axis per proprioceptive scalar, S in all.
        cameras: Camera name to (height, width) in pixels.
        control_hz: Control rate in Hz.
        semantics: What an action row means.
    """

    name: str
    action: tuple[Axis, ...]
    state: tuple[Axis, ...]
    cameras: Mapping[str, tuple[int, int]]
    control_hz: float
    semantics: ActionSemantics = "absolute_tool"

    def __post_init__(self) -> None:
        if self.semantics not in _SEMANTICS:
            raise ContractError(f"semantics {self.semantics!r} is not one of {', '.join(_SEMANTICS)}")
        if not self.control_hz > 0:
            raise ContractError(f"control_hz {self.control_hz} must be > 0")
        for kind, axes in (("action", self.action), ("state", self.state)):
            names = [axis.name for axis in axes]
            if not names or len(set(names)) != len(names):
                raise ContractError(f"{kind} axes must be named, unique and at least one; got {names}")

    @property
    def dt_s(self) -> float:
        """Control period in seconds."""
        return 1.0 / self.control_hz

    @property
    def action_low(self) -> NDArray[np.float32]:
        """Shape (A,)."""
        return np.array([axis.low for axis in self.action], np.float32)

    @property
    def action_high(self) -> NDArray[np.float32]:
        """Shape (A,)."""
        return np.array([axis.high for axis in self.action], np.float32)

    @property
    def action_max_step(self) -> NDArray[np.float32]:
        """Largest change of each action scalar in one control period, shape (A,); inf where unlimited."""
        return np.array([axis.max_rate * self.dt_s or np.inf for axis in self.action], np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, the inverse of :meth:`from_dict`."""
        return asdict(self) | {"cameras": {name: list(size) for name, size in self.cameras.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a spec from :meth:`to_dict`'s output.

        Raises:
            ContractError: a field is missing, unknown or illegal.
        """
        try:
            return cls(
                name=str(data["name"]),
                action=tuple(Axis(**axis) for axis in data["action"]),
                state=tuple(Axis(**axis) for axis in data["state"]),
                cameras={str(k): (int(v[0]), int(v[1])) for k, v in data["cameras"].items()},
                control_hz=float(data["control_hz"]),
                semantics=data["semantics"],
            )
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ContractError(f"not a RobotSpec: {error!r}") from error

    def digest(self) -> str:
        """Hex SHA-256 of the canonical JSON form; equal specs have equal digests."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: RobotSpec) -> list[str]:
        """Human-readable lines, one per field that differs; empty when the specs agree."""
        return _differences("", self.to_dict(), other.to_dict())


def _differences(path: str, mine: Any, theirs: Any) -> list[str]:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        lines: list[str] = []
        for key in sorted(mine.keys() | theirs.keys()):
            lines += _differences(f"{path}.{key}".lstrip("."), mine.get(key), theirs.get(key))
        return lines
    if isinstance(mine, list | tuple) and isinstance(theirs, list | tuple) and len(mine) == len(theirs):
        return [
            line
            for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
            for line in _differences(f"{path}[{i}]", a, b)
        ]
    return [] if mine == theirs else [f"{path}: {mine!r} here, {theirs!r} there"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What was sensed, and when. It never contains the instruction.

    Attributes:
        images: Camera name to uint8 RGB of shape (H, W, 3).
        state: float32 of shape (S,), in the units of ``RobotSpec.state``.
        stamp_s: The robot's monotonic clock at the moment of sensing, in seconds.
    """

    images: Mapping[str, NDArray[np.uint8]]
    state: NDArray[np.float32]
    stamp_s: float

    def check(self, spec: RobotSpec) -> None:
        """Raise :class:`ContractError` naming the first thing that does not fit ``spec``."""
        missing = spec.cameras.keys() - self.images.keys()
        if missing:
            raise ContractError(f"cameras {sorted(missing)} are missing; got {sorted(self.images)}")
        for name, size in spec.cameras.items():
            image = self.images[name]
            if image.shape != (*size, 3) or image.dtype != np.uint8:
                raise ContractError(
                    f"image {name!r} is {image.dtype} {image.shape}, expected uint8 {(*size, 3)}"
                )
        _check_vector("state", self.state, (len(spec.state),))


@dataclass(frozen=True, slots=True)
class ActionChunk:
    """A row of actions to be consumed by time.

    Attributes:
        actions: float32 of shape (T, A) in the units of ``RobotSpec.action``.
        dt_s: Seconds between rows.
        start_s: When row 0 is due, on the robot's monotonic clock.
    """

    actions: NDArray[np.float32]
    dt_s: float
    start_s: float

    def at(self, now_s: float) -> NDArray[np.float32] | None:
        """The row that is due at ``now_s``, shape (A,); None before the first and after the last row.

        None means the caller holds: a chunk is never extrapolated.
        """
        row = int(np.floor((now_s - self.start_s) / self.dt_s + 1e-6))
        return self.actions[row] if 0 <= row < len(self.actions) else None

    def check(self, spec: RobotSpec) -> None:
        """Raise :class:`ContractError` unless rows are finite float32 of spec width inside the limits."""
        if self.actions.ndim != 2 or len(self.actions) < 1:
            wanted = f"(T >= 1, {len(spec.action)})"
            raise ContractError(f"actions have shape {self.actions.shape}, expected {wanted}")
        _check_vector("actions", self.actions, (len(self.actions), len(spec.action)))
        if not self.dt_s > 0:
            raise ContractError(f"dt_s {self.dt_s} must be > 0")
        slack = 1e-4 * (spec.action_high - spec.action_low)
        outside = (self.actions < spec.action_low - slack) | (self.actions > spec.action_high + slack)
        if outside.any():
            t, a = np.argwhere(outside)[0]
            axis = spec.action[a]
            raise ContractError(
                f"action {axis.name!r} row {t} is {self.actions[t, a]:.4g} {axis.unit}, "
                f"outside [{axis.low}, {axis.high}]"
            )


def _check_vector(what: str, value: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if value.shape != shape or value.dtype != np.float32:
        raise ContractError(f"{what} is {value.dtype} {value.shape}, expected float32 {shape}")
    if not np.isfinite(value).all():
        raise ContractError(f"{what} holds a value that is not finite")


@dataclass(frozen=True, slots=True)
class Plan:
    """A goal broken into instructions. Text only: a planner never emits joint numbers.

    Attributes:
        goal: What the person asked for.
        steps: Instructions in order, in words the policy was trained on.
        index: The step being carried out; ``len(steps)`` when all are done.
        status: One status per step.
        note: Why the plan is as it is, shown to the person; empty when there is nothing to say.
    """

    goal: str
    steps: tuple[str, ...]
    index: int
    status: tuple[StepStatus, ...]
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.status) != len(self.steps):
            raise ContractError(f"{len(self.steps)} steps but {len(self.status)} statuses")
        if not 0 <= self.index <= len(self.steps):
            raise ContractError(f"index {self.index} is outside 0..{len(self.steps)}")
        unknown = set(self.status) - set(_STATUSES)
        if unknown:
            raise ContractError(f"status {sorted(unknown)} is not one of {', '.join(_STATUSES)}")

    @property
    def done(self) -> bool:
        """True when every step is done."""
        return self.index == len(self.steps)

    @property
    def instruction(self) -> str | None:
        """The current step's words, or None when the plan is done."""
        return None if self.done else self.steps[self.index]


@runtime_checkable
class Policy(Protocol):
    """Turns what is sensed and what is asked into motion: a network, a scripted expert, a remote client."""

    @property
    def spec(self) -> RobotSpec: ...

    def reset(self, seed: int) -> None:
        """Forget everything; the same seed and inputs give the same bytes."""
        ...

    def act(self, observation: Observation, instruction: str) -> ActionChunk:
        """A chunk whose row 0 is due at ``observation.stamp_s``; inputs are not mutated."""
        ...


@runtime_checkable
class SuccessDetector(Protocol):
    """Looks, and judges whether an instruction has been carried out."""

    def success(self, observation: Observation, instruction: str) -> float:
        """Probability in [0, 1] that ``instruction`` is fulfilled in what is seen."""
        ...


@runtime_checkable
class Planner(Protocol):
    """Slow thought: a goal and what is seen become the next instructions."""

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """The plan as of this observation; ``previous`` is the plan this planner gave last, if any."""
        ...


@runtime_checkable
class Driver(Protocol):
    """A robot, real or simulated. A context manager; ``close`` twice is fine."""

    @property
    def spec(self) -> RobotSpec: ...

    def read(self) -> Observation:
        """What the robot senses now."""
        ...

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send one action, shape (A,); returns what was really sent after limits, shape (A,)."""
        ...

    def hold(self) -> NDArray[np.float32]:
        """Stay where you are for one control period; returns what was really sent, shape (A,)."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
