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
from vla.models.action_expert import ExpertConfig
from vla.models.grounding import GroundingConfig
from vla.models.text import TextConfig
from vla.models.vit import ViTConfig
from vla.models.vla import VLA, VLAConfig

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
