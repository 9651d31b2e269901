"""The shipped artefact works as shipped: away from the checkout, with its own data, under its own names."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=1500)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel alone; third parties come from ours, since they are large."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=True)
    done = run(home / "bin" / "python", "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=home)
    assert done.returncode == 0, done.stderr
    site = run(
        home / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home
    )
    # A plain path line: .pth files in there, such as the one of our own editable install, are not followed.
    (Path(site.stdout.strip()) / "third_parties.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def test_the_wheel_holds_our_packages_and_configs_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"vla", "sim", "policies", next(name for name in tops if name.endswith(".dist-info"))}
    shipped = {name.removeprefix("vla/configs/") for name in names if name.startswith("vla/configs/")}
    ours = {str(path.relative_to(CHECKOUT / "configs")) for path in (CHECKOUT / "configs").rglob("*.yaml")}
    assert shipped == ours


def test_the_wheel_holds_the_checkpoints_when_the_checkout_does(wheel: Path):
    folder = CHECKOUT / "policies" / "checkpoints"
    ours = {str(p.relative_to(CHECKOUT)) for p in folder.rglob("*") if p.is_file()}
    assert ours <= set(zipfile.ZipFile(wheel).namelist())
    for checkpoint in folder.iterdir():
        assert sum(p.stat().st_size for p in checkpoint.rglob("*") if p.is_file()) <= 20e6
    assert wheel.stat().st_size <= 60e6


def test_everything_comes_from_the_wheel(installed: Path, tmp_path: Path):
    code = "import vla, sim, policies, vla.config as c; print(vla.__file__, c.config_folder())"
    done = run(installed / "bin" / "python", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(installed)) == 2


@pytest.mark.parametrize("command", ["run", "train", "eval"])
def test_commands_find_their_configuration(installed: Path, tmp_path: Path, command: str):
    done = run(installed / "bin" / "handily", command, "--show-config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_demonstration_can_be_collected_and_looked_at(installed: Path, tmp_path: Path):
    handily = installed / "bin" / "handily"
    done = run(handily, "collect", "task=reach", "episodes=1", "out=one", "workers=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = run(handily, "dataset", "info", "one", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "LeRobotDataset v3.0" in shown.stdout


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_an_empty_environment_gets_everything_it_needs_and_passes_the_doctor(wheel: Path, tmp_path: Path):
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    install = run(
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "-c",
        CHECKOUT / "constraints.txt",
        f"{wheel}[all]",
        cwd=tmp_path,
    )
    assert install.returncode == 0, install.stderr
    checked = run(python, "-m", "pip", "check", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    doctor = run(tmp_path / "empty" / "bin" / "handily", "doctor", "all", cwd=tmp_path)
    assert doctor.returncode == 0, doctor.stdout
    assert "Fit to run." in doctor.stdout
