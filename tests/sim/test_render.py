"""Pictures: both renderers show the same world, and the choice between them is made once and said aloud."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray

from sim.backend import BACKENDS, CHOICE_VARIABLE, choose_backend, try_backend
from sim.expert import ScriptedExpert
from sim.raycast import RaycastRenderer
from sim.render import GlRenderer, Renderer, averaged, open_renderer
from sim.world import World

CAMERAS = {"front": (128, 128), "wrist": (96, 64)}
COLOURS = {
    "red": (0.9, 0.1, 0.1),
    "blue": (0.1, 0.2, 0.9),
    "green": (0.1, 0.7, 0.2),
    "yellow": (0.9, 0.8, 0.1),
}
SHAPES = {
    "red": ("box", ".08 .08 .08"),
    "blue": ("sphere", ".1"),
    "green": ("cylinder", ".08 .1"),
    "yellow": ("capsule", ".06 .08"),
}
PLACES = {"red": (0, 0, 0.1), "blue": (0, 0.35, 0.1), "green": (0, -0.35, 0.1), "yellow": (0.35, 0, 0.1)}

GL = next((name for name in ("egl", "osmesa") if not try_backend(name)), None)
needs_gl = pytest.mark.skipif(GL is None, reason="no GL library works on this machine")
EVERY = [pytest.param(GL or "egl", marks=needs_gl), "raycast"]


def tabletop() -> tuple[mujoco.MjModel, mujoco.MjData]:
    """Four named shapes under a lamp, seen by two cameras; the second sits inside its own body's box."""
    geoms = "".join(
        f'<geom name="{name}" type="{SHAPES[name][0]}" size="{SHAPES[name][1]}" '
        f'pos="{" ".join(map(str, PLACES[name]))}" rgba="{" ".join(map(str, rgb))} 1"/>'
        for name, rgb in COLOURS.items()
    )
    model = mujoco.MjModel.from_xml_string(
        f"""<mujoco><visual><headlight ambient=".4 .4 .4" diffuse=".3 .3 .3" specular="0 0 0"/></visual>
        <worldbody><light dir="-.2 -.2 -1" directional="true" diffuse=".4 .4 .4"
        specular="0 0 0" castshadow="true"/>
        <geom name="table" type="box" size=".8 .8 .02" pos="0 0 -.02" rgba=".5 .5 .5 1"/>{geoms}
        <body pos="0 0 .7"><geom type="box" size=".05 .05 .05"/>
        <camera name="wrist" xyaxes="0 1 0 -1 0 0"/></body>
        <camera name="front" pos="1.3 0 1" xyaxes="0 1 0 -.6 0 .8"/></worldbody></mujoco>"""
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def at(model: mujoco.MjModel, data: mujoco.MjData, geom: str, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The front camera's pixel at the middle of a geom, shape (3,)."""
    camera = data.camera("front")
    x, y, z = camera.xmat.reshape(3, 3).T @ (data.geom(geom).xpos - camera.xpos)
    half = np.tan(np.deg2rad(model.camera("front").fovy[0]) / 2)
    height, width = image.shape[:2]
    return image[int(height * (0.5 - 0.5 * y / (-z * half))), int(width * (0.5 + 0.5 * x / (-z * half)))]


@pytest.fixture(params=EVERY)
def renderer(request: pytest.FixtureRequest) -> Iterator[Renderer]:
    renderer = open_renderer(tabletop()[0], CAMERAS, request.param)
    yield renderer
    renderer.close()


def test_pictures_have_the_asked_sizes_and_show_the_named_colours(renderer: Renderer) -> None:
    model, data = tabletop()
    images = renderer.render(data)
    assert {name: (image.shape, image.dtype) for name, image in images.items()} == {
        name: ((*size, 3), np.uint8) for name, size in CAMERAS.items()
    }
    for name, rgb in COLOURS.items():
        pixel = at(model, data, name, images["front"]).astype(float)
        assert pixel @ rgb / np.linalg.norm(pixel) / np.linalg.norm(rgb) > 0.97, (name, pixel)


def test_same_state_same_bytes_and_fresh_arrays(renderer: Renderer) -> None:
    _, data = tabletop()
    first, second = renderer.render(data), renderer.render(data)
    for name in CAMERAS:
        assert np.array_equal(first[name], second[name])
        assert not np.shares_memory(first[name], second[name])
        assert first[name].flags.c_contiguous


@needs_gl
def test_a_window_is_that_part_of_the_whole_picture() -> None:
    model, data = tabletop()
    whole = GlRenderer(model, {"front": (128, 128)}, GL or "egl")
    part = open_renderer(model, {"front": (64, 64)}, GL or "egl", {"front": (0.25, 0.125, 0.75, 0.625)})
    there = whole.render(data)["front"][16:80, 32:96].astype(float)
    assert np.abs(part.render(data)["front"] - there).mean() < 1
    whole.close()
    part.close()
    with pytest.raises(ValueError, match="'raycast' draws whole pictures only"):
        open_renderer(model, {"front": (8, 8)}, "raycast", {"front": (0, 0, 0.5, 0.5)})


def test_pictures_are_means_of_what_is_drawn() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    exact = drawn.reshape(3, 2, 2, 2, 3).mean((1, 3))
    assert averaged(drawn).shape == (3, 2, 3)
    assert np.abs(averaged(drawn) - exact).max() <= 0.5
    assert averaged(np.full((2, 2, 3), 255, np.uint8)).max() == 255


def test_a_colour_changed_in_the_model_shows_in_the_next_picture(renderer: Renderer) -> None:
    model, data = tabletop()
    renderer.bind(model)
    renderer.render(data)
    model.geom("red").rgba[:3] = COLOURS["green"]
    assert np.argmax(at(model, data, "red", renderer.render(data)["front"])) == 1


def test_a_geom_made_clear_is_looked_through(renderer: Renderer) -> None:
    model, data = tabletop()
    renderer.bind(model)
    before = at(model, data, "blue", renderer.render(data)["front"])
    model.geom("blue").rgba[3] = 0
    after = at(model, data, "blue", renderer.render(data)["front"])
    assert np.argmax(before) == 2
    assert np.ptp(after) <= 2  # the grey table behind


def test_bind_draws_another_model_with_its_own_textures(renderer: Renderer) -> None:
    other = mujoco.MjModel.from_xml_string(
        """<mujoco><asset><texture name="t" type="2d" builtin="flat" rgb1="0 0 1" width="8" height="8"/>
        <material name="t" texture="t"/></asset><worldbody><light pos="0 0 3" specular="0 0 0"/>
        <geom type="box" size="1 1 .1" material="t"/><camera name="front" pos="0 0 2"/>
        <camera name="wrist" pos="0 0 2"/></worldbody></mujoco>"""
    )
    data = mujoco.MjData(other)
    mujoco.mj_forward(other, data)
    renderer.bind(other)
    red, _, blue = renderer.render(data)["front"].reshape(-1, 3).mean(0)
    assert blue > 80
    assert blue > 2.5 * red  # some white of the lamp's highlight is fine


def test_a_renderer_made_here_may_be_used_in_another_thread_and_here_again(renderer: Renderer) -> None:
    _, data = tabletop()
    here = renderer.render(data)
    there: list[dict[str, NDArray[np.uint8]]] = []
    thread = threading.Thread(target=lambda: there.append(renderer.render(data)))
    thread.start()
    thread.join()
    again = renderer.render(data)
    for name in CAMERAS:
        assert np.array_equal(here[name], there[0][name])
        assert np.array_equal(here[name], again[name])


def test_closing_twice_is_fine_and_drawing_afterwards_is_not(renderer: Renderer) -> None:
    renderer.close()
    renderer.close()
    with pytest.raises(RuntimeError, match="closed"):
        renderer.render(tabletop()[1])


@pytest.mark.parametrize("backend", EVERY)
def test_what_is_not_there_is_named(backend: str) -> None:
    model, _ = tabletop()
    with pytest.raises(ValueError, match=r"camera 'side' is not in the model; it has \['front', 'wrist'\]"):
        open_renderer(model, {"side": (8, 8)}, backend)
    with pytest.raises(ValueError, match="at least one camera"):
        open_renderer(model, {}, backend)
    with pytest.raises(ValueError, match="backend 'vulkan' is not one of auto, egl, osmesa, raycast"):
        open_renderer(model, CAMERAS, "vulkan")


@needs_gl
def test_the_ray_caster_agrees_with_the_rasteriser() -> None:
    model, data = tabletop()
    with GlRenderer(model, CAMERAS, GL or "egl") as rasteriser:
        drawn, cast = rasteriser.render(data), RaycastRenderer(model, CAMERAS).render(data)
        for name in CAMERAS:
            difference = np.abs(drawn[name].astype(int) - cast[name])
            assert difference.mean() < 3, name
            assert (difference.max(-1) > 40).mean() < 0.03, name  # silhouettes, where a pixel is either


@needs_gl
def test_the_ray_caster_agrees_in_the_real_scene_while_the_arm_moves() -> None:
    world = World(backend=GL or "egl")
    caster = RaycastRenderer(world.model, world.spec.cameras)
    expert = ScriptedExpert(world)
    for task in ("put_in_drawer", "stack"):
        world.reset(task, 3)
        for step in range(41):
            if step % 20 == 0:
                drawn, cast = world.observe().images, caster.render(world.data)
                for name in drawn:
                    assert np.abs(drawn[name].astype(int) - cast[name]).mean() < 14, (task, step, name)
            world.step(expert.action())
    world.close()


def test_rays_meet_the_geoms_that_single_rays_meet() -> None:
    world = World(render=False)
    caster = RaycastRenderer(world.model, world.spec.cameras)
    world.reset("put_in_drawer", 3)
    for camera in ("front", "wrist"):
        view = world.data.camera(camera)
        rays = (caster._rays[camera] @ view.xmat.reshape(3, 3).T)[::53]
        hit, distance = caster._caster.cast(world.data, view.xpos, rays, -1)
        one = np.zeros(1, np.int32)
        groups = np.array([1, 1, 1, 0, 0, 0], np.uint8)
        for ray, geom, far in zip(rays, hit, distance, strict=True):
            alone = mujoco.mj_ray(world.model, world.data, view.xpos, ray.copy(), groups, 1, -1, one)
            assert (one[0], alone) == (geom, pytest.approx(far if geom >= 0 else -1))


@needs_gl
def test_a_picture_costs_a_few_milliseconds_of_one_core() -> None:
    world = World(backend=GL or "egl")
    world.reset("stack", 0)
    world.observe()
    began = time.process_time()
    for _ in range(20):
        world.observe()
    assert (time.process_time() - began) / 20 < 0.02  # shadows alone would cost more than this
    world.close()


def test_the_first_backend_that_works_is_taken_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHOICE_VARIABLE, raising=False)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    chosen = choose_backend()
    assert chosen == (GL or "raycast")
    assert os.environ[CHOICE_VARIABLE] == chosen
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")  # a second trial could not even start
    assert choose_backend() == chosen


def test_without_gl_the_ray_caster_is_taken_with_a_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.delenv(CHOICE_VARIABLE, raising=False)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    # PyOpenGL cannot be loaded in the trial: what a machine without any GL package looks like.
    (tmp_path / "OpenGL.py").write_text("raise ImportError('no GL here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert choose_backend() == "raycast"
    said = caplog.text
    assert "'egl' does not work" in said
    assert "apt-get install libegl1 libgl1" in said
    assert "ray caster" in said


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_fresh_process_draws_with_what_it_is_told(backend: str) -> None:
    if backend != "raycast" and try_backend(backend):
        pytest.skip(f"{backend} does not work here")
    code = (
        "import mujoco, sys; from sim.render import open_renderer;"
        "m = mujoco.MjModel.from_xml_string(\"<mujoco><worldbody><geom size='.2'/>"
        "<camera name='c' pos='0 0 1'/></worldbody></mujoco>\");"
        "d = mujoco.MjData(m); mujoco.mj_forward(m, d);"
        f"r = open_renderer(m, {{'c': (16, 16)}}, '{backend}'); print(r.render(d)['c'].max())"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert int(ran.stdout) > 50
    assert ran.stderr == ""  # no complaint at exit
