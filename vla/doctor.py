"""Is this machine, and this installation, fit to run Handily? Each finding says how to mend it.

Red means that a command will fail, yellow that it will work with a limit (slower pictures, no real-time
priority), green that nothing needs doing. A robot computer needs no more than the client, so an extra that is
not installed is only red when it was asked for.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.version import Version

from vla.extras import EXTRAS

Status = Literal["green", "yellow", "red"]

DISTRIBUTION = "handily"
PACKAGES = ("vla", "sim", "policies")
"""Import names that must be ours alone; they are plain words, so another distribution may claim one."""

RUN_EXTRAS = frozenset({"record", "sim", "serve"})
"""What ``handily run`` needs."""

GL_PACKAGES = "apt-get install --no-install-recommends libegl1 libgl1"
_LOCK_BYTES = 32 << 20
_LATE_S = 0.005


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        name: What was looked at.
        status: ``"green"``, ``"yellow"`` or ``"red"``, see the module.
        found: What is there.
        mend: What to do about it; empty when green.
    """

    name: str
    status: Status
    found: str
    mend: str = ""


def is_present(module: str) -> bool:
    """Whether a package can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def examine(
    try_backend: Callable[[str], str],
    backends: Sequence[str],
    wanted: Sequence[str] = (),
    present: Callable[[str], bool] = is_present,
) -> list[Finding]:
    """Look at everything; takes a few seconds, most of them for importing torch.

    Args:
        try_backend: Draws a picture with a rendering backend; returns what went wrong, or ``""``.
        backends: Names to try, best first; the last one needs no GL.
        wanted: Extras that have to be there, of :data:`vla.extras.EXTRAS`.
        present: Whether a package can be imported, by its import name; for example ``"PIL"``.

    Returns:
        Findings in reading order. What an extra brings is only looked at where the extra is complete: a
        robot computer may have a torch of its own that is none of our business.
    """
    absent = _absent(present)
    return [
        python(sys.version_info[:3]),
        extras(present, wanted),
        *([torch_and_device()] if "serve" not in absent else []),
        *([distribution("mujoco"), renderer(try_backend, backends)] if "sim" not in absent else []),
        *([video_encoder()] if "record" not in absent else []),
        cores(),
        owners(importlib.metadata.packages_distributions()),
        priority(),
        locked_memory(),
    ]


def python(version: tuple[int, int, int]) -> Finding:
    """Python against what our metadata asks for, 3.11 or newer."""
    text = ".".join(map(str, version))
    if version >= (3, 11, 0):
        return Finding("Python", "green", text)
    return Finding("Python", "red", text, "make .venv again with Python 3.11 or newer")


def fitness(present: Callable[[str], bool] = is_present) -> str:
    """What an installation without red findings is good for: ``handily run``, or a robot's side alone."""
    return "Fit to run as a robot client." if RUN_EXTRAS & _absent(present).keys() else "Fit to run."


def extras(present: Callable[[str], bool], wanted: Sequence[str] = ()) -> Finding:
    """Which extras are installed.

    Args:
        present: Whether a package can be imported.
        wanted: Extras that have to be there.

    Returns:
        Red when a wanted one is not complete, yellow when any other is there by half: its commands would fail
        although somebody seems to have meant them to work.
    """
    absent = _absent(present)
    there = ", ".join(name for name in EXTRAS if name not in absent) or "none"
    found = f"{there}; not installed: {', '.join(absent)}" if absent else there
    if missed := [name for name in EXTRAS if name in wanted and name in absent]:
        return Finding("extras", "red", found, f"pip install 'handily[{','.join(missed)}]'")
    halves = {name: modules for name, modules in absent.items() if len(modules) < len(EXTRAS[name])}
    if halves:
        lacks = "; ".join(f"{name} lacks {', '.join(modules)}" for name, modules in halves.items())
        return Finding("extras", "yellow", f"{found}; {lacks}", f"pip install 'handily[{','.join(halves)}]'")
    return Finding("extras", "green", found)


def distribution(name: str) -> Finding:
    """Version of an installed distribution against the range that our own metadata asks for."""
    wanted = _requirement(name)
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "red", "not installed", f"pip install '{wanted}'")
    if wanted.specifier.contains(Version(version), prereleases=True):
        return Finding(name, "green", version)
    return Finding(name, "red", f"{version}, wanted {wanted}", f"pip install '{wanted}'")


def torch_and_device() -> Finding:
    """Torch's version, and the device that training would use."""
    finding = distribution("torch")
    if finding.status == "red":
        return finding
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", "red", str(error), "pip install --force-reinstall torch")
    if torch.cuda.is_available():
        device = f"cuda, {torch.cuda.get_device_name()}"
    else:
        device = f"cpu, {torch.get_num_threads()} threads"
    return Finding("torch", "green", f"{torch.__version__} on {device}")


