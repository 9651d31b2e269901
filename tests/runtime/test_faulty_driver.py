"""What each fault of a robot does, on the mock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vla.conformance import check_driver
from vla.contract import Axis, ContractError, Driver, Observation, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock
from vla.runtime.faults import FAULTS, parse_faults
from vla.runtime.faulty_driver import FaultyDriver
from vla.runtime.injection import DriverFault

OURS = [(c, verb) for c in ("camera", "state", "driver") for verb in FAULTS[c]]
FROM_S, TO_S = 0.5, 1.5


@pytest.fixture
def spec() -> RobotSpec:
    axes = (Axis("tool_x", "m", -0.5, 0.5, 1.0), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
    return RobotSpec("tiny", axes, axes, {"front": (8, 6), "wrist": (4, 12)}, 20.0)


@pytest.fixture
def drive(spec: RobotSpec) -> Callable[..., list[Observation]]:
    """Reads and moves for two seconds at 20 Hz; ``faults=""`` shows the truth."""

    def drive(faults: str, seed: int = 0, ticks: int = 40, kind: RobotSpec = spec) -> list[Observation]:
        clock = SimulatedClock(100.0)
        driver = FaultyDriver(MockDriver(kind, clock), parse_faults(faults), clock, seed)
        seen = []
        for tick in range(ticks):
            clock.sleep_until(100.0 + tick / 20)
            seen.append(driver.read())
            driver.write(np.array([0.5 - tick / 40, 0.08], np.float32))
        return seen

    return drive


def inside(observations: list[Observation]) -> list[Observation]:
    return [o for i, o in enumerate(observations) if FROM_S <= i / 20 < TO_S]


def outside(observations: list[Observation]) -> list[Observation]:
    return [o for i, o in enumerate(observations) if not FROM_S <= i / 20 < TO_S]


def as_bytes(observations: list[Observation]) -> list[tuple[bytes, ...]]:
    return [
        (o.state.tobytes(), str(o.stamp_s).encode(), *(o.images[n].tobytes() for n in sorted(o.images)))
        for o in observations
    ]


def windowed(component: str, verb: str, name: str = "", amount: str = "") -> str:
    return f"{component}{name}={verb}{amount}@{FROM_S}-{TO_S}"


@pytest.mark.parametrize("faults", ["", ",".join(f"{c}={verb}@1000" for c, verb in OURS)])
def test_without_a_fault_that_is_due_it_is_the_driver_it_wraps(spec: RobotSpec, faults: str) -> None:
    def make() -> Driver:
        clock = SimulatedClock()
        return FaultyDriver(MockDriver(spec, clock), parse_faults(faults), clock)

    check_driver(make)


@pytest.mark.parametrize(("component", "verb"), [row for row in OURS if row[0] != "driver"])
def test_outside_its_window_a_fault_changes_no_byte_and_inside_the_same_seed_the_same(
    drive, component: str, verb: str
) -> None:
    truth, first, again = drive(""), *(drive(windowed(component, verb), seed=4) for _ in range(2))
    assert as_bytes(first) == as_bytes(again)
    assert as_bytes(outside(first)) == as_bytes(outside(truth))
    assert as_bytes(inside(first)) != as_bytes(inside(truth))


def test_another_seed_gives_other_noise(drive) -> None:
    faults = "camera=garbage, state=garbage, camera.wrist=intermittent"
    assert as_bytes(drive(faults, seed=1)) != as_bytes(drive(faults, seed=2))


def test_what_a_fault_does_does_not_depend_on_the_others(drive) -> None:
    alone = drive("state=garbage", seed=3)
    beside = drive("camera=garbage, camera=intermittent, state=garbage", seed=3)
    assert [o.state.tobytes() for o in alone] == [o.state.tobytes() for o in beside]


def test_a_named_camera_or_axis_is_the_only_one_that_fails(drive) -> None:
    truth = drive("")
    seen = drive("camera.wrist=off, state.tool_x=off")
    for true, false in zip(truth, seen, strict=True):
        assert not false.images["wrist"].any()
        assert np.array_equal(false.images["front"], true.images["front"])
        assert (false.state[0], false.state[1]) == (0, true.state[1])


def test_the_robots_own_observation_is_never_written_to(spec: RobotSpec) -> None:
    clock = SimulatedClock()

    class Sealed(MockDriver):
        def read(self) -> Observation:
            seen = super().read()
            for array in (seen.state, *seen.images.values()):
                array.flags.writeable = False
            return seen

    faults = ", ".join(f"{c}={verb}" for c, verb in OURS if c != "driver")
    driver = FaultyDriver(Sealed(spec, clock), parse_faults(faults), clock)
    for _ in range(5):
        driver.read()
        clock.advance(0.05)


def test_camera_off_is_black(drive) -> None:
    assert not any(image.any() for o in drive("camera=off") for image in o.images.values())


@pytest.mark.parametrize("component", ["camera", "state"])
def test_stuck_is_what_was_there_when_it_began(drive, component: str) -> None:
    truth = inside(drive(""))
    for seen, true in zip(inside(drive(windowed(component, "stuck"))), truth, strict=True):
        part = (lambda o: o.state) if component == "state" else (lambda o: o.images["front"])
        assert np.array_equal(part(seen), part(truth[0]))
        assert seen.stamp_s == true.stamp_s


@pytest.mark.parametrize("component", ["camera", "state"])
def test_slow_repeats_itself_in_between(drive, component: str) -> None:
    truth, seen = drive(""), drive(f"{component}=slow:0.2")
    part = (lambda o: o.state) if component == "state" else (lambda o: o.images["front"])
    for tick, observation in enumerate(seen):
        assert np.array_equal(part(observation), part(truth[tick - tick % 4]))
        assert observation.stamp_s == truth[tick].stamp_s


@pytest.mark.parametrize("component", ["camera", "state", "driver"])
def test_delayed_is_old_and_only_a_whole_old_reading_says_so(drive, component: str) -> None:
    truth, seen = drive(""), drive(f"{component}=delayed:0.2@0.5")
    for tick in range(10, 40):
        old, new = truth[tick - 4], truth[tick]
        state, image = (new, old) if component == "camera" else (old, new)
        image = old if component == "driver" else image
        assert np.array_equal(seen[tick].state, state.state)
        assert np.array_equal(seen[tick].images["front"], image.images["front"])
        assert seen[tick].stamp_s == (old if component == "driver" else new).stamp_s


def test_delayed_from_the_start_shows_the_first_reading_until_it_is_old_enough(drive) -> None:
    truth, seen = drive(""), drive("camera=delayed:0.2")
    for tick in range(40):
        assert np.array_equal(seen[tick].images["front"], truth[max(0, tick - 4)].images["front"])


def test_camera_garbage_is_noise_new_at_each_read(drive) -> None:
    pictures = [o.images["front"] for o in drive("camera=garbage")]
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    assert abs(np.mean(pictures) - 127.5) < 5


def test_camera_wrong_is_the_other_camera_or_the_mirror(drive, spec: RobotSpec) -> None:
    def marked(image: np.ndarray) -> int:
        return int((image[..., 0] > image[..., 1]).sum())

    truth, seen = drive(""), drive("camera=wrong")
    for true, false in zip(truth, seen, strict=True):
        assert false.images["front"].shape == true.images["front"].shape
        assert np.array_equal(np.unique(false.images["front"][::2, 0]), np.unique(true.images["wrist"][:, 0]))
        assert np.array_equal(false.images["wrist"][:, ::2], true.images["front"][::2])
    lone = RobotSpec("lone", spec.action, spec.state, {"front": (8, 6)}, 20.0)
    for true, false in zip(drive("", kind=lone), drive("camera=wrong", kind=lone), strict=True):
        assert np.array_equal(false.images["front"], true.images["front"][:, ::-1])
        assert marked(false.images["front"]) == marked(true.images["front"])


def test_intermittent_strikes_at_about_its_share_of_reads(drive) -> None:
    seen = drive("camera.front=intermittent:0.25, state=intermittent:0.75", ticks=400)
    black = np.mean([not o.images["front"].any() for o in seen])
    zero = np.mean([not o.state.any() for o in seen])
    assert (black, zero) == (pytest.approx(0.25, abs=0.08), pytest.approx(0.75, abs=0.08))
    assert all(o.images["wrist"].any() for o in seen)


def test_two_faults_do_not_roll_the_same_dice(drive) -> None:
    seen = drive("camera.front=intermittent, camera.wrist=intermittent")
    assert any(o.images["front"].any() != o.images["wrist"].any() for o in seen)


def test_state_off_is_zero(drive) -> None:
    assert not any(o.state.any() for o in drive("state=off"))


def test_state_wrong_is_biased_by_a_share_of_the_range(drive) -> None:
    bias = 0.25 * np.array([1.0, 0.08])
    for true, false in zip(drive(""), drive("state=wrong:0.25"), strict=True):
        assert np.allclose(false.state - true.state, bias, atol=1e-6)
        assert false.state.dtype == np.float32


def test_state_garbage_holds_numbers_that_are_none(drive) -> None:
    values = np.concatenate([o.state for o in drive("state=garbage", ticks=400)])
    assert values.dtype == np.float32
    assert np.isnan(values).any()
    assert {np.inf, -np.inf, np.float32(1e38)} < set(values.tolist())
    assert 0.6 < np.mean(np.isfinite(values) & (np.abs(values) < 1e3)) < 0.9


@pytest.fixture
def arm(spec: RobotSpec) -> Callable[..., tuple[FaultyDriver, MockDriver, SimulatedClock]]:
    def arm(faults: str, seed: int = 0) -> tuple[FaultyDriver, MockDriver, SimulatedClock]:
        clock = SimulatedClock()
        inner = MockDriver(spec, clock)
        return FaultyDriver(inner, parse_faults(faults), clock, seed), inner, clock

    return arm


GOAL = np.array([0.02, 0.045], np.float32)


def test_driver_off_answers_nothing_in_its_window_and_closes(arm) -> None:
    driver, inner, clock = arm("driver=off@1-2")
    driver.hold()
    clock.advance(1.5)
    for verb in (driver.read, driver.hold, lambda: driver.write(GOAL)):
        with pytest.raises(DriverFault, match=r"does not answer \(fault driver=off@1-2\)"):
            verb()
    clock.advance(1.0)
    assert np.array_equal(driver.write(GOAL), inner.hold())
    assert driver.injected == {"driver=off@1-2": 3}
    driver.close()
    driver.close()
    with pytest.raises(ContractError, match="closed"):
        inner.read()


def test_driver_intermittent_fails_at_about_its_share_of_calls(arm) -> None:
    driver, _, _ = arm("driver=intermittent:0.3", seed=5)
    failed = 0
    for _ in range(400):
        try:
            driver.read()
        except DriverFault:
            failed += 1
    assert failed == driver.injected["driver=intermittent:0.3"]
    assert failed == pytest.approx(120, abs=35)


def test_driver_stuck_claims_what_it_does_not_do(arm) -> None:
    driver, inner, _ = arm("driver=stuck")
    before = inner.hold()
    claimed = driver.write(GOAL)
    assert np.array_equal(claimed, GOAL)
    assert claimed is not GOAL
    assert np.array_equal(inner.hold(), before)


def test_driver_stuck_lets_a_simulated_robot_s_time_go_on(spec: RobotSpec) -> None:
    clock, holds = SimulatedClock(), []

    class Counting(MockDriver):
        def hold(self):
            holds.append(clock.now_s())
            return super().hold()

    FaultyDriver(Counting(spec, clock), parse_faults("driver=stuck"), clock).write(GOAL)
    assert len(holds) == 1


def test_driver_garbage_moves_as_told_and_talks_nonsense(arm) -> None:
    driver, inner, _ = arm("driver=garbage")
    claims = [driver.write(GOAL) for _ in range(40)] + [driver.hold() for _ in range(40)]
    assert np.array_equal(inner.hold(), GOAL)
    assert {claim.shape for claim in claims} == {(2,), (1,)}
    values = {str(claim[0]) for claim in claims if len(claim) == 2}
    assert values == {"nan", "inf", "-inf", "1e+38"}


def test_driver_wrong_sends_too_much_and_says_so(arm) -> None:
    driver, inner, _ = arm("driver=wrong:0.02")
    sent = driver.write(GOAL)
    assert np.allclose(sent, GOAL + 0.02 * np.array([1.0, 0.08]), atol=1e-6)
    assert np.array_equal(sent, inner.hold())
    assert np.array_equal(GOAL, np.array([0.02, 0.045], np.float32))


def test_driver_slow_takes_its_time_on_the_clock(arm) -> None:
    driver, _, clock = arm("driver=slow:0.3")
    for verb in (driver.read, driver.hold, lambda: driver.write(GOAL)):
        before = clock.now_s()
        verb()
        assert clock.now_s() == pytest.approx(before + 0.3)


@pytest.mark.parametrize(("component", "verb"), OURS)
def test_what_was_injected_is_counted(arm, component: str, verb: str) -> None:
    (fault,) = parse_faults(f"{component}={verb}@1-3")
    driver, _, clock = arm(str(fault))
    driver.hold()
    assert driver.injected == {str(fault): 0}
    clock.advance(1.5)
    for _ in range(30):
        try:
            driver.read()
            driver.write(GOAL)
        except DriverFault:
            continue
    assert driver.injected[str(fault)] > 0


def test_a_camera_that_the_robot_lacks_is_refused(arm) -> None:
    with pytest.raises(ContractError, match="no camera 'left'; it has front, wrist"):
        arm("camera.left=off")


def test_faults_of_the_model_side_are_left_to_it(arm) -> None:
    assert arm("policy=off, planner=off, link=off")[0].injected == {}
