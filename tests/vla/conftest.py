"""Python as it is where only some packages are installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest

Confined = Callable[[str, Iterable[str]], subprocess.CompletedProcess[str]]

_FINDER = """
import json, sys
packages = json.loads(sys.argv[1])
ours = {*sys.stdlib_module_names, "vla", "sim", "policies"}

def refused(top):
    return %s

class Finder:
    def find_spec(self, name, path=None, target=None):
        if refused(name.partition(".")[0]):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Finder())
"""


@pytest.fixture(scope="session")
def only() -> Confined:
    """Run code where nothing but the standard library, our own packages and those named can be imported."""
    return _confined("top not in ours and top not in packages and not top.startswith('_sysconfigdata')")


@pytest.fixture(scope="session")
def without() -> Confined:
    """Run code where the packages named cannot be imported."""
    return _confined("top in packages")


def _confined(refused: str) -> Confined:
    def run(code: str, packages: Iterable[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _FINDER % refused + code, json.dumps(sorted(packages))]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run
