"""M1: whatever is asked, and whenever, no command leaves the limits.

The oracle knows nothing of the limiter. It looks at the commands and the times between them, and takes
divided differences: the first is the rate, the second the acceleration, the third the jerk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from vla.contract import Axis, RobotSpec
from vla.runtime.limits import ActionLimiter

ENOUGH_TICKS = 20_000
ANY_BUG = settings(
    max_examples=200,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],  # seeds do not shrink to anything simpler
)
SEEDS = st.integers(0, 2**32 - 1)
LINKS_M = (0.5, 0.4)


def planar_arm(command: np.ndarray) -> np.ndarray:
    """Two links in a plane and a vertical slide."""
    first, second = command[0], command[0] + command[1]
    x = LINKS_M[0] * math.cos(first) + LINKS_M[1] * math.cos(second)
    y = LINKS_M[0] * math.sin(first) + LINKS_M[1] * math.sin(second)
    return np.array([x, y, command[2]])


def random_spec(rng: np.random.Generator, kind: str, smooth: bool) -> RobotSpec:
    """Four axes of any speed, from tenths of a step's braking to hundreds, some of them unlimited."""
    hz = float(rng.choice([5.0, 20.0, 100.0]))
    names = ("tool_x", "tool_y", "tool_z", "gripper") if "tool" in kind else ("j1", "j2", "slide", "gripper")
    axes, felt = [], []
    for name in names:
        width = 10 ** rng.uniform(-1, 0.8)
        low = rng.choice([0.0, -width * rng.uniform(0, 1)])
        rate = width * 10 ** rng.uniform(-0.5, 1)
        acceleration = rate * hz / 10 ** rng.uniform(-0.5, 1.5)
        jerk = acceleration * hz / 10 ** rng.uniform(-0.3, 0.7)
        if not smooth:
            rate *= rng.random() > 0.1
            acceleration *= rng.random() > 0.2
        felt.append(Axis(name, "m", low, low + width))
        reach = rate / hz or width
        bounds = (-reach, reach) if kind == "delta_tool" else (low, low + width)
        axes.append(Axis(name, "m", *bounds, rate, acceleration, jerk))
    return RobotSpec("any", tuple(axes), tuple(felt), {}, hz, kind)  # pyright: ignore[reportArgumentType]


def with_box(spec: RobotSpec, rng: np.random.Generator, around: np.ndarray) -> RobotSpec:
    tool = planar_arm(around) if spec.semantics == "absolute_joint" else around[:3]
    margin = 10 ** rng.uniform(-3, 0, (2, 3))
    box = tuple(zip((tool - margin[0]).tolist(), (tool + margin[1]).tolist(), strict=True))
    return RobotSpec(spec.name, spec.action, spec.state, {}, spec.control_hz, spec.semantics, box)


@dataclass
class Record:
    """What was sent since the last start: positions, and the step that led to each."""

    start: np.ndarray
    dt_s: float
    positions: list[np.ndarray] = field(default_factory=list)
    steps_s: list[float] = field(default_factory=list)
    strayed_at: list[int] = field(default_factory=list)
    repeats: bool = False
    checked: int = 0


