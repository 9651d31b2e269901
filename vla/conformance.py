"""What it means to be a policy, a planner or a driver: checks that any test can run on any implementation.

Each check raises :class:`ConformanceError` with the law that was broken. ``pytest`` is not needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vla.contract import (
    ActionChunk,
    ActRequest,
    BatchPolicy,
    ContractError,
    Driver,
    Observation,
    Plan,
    Planner,
    Policy,
    Prefix,
    RobotSpec,
)


class ConformanceError(AssertionError):
    """An implementation breaks a law of the contract; the message says which and how."""


def sample_observation(spec: RobotSpec, seed: int = 0, stamp_s: float = 0.0) -> Observation:
    """A random legal observation of ``spec``; its arrays are read-only, as those off the wire are."""
    rng = np.random.default_rng(seed)
    images = {n: rng.integers(0, 256, (*size, 3), np.uint8) for n, size in spec.cameras.items()}
    low = np.array([max(axis.low, -1e3) for axis in spec.state])
    high = np.array([min(axis.high, 1e3) for axis in spec.state])
    state = rng.uniform(low, high).astype(np.float32)
    for array in (state, *images.values()):
        array.flags.writeable = False
    return Observation(images, state, stamp_s)


def check_policy(
    policy: Policy, instruction: str, observations: list[Observation] | None = None, seed: int = 7
) -> None:
    """Laws of :class:`~vla.contract.Policy`.

    Every chunk is finite float32 inside the spec's limits with row 0 due at the observation's stamp; the
    same seed and inputs give the same bytes; inputs are not mutated; a chunk once given does not change; a
    prefix may be given, and a later call without one is not touched by it. A batch answers each request as if
    it were alone, up to rounding.

    Args:
        policy: Under test; it is reset.
        instruction: Words it understands.
        observations: What to show it in order; two random ones by default.
        seed: For its resets.

    Raises:
        ConformanceError: a law is broken.
    """
    _require(isinstance(policy, Policy), f"{type(policy).__name__} lacks a verb of Policy: spec, reset, act")
    seen = observations or [sample_observation(policy.spec, i, 10.0 + i) for i in range(2)]
    before = [_bytes(observation) for observation in seen]
    first = _acts(policy, instruction, seen, seed)
    second = _acts(policy, instruction, seen, seed)
    _require([_bytes(o) for o in seen] == before, "act changed the observation it was given")
    for one, other in zip(first, second, strict=True):
        _require(
            one.actions.tobytes() == other.actions.tobytes(), "the same seed and inputs gave different bytes"
        )
    prefix = Prefix(first[0].actions.copy(), min(1, len(first[0].actions)))
    kept = prefix.actions.tobytes()
    policy.reset(seed)
    chunk = policy.act(seen[0], instruction, prefix)
    _legal(lambda: chunk.check(policy.spec))
    _require(prefix.actions.tobytes() == kept, "act changed the prefix it was given")
    if isinstance(policy, BatchPolicy):
        _check_batch(policy, instruction, seen, prefix)


def _check_batch(policy: BatchPolicy, instruction: str, seen: list[Observation], prefix: Prefix) -> None:
    requests = [ActRequest(seen[i % len(seen)], instruction, (None, prefix)[i % 2], i) for i in range(3)]
    together = policy.act_batch(requests)
    _require(len(together) == len(requests), f"{len(requests)} requests gave {len(together)} chunks")
    for request, chunk in zip(requests, together, strict=True):
        _legal(lambda chunk=chunk: chunk.check(policy.spec))
        [alone] = policy.act_batch([request])
        same = np.allclose(chunk.actions, alone.actions, atol=1e-4, rtol=1e-4)
        _require(same, "a request's chunk depends on who else asks")


def _acts(policy: Policy, instruction: str, seen: list[Observation], seed: int) -> list[ActionChunk]:
    policy.reset(seed)
    chunks: list[ActionChunk] = []
    given: list[bytes] = []
    for observation in seen:
        chunk = policy.act(observation, instruction)
        _require(isinstance(chunk, ActionChunk), f"act gave a {type(chunk).__name__}, not an ActionChunk")
        _legal(lambda chunk=chunk: chunk.check(policy.spec))
        late = f"row 0 is due at {chunk.start_s} s, the observation is of {observation.stamp_s} s"
        _require(abs(chunk.start_s - observation.stamp_s) < 1e-6, late)
        chunks.append(chunk)
        given.append(chunk.actions.tobytes())
    _require([c.actions.tobytes() for c in chunks] == given, "a later act changed a chunk given earlier")
    return chunks


def check_planner(planner: Planner, goal: str, observation: Observation) -> None:
    """Laws of :class:`~vla.contract.Planner`.

    The plan is for the goal, of steps that are not blank (or of none, and a note says why), with every step
    before ``index`` done; what it says fits on lines of their own; a planner accepts its own plan as
    ``previous``; the same inputs give the same plan; the observation is not mutated.

    Raises:
        ConformanceError: a law is broken.
    """
    _require(isinstance(planner, Planner), f"{type(planner).__name__} lacks the verb of Planner: plan")
    before = _bytes(observation)
    first = planner.plan(goal, observation, None)
    again = planner.plan(goal, observation, None)
    _require(first == again, "the same goal, observation and no previous plan gave different plans")
    for plan in (first, planner.plan(goal, observation, first)):
        _require(isinstance(plan, Plan), f"plan gave a {type(plan).__name__}, not a Plan")
        _require(plan.goal == goal, f"the plan is for {plan.goal!r}, not {goal!r}")
        _require(bool(plan.steps or plan.note), f"the plan for {goal!r} has no steps and says no reason")
        _require(all(step.strip() for step in plan.steps), f"a step is blank: {plan.steps}")
        for words in (plan.note, plan.seen, *plan.steps):
            _require(len(words.splitlines()) < 2, f"a plan's words are no single line: {words!r}")
        finished = all(status == "done" for status in plan.status[: plan.index])
        _require(finished, f"index {plan.index} passes a step that is not done: {plan.status}")
    _require(_bytes(observation) == before, "plan changed the observation it was given")


def check_driver(make: Callable[[], Driver]) -> None:
    """Laws of :class:`~vla.contract.Driver`.

    What is sensed fits the spec and carries stamps that never go back; what was really sent is finite and
    inside the limits, however far the command reached; a legal command is obeyed; a command that is not
    finite is refused; commands are not mutated; two fresh drivers that get the same commands sense the same
    bytes; ``close`` twice is fine.

    Args:
        make: Gives a fresh driver in the same starting condition each time.

    Raises:
        ConformanceError: a law is broken.
    """
    traces = [_drive(make) for _ in range(2)]
    _require(traces[0] == traces[1], "two fresh drivers given the same commands sensed different bytes")


def _drive(make: Callable[[], Driver]) -> list[bytes]:
    with make() as driver:
        _require(isinstance(driver, Driver), f"{type(driver).__name__} lacks a verb of Driver")
        spec, trace, stamps = driver.spec, list[bytes](), list[float]()
        reference = _sent("hold", driver.hold(), spec)
        for target in (spec.action_low, spec.action_high, 3 * spec.action_high + 1):
            for _ in range(3):
                observation = driver.read()
                _legal(lambda observation=observation: observation.check(spec))
                stamps.append(observation.stamp_s)
                trace.append(_bytes(observation))
                reference = _write(driver, target.astype(np.float32), reference)
        _refuses(driver, np.full(len(spec.action), np.nan, np.float32))
        _require(stamps == sorted(stamps), f"stamps go back: {stamps}")
    driver.close()
    driver.close()
    return trace


def _write(
    driver: Driver, target: NDArray[np.float32], reference: NDArray[np.float32]
) -> NDArray[np.float32]:
    spec = driver.spec
    reached = _sent("write", driver.write(target.copy()), spec)
    if spec.semantics == "delta_tool":
        legal = np.zeros_like(reference)
    else:
        legal = np.clip(reached, spec.action_low, spec.action_high)
    command = legal.copy()
    sent = _sent("write", driver.write(command), spec)
    _require(np.array_equal(command, legal), "write changed the action it was given")
    _require(np.allclose(sent, legal, atol=1e-5), f"a legal command {legal} was sent as {sent}")
    return sent


def _refuses(driver: Driver, action: NDArray[np.float32]) -> None:
    try:
        sent = driver.write(action)
    except ContractError:
        return
    raise ConformanceError(
        f"write({action}) sent {sent}; a command that is not finite must raise ContractError"
    )


def _sent(verb: str, sent: NDArray[np.float32], spec: RobotSpec) -> NDArray[np.float32]:
    fits = isinstance(sent, np.ndarray) and sent.shape == (len(spec.action),) and sent.dtype == np.float32
    _require(fits, f"{verb} returned {sent!r}, expected float32 of shape ({len(spec.action)},)")
    slack = 1e-4 * (spec.action_high - spec.action_low)
    inside = (sent >= spec.action_low - slack) & (sent <= spec.action_high + slack)
    _require(bool(inside.all()), f"{verb} sent {sent}, outside {spec.action_low}..{spec.action_high}")
    return sent.copy()


def _legal(check: Callable[[], None]) -> None:
    try:
        check()
    except ContractError as error:
        raise ConformanceError(str(error)) from error


def _bytes(observation: Observation) -> bytes:
    return b"".join(
        [observation.state.tobytes(), *(observation.images[n].tobytes() for n in sorted(observation.images))]
    )


def _require(law: bool, broken: str) -> None:
    if not law:
        raise ConformanceError(broken)
