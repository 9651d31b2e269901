"""Scenes to talk about: pictures of the front camera, each with its text-only context.

Scene k always comes from the same seed, and finished blocks are kept, so that an interrupted run goes on
where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sim.blocks import spread
from sim.goals import TEMPLATES
from sim.goals.world import GoalWorld
from sim.instruct.context import as_json, context_text, scene_of
from sim.instruct.scene import Scene
from sim.instruct.tables import LIVED_IN
from sim.randomise import Randomise
from sim.seeds import EVALUATION_SEED
from sim.tableaux import random_pose
from vla.contract import ContractError
from vla.dataset.schema import DatasetError, read_json, write_text
from vla.planner.grammar import Step, step_words

CONTEXTS = "contexts.jsonl"
IMAGES = "images"
_BLOCK = 50
_GOAL_SHARE, _ACT_SHARE = 0.4, 0.35
_SETTLING_STEPS = 4


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """What a folder of scenes is a function of.

    Attributes:
        root: The folder.
        count: Scenes in all.
        seed: Added to the first scene's seed.
        image_size: Picture side in pixels.
        evaluation: Whether the scenes are from the seeds of evaluation, which no training ever sees; only
            there tables of held-out goals are laid, too.
    """

    root: Path
    count: int
    seed: int = 0
    image_size: int = 128
    evaluation: bool = False

    def __post_init__(self) -> None:
        if self.count < 1 or self.seed < 0 or self.seed + self.count > EVALUATION_SEED:
            room = f"1..{EVALUATION_SEED}, with seed >= 0"
            raise ContractError(f"scenes: seed {self.seed} + count {self.count} must lie in {room}")


def draw_scenes(settings: SceneSettings, workers: int = 1) -> Iterator[int]:
    """Draw what is missing; yields how many scenes are on disk, then writes :data:`CONTEXTS`.

    Args:
        settings: The scenes.
        workers: Processes; 0 draws in this one.

    Raises:
        DatasetError: the folder holds something else, or scenes of other settings.
    """
    root = settings.root
    if claim(root, _fingerprint(settings)):
        yield settings.count
        return
    blocks = [range(k, min(k + _BLOCK, settings.count)) for k in range(0, settings.count, _BLOCK)]
    missing = [block for block in blocks if not _note(root, block).exists()]
    done = settings.count - sum(map(len, missing))
    yield done
    for block in spread(partial(_draw_block, settings), missing, workers):
        done += len(block)
        yield done
    lines = [line for block in blocks for line in read_json(_note(root, block))]
    write_contexts(root, lines)
    for block in blocks:
        _note(root, block).unlink()


def claim(root: Path, fingerprint: str) -> bool:
    """Take a folder for scenes of these settings; True where they are complete already.

    Raises:
        DatasetError: the folder holds something else, or scenes of other settings.
    """
    about = root / "about.json"
    if about.exists():
        if read_json(about)["fingerprint"] != fingerprint:
            known = read_json(about)["fingerprint"]
            raise DatasetError(
                f"{root} holds scenes of other settings: {known}; give these a folder of their own"
            )
        return (root / CONTEXTS).exists()
    if root.exists() and any(root.iterdir()):
        raise DatasetError(f"{root} is not empty and holds no scenes; give them a folder of their own")
    (root / IMAGES).mkdir(parents=True, exist_ok=True)
    write_text(about, json.dumps({"fingerprint": fingerprint}))
    return False


def write_contexts(root: Path, contexts: list[dict[str, Any]]) -> None:
    """Write what :func:`read_contexts` reads; it appears only when it is complete."""
    write_text(root / CONTEXTS, "".join(json.dumps(context) + "\n" for context in contexts))


def read_contexts(root: Path) -> list[dict[str, Any]]:
    """The contexts of a folder of scenes: id, image (a path below the folder), seed, scene, text.

    Raises:
        DatasetError: there are none.
    """
    path = root / CONTEXTS
    if not path.exists():
        raise DatasetError(f"{root} holds no scenes; make some with: handily vqa generate out={root}")
    return [json.loads(line) for line in path.read_text().splitlines()]


def save_scene(
    root: Path, number: int, seed: int, scene: Scene, picture: NDArray[np.uint8]
) -> dict[str, Any]:
    """Write a picture, uint8 RGB (H, W, 3), and return its context."""
    name = f"{number:06d}"
    image = f"{IMAGES}/{name}.png"
    Image.fromarray(picture).save(root / image)
    about = {"id": name, "image": image, "seed": seed}
    return {**about, "scene": as_json(scene), "text": context_text(scene)}


def _note(root: Path, block: range) -> Path:
    return root / f"block-{block.start:06d}.json"


def _fingerprint(settings: SceneSettings) -> str:
    return json.dumps({**asdict(settings), "root": ""}, sort_keys=True)


_world: GoalWorld | None = None


def _draw_block(settings: SceneSettings, block: range) -> range:
    """Draw one block. The note comes last: scenes without a note are drawn again."""
    global _world
    if _world is None or _world.spec.cameras["front"][0] != settings.image_size:
        _world = GoalWorld(settings.image_size)
    contexts: list[dict[str, Any]] = []
    for k in block:
        seed = settings.seed + k + (EVALUATION_SEED if settings.evaluation else 0)
        lay_scene(_world, seed, settings.evaluation)
        truth = _world.truth()
        scene = scene_of(truth, _world.goal.names, _world.entities(truth))
        contexts.append(save_scene(settings.root, k, seed, scene, _world.pictures()["front"]))
    write_text(_note(settings.root, block), json.dumps(contexts))
    return block


def lay_scene(world: GoalWorld, seed: int, evaluation: bool = False) -> None:
    """A table as it is before, amid or after some work; the same seed gives the same scene.

    Args:
        world: Where.
        seed: Draws everything.
        evaluation: Tables of held-out goals, too.
    """
    rng = np.random.default_rng([seed, 9])
    goals = [template for template in TEMPLATES.values() if evaluation or not template.held_out]
    template = goals[int(rng.integers(len(goals)))] if rng.random() < _GOAL_SHARE else LIVED_IN
    world.lay(template, seed, Randomise())
    for _ in range(_SETTLING_STEPS):
        world.hold()
    steps = _possible(world)
    if steps and rng.random() < _ACT_SHARE:
        family = sorted(steps)[int(rng.integers(len(steps)))]
        chosen = steps[family][int(rng.integers(len(steps[family])))]
        world.carry_out(step_words(chosen))
        return
    world.pose_arm(*random_pose(rng))


def _possible(world: GoalWorld) -> Mapping[str, list[Step]]:
    """Instructions after which a table looks otherwise than when it was laid, by family."""
    state = world.symbols()
    names = list(state.names.values())
    free = [
        state.names[row]
        for row in state.names
        if state.on(row) < 0 and state.where[row] != "drawer" and names.count(state.names[row]) == 1
    ]
    found: dict[str, list[Step]] = {}
    if free:
        found |= {family: [Step(family, name) for name in free] for family in ("pick_up", "reach")}
    if "button" in state.fixtures:
        found["press_button"] = [Step("press_button")]
    return found
