"""Camera pictures of a MuJoCo model, fast on a machine without a graphics card.

Shadows, multisampling, reflections and the sky box are off: with a software rasteriser they cost ten to fifty
times the rest of the picture. Edges are smooth all the same, because a picture is drawn at twice its size and
averaged: an object eight pixels wide keeps its shape, for less than twice the time. One GL context and one
off-screen buffer serve all cameras. The GL context is made current for each picture and let go afterwards, so
a renderer may be built in one thread and used in another.
"""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Mapping
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.backend import BACKENDS, choose_backend, try_backend
from sim.raycast import RaycastRenderer

__all__ = ["BACKENDS", "GlRenderer", "Renderer", "choose_backend", "open_renderer", "try_backend"]

MAX_GEOMS = 1000
"""Most geoms (with decoration) a scene may draw."""

OVERSAMPLING = 2
"""How many times wider and higher than asked for a picture is drawn before it is averaged."""

_SLOW_FLAGS = (
    mujoco.mjtRndFlag.mjRND_SHADOW,
    mujoco.mjtRndFlag.mjRND_REFLECTION,
    mujoco.mjtRndFlag.mjRND_SKYBOX,
    mujoco.mjtRndFlag.mjRND_HAZE,
)


@runtime_checkable
class Renderer(Protocol):
    """Draws a fixed set of cameras of one model at a time."""

    @property
    def backend(self) -> str:
        """One of :data:`sim.backend.BACKENDS`."""
        ...

    def bind(self, model: mujoco.MjModel) -> None:
        """Draw ``model`` from now on; the cameras keep their names and sizes. A few milliseconds.

        Raises:
            ValueError: ``model`` lacks one of the cameras.
        """
        ...

    def render(self, data: mujoco.MjData) -> dict[str, NDArray[np.uint8]]:
        """One new uint8 RGB array of shape (H, W, 3) per camera, of ``data`` as mj_forward left it."""
        ...

    def close(self) -> None:
        """Free the GL objects; calling it twice is fine."""
        ...


Window = tuple[float, float, float, float]
"""Part of a camera's picture: left, top, right and bottom in 0..1 of its width and height."""


def open_renderer(
    model: mujoco.MjModel,
    cameras: Mapping[str, tuple[int, int]],
    backend: str = "auto",
    windows: Mapping[str, Window] | None = None,
) -> Renderer:
    """A renderer of ``cameras`` with the best backend of this machine.

    Args:
        model: The model to draw first; :meth:`Renderer.bind` changes it later.
        cameras: Camera name in the model to (height, width) in pixels.
        backend: ``"auto"`` or one of :data:`sim.backend.BACKENDS`.
        windows: Camera name to the part of its square picture that is drawn, where it is not the whole.

    Raises:
        ValueError: the backend's name is unknown, ``cameras`` is empty, or ``model`` lacks one of them; or
            there are windows, which ``"raycast"`` cannot draw.
        ImportError: a backend was asked for by name and its GL library is missing.
    """
    if not cameras:
        raise ValueError("a renderer needs at least one camera, got none")
    chosen = choose_backend(backend)
    if chosen == "raycast":
        if windows:
            raise ValueError("backend 'raycast' draws whole pictures only; windows need egl or osmesa")
        return RaycastRenderer(model, cameras)
    return GlRenderer(model, cameras, chosen, windows)


