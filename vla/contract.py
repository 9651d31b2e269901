"""The nouns and verbs every room of Handily shares. Read this file first.

Nouns are frozen, slotted dataclasses of numpy arrays; verbs are Protocols. Nothing here imports anything
but numpy and the standard library, so a robot computer can load it.

Conventions stated here and used everywhere: SI units, with the unit in the name; images are uint8 RGB of
shape (H, W, 3); axis letters are B batch, T chunk rows, A action, S state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

ActionSemantics = Literal["absolute_joint", "absolute_tool", "delta_tool"]
StepStatus = Literal["pending", "active", "done", "failed"]
PlanKind = Literal["steps", "cannot", "answer"]

_SEMANTICS = ("absolute_joint", "absolute_tool", "delta_tool")
_STATUSES = ("pending", "active", "done", "failed")
_PLAN_KINDS = ("steps", "cannot", "answer")
_MOTION_LIMITS = ("max_rate", "max_acceleration", "max_jerk")


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
        max_acceleration: Largest legal change of that rate per second, in ``unit``/s^2; 0 means unlimited.
        max_jerk: Largest legal change of that acceleration per second, in ``unit``/s^3; 0 means unlimited.
    """

    name: str
    unit: str
    low: float
    high: float
    max_rate: float = 0.0
    max_acceleration: float = 0.0
    max_jerk: float = 0.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ContractError(f"axis {self.name!r}: low {self.low} must be below high {self.high}")
        for name in _MOTION_LIMITS:
            if not getattr(self, name) >= 0:
                raise ContractError(
                    f"axis {self.name!r}: {name} {getattr(self, name)} must be >= 0 (0 = unlimited)"
                )


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
        workspace: The box the tool must stay in: (low, high) in m along x, y and z of the robot's base
            frame. None where the action axes say it already (tool semantics) or nothing is known.
    """

    name: str
    action: tuple[Axis, ...]
    state: tuple[Axis, ...]
    cameras: Mapping[str, tuple[int, int]]
    control_hz: float
    semantics: ActionSemantics = "absolute_tool"
    workspace: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if self.semantics not in _SEMANTICS:
            raise ContractError(f"semantics {self.semantics!r} is not one of {', '.join(_SEMANTICS)}")
        if not 0 < self.control_hz < float("inf"):
            raise ContractError(f"control_hz {self.control_hz} must be > 0 and finite")
        if any(side < 1 for size in self.cameras.values() for side in size):
            raise ContractError(f"cameras {dict(self.cameras)} must be (height, width), each at least 1")
        for kind, axes in (("action", self.action), ("state", self.state)):
            names = [axis.name for axis in axes]
            if not names or len(set(names)) != len(names):
                raise ContractError(f"{kind} axes must be named, unique and at least one; got {names}")
        box = self.workspace
        if box is not None and not (len(box) == 3 and all(low < high for low, high in box)):
            raise ContractError(
                f"workspace {box} must be (low, high) along x, y and z, each low below its high"
            )

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
    def from_dict(cls, data: Any) -> Self:
        """Rebuild a spec from :meth:`to_dict`'s output; whatever else ``data`` is, it is refused.

        Raises:
            ContractError: a field is missing, unknown or illegal.
        """
        try:
            return cls(
                name=str(data["name"]),
                action=tuple(_axis(axis) for axis in data["action"]),
                state=tuple(_axis(axis) for axis in data["state"]),
                cameras={str(k): (int(v[0]), int(v[1])) for k, v in data["cameras"].items()},
                control_hz=float(data["control_hz"]),
                semantics=data["semantics"],
                workspace=_box(data.get("workspace")),
            )
        except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ContractError(f"not a RobotSpec: {error!r}") from error

    def interface(self) -> dict[str, Any]:
        """What a policy and a robot must agree on: everything but the motion limits.

        Those are the robot's own affair. Whoever makes an arm slower or its workspace smaller may keep its
        policy: the runtime limits what the policy wants.
        """
        data = self.to_dict()
        del data["workspace"]
        for axis in (*data["action"], *data["state"]):
            for name in _MOTION_LIMITS:
                del axis[name]
        return data

    def digest(self) -> str:
        """Hex SHA-256 of the canonical JSON form of :meth:`interface`."""
        text = json.dumps(self.interface(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: RobotSpec) -> list[str]:
        """Human-readable lines, one per field of :meth:`interface` that differs; empty when they agree."""
        return _differences("", self.interface(), other.interface())


def _axis(data: Any) -> Axis:
    """An axis of foreign data: Python would compare two words as readily as two numbers."""
    for name, value in data.items():
        wanted = str if name in ("name", "unit") else float | int
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ContractError(f"axis field {name!r} is a {type(value).__name__}")
    return Axis(**data)


def _box(data: Any) -> tuple[tuple[float, float], ...] | None:
    return None if data is None else tuple((float(low), float(high)) for low, high in data)


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
        self.check_state(spec)
        for name, size in spec.cameras.items():
            image = self.images[name]
            if image.shape != (*size, 3) or image.dtype != np.uint8:
                raise ContractError(
                    f"image {name!r} is {image.dtype} {image.shape}, expected uint8 {(*size, 3)}"
                )

    def check_state(self, spec: RobotSpec) -> None:
        """As :meth:`check`, without looking at the pictures: a driver may draw them only when looked at."""
        missing = spec.cameras.keys() - self.images.keys()
        if missing:
            raise ContractError(f"cameras {sorted(missing)} are missing; got {sorted(self.images)}")
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


@dataclass(frozen=True, slots=True)
class Prefix:
    """What the arm will do next unless a new chunk comes, for a policy that goes on from it.

    Real-time chunking (arXiv 2506.07339): the next chunk begins with the rows that will have been carried out
    by the time it arrives, and departs from the rest without a jump.

    Attributes:
        actions: float32 of shape (K, A), in the units of ``RobotSpec.action``; row 0 is due at the
            observation's stamp. K may be shorter or longer than the policy's chunk.
        frozen: Rows that will be carried out whatever the answer is, 0 to K.
    """

    actions: NDArray[np.float32]
    frozen: int

    def check(self, spec: RobotSpec) -> None:
        """Raise :class:`ContractError` unless rows are finite float32 and ``frozen`` is among them."""
        _check_vector("prefix", self.actions, (len(self.actions), len(spec.action)))
        if not 0 <= self.frozen <= len(self.actions):
            raise ContractError(f"frozen {self.frozen} is outside 0..{len(self.actions)}, the prefix's rows")


@dataclass(frozen=True, slots=True)
class ActRequest:
    """One question to a policy that answers several robots at once.

    Attributes:
        observation: What this robot senses.
        instruction: What it is to do.
        prefix: What it is about to do anyway, or None.
        seed: Of the noise in this answer: the same request and seed give the same chunk, whoever else asks.
    """

    observation: Observation
    instruction: str
    prefix: Prefix | None = None
    seed: int = 0


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
        status: One status per step. The arm acts on the current one while that is ``"active"``, else it
            holds.
        note: Why the plan is as it is, shown to the person; empty when there is nothing to say.
        kind: ``"steps"``; or, where nothing is to be done, ``"cannot"`` (``note`` says why) or ``"answer"``
            to a question (``note`` is the answer).
        seen: What the planner says that it sees, one line of words, shown to the person; may be empty.
    """

    goal: str
    steps: tuple[str, ...]
    index: int
    status: tuple[StepStatus, ...]
    note: str = ""
    kind: PlanKind = "steps"
    seen: str = ""

    def __post_init__(self) -> None:
        if len(self.status) != len(self.steps):
            raise ContractError(f"{len(self.steps)} steps but {len(self.status)} statuses")
        if not 0 <= self.index <= len(self.steps):
            raise ContractError(f"index {self.index} is outside 0..{len(self.steps)}")
        unknown = set(self.status) - set(_STATUSES)
        if unknown:
            raise ContractError(f"status {sorted(unknown)} is not one of {', '.join(_STATUSES)}")
        if self.kind not in _PLAN_KINDS:
            raise ContractError(f"plan kind {self.kind!r} is not one of {', '.join(_PLAN_KINDS)}")
        if self.kind != "steps" and (self.steps or not self.note):
            raise ContractError(f"a plan of kind {self.kind!r} has a note and no steps; got {self.steps}")

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

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """A chunk whose row 0 is due at ``observation.stamp_s``; inputs are not mutated.

        A policy that cannot go on from a prefix ignores it.
        """
        ...


@runtime_checkable
class BatchPolicy(Policy, Protocol):
    """A policy that answers several robots for less than the price of as many calls."""

    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        """One chunk per request, each as :meth:`Policy.act` would give it; no request changes another's."""
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
class SeparablePlanner(Planner, Protocol):
    """A planner that remembers what it has seen, so that every robot needs one of its own."""

    def separate(self) -> Planner:
        """One more of the same kind, which shares what has been learned and nothing that has been seen."""
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


@runtime_checkable
class Kinematics(Protocol):
    """What a driver of a joint robot may offer besides, so that its tool can be kept in a workspace."""

    def tool_of(self, action: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Where ``action``, shape (A,), brings the tool: (3,) in m, robot base frame."""
        ...
