"""Coverage-guided fuzzing of one target: ``python tests/fuzz/run.py TARGET [SECONDS]``, by ``handily[fuzz]``.

Starts from ``corpus/TARGET``. What breaks a promise is saved there, too, and so is a test from then on; what
only reaches new code goes to ``runs/fuzz/TARGET`` of the working folder, from where the next run goes on.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]


def fuzz(target: Callable[[bytes], object], seeds: Path, finds: Path, seconds: int) -> None:
    """Does not return: the process ends with 0 after ``seconds``, or with 77 at the first broken promise.

    Args:
        target: From a module that was imported under ``atheris.instrument_imports``.
        seeds: Folder of first inputs, where a crash is saved, too.
        finds: Folder for what reaches new code.
        seconds: How long.
    """
    seeds.mkdir(parents=True, exist_ok=True)
    finds.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"An input that breaks a promise is saved in {seeds}\n")

    def once(data: bytes) -> None:
        target(data)

    options = [f"-max_total_time={seconds}", f"-artifact_prefix={seeds}/", "-timeout=5", "-max_len=4096"]
    atheris.Setup([sys.argv[0], str(finds), str(seeds), *options, "-print_final_stats=1"], once)
    atheris.Fuzz()


def main() -> None:
    """Fuzz the target named on the command line."""
    sys.path.insert(0, str(ROOT))
    warnings.filterwarnings("error", module="vla")  # as in the test suite
    with atheris.instrument_imports(include=["vla", "fuzz_targets", "fuzz_judges", "PIL"]):
        from fuzz_targets import TARGETS
        from PIL import JpegImagePlugin, WebPImagePlugin  # noqa: F401  (else they are loaded by the first picture)
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: run.py TARGET [SECONDS], where TARGET is one of {', '.join(TARGETS)}")
    name, seconds = sys.argv[1], int((*sys.argv, "60")[2])
    fuzz(TARGETS[name], ROOT / "tests/fuzz/corpus" / name, Path("runs/fuzz", name), seconds)


if __name__ == "__main__":
    main()
