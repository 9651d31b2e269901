"""A soak from its schedule to its verdicts, and a short real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from vla.bench.soak.accounts import COUNTED, Account, Suffered, append, judge, read_accounts
from vla.bench.soak.arm import CALLS, HOLD, WRITE, LoggedDriver, SwitchedDriver, arm_spec, read_calls
from vla.bench.soak.endurance import SoakSettings, claim
from vla.bench.soak.report import Promise, promises, settled, slope
from vla.bench.soak.residue import Residue, residue, settle
from vla.bench.soak.scene import Played, Struck
from vla.bench.soak.schedule import HANG, KINDS, Blow, Episode, episodes
from vla.bench.soak.server import Sway, SwitchedPolicy
from vla.bench.soak.switch import Switch
from vla.conformance import check_driver, check_policy, sample_observation
from vla.contract import ContractError
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock

SPEC = arm_spec(25.0)
RECORDED = Promise("recordings", True, "all read back")


def test_the_same_seed_gives_the_same_schedule_and_another_another() -> None:
    one, same, other = (list(islice(episodes(seed, 2), 40)) for seed in (3, 3, 4))
    assert one == same != other
    assert [episode.number for episode in one] == list(range(40))


@pytest.mark.parametrize("most", [1, 2, 5])
def test_every_kind_happens_once_before_any_happens_twice(most: int) -> None:
    schedule = list(islice(episodes(0, most, ["flip"]), 200))
    names = [blow.kind for episode in schedule for blow in episode.blows]
    rounds = len(KINDS) - 1
    for begin in range(0, len(names) - rounds, rounds):
        assert Counter(names[begin : begin + rounds]) == Counter(KINDS.keys() - {"flip"})
    for episode in schedule:
        assert 1 <= len(episode.blows) <= most
        assert not any(KINDS[blow.kind].ends for blow in episode.blows[:-1])


def test_a_kind_that_does_not_exist_and_a_soak_without_faults_are_refused() -> None:
    with pytest.raises(ContractError, match=r"'pigeon'.*stall_up"):
        episodes(0, 2, ["pigeon"])
    with pytest.raises(ContractError, match="no fault"):
        episodes(0, 2, list(KINDS))


def test_each_kind_does_one_thing() -> None:
    for kind in KINDS.values():
        ways = (kind.network, kind.policy, kind.robot, kind.process, kind.emergency)
        assert sum(map(bool, ways)) == 1


def test_the_policy_always_moves_and_is_a_function_of_what_is_seen() -> None:
    policy = Sway(SPEC)
    check_policy(policy, "sway")
    rows = np.concatenate(
        [policy.act(sample_observation(SPEC, 0, 0.8 * i), "sway").actions for i in range(60)]
    )
    assert (np.diff(rows, axis=0) != 0).any(axis=1).all()
    assert np.abs(np.diff(rows, axis=0)).max() < SPEC.action_max_step[0]


def test_a_policy_hangs_and_fails_as_its_switch_says(tmp_path: Path) -> None:
    switch = Switch(tmp_path / "switch")
    policy = SwitchedPolicy(Sway(SPEC), switch)
    seen = sample_observation(SPEC)
    sound = policy.act(seen, "sway").actions
    switch.set("policy=garbage")
    assert (
        not np.isfinite(policy.act(seen, "sway").actions).all()
        or np.abs(policy.act(seen, "").actions).max() > 9
    )
    switch.set(HANG)
    answered = threading.Event()
    thread = threading.Thread(target=lambda: (policy.act(seen, "sway"), answered.set()), daemon=True)
    thread.start()
    assert not answered.wait(0.2)
    switch.set("")
    assert answered.wait(10.0)
    assert np.array_equal(policy.act(seen, "sway").actions, sound)


def test_the_arm_logs_what_is_asked_and_what_comes_of_it(tmp_path: Path) -> None:
    clock, switch = SimulatedClock(5.0), Switch(tmp_path / "switch")
    arm = LoggedDriver(SwitchedDriver(MockDriver(SPEC, clock), switch, clock, 0), clock)
    check_driver(lambda: LoggedDriver(SwitchedDriver(MockDriver(SPEC, clock), switch, clock, 0), clock))
    path = tmp_path / "calls.bin"
    arm.begin(path)
    here = arm.hold()
    seen = arm.read()
    clock.advance(0.25)
    wanted = here + np.float32(0.01)
    arm.write(wanted)
    switch.set("driver=off")
    with pytest.raises(OSError, match="driver=off"):
        arm.read()
    with pytest.raises(OSError, match="driver=off"):
        arm.write(here)
    switch.set("")
    arm.hold()
    arm.end()
    arm.hold()  # between episodes nothing is logged
    calls = read_calls(path)
    assert calls["kind"].tolist() == [HOLD, WRITE, WRITE, HOLD]
    assert calls["seen"].tolist() == [False, True, False, False]
    assert calls["failed"].tolist() == [False, False, True, False]
    assert calls["call_s"].tolist() == [5.0, 5.25, 5.25, 5.25]
    assert calls["read_s"].tolist() == [5.0, 5.0, 5.25, 5.25]
    assert calls["stamp_s"][1] == seen.stamp_s
    assert np.array_equal(calls["state"][1], seen.state)
    assert np.array_equal(calls["asked"][1], wanted)
    assert np.array_equal(calls["sent"][3], wanted)
    with path.open("ab") as torn:
        torn.write(b"half a record")
    assert len(read_calls(path)) == 4


def test_what_a_process_holds_is_seen() -> None:
    settle()
    before = residue()
    assert residue(os.getpid()).files >= before.files
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    with open(os.devnull):
        hoard = np.ones(20 << 20, np.uint8)
        after = residue()
    release.set()
    thread.join()
    assert (after.files, after.threads) == (before.files + 1, before.threads + 1)
    assert after.memory_mib - before.memory_mib == pytest.approx(20, abs=2)
    del hoard


def account(
    number: int, memory_mib: float = 30.0, files: int = 20, threads: int = 8, robot: int = 1
) -> Account:
    """An episode of a quarter minute in which everything was as it should be."""
    kinds = list(KINDS)[2 * number % len(KINDS) :][:2]
    return Account(
        episode=number,
        at_s=15.0 * number,
        lasted_s=15.0,
        robot=robot,
        calls=f"{number}",
        reason="stopped",
        suffered=tuple(Suffered(kind, 1.0, 2.0, 0.5, 0, 1.0) for kind in kinds),
        breaches=(),
        counts=dict.fromkeys(COUNTED, 1) | {"calls": 300, "connections": 1},
        robot_residue=Residue(memory_mib, files, threads),
        server_residue=Residue(25.0, 13, 6),
    )


def verdict(name: str, accounts: list[Account]) -> Promise:
    made = promises(accounts, list(KINDS), SPEC, RECORDED)
    return next(promise for promise in made if promise.name == name)


def soaked(mib_per_h: float, minutes: float = 30.0, noise_mib: float = 0.1) -> list[Account]:
    """Half an hour of a robot whose memory rises, with steps of warming up in the first three minutes."""
    rng = np.random.default_rng(0)
    count = round(4 * minutes)
    warm = np.minimum(np.arange(count), 12) * 0.4
    return [account(i, 30.0 + warm[i] + mib_per_h * i / 240 + noise_mib * rng.normal()) for i in range(count)]


def test_memory_that_rises_is_found_and_memory_that_does_not_is_not() -> None:
    assert verdict("memory", soaked(0.0)).kept is True
    assert verdict("memory", soaked(3.0)).kept is False
    assert verdict("memory", soaked(-3.0)).kept is True
    line = slope(settled(soaked(3.0), list(KINDS)))
    assert line is not None
    assert line.mib_per_h == pytest.approx(3.0, abs=3 * line.error_mib_per_h)


def test_memory_is_left_open_where_there_is_too_little_to_tell() -> None:
    assert verdict("memory", soaked(0.0, minutes=4.0)).kept is None
    assert verdict("memory", soaked(0.0, minutes=10.0)).kept is None
    assert verdict("memory", []).kept is None


def test_two_robots_of_different_size_are_no_slope() -> None:
    first = soaked(0.0, minutes=10.0)
    second = [
        replace(one, robot=2, at_s=one.at_s + 600, robot_residue=Residue(60.0, 20, 8))
        for one in soaked(0.0, minutes=10.0)
    ]
    line = slope(settled(first + second, list(KINDS)))
    assert line is not None
    assert abs(line.mib_per_h) < 3 * line.error_mib_per_h < 3.0


def test_a_robot_is_warm_once_it_has_suffered_every_kind() -> None:
    accounts = soaked(0.0)
    assert settled(accounts, list(KINDS))[0].episode == len(KINDS) // 2
    assert settled(accounts, ["delay", "throttle"])[0].episode == 1
    lost = replace(accounts[50], breaches=(("recovery", "flip: the arm did not move again"),))
    assert lost not in settled([*accounts[:50], lost], list(KINDS))


@pytest.mark.parametrize("what", ["files", "threads"])
def test_what_leaks_is_found(what: str) -> None:
    accounts = [account(i) for i in range(40)]
    assert verdict(what, accounts).kept is True
    accounts[30] = replace(accounts[30], robot_residue=replace(Residue(30.0, 20, 8), **{what: 21}))
    leaks = verdict(what, accounts)
    assert leaks.kept is False
    assert leaks.breaches[0].endswith("to 21")
    accounts[30] = replace(account(30), server_residue=replace(Residue(25.0, 13, 6), **{what: 14}))
    assert verdict(what, accounts).breaches[0].startswith("server: from")
    assert verdict(what, accounts[:10]).kept is None


@pytest.mark.parametrize("name", ["limits", "holds", "recovery", "endings", "recordings"])
def test_one_breach_in_one_episode_breaks_a_promise(name: str) -> None:
    accounts = [account(i) for i in range(20)]
    assert verdict(name, accounts).kept is True
    accounts[7] = replace(accounts[7], breaches=((name, "it was bad"),))
    assert verdict(name, accounts).breaches == ("episode 7: it was bad",)
    assert verdict(name, accounts).kept is False


def moving(seconds: float) -> np.ndarray:
    """A log of an arm that never stands still, from second 0 on."""
    calls = np.zeros(round(25 * seconds), CALLS)
    calls["call_s"] = calls["read_s"] = np.arange(len(calls)) / 25
    calls["kind"], calls["seen"] = WRITE, True
    calls["asked"] = calls["sent"] = (0.3 * np.sin(calls["call_s"]))[:, None]
    return calls


def played(
    *struck: Struck, reason: str = "stopped", moving_s: float | None = 0.1, recorder: str = ""
) -> Played:
    last = {"reason": reason, "detail": "", "health": {}, "residue": {}, "recorder": recorder}
    blows = tuple(Blow(one.kind, 1.0, 2.0) for one in struck)
    return Played(Episode(0, blows), 0.0, 20.0, struck, moving_s, last, Residue(25.0, 13, 6), 1)


def breaches(story: Played, seconds: float = 20.0) -> list[str]:
    return [name for name, _ in judge(story, moving(seconds), "log", SPEC, 0.0, 0).breaches]


def test_an_episode_is_judged_by_what_befell_it() -> None:
    assert breaches(played(Struck("delay", 5, 7, 7))) == []
    assert breaches(played(Struck("stall_up", 5, 5.9, 5.9))) == []
    assert breaches(played(Struck("stall_up", 5, 7, 7))) == ["holds"]
    assert breaches(played(Struck("delay", 5, 7, 7)), seconds=6.9) == ["recovery"]
    assert breaches(played(moving_s=None)) == ["recovery"]
    assert breaches(played(recorder="the disk is full")) == ["recordings"]


def test_a_run_must_end_as_its_last_fault_says() -> None:
    assert breaches(played(reason="model_lost")) == ["endings"]
    assert breaches(played(Struck("emergency_stop", 5, 7, 7))) == ["holds", "endings"]
    stopped = played(Struck("emergency_stop", 19.9, 21, 21), reason="emergency_stop")
    assert breaches(stopped) == []
    unlucky = Struck("driver_intermittent", 5, 7, 7)
    assert breaches(played(unlucky)) == []
    assert breaches(played(unlucky, reason="protective_stop"), seconds=6.0) == []
    assert breaches(played(unlucky, reason="model_lost")) == ["endings"]


def test_accounts_survive_and_a_torn_one_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    assert read_accounts(path) == []
    kept = [account(0), replace(account(1), breaches=(("holds", "x"),), robot_residue=None)]
    for one in kept:
        append(path, one)
    with path.open("a") as torn:
        torn.write('{"episode": 2, ')
    assert read_accounts(path) == kept


def test_a_folder_belongs_to_one_soak(tmp_path: Path) -> None:
    settings = SoakSettings(leave_out=("flip",))
    assert claim(tmp_path / "soak", settings) == claim(tmp_path / "soak", settings) == []
    with pytest.raises(ContractError, match=r"another soak.*seed=0 there, 1 here"):
        claim(tmp_path / "soak", replace(settings, seed=1))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").touch()
    with pytest.raises(ContractError, match="not a soak"):
        claim(tmp_path / "data", settings)


def test_a_short_soak_is_interrupted_goes_on_and_breaks_no_promise(tmp_path: Path) -> None:
    pytest.importorskip("av")
    suffered = ("stall_down", "kill", "policy_garbage")
    left = ",".join(name for name in KINDS if name not in suffered)
    command = [sys.executable, "-m", "vla.cli", "bench", "soak", f"out={tmp_path / 'soak'}", "seed=0"]
    command += [f"leave_out=[{left}]", "minutes=0.2", "most=1", "recover_s=60"]
    hears = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  (a shell's background is deaf)
    first = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=hears
    )
    assert first.stdout is not None
    lines = [first.stdout.readline() for _ in range(2)]
    assert "run 0:" in lines[1], lines
    time.sleep(1.0)
    first.send_signal(signal.SIGINT)
    rest, _ = first.communicate(timeout=120)
    assert first.returncode == 130, rest
    done = json.loads((tmp_path / "soak" / "report.json").read_text())
    assert (done["interrupted"], done["episodes"]) == (True, 1)
    second = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "going on after 1 episodes" in second.stdout
    report = json.loads((tmp_path / "soak" / "report.json").read_text())
    assert report["minutes"] >= 0.2
    assert report["episodes"] > 1
    assert not [promise for promise in report["promises"] if promise["kept"] is False]
    assert {p["name"] for p in report["promises"] if p["kept"]} >= {
        "limits",
        "holds",
        "recovery",
        "recordings",
    }
    assert report["counts"]["ticks"] > 100
    assert (tmp_path / "soak" / "soak.png").stat().st_size > 10_000
