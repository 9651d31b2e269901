"""Which renderer works on this machine: EGL, OSMesa, or the ray caster that needs no GL at all.

Nothing here imports mujoco, because mujoco reads ``MUJOCO_GL`` once, when it is imported. A candidate is
tried for real (a context is made and a pixel is drawn) in a process of its own, since a broken GL stack can
abort the process that touches it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys

BACKENDS = ("egl", "osmesa", "raycast")
"""Best first: the order in which ``"auto"`` tries them."""

CHOICE_VARIABLE = "HANDILY_BACKEND"
"""Environment variable that hands the outcome of ``"auto"`` to worker processes: only one process tries."""

# llvmpipe's own worker threads slow small pictures down; one process per core is how work is spread here.
os.environ.setdefault("LP_NUM_THREADS", "0")

_log = logging.getLogger(__name__)

_TRIAL = """
import mujoco
from mujoco.{backend} import GLContext
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='.1'/></worldbody></mujoco>")
model.vis.global_.offwidth = model.vis.global_.offheight = 8
model.vis.quality.offsamples = model.vis.quality.shadowsize = 0
context = GLContext(8, 8)
context.make_current()
drawing = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, drawing)
mujoco.mjr_render(mujoco.MjrRect(0, 0, 8, 8), mujoco.MjvScene(model, 10), drawing)
drawing.free()
context.free()
print("drawn")
"""


def try_backend(backend: str, timeout_s: float = 60.0) -> str:
    """Draw one picture with ``backend`` in a fresh process; takes about half a second.

    Args:
        backend: One of :data:`BACKENDS`. The ray caster needs nothing and always works.
        timeout_s: A driver that hangs longer than this counts as broken.

    Returns:
        An empty string when it works, otherwise the last line of what went wrong.

    Raises:
        ValueError: ``backend`` is not one of :data:`BACKENDS`.
    """
    _check_name(backend)
    if backend == "raycast":
        return ""
    environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    environment |= {"MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend}
    command = [sys.executable, "-c", _TRIAL.format(backend=backend)]
    try:
        trial = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return f"no picture within {timeout_s:.0f} s"
    if "drawn" in trial.stdout:
        return ""
    return (trial.stderr.strip().splitlines() or [f"exit code {trial.returncode}"])[-1]


def choose_backend(preferred: str = "auto") -> str:
    """The backend to render with; also sets ``MUJOCO_GL`` for libraries that read it.

    ``"auto"`` takes the first of :data:`BACKENDS` that works, starting with the one ``MUJOCO_GL`` names, if
    it names one of them. The outcome is kept in :data:`CHOICE_VARIABLE`: later calls and child processes do
    not try again. Any other ``preferred`` is taken at its word, without a trial.

    Args:
        preferred: ``"auto"`` or one of :data:`BACKENDS`.

    Returns:
        One of :data:`BACKENDS`.

    Raises:
        ValueError: ``preferred``, or the value of :data:`CHOICE_VARIABLE`, is not a valid choice.
    """
    if preferred == "auto":
        preferred = os.environ.get(CHOICE_VARIABLE) or _first_that_works()
        os.environ[CHOICE_VARIABLE] = preferred
    _check_name(preferred)
    if preferred != "raycast":
        os.environ["MUJOCO_GL"] = preferred
    return preferred


def _first_that_works() -> str:
    wanted = os.environ.get("MUJOCO_GL", "").lower().strip()
    for backend in sorted(BACKENDS, key=lambda name: name != wanted):
        problem = try_backend(backend)
        if not problem:
            if backend == "raycast":
                _log.warning("no GL library works here: drawing with the slower ray caster instead")
            return backend
        _log.warning(
            "renderer %r does not work (%s); on Debian or Ubuntu `apt-get install libegl1 libgl1` mends it",
            backend,
            problem,
        )
    raise AssertionError("unreachable: the ray caster always works")


def _check_name(backend: str) -> None:
    if backend not in BACKENDS:
        raise ValueError(f"renderer backend {backend!r} is not one of auto, {', '.join(BACKENDS)}")
