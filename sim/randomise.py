"""What may vary from episode to episode, each on its own switch, so that one axis can be varied at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import mujoco
import numpy as np

from sim.scene import FRONT_CAMERA_FOVY_DEG, FRONT_CAMERA_POS_M, FRONT_CAMERA_TARGET_M, look_at

Split = Literal["train", "test"]
AXES = ("layout", "paraphrase", "pair", "distractors", "unnamed", "camera", "light", "texture", "start")


@dataclass(frozen=True, slots=True)
class Randomise:
    """The switches. The defaults are what training sees.

    Attributes:
        layout: "train" keeps the referred object out of the held-out cells of the table, "test" puts it
            into one.
        paraphrase: "train" or "test" phrasings of the instruction.
        pair: "train" never shows a held-out colour-shape pair; "test" refers to one.
        distractors: Smallest and largest number of objects that the instruction does not need.
        unnamed: Some distractors have colours that no word names.
        camera: Jitter the pose of the front camera (up to 15 mm and about 1 degree) and its field of view.
        light: Vary the lamp's direction and brightness and the ambient light.
        texture: Vary colours and textures of table, wall, floor, mat, containers and furniture.
        start: Vary the arm's start pose.
    """

    layout: Split = "train"
    paraphrase: Split = "train"
    pair: Split = "train"
    distractors: tuple[int, int] = (2, 5)
    unnamed: bool = True
    camera: bool = True
    light: bool = True
    texture: bool = True
    start: bool = True


BASE = Randomise(distractors=(2, 4), unnamed=False, camera=False, light=False, texture=False, start=False)
"""The plain setting that evaluation varies one axis at a time."""


def along(axis: str) -> Randomise:
    """The plain setting with one axis varied; ``"base"`` varies none and ``"all"`` varies every one.

    Raises:
        ValueError: the axis is unknown.
    """
    everything = Randomise(layout="test", paraphrase="test", pair="test")
    match axis:
        case "base":
            return BASE
        case "all":
            return everything
        case "layout" | "paraphrase" | "pair":
            return replace(BASE, **{axis: "test"})
        case "distractors":
            return replace(BASE, distractors=(5, 5))
        case "unnamed" | "camera" | "light" | "texture" | "start":
            return replace(BASE, **{axis: True})
    raise ValueError(f"axis {axis!r} is not one of base, {', '.join(AXES)}, all")


class Looks:
    """Applies lamp, colours, textures and camera pose to a compiled model; remembers the plain ones."""

    _PAINTED = ("mat", "floor", "zone", "button_base", "button_cap", "handle")

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._plain = {
            name: getattr(model, name).copy()
            for name in (
                "geom_rgba",
                "mat_rgba",
                "light_dir",
                "light_diffuse",
                "cam_pos",
                "cam_quat",
                "cam_fovy",
            )
        }
        self._head = model.vis.headlight.ambient.copy(), model.vis.headlight.diffuse.copy()

    def apply(self, switches: Randomise, rng: np.random.Generator) -> None:
        """Restore the plain looks, then vary what is switched on. Draws the same numbers either way."""
        for name, value in self._plain.items():
            getattr(self._model, name)[:] = value
        self._model.vis.headlight.ambient[:], self._model.vis.headlight.diffuse[:] = self._head
        draws = rng.uniform(
            -1, 1, (4, 64)
        )  # the last row is spare: without it every seed's scene would change
        if switches.camera:
            self._camera(draws[0])
        if switches.light:
            self._light(draws[1])
        if switches.texture:
            self._texture(draws[2])

    def _camera(self, u: np.ndarray) -> None:
        camera = self._model.camera("front").id
        position = np.add(FRONT_CAMERA_POS_M, 0.015 * u[:3])
        target = np.add(FRONT_CAMERA_TARGET_M, 0.012 * u[3:6])
        self._model.cam_pos[camera] = position
        self._model.cam_quat[camera] = look_at(tuple(position), tuple(target))
        self._model.cam_fovy[camera] = FRONT_CAMERA_FOVY_DEG + 0.6 * u[6]

    def _light(self, u: np.ndarray) -> None:
        lamp = self._model.light("lamp").id
        self._model.light_dir[lamp] = [-0.15 + 0.5 * u[0], -0.2 + 0.5 * u[1], -1.0]
        self._model.light_diffuse[lamp] = 0.5 * (1 + 0.4 * u[2]) * (1 + 0.06 * u[3:6])
        self._model.vis.headlight.ambient[:] = 0.42 * (1 + 0.25 * u[6])
        self._model.vis.headlight.diffuse[:] = 0.28 * (1 + 0.3 * u[7])

    def _texture(self, u: np.ndarray) -> None:
        # Not how often a pattern repeats: the renderer fixes that when it first draws the model, so a picture
        # would depend on the scenes drawn before it.
        model = self._model
        for i, name in enumerate(("table", "wall")):
            material = model.material(name).id
            model.mat_rgba[material, :3] = np.clip(
                0.85 + 0.15 * u[4 * i] + 0.12 * u[4 * i + 1 : 4 * i + 4], 0.4, 1
            )
        mat = model.geom("mat").id
        model.geom_rgba[mat, :3] = np.clip(0.32 + 0.16 * u[10] + 0.07 * u[11:14], 0.05, 0.6)
        for geom in range(model.ngeom):
            body = model.body(model.geom_bodyid[geom]).name
            if body in ("bowl", "tray", "cabinet", "drawer"):
                k = 16 + 5 * ("bowl", "tray", "cabinet", "drawer").index(body)
                tint = 1 + 0.12 * u[k] + 0.08 * u[k + 1 : k + 4]
                model.geom_rgba[geom, :3] = np.clip(self._plain["geom_rgba"][geom, :3] * tint, 0, 1)
