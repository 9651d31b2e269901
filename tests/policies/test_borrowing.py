"""What another network has learned to see and to read is begun with, and what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_planner
import torch

from policies.borrowing import borrow_reader, borrow_tower, tokenizer_of
from policies.checkpoint import export_checkpoint, read_checkpoint
from policies.clip_checkpoint import read_clip, save_clip
from policies.config import TrainConfig
from policies.manifest import CheckpointError
from policies.train import train
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.clip import CLIP, CLIPConfig
from vla.models.text import InstructionTokenizer, TextConfig, TextEncoder
from vla.models.vit import ViT

TEXT = TextConfig(vocabulary=300, width=32, depth=1, heads=2)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image-text model that has learned nothing; its tower looks through one camera."""
    torch.manual_seed(1)
    config = CLIPConfig(vision=replace(tiny_planner.VISION, cameras=1), text=TEXT, width=16, hidden=16)
    words = InstructionTokenizer.train(["a red block in the bowl"], 300)
    return save_clip(
        tmp_path_factory.mktemp("clip"),
        model=config,
        tokenizer=words,
        step=0,
        notes={},
        weights=CLIP(config).state_dict(),
        training={},
        keep_last=1,
    )


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planner")
    tiny_planner.model().save_pretrained(folder)
    tiny_planner.tokenizer().save_pretrained(folder)
    return folder


def test_of_a_deeper_tower_the_first_blocks_are_taken(trained: Path):
    deep = read_checkpoint(str(trained)).weights
    depth = 1 + max(int(name.split(".")[2]) for name in deep if name.startswith("vision.blocks."))
    tower = ViT(replace(read_checkpoint(str(trained)).config.model.vision, depth=depth - 1))
    borrow_tower(tower, str(trained))
    found = tower.state_dict()
    assert found
    assert all(torch.equal(tensor, deep[f"vision.{name}"]) for name, tensor in found.items())


def test_a_tower_is_taken_over_from_whatever_has_one(trained: Path, clip: Path, planner: Path):
    images = torch.rand(2, 2, 32, 32, 3)
    eyes = tiny_planner.model().model.vision_tower.eyes
    tower = ViT(tiny_planner.VISION).eval()
    borrow_tower(tower, str(planner))
    assert torch.equal(tower(images)[1], eyes.vision.eval()(images)[1])
    borrow_tower(tower, str(trained))
    policy = read_checkpoint(trained).weights
    assert all(torch.equal(tensor, policy[f"vision.{name}"]) for name, tensor in tower.state_dict().items())


def test_one_camera_gives_and_takes_what_there_is(clip: Path, trained: Path):
    both = ViT(tiny_planner.VISION)
    second = both.camera[1].clone()
    borrow_tower(both, str(clip))
    assert torch.equal(both.camera[0], read_clip(clip).weights["vision.camera"][0])
    assert torch.equal(both.camera[1], second)
    one = ViT(replace(tiny_planner.VISION, cameras=1))
    borrow_tower(one, str(trained))
    assert torch.equal(one.camera[0], read_checkpoint(trained).weights["vision.camera"][0])


def test_what_does_not_fit_is_refused_by_name(trained: Path, planner: Path, tmp_path: Path):
    with pytest.raises(CheckpointError, match="other sizes"):
        borrow_tower(ViT(replace(tiny_planner.VISION, width=64)), str(trained))
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        borrow_tower(ViT(tiny_planner.VISION), str(tmp_path))
    with pytest.raises(CheckpointError, match="text encoder does not fit"):
        borrow_reader(TextEncoder(TEXT), str(planner))
    with pytest.raises(CheckpointError, match="text encoder does not fit"):
        borrow_reader(TextEncoder(replace(TEXT, vocabulary=400)), str(trained))


def test_a_policy_begins_with_another_reader_and_its_words(
    make_config: Callable[..., TrainConfig], clip: Path, planner: Path, cache: FrameCache, robot: RobotSpec
):
    still = make_config(
        steps=1, learning_rate=0.0, ema_decay=0.0, reader_from=str(clip), tower_from=str(planner)
    )
    found = read_checkpoint(train(still, cache, robot))
    assert found.tokenizer.to_json() == tokenizer_of(str(clip)).to_json()
    reader = TextEncoder(TEXT)
    borrow_reader(reader, str(clip))
    assert all(torch.equal(x, found.weights[f"text.{name}"]) for name, x in reader.state_dict().items())
    eyes = tiny_planner.model().model.vision_tower.eyes.vision.state_dict()
    assert all(torch.equal(x, found.weights[f"vision.{name}"]) for name, x in eyes.items())
    shipped = read_checkpoint(export_checkpoint(found.directory, found.directory.parent / "shipped")).config
    assert (shipped.tower_from, shipped.reader_from, shipped.output) == ("", "", "")
    with pytest.raises(ValueError, match=r"reader_from .* does not go with init_from"):
        make_config(reader_from=str(clip), init_from=str(clip))