def camera_ids(model: mujoco.MjModel, names: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Name to id of each camera in ``model``.

    Raises:
        ValueError: ``model`` lacks one of them; the message lists those it has.
    """
    have = {model.camera(i).name: i for i in range(model.ncam)}
    for name in names:
        if name not in have:
            raise ValueError(f"camera {name!r} is not in the model; it has {sorted(have)}")
    return {name: have[name] for name in names}


class GlRenderer:
    """MuJoCo's own rasteriser on an EGL or OSMesa context.

    Args:
        model: The model to draw.
        cameras: Camera name to (height, width) in pixels.
        backend: ``"egl"`` or ``"osmesa"``.
        windows: See :func:`open_renderer`.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        cameras: Mapping[str, tuple[int, int]],
        backend: str = "egl",
        windows: Mapping[str, Window] | None = None,
    ) -> None:
        if backend not in ("egl", "osmesa"):
            raise ValueError(f"GL backend {backend!r} is not one of egl, osmesa")
        self.backend = backend
        self._sizes, self._windows = dict(cameras), dict(windows or {})
        # Made on the first picture, so that an object built before a fork holds no GL state.
        self._context: Any = None
        self._drawing: mujoco.MjrContext | None = None
        self._closed = False
        self._option = mujoco.MjvOption()
        self.bind(model)

    def bind(self, model: mujoco.MjModel) -> None:
        """See :meth:`Renderer.bind`."""
        self._cameras = {}
        for name, index in camera_ids(model, self._sizes).items():
            camera = mujoco.MjvCamera()
            camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
            camera.fixedcamid = index
            self._cameras[name] = camera
        self._model = model
        self._scene = mujoco.MjvScene(model, maxgeom=MAX_GEOMS)
        self._stale = True

    def render(self, data: mujoco.MjData) -> dict[str, NDArray[np.uint8]]:
        """See :meth:`Renderer.render`.

        Raises:
            RuntimeError: the renderer was closed.
        """
        if self._closed:
            raise RuntimeError("this renderer is closed; open another one")
        self._make_current()
        try:
            if self._stale:
                self._upload()
            return {name: self._draw(data, name, *size) for name, size in self._sizes.items()}
        finally:
            self._let_go()

    def close(self) -> None:
        """Free the GL objects; calling it twice is fine."""
        self._closed = True
        if self._context is not None:
            self._make_current()
            if self._drawing is not None:
                self._drawing.free()
            self._let_go()
            self._context.free()
        self._context = self._drawing = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _draw(self, data: mujoco.MjData, name: str, height: int, width: int) -> NDArray[np.uint8]:
        every = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, data, self._option, None, self._cameras[name], every, self._scene)
        for flag in _SLOW_FLAGS:
            self._scene.flags[flag] = 0
        if name in self._windows:
            for eye in self._scene.camera:
                _look_through(eye, self._windows[name])
        image = np.empty((height * OVERSAMPLING, width * OVERSAMPLING, 3), np.uint8)
        rectangle = mujoco.MjrRect(0, 0, image.shape[1], image.shape[0])
        mujoco.mjr_render(rectangle, self._scene, self._drawing)
        mujoco.mjr_readPixels(image, None, rectangle, self._drawing)
        return averaged(image[::-1])  # GL's first row is the lowest

    def _upload(self) -> None:
        """Give the model's textures to GL. The buffer's size is read from the model: lend it ours."""
        if self._drawing is not None:
            self._drawing.free()
        visual = self._model.vis
        kept = (
            visual.global_.offheight,
            visual.global_.offwidth,
            visual.quality.offsamples,
            visual.quality.shadowsize,
        )
        visual.global_.offheight, visual.global_.offwidth = self._buffer_size()
        visual.quality.offsamples = visual.quality.shadowsize = 0
        self._drawing = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._drawing)
        (
            visual.global_.offheight,
            visual.global_.offwidth,
            visual.quality.offsamples,
            visual.quality.shadowsize,
        ) = kept
        self._stale = False

    def _buffer_size(self) -> tuple[int, int]:
        """Height and width in pixels that hold every camera's picture as it is drawn."""
        heights, widths = zip(*self._sizes.values(), strict=True)
        return OVERSAMPLING * max(heights), OVERSAMPLING * max(widths)

    def _make_current(self) -> None:
        if self._context is None:
            height, width = self._buffer_size()
            # By module and not as mujoco.GLContext: that one was settled when mujoco was imported.
            self._context = import_module(f"mujoco.{self.backend}").GLContext(width, height)
            if not _open:
                # Registered after mujoco's own exit handler, hence run before it shuts the display down.
                atexit.register(_close_all)
            _open.add(self)
        self._context.make_current()

    def _let_go(self) -> None:
        """A context that stays current in one thread cannot be made current in another."""
        if self.backend == "egl":
            egl = import_module("mujoco.egl")
            none = egl.EGL.EGL_NO_SURFACE
            egl.EGL.eglMakeCurrent(egl.EGL_DISPLAY, none, none, egl.EGL.EGL_NO_CONTEXT)


def _look_through(eye: mujoco.MjvGLCamera, window: Window) -> None:
    """Narrow a view, which is symmetric and square, to a part of it."""
    left, top, right, bottom = window
    high, half = eye.frustum_top, (eye.frustum_top - eye.frustum_bottom) / 2
    eye.frustum_top, eye.frustum_bottom = high - 2 * half * top, high - 2 * half * bottom
    eye.frustum_center, eye.frustum_width = half * (left + right - 1), half * (right - left)


def averaged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Rounded means of ``OVERSAMPLING`` x ``OVERSAMPLING`` pixels of a uint8 image (H, W, 3), a new array."""
    height, width = image.shape[0] // OVERSAMPLING, image.shape[1] // OVERSAMPLING
    rows = np.full((height, image.shape[1], 3), OVERSAMPLING // 2, np.uint16)
    for k in range(OVERSAMPLING):
        rows += image[k::OVERSAMPLING]
    total = np.zeros((height, width, 3), np.uint16)
    for k in range(OVERSAMPLING):
        total += rows[:, k::OVERSAMPLING]
    return (total // OVERSAMPLING**2).astype(np.uint8)


_open: weakref.WeakSet[GlRenderer] = weakref.WeakSet()


def _close_all() -> None:
    for renderer in list(_open):
        renderer.close()