def renderer(try_backend: Callable[[str], str], backends: Sequence[str]) -> Finding:
    """The first backend that draws, and why better ones do not."""
    problems: list[str] = []
    for backend in backends:
        problem = try_backend(backend)
        if not problem:
            found = ", ".join([f"{backend} works", *problems])
            if backend == backends[-1]:
                return Finding("renderer", "yellow", found, f"for faster, prettier pictures: {GL_PACKAGES}")
            return Finding("renderer", "green", found)
        problems.append(f"{backend} does not ({problem})")
    return Finding("renderer", "red", ", ".join(problems), GL_PACKAGES)


def video_encoder() -> Finding:
    """Whether PyAV can write the H.264 that videos and datasets use."""
    try:
        from av.codec.codec import Codec

        Codec("libx264", "w")
    except (ImportError, ValueError) as error:
        return Finding("video", "red", f"no H.264 encoder ({error})", "pip install --force-reinstall av")
    return Finding("video", "green", f"PyAV {importlib.metadata.version('av')} with libx264")


def cores() -> Finding:
    """Cores this process may use; the policy and the robot's side want one each."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count >= 2:
        return Finding("cores", "green", str(count))
    return Finding("cores", "yellow", "1", "the policy and the control loop share it: expect late chunks")


def owners(packages: Mapping[str, Sequence[str]]) -> Finding:
    """Whether our import names belong to us alone.

    Args:
        packages: Import name to the distributions that own it.
    """
    strangers = {
        name: sorted(set(packages.get(name, ())) - {DISTRIBUTION})
        for name in PACKAGES
        if set(packages.get(name, ())) - {DISTRIBUTION}
    }
    if not strangers:
        return Finding("packages", "green", f"{', '.join(PACKAGES)} belong to {DISTRIBUTION}")
    found = "; ".join(f"{name!r} also belongs to {', '.join(who)}" for name, who in strangers.items())
    names = sorted({owner for who in strangers.values() for owner in who})
    return Finding(
        "packages", "red", found, f"pip uninstall {' '.join(names)}, or use an environment of its own"
    )


def priority() -> Finding:
    """Whether the control loop may run under SCHED_FIFO, so that strangers' processes cannot delay it."""
    mend = (
        "as root: setcap cap_sys_nice+ep on the interpreter, or an rtprio line in /etc/security/limits.conf"
    )
    if not hasattr(os, "sched_setscheduler"):
        return Finding("SCHED_FIFO", "yellow", "not offered by this system", "real-time control wants Linux")
    before, settings = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, before, settings)
    except PermissionError:
        return Finding(
            "SCHED_FIFO", "yellow", "not permitted: control ticks may come late on a busy machine", mend
        )
    return Finding("SCHED_FIFO", "green", "permitted")


def locked_memory() -> Finding:
    """Whether the control loop may pin its memory, so that it never waits for swap."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "mlock"):
        return Finding("mlock", "yellow", "not offered by this system", "real-time control wants Linux")
    buffer = ctypes.create_string_buffer(_LOCK_BYTES)
    if libc.mlock(buffer, ctypes.c_size_t(_LOCK_BYTES)):
        why = os.strerror(ctypes.get_errno())
        mend = "ulimit -l unlimited, or a memlock line in /etc/security/limits.conf"
        return Finding("mlock", "yellow", f"{_LOCK_BYTES >> 20} MiB: {why}", mend)
    libc.munlock(buffer, ctypes.c_size_t(_LOCK_BYTES))
    return Finding("mlock", "green", "permitted")


def control_loop(control_hz: float, late_s: Sequence[float], missed: int) -> Finding:
    """How punctual a control loop is on this machine as it is now, without privileges.

    Args:
        control_hz: Its rate.
        late_s: Each tick's lateness in seconds, at least one.
        missed: Ticks skipped because one before them was too late.
    """
    ordered = sorted(late_s)
    p50_s, p99_s = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    found = (
        f"{control_hz:g} Hz for {len(ordered)} ticks: {1e3 * p50_s:.1f} ms late, "
        f"p99 {1e3 * p99_s:.1f} ms, max {1e3 * ordered[-1]:.1f} ms, missed {missed}"
    )
    if p99_s <= _LATE_S and not missed:
        return Finding("control loop", "green", found)
    mend = "let other programs rest, or give the robot priority: handily robot realtime_priority=50"
    return Finding("control loop", "yellow", found, mend)


def shipped_checkpoint(folder: Path) -> Finding:
    """Whether the checkpoint that ``handily run`` uses by default is where it ought to be."""
    if (folder / "manifest.json").is_file():
        return Finding("checkpoint", "green", str(folder))
    mend = "clone or install handily again, or name one: handily run ... checkpoint=FOLDER"
    return Finding("checkpoint", "red", f"{folder} is not there", mend)


def _absent(present: Callable[[str], bool]) -> dict[str, list[str]]:
    """Incomplete extras with the import names that each one lacks."""
    lacking = {name: [m for m in modules if not present(m)] for name, modules in EXTRAS.items()}
    return {name: modules for name, modules in lacking.items() if modules}


def _requirement(name: str) -> Requirement:
    """Our own metadata's demand on ``name``; any version when we are not installed."""
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        lines = []
    for line in lines:
        requirement = Requirement(line)
        if requirement.name == name:
            return Requirement(f"{name}{requirement.specifier}")
    return Requirement(name)
