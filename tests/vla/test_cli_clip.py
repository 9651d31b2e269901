"""``handily look`` and ``handily clip``: ranked labels that add up to 1, and mistakes in one line."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from policies.clip_checkpoint import save_clip
from sim.goals import TEMPLATES, draw
from sim.goals.world import GoalWorld
from sim.seeds import EVALUATION_SEED
from vla.cli import app
from vla.models.clip import CLIP, CLIPConfig
from vla.models.text import InstructionTokenizer, TextConfig
from vla.models.vit import ViTConfig

LABELS = ("a red block in the bowl", "an empty bowl", "[odd] label")


def call(*words: str):
    return CliRunner().invoke(app, list(words))


def _header(width: int, height: int) -> bytes:
    """A PNG that promises a huge picture and holds none of it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    vision = ViTConfig(image_size=32, width=16, depth=1, heads=2, stem_width=8, cameras=1)
    config = CLIPConfig(vision, TextConfig(vocabulary=100, max_tokens=12, width=16, depth=1, heads=2), 16, 16)
    run = tmp_path_factory.mktemp("clip") / "run"
    tokenizer = InstructionTokenizer.train(LABELS, 100, 12)
    weights = CLIP(config).state_dict()
    save_clip(
        run, model=config, tokenizer=tokenizer, step=1, notes={}, weights=weights, training={}, keep_last=1
    )
    return run


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)).save(path)
    return path


def test_labels_are_ranked_and_add_up_to_one(model: Path, picture: Path) -> None:
    shown = call("look", str(picture), "--labels", *LABELS, "--model", str(model))
    assert shown.exit_code == 0, shown.output
    lines = [re.fullmatch(r" *([\d.]+)%  (.*)", line) for line in shown.output.splitlines()]
    assert all(lines)
    chances = [float(line[1]) for line in lines if line]
    assert sorted(line[2] for line in lines if line) == sorted(LABELS)
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(100, abs=0.05)


def test_grey_transparent_and_tiny_pictures_are_looked_at(model: Path, tmp_path: Path) -> None:
    for mode, size in (("L", (7, 200)), ("RGBA", (1, 1)), ("P", (33, 32))):
        path = tmp_path / f"{mode}.png"
        Image.new(mode, size).save(path)
        shown = call("look", str(path), "--labels", *LABELS, "--model", str(model))
        assert shown.exit_code == 0, shown.output


def test_what_is_no_picture_is_said_in_one_line(model: Path, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    (tmp_path / "half.png").write_bytes(picture.read_bytes()[: picture.stat().st_size // 2])
    (tmp_path / "bomb.png").write_bytes(_header(11_000, 11_000))
    (tmp_path / "larger.png").write_bytes(_header(60_000, 60_000))
    for name, says in (
        ("notes.png", "is no picture"),
        ("half.png", "is a damaged picture"),
        ("bomb.png", "more than 100 megapixels"),
        ("larger.png", "more than 100 megapixels"),
        (".", "is a folder"),
        ("nowhere.png", "no such file"),
    ):
        shown = call("look", str(tmp_path / name), "--labels", "a", "b", "--model", str(model))
        assert shown.exit_code == 2, shown.output
        assert says in shown.output
        assert len(shown.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["look", "{image}", "--labels", "a", " ", "--model", "{model}"], "a label has no words"),
        (["look", "{image}", "--labels", "a", "--device", "tpu", "--model", "{model}"], "device=tpu"),
        (["look", "{image}", "--labels", "a", "--model", "{image}"], "cannot be loaded"),
        (["clip", "train", "stills=/nowhere"], "/nowhere"),
        (["clip", "train", "stills=[]"], "names no folder"),
        (["clip", "train", "train.freeze=head"], "'stem'"),
        (["clip", "train", "train.stepps=3"], "did you mean 'train.steps'"),
        (["clip", "eval", "scenes=0"], "scenes=0"),
        (["clip", "calibrate", "threshold=2"], "threshold=2.0"),
        (["collect", "tableaux=true"], "stills=N"),
    ],
)
def test_mistakes_are_one_line(words: list[str], says: str, model: Path, picture: Path) -> None:
    shown = call(*(word.format(image=picture, model=model) for word in words))
    assert shown.exit_code == 2, shown.output
    assert says in shown.output


@pytest.mark.parametrize("command", ["train", "eval", "calibrate"])
def test_every_command_explains_itself(command: str) -> None:
    assert f"handily clip {command} " in call("clip", command, "--help").output
    shown = call("clip", command, "--show-config")
    assert shown.exit_code == 0, shown.output
    assert "seed:" in shown.output


def test_the_model_that_comes_with_handily_tells_an_open_drawer_from_a_closed_one(tmp_path: Path) -> None:
    right = []
    with GoalWorld(128) as world:
        for seed in range(EVALUATION_SEED, EVALUATION_SEED + 8):
            goal, table = draw(TEMPLATES["open_drawer" if seed % 2 else "close_drawer"], seed)
            world.lay_goal(goal, table)
            picture = tmp_path / f"{seed}.png"
            Image.fromarray(world.pictures()["front"]).save(picture)
            result = call("look", str(picture), "--labels", "the drawer is open", "the drawer is closed")
            assert result.exit_code == 0, result.output
            first = result.output.splitlines()[0]
            right.append(first.endswith(f"the drawer is {world.symbols().drawer}"))
    assert sum(right) >= 7, right