class Gate(RuleBasedStateMachine):
    """One limiter, one robot, and somebody who asks for anything."""

    smooth = False
    ticks = 0

    @initialize(
        seed=SEEDS,
        kind=st.sampled_from(["absolute_tool", "absolute_joint", "delta_tool"]),
        boxed=st.booleans(),
    )
    def begin(self, seed: int, kind: str, boxed: bool) -> None:
        rng = np.random.default_rng(seed)
        self.spec = random_spec(rng, kind, self.smooth)
        self.walls = np.array([(a.low, a.high) for a in self._walled()], np.float32).astype(float).T
        start = rng.uniform(*self.walls).astype(np.float32)
        if boxed:
            self.spec = with_box(self.spec, rng, start.astype(float))
        self.is_delta, self.is_arm = kind == "delta_tool", boxed and kind == "absolute_joint"
        if boxed and not self.is_arm:
            box = np.array(self.spec.workspace).T
            self.walls[:, :3] = np.maximum(self.walls[0, :3], box[0]), np.minimum(self.walls[1, :3], box[1])
        tool_of = planar_arm if self.is_arm else None
        self.limiter = ActionLimiter(self.spec, tool_of=tool_of, smooth=self.smooth)
        self._start(start)

    def _walled(self) -> tuple[Axis, ...]:
        return self.spec.state if self.spec.semantics == "delta_tool" else self.spec.action

    def _start(self, position: np.ndarray) -> None:
        self.limiter.start(position)
        self.record = Record(position.astype(float), self.spec.dt_s)

    @rule(seed=SEEDS, outside=st.sampled_from([0.0, 0.0, 0.3]))
    def reset(self, seed: int, outside: float) -> None:
        self.check()
        rng = np.random.default_rng(seed)
        width = self.walls[1] - self.walls[0]
        start = rng.uniform(self.walls[0] - outside * width, self.walls[1] + outside * width)
        inside = np.clip(start, *self.walls) if not outside else start
        self._start(self._float32_inside(inside) if not outside else inside.astype(np.float32))

    def _float32_inside(self, position: np.ndarray) -> np.ndarray:
        rounded = position.astype(np.float32)
        rounded = np.where(rounded > self.walls[1], np.nextafter(rounded, np.float32(-np.inf)), rounded)
        return np.where(rounded < self.walls[0], np.nextafter(rounded, np.float32(np.inf)), rounded)

    @rule(
        seed=SEEDS,
        count=st.integers(20, 60),
        wish=st.sampled_from(["anywhere", "far", "one way", "corners", "walk", "rest"]),
        jitter=st.booleans(),
    )
    def ask(self, seed: int, count: int, wish: str, jitter: bool) -> None:
        rng = np.random.default_rng(seed)
        low, high = self.spec.action_low.astype(float), self.spec.action_high.astype(float)
        shape = (count, len(low))
        share = {
            "anywhere": lambda: rng.uniform(0, 1, shape),
            "far": lambda: rng.uniform(-50, 50, shape),
            "one way": lambda: np.tile(rng.choice([-50.0, 50.0], shape[1]), (count, 1)),
            "corners": lambda: np.repeat(rng.integers(-1, 3, shape), rng.integers(1, 20), 0)[:count],
            "walk": lambda: rng.uniform(0, 1, shape[1]) + np.cumsum(rng.normal(0, 0.05, shape), 0),
            "rest": lambda: np.tile(rng.uniform(0, 1, shape[1]), (count, 1)),
        }[wish]()
        actions = (low + share * (high - low)).astype(np.float32)
        for action, elapsed_s in zip(actions, self._times(rng, count, jitter), strict=True):
            self._log(self.limiter.apply(action, elapsed_s), elapsed_s)

    @rule(seed=SEEDS, count=st.integers(1, 20), jitter=st.booleans())
    def brake(self, seed: int, count: int, jitter: bool) -> None:
        for elapsed_s in self._times(np.random.default_rng(seed), count, jitter):
            self._log(self.limiter.brake(elapsed_s), elapsed_s)

    @rule(seed=SEEDS, reach=st.sampled_from([0.0, 0.01, 0.3]))
    def driver_sends_something_else(self, seed: int, reach: float) -> None:
        if not self.record.positions or self.record.repeats:
            return
        rng, record = np.random.default_rng(seed), self.record
        before = record.positions[-2] if len(record.positions) > 1 else record.start
        stray = before + reach * rng.uniform(-1, 1, len(before)) * (self.walls[1] - self.walls[0])
        sent = ((stray - before) if self.is_delta else stray).astype(np.float32)
        self.limiter.sent(sent)
        record.positions[-1] = before + sent if self.is_delta else sent.astype(float)
        record.strayed_at.append(len(record.positions) - 1)

    @rule(elapsed_s=st.sampled_from([0.0, 1e-9, -1.0, math.nan]))
    def no_time_passes(self, elapsed_s: float) -> None:
        again, self.record.repeats = self.limiter.apply(self.spec.action_high, elapsed_s), True
        here = self.record.positions[-1] if self.record.positions else self.record.start
        if not self.record.strayed_at:
            assert np.array_equal(again, np.zeros_like(again) if self.is_delta else here)

    def _times(self, rng: np.random.Generator, count: int, jitter: bool) -> list[float | None]:
        if not jitter:
            return [None] * count
        return [float(t) for t in self.spec.dt_s * np.exp(rng.uniform(math.log(0.2), math.log(5.0), count))]

    def _log(self, command: np.ndarray, elapsed_s: float | None) -> None:
        assert command.dtype == np.float32
        record, self.record.repeats = self.record, False
        here = record.positions[-1] if record.positions else record.start
        record.positions.append(here + command if self.is_delta else command.astype(float))
        record.steps_s.append(self.spec.dt_s if elapsed_s is None else min(elapsed_s, self.spec.dt_s))
        type(self).ticks += 1

    @invariant()
    def check(self) -> None:
        if hasattr(self, "record") and len(self.record.positions) > self.record.checked:
            Oracle(self).judge()
            self.record.checked = len(self.record.positions)


