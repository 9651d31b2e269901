"""Verdicts follow from what the doctor is shown; a finding that is not green says how to mend it."""

from __future__ import annotations

import sys

import pytest

from sim.backend import BACKENDS, try_backend
from vla import doctor


def test_this_machine_gets_one_finding_per_subject_and_nothing_red_that_tests_need():
    findings = doctor.examine(try_backend, BACKENDS)
    names = [finding.name for finding in findings]
    assert len(set(names)) == len(names)
    assert {"Python", "torch", "mujoco", "renderer", "cores", "packages", "SCHED_FIFO", "mlock"} <= set(names)
    for finding in findings:
        assert bool(finding.mend) == (finding.status != "green"), finding
    status = {finding.name: finding.status for finding in findings}
    assert status["Python"] == status["torch"] == status["mujoco"] == "green"


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
