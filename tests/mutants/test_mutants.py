"""Every guard bears a load: with any of them taken out, the tests that speak for its promise fail.

``mutants.toml`` lists what is taken out. Each mutant gets a copy of the source tree, and the tests run there
in a process of their own. They have to fail as tests do: a mutant that cannot be imported, or that was not,
proves nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("configs", "policies", "sim", "tests", "vla", "pyproject.toml")
PROMISES = (*(f"M{n}" for n in (1, 2, 3, 4, 5, 7, 8, 9, 10)), *(f"D{n}" for n in range(1, 8)))
PROMISES += (*(f"S{n}" for n in range(1, 7)), "C3", "C4", "C5")
TABLE: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text())["mutant"]

WITNESS = """
import json, os, sys
from pathlib import Path
from hypothesis import Phase, settings

# The first counter-example will do, and none is kept.
settings.register_profile("mutant", phases=[Phase.explicit, Phase.generate], database=None)
settings.load_profile("mutant")

def pytest_sessionfinish():
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    Path(os.environ["WITNESS"]).write_text(json.dumps(list(filter(None, files.values()))))
"""
"""A pytest plugin: which files the modules came from."""


@dataclass(frozen=True)
class Outcome:
    """Of one run of pytest.

    Attributes:
        code: pytest's exit code: 1 when tests failed, and no more than that.
        failed: Names of the tests that failed, without parameters.
        passed: Names of the tests that passed, without parameters; both for one that did so in part.
        files: Where the imported modules came from.
        output: For a person.
    """

    code: int
    failed: set[str]
    passed: set[str]
    files: str
    output: str


def copied(folder: Path) -> Path:
    """The source tree, without what is large and never changed."""
    for name in COPIED:
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, folder)
            continue
        large = shutil.ignore_patterns("*.safetensors", "corpus", ".pytest_cache")
        shutil.copytree(ROOT / name, folder / name, ignore=large)
    for path in (*ROOT.glob("policies/**/*.safetensors"), ROOT / "tests/fuzz/corpus"):
        (folder / path.relative_to(ROOT)).symlink_to(path)
    return folder


def outcome_of(folder: Path, tests: list[str]) -> Outcome:
    """Run ``tests`` in ``folder``, and on its packages."""
    (folder / "mutant_witness.py").write_text(WITNESS)
    report, witness = folder / "report.xml", folder / "witness.json"
    environment = os.environ | {"PYTHONPATH": str(folder), "WITNESS": str(witness)}
    options = [
        "-p",
        "mutant_witness",
        "-p",
        "no:cacheprovider",
        "-q",
        "--timeout=100",
        f"--junitxml={report}",
    ]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    failed, passed = set[str](), set[str]()
    for case in ElementTree.parse(report).iter("testcase"):
        path = case.get("classname", "").replace(".", "/")
        name = f"{path}::{case.get('name', '')}"
        (failed if case.find("failure") is not None else passed).add(name)
    return Outcome(done.returncode, failed, passed, witness.read_text(), done.stdout + done.stderr)


def names(tests: list[str]) -> list[str]:
    """As pytest's report calls them: no suffix, and a class as part of the path."""
    return [test.replace(".py::", "::", 1) for test in tests]


def hit(test: str, among: set[str]) -> bool:
    """Whether ``test``, a function with or without parameters or a class, is ``among`` those of a report."""
    as_class = test.replace("::", "/", 1) + "::"
    return any(name == test or name.startswith((f"{test}[", as_class)) for name in among)


@pytest.fixture(scope="module")
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The tests of all mutants that are to run, on a copy in which nothing is changed."""
    chosen = {item.name for item in request.session.items}
    rows = [
        row for row in TABLE if f"{test_a_guard_that_is_taken_out_is_missed.__name__}[{label(row)}]" in chosen
    ]
    tests = {test for row in rows for test in row["tests"]}
    return outcome_of(copied(tmp_path_factory.mktemp("sound")), sorted(tests))


def label(row: dict[str, Any]) -> str:
    return f"{row['promise']}-{row['name']}"


def parameters() -> list[Any]:
    return [
        pytest.param(row, id=label(row), marks=() if row.get("quick") else pytest.mark.slow) for row in TABLE
    ]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("mutant", parameters())
def test_a_guard_that_is_taken_out_is_missed(mutant: dict[str, Any], sound: Outcome, tmp_path: Path) -> None:
    file = copied(tmp_path) / mutant["file"]
    source = file.read_text()
    assert source.count(mutant["old"]) == 1, f"{mutant['file']} does not hold {mutant['old']!r} exactly once"
    file.write_text(source.replace(mutant["old"], mutant["new"]))
    wanted = names(mutant["tests"])
    assert all(hit(test, sound.passed) and not hit(test, sound.failed) for test in wanted), sound.output
    outcome = outcome_of(tmp_path, mutant["tests"])
    assert outcome.code == pytest.ExitCode.TESTS_FAILED, outcome.output
    missing = [test for test in wanted if not hit(test, outcome.failed)]
    assert not missing, f"not missed by {missing}\n{outcome.output}"
    assert f'"{file}"' in outcome.files, "the mutated file was not imported"
    shutil.rmtree(tmp_path)


def test_each_promise_has_a_mutant_and_each_mutant_a_name() -> None:
    assert {row["promise"] for row in TABLE} == set(PROMISES)
    ids = [(row["promise"], row["name"]) for row in TABLE]
    assert len(set(ids)) == len(ids)
    for row in TABLE:
        assert (ROOT / row["file"]).read_text().count(row["old"]) == 1, row["name"]
        assert all((ROOT / test.partition("::")[0]).exists() for test in row["tests"]), row["name"]