class Oracle:
    """Recomputes everything from a record. Row k of every array belongs to the k-th write."""

    def __init__(self, gate: Gate) -> None:
        record, axes = gate.record, gate.spec.action
        self.gate, self.record = gate, record
        dt_s, rows = record.dt_s, len(record.positions)
        still = np.tile(record.start, (3, 1))
        self.x = np.concatenate([still, record.positions])
        self.h = np.concatenate([[dt_s, dt_s], record.steps_s])[:, None]
        values = np.diff(self.x, axis=0) if gate.is_delta else self.x
        self.ulp = np.spacing(np.abs(values).max().astype(np.float32) + np.float32(1e-6)).astype(float)
        no_limit = np.inf
        self.rate = np.array([axis.max_rate or no_limit for axis in axes])
        if gate.is_delta:
            self.rate = np.minimum(self.rate, gate.spec.action_high / dt_s * (1 + 1e-6))
        self.v = np.diff(self.x, axis=0) / self.h
        for k in record.strayed_at:  # a leap counts as the fastest legal step
            self.v[k + 2] = np.clip(self.v[k + 2], -self.rate, self.rate)
        self.v_error = self.ulp / self.h
        middle = (self.h[1:] + self.h[:-1]) / 2
        self.dv, self.dv_error = np.diff(self.v, axis=0), self.v_error[1:] + self.v_error[:-1]
        self.a, self.a_error = self.dv / middle, self.dv_error / middle
        self.span_s = (self.h[2:] + self.h[1:-1] + self.h[:-2]) / 3
        self.most_a = np.array([axis.max_acceleration or no_limit for axis in axes])
        self.most_j = np.array([axis.max_jerk or no_limit for axis in axes])
        self.middle = middle[-rows:]
        strayed = np.zeros(rows, bool)
        strayed[record.strayed_at] = True
        self.strayed = strayed
        self.clean = not record.strayed_at
        self.new = slice(record.checked, rows)

    def judge(self) -> None:
        lawful = ~self.strayed
        lawful[: self.new.start] = False
        self._accelerations(lawful)
        self._rates(lawful)
        if self.gate.smooth:
            self._jerks(lawful)
        if self.clean or not self.gate.smooth:
            self._positions(lawful)
        if self.gate.is_arm and self.clean:
            self._box()

    def _require(self, law: np.ndarray, lawful: np.ndarray, what: str) -> None:
        broken = np.argwhere(~(law & lawful[:, None]) & lawful[:, None])
        assert not len(broken), f"{what} at tick and axis {broken[:4].tolist()}"

    def _accelerations(self, lawful: np.ndarray) -> None:
        rows = len(lawful)
        law = np.abs(self.dv[-rows:]) <= self.most_a * self.middle * (1 + 1e-6) + self.dv_error[-rows:]
        self._require(law, lawful, "acceleration")

    def _rates(self, lawful: np.ndarray) -> None:
        rows = len(lawful)
        law = np.abs(self.v[-rows:]) <= self.rate * (1 + 1e-6) + self.v_error[-rows:]
        self._require(law, lawful, "rate")

    def _jerks(self, lawful: np.ndarray) -> None:
        rows = len(lawful)
        law = np.abs(np.diff(self.a, axis=0))[-rows:] <= (
            self.most_j * self.span_s[-rows:] * (1 + 1e-6) + (self.a_error[1:] + self.a_error[:-1])[-rows:]
        )
        known = lawful.copy()
        for k in self.record.strayed_at:
            known[k : k + 4] = False
        self._require(law, known, "jerk")

    def _positions(self, lawful: np.ndarray) -> None:
        rows, (low, high) = len(lawful), self.gate.walls
        x = self.x[-rows:]
        inside_at_start = (self.record.start >= low) & (self.record.start <= high)
        slack = 1e-6 * (1 + np.abs(x).max()) if self.gate.is_delta else 0.0
        for sign, wall in ((1.0, high), (-1.0, -low)):
            if self.clean:
                law = (sign * x <= wall + slack) | ~inside_at_start
                self._require(law, lawful, "position")
            # Where braking at full would end: beyond a wall only as far as it had to before.
            speed = np.maximum(sign * self.v - self.most_a * self.h / 2, 0.0)
            speed = np.where(np.isfinite(self.most_a), speed, 0.0)
            ends = sign * self.x[1:] + speed**2 / (2 * self.most_a)
            error = self.ulp * (2 + 2 * speed / (self.most_a * self.h)) + slack
            limit = np.maximum(ends[-rows - 1 : -1], wall) + (error[-rows:] + error[-rows - 1 : -1])
            if not self.gate.smooth:
                self._require(ends[-rows:] <= limit, lawful, "room to brake")

    def _box(self) -> None:
        low, high = np.array(self.gate.spec.workspace).T
        points = self.x[2 + self.new.start :]
        tool = np.array([planar_arm(point) for point in points])
        outside = np.maximum(low - tool, 0) + np.maximum(tool - high, 0)
        assert (np.diff(outside, axis=0) <= 1e-6).all(), "the tool goes further out of its box"


class SmoothGate(Gate):
    smooth = True
    ticks = 0


def test_no_command_leaves_position_rate_acceleration_or_the_box() -> None:
    Gate.ticks = 0
    run_state_machine_as_test(Gate, settings=ANY_BUG)
    assert Gate.ticks >= ENOUGH_TICKS


def test_nor_does_any_leave_the_jerk_limit_when_it_is_smooth() -> None:
    pytest.importorskip("ruckig")
    SmoothGate.ticks = 0
    run_state_machine_as_test(SmoothGate, settings=ANY_BUG)
    assert SmoothGate.ticks >= ENOUGH_TICKS
