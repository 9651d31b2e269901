"""The thin client stays thin, and whoever lacks a package is told which extra brings it."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import pkgutil
import re
import sys
import tomllib
from pathlib import Path

import pytest

import vla.bridge
import vla.drivers
import vla.runtime
from vla.cli.mistakes import EXTRAS as COMMAND_EXTRAS
from vla.extras import EXTRA_OF, EXTRAS, MissingExtra, needs

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
DECLARED: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]

BASE = ("numpy", "msgpack", "zmq")
NOT_THIN = (
    "vla.runtime.film",
    "vla.runtime.view",
    "vla.runtime.encoder",
    "vla.runtime.trajectory",
)
THIN = [
    *("vla.contract", "vla.extras", "vla.command", "vla.conformance"),
    *(
        module.name
        for room in (vla.bridge, vla.drivers, vla.runtime)
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
        if module.name not in NOT_THIN
    ),
]
COMMANDS = {
    "run": ("run", "press the button"),
    "collect": ("collect",),
    "train": ("train",),
    "evaluate": ("eval",),
    "serve": ("serve", "checkpoint=folder"),
    "bench": ("bench",),
    "study_vision": ("study", "vision"),
    "clip_train": ("clip", "train"),
    "clip_eval": ("clip", "eval"),
    "clip_calibrate": ("clip", "calibrate"),
    "look": ("look", "image.png", "--labels", "a bowl"),
    "planner_train": ("planner", "train"),
    "vqa_generate": ("vqa", "generate"),
    "vqa_show": ("vqa", "show", "data"),
    "vqa_eval": ("vqa", "eval"),
    "dataset_info": ("dataset", "info", "data"),
    "dataset_doctor": ("dataset", "doctor", "data"),
    "dataset_show": ("dataset", "show", "data"),
    "dataset_replay": ("dataset", "replay", "data"),
}


def canonical(requirement: str) -> str:
    """A distribution's name, as in the index."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def closure(extras: str) -> set[str]:
    """Import names that installing these extras brings."""
    modules: set[str] = set()
    for extra in extras.split(","):
        modules.update(EXTRAS[extra])
        for included in re.findall(r"handily\[(.*)\]", " ".join(DECLARED[extra])):
            modules |= closure(included)
    return modules


def test_the_thin_rooms_import_with_nothing_but_numpy_msgpack_and_pyzmq(only):
    code = f"import {', '.join(THIN)}\nprint(json.dumps(sorted(sys.modules)))"
    done = only(code, BASE)
    assert done.returncode == 0, done.stderr
    assert set(THIN) <= set(json.loads(done.stdout))


def test_what_counts_as_not_thin_does_need_an_extra(only):
    for module in NOT_THIN:
        assert "ModuleNotFoundError" in only(f"import {module}", BASE).stderr


def test_without_the_extra_cli_the_command_is_one_line_and_exit_code_2(only):
    done = only("from vla.command import main\nmain()", BASE)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'handily[cli]'" in done.stderr


def test_the_base_and_the_extras_are_those_of_the_distribution():
    assert {*map(canonical, PROJECT["project"]["dependencies"])} == {"numpy", "msgpack", "pyzmq"}
    assert set(DECLARED) == {*EXTRAS, "all", "dev", "fuzz"}
    # Suites that others wrote are for those who ask for them.
    ours = [name for name in EXTRAS if name not in ("metaworld", "aloha")]
    assert DECLARED["all"] == [f"handily[{','.join(ours)}]"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_the_packages_that_the_table_says(extra: str):
    owners = importlib.metadata.packages_distributions()
    # A lone shared library, such as ruckig, is overlooked there; the distribution bears the module's name.
    ours = {canonical(owners.get(module, [module])[0]) for module in EXTRAS[extra]}
    assert ours == {canonical(line) for line in DECLARED[extra]} - {"handily"}


def test_every_optional_package_that_our_code_imports_is_in_the_table():
    known = {*sys.stdlib_module_names, *BASE, *EXTRA_OF, "vla", "sim", "policies"}
    for room in ("vla", "sim", "policies"):
        for path in (CHECKOUT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                strangers = {name.partition(".")[0] for name in names} - known
                assert not strangers, f"{path}: {strangers} belongs to no extra of vla/extras.py"


def test_the_import_linter_forbids_the_thin_rooms_every_optional_package():
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    thin = next(c for c in contracts if c["name"].startswith("The thin client"))
    assert set(thin["forbidden_modules"]) == set(EXTRA_OF)
    apart = next(c for c in contracts if c["type"] == "protected")
    assert set(apart["protected_modules"]) == set(NOT_THIN)


@pytest.mark.parametrize(
    ("missing", "extra", "hint"),
    [
        ("PIL", None, "handily[images]"),
        ("av.video.stream", None, "handily[record]"),
        ("torch", None, "handily[serve]"),
        ("torch", "train,sim", "handily[train,sim]"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(missing: str, extra: str | None, hint: str):
    with pytest.raises(MissingExtra, match=missing.partition(".")[0]) as told, needs(extra):
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
    assert f"pip install '{hint}'" in str(told.value)


@pytest.mark.parametrize("name", ["vla.runtime.moon", "strange", None])
def test_any_other_failing_import_is_a_bug_and_stays_one(name: str | None):
    with pytest.raises(ModuleNotFoundError), needs("all"):
        raise ModuleNotFoundError("no", name=name)


def test_a_command_without_its_extras_names_all_of_them_in_one_line(without, tmp_path: Path):
    (tmp_path / "manifest.json").write_text("{}")
    words = json.dumps(COMMANDS).replace("checkpoint=folder", f"checkpoint={tmp_path}")
    code = (
        "import contextlib, io\n"
        "from vla.cli import app\n"
        "told = {}\n"
        f"for name, words in {words}.items():\n"
        "    with contextlib.redirect_stderr(io.StringIO()) as heard:\n"
        "        try: app(words)\n"
        "        except SystemExit as end: told[name] = [end.code, heard.getvalue()]\n"
        "print(json.dumps(told))"
    )
    done = without(code, set(EXTRA_OF) - set(EXTRAS["cli"]))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == set(COMMANDS) == set(COMMAND_EXTRAS)
    for name, (code, line) in told.items():
        assert code == 2, line
        assert line.endswith(f"pip install 'handily[{COMMAND_EXTRAS[name]}]'\n"), line
        assert line.count("\n") == 1


@pytest.mark.parametrize("extras", sorted(set(COMMAND_EXTRAS.values())))
def test_the_extras_of_a_command_suffice_for_it(without, extras: str):
    rooms = {COMMANDS[name][0] for name, wanted in COMMAND_EXTRAS.items() if wanted == extras}
    modules = [f"vla.cli.{room.replace('eval', 'evaluate')}" for room in sorted(rooms)]
    if "serve" in extras:
        modules.append("policies.network_policy")
    if "sim" in extras:
        modules.append("sim.replay")
    code = f"import {', '.join(modules)}\nprint('diffusers' in sys.modules)"
    done = without(code, set(EXTRA_OF) - closure("cli") - closure(extras))
    assert done.returncode == 0, done.stderr
    # It takes longer to import than everything else after torch, and only one of the algorithms wants it.
    assert done.stdout == "False\n"
