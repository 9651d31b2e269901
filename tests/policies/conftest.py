"""A tiny made-up set of demonstrations: coloured squares, and a tool that goes to the one named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from policies.augmentation import AugmentConfig
from policies.config import TrainConfig
from policies.train import train
from vla.contract import Axis, RobotSpec
from vla.dataset.frames import FrameCache
from vla.dataset.lessons import LessonBlock, LessonText, claim, write_block
from vla.models.action_expert import ExpertConfig
from vla.models.grounding import GroundingConfig
from vla.models.text import TextConfig
from vla.models.vit import ViTConfig
from vla.models.vla import VLA, VLAConfig
from vla.planner.grammar import FIXTURES, NAMES
from vla.planner.seen import COLUMNS as SEEN_COLUMNS
from vla.planner.seen import ROWS as SEEN_ROWS
from vla.planner.seen import Seen, SeenThing, format_seen

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (40, 40, 230)}


def spec(size: int = 32) -> RobotSpec:
    tool = [Axis(f"tool_{a}", "m", -1.0, 1.0, 0.5) for a in "xyz"]
    gripper = Axis("gripper_gap", "m", 0.0, 0.08, 0.2)
    joints = [Axis(f"joint_{i}", "rad", -3.0, 3.0) for i in range(1, 8)]
    return RobotSpec(
        name="toy",
        action=(*tool, gripper),
        state=(*joints, *tool, gripper),
        cameras={"front": (size, size), "wrist": (size, size)},
        control_hz=20.0,
    )


def tiny_model(size: int = 32, chunk: int = 8) -> VLAConfig:
    return VLAConfig(
        vision=ViTConfig(image_size=size, width=32, depth=1, heads=2, stem_width=16),
        text=TextConfig(vocabulary=300, width=32, depth=1, heads=2),
        grounding=GroundingConfig(width=32, depth=2, heads=2),
        expert=ExpertConfig(chunk=chunk, width=32, depth=2, heads=2),
    )


def tiny_config(output: str, **changes: Any) -> TrainConfig:
    values: dict[str, Any] = {
        "output": output,
        "model": tiny_model(),
        "augment": AugmentConfig(shift_px=1, cutout_px=8),
        "steps": 6,
        "batch_size": 8,
        "warmup_steps": 5,
        "bf16": "false",
        "device": "cpu",
        "threads": 1,
        "held_out": 0.2,
        "log_every": 1,
        "validate_samples": 16,
        "save_every": 2,
    }
    return TrainConfig(**values | changes)


def make_cache(episodes: int = 20, length: int = 24, size: int = 32, seed: int = 0) -> FrameCache:
    """Front pictures show three squares; the state and the action lead straight to the named one."""
    rng = np.random.default_rng(seed)
    frames = episodes * length
    front = np.full((frames, size, size, 3), 120, np.uint8)
    state = np.zeros((frames, 11), np.float32)
    action = np.zeros((frames, 4), np.float32)
    entities = np.zeros((frames, 16, 9), np.float32)
    done = np.full((frames, 9), np.nan, np.float32)
    queries: list[list[dict[str, Any]]] = []
    names = list(COLOURS)
    half = size // 10 + 1
    for e in range(episodes):
        rows = slice(e * length, (e + 1) * length)
        spots = [(rng.uniform(0.15, 0.85), (i + rng.uniform(0.3, 0.7)) / 3) for i in range(3)]
        for i, (name, (u, v)) in enumerate(zip(names, spots, strict=True)):
            y, x = int(v * size), int(u * size)
            front[rows, max(y - half, 0) : y + half, max(x - half, 0) : x + half] = COLOURS[name]
            entities[rows, i] = [1, i, v - 0.5, u - 0.5, 0.05, u, v, 2.0, np.nan]
        chosen = int(rng.integers(3))
        order = [chosen, *(i for i in range(3) if i != chosen)]
        goal = entities[rows, chosen, 2:5][0]
        share = np.linspace(0, 1, length)[:, None]
        start = rng.uniform(-0.5, 0.5, 3)
        path = start + share * (goal - start)
        state[rows, :7] = rng.normal(size=(length, 7)) * 0.1
        state[rows, 7:10] = path
        action[rows, :3] = np.concatenate([path[1:], path[-1:]])
        action[rows, 3] = 0.04
        done[rows, 0] = np.linalg.norm(path - goal, axis=1) < 0.1
        done[rows, 1:3] = np.linalg.norm(path[:, None] - entities[rows, order[1:], 2:5], axis=-1) < 0.1
        queries.append(
            [
                {
                    "texts": [f"reach the {names[i]} block", f"go to the {names[i]} cube"],
                    "family": "reach",
                    "target": i,
                    "destination": -1,
                    "point": None,
                }
                for i in order
            ]
        )
    wrist = rng.integers(0, 255, (frames, size, size, 3), dtype=np.uint8)
    return FrameCache(
        fps=20.0,
        stride=1,
        images={"front": front, "wrist": wrist},
        columns={
            "observation.state": state,
            "action": action,
            "label.entities": entities.reshape(frames, -1),
            "label.done": done,
        },
        frame_index_of=np.arange(frames),
        bounds=np.arange(episodes + 1) * length,
        tasks=tuple(q[0]["texts"][0] for q in queries),
        queries=tuple(queries),
        splits=("train",) * episodes,
        features={},
    )


@pytest.fixture
def network() -> VLA:
    return VLA(tiny_model())


@pytest.fixture(scope="session")
def cache() -> FrameCache:
    return make_cache()


@pytest.fixture
def robot() -> RobotSpec:
    return spec()


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., TrainConfig]:
    return lambda **changes: tiny_config(str(tmp_path / "run"), **changes)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, cache: FrameCache) -> Path:
    """A checkpoint of a policy that has seen next to nothing."""
    run = tmp_path_factory.mktemp("trained") / "run"
    return train(tiny_config(str(run), steps=2), cache, spec())


@pytest.fixture(scope="session")
def make_lessons() -> Callable[..., Path]:
    """Writes lessons about one thing on a grey table: where a coloured square is in the front picture."""

    def make(root: Path, count: int, pictures: bool = True, size: int = 32, seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        claim(root, {"seed": seed, "pictures": pictures})
        texts, images = [], np.full((count, 2, size, size, 3), 120, np.uint8)
        points = np.full((count, len(NAMES) + len(FIXTURES), 2), np.nan, np.float16)
        for i in range(count):
            name = NAMES[int(rng.choice([NAMES.index(f"{colour} block") for colour in COLOURS]))]
            column, row = int(rng.integers(SEEN_COLUMNS)), int(rng.integers(SEEN_ROWS))
            u, v = (column + 0.5) / SEEN_COLUMNS, (row + 0.5) / SEEN_ROWS
            y, x = int(v * size), int(u * size)
            images[i, 0, max(y - 3, 0) : y + 3, max(x - 3, 0) : x + 3] = COLOURS[name.split()[0]]
            points[i, NAMES.index(name)] = (u, v)
            seen = format_seen(
                Seen({"drawer": None}, "open", things=(SeenThing(name, "table", (column, row)),))
            )
            reply = f"put the {name} in the drawer; close the drawer."
            turns = (("what is there?", f"a {name}"),)
            texts.append(LessonText("toy", "fetch", i, f"store the {name}", (), seen, reply, turns))
        for first in range(0, count, 8):
            part = slice(first, first + 8)
            arrays = (images[part], points[part]) if pictures else (None, None)
            write_block(root, first, LessonBlock(texts[part], *arrays))
        return root

    return make
