"""Verdicts follow from what the doctor is shown; a finding that is not green says how to mend it."""

from __future__ import annotations

import sys

import pytest

from sim.backend import BACKENDS, try_backend
from vla import doctor
from vla.extras import EXTRAS


def test_this_machine_gets_one_finding_per_subject_and_nothing_red_that_tests_need():
    findings = doctor.examine(try_backend, BACKENDS)
    names = [finding.name for finding in findings]
    assert len(set(names)) == len(names)
    assert {
        "Python",
        "extras",
        "torch",
        "mujoco",
        "renderer",
        "video",
        "cores",
        "packages",
        "SCHED_FIFO",
        "mlock",
    } <= set(names)
    for finding in findings:
        assert bool(finding.mend) == (finding.status != "green"), finding
    status = {finding.name: finding.status for finding in findings}
    assert status["Python"] == status["torch"] == status["mujoco"] == "green"


def test_a_punctual_loop_is_green_and_a_late_one_says_what_to_do():
    late_s = [0.0001] * 98 + [0.004, 0.02]
    assert doctor.control_loop(50.0, late_s, 0).status == "green"
    assert "p99 4.0 ms, max 20.0 ms, missed 0" in doctor.control_loop(50.0, late_s, 0).found
    for finding in (doctor.control_loop(50.0, late_s, 1), doctor.control_loop(50.0, [0.006] * 9, 0)):
        assert finding.status == "yellow"
        assert "realtime_priority" in finding.mend


def test_a_thin_installation_has_nothing_red_and_is_fit_to_be_a_robot_client():
    def present(module: str) -> bool:
        return module in EXTRAS["cli"]

    findings = doctor.examine(try_backend, BACKENDS, present=present)
    assert not [finding for finding in findings if finding.status == "red"]
    assert not {finding.name for finding in findings} & {"torch", "mujoco", "renderer", "video"}
    extras = next(finding for finding in findings if finding.name == "extras")
    assert (
        extras.found
        == "cli; not installed: images, record, otg, compat, plot, bench, serve, sim, train, metaworld, aloha"
    )
    assert doctor.fitness(present) == "Fit to run as a robot client."


def test_an_extra_that_was_asked_for_is_red_where_it_is_missing():
    def present(module: str) -> bool:
        return module in EXTRAS["cli"]

    finding = doctor.extras(present, ["cli", "serve", "sim"])
    assert finding.status == "red"
    assert finding.mend == "pip install 'handily[serve,sim]'"
    assert doctor.extras(present, ["cli"]).status == "green"
    assert doctor.examine(try_backend, BACKENDS, ["sim"], present)[1].status == "red"


def test_half_an_extra_is_told_but_a_strange_torch_does_not_make_a_robot_computer_unfit(monkeypatch):
    def present(module: str) -> bool:
        return module in (*EXTRAS["cli"], "torch")

    monkeypatch.setattr(doctor, "torch_and_device", lambda: doctor.Finding("torch", "red", "1.0", "mend"))
    findings = doctor.examine(try_backend, BACKENDS, present=present)
    assert not [finding for finding in findings if finding.status == "red"]
    assert findings[1].status == "yellow"
    assert "serve lacks diffusers" in findings[1].found
    assert findings[1].mend == "pip install 'handily[serve]'"


@pytest.mark.parametrize("lacking", ["mujoco", "av", "torch"])
def test_a_run_needs_the_simulator_the_server_and_the_film(lacking: str):
    assert doctor.fitness(lambda module: True) == "Fit to run."
    assert doctor.fitness(lambda module: module not in EXTRAS["train"] + EXTRAS["otg"]) == "Fit to run."
    assert doctor.fitness(lambda module: module != lacking) == "Fit to run as a robot client."


@pytest.mark.parametrize(
    ("broken", "status", "word"),
    [
        ((), "green", "egl works"),
        (("egl",), "green", "osmesa works"),
        (("egl", "osmesa"), "yellow", "raycast works"),
        (BACKENDS, "red", "egl does not"),
    ],
)
def test_renderer_is_the_first_backend_that_draws(broken: tuple[str, ...], status: str, word: str):
    finding = doctor.renderer(lambda name: "no library" if name in broken else "", BACKENDS)
    assert finding.status == status
    assert word in finding.found
    assert all(f"{name} does not (no library)" in finding.found for name in broken)
    assert ("libegl1" in finding.mend) == (status != "green")


def test_a_stranger_that_owns_one_of_our_names_is_red_and_named():
    ours = {name: ["handily"] for name in doctor.PACKAGES}
    assert doctor.owners(ours).status == "green"
    finding = doctor.owners(ours | {"sim": ["handily", "simlib"]})
    assert finding.status == "red"
    assert "'sim' also belongs to simlib" in finding.found
    assert "pip uninstall simlib" in finding.mend


@pytest.mark.parametrize(
    ("version", "status"), [((3, 10, 9), "red"), ((3, 11, 0), "green"), ((4, 0, 0), "green")]
)
def test_python_must_be_new_enough(version: tuple[int, int, int], status: str):
    assert doctor.python(version).status == status


def test_a_distribution_that_is_absent_is_red_with_the_command_that_brings_it():
    finding = doctor.distribution("no-such-distribution")
    assert finding.status == "red"
    assert finding.mend == "pip install 'no-such-distribution'"


def test_installed_distributions_are_held_against_our_own_metadata():
    finding = doctor.distribution("mujoco")
    assert finding.status == "green"
    assert finding.found == __import__("importlib.metadata").metadata.version("mujoco")


def test_a_distribution_outside_the_range_that_an_extra_asks_for_is_red(monkeypatch):
    lines = ["numpy>=1.26", "mujoco<2,>=1.5; extra == 'all'", "mujoco<2,>=1.5; extra == 'sim'"]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: lines)
    finding = doctor.distribution("mujoco")
    assert finding.status == "red"
    assert finding.mend == "pip install 'mujoco<2,>=1.5'"


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")
def test_probing_privileges_leaves_the_scheduler_as_it_was():
    import os

    before = os.sched_getscheduler(0)
    doctor.priority()
    doctor.locked_memory()
    assert os.sched_getscheduler(0) == before


def test_a_missing_checkpoint_is_red(tmp_path):
    assert doctor.shipped_checkpoint(tmp_path).status == "red"
    (tmp_path / "manifest.json").write_text("{}")
    assert doctor.shipped_checkpoint(tmp_path).status == "green"
