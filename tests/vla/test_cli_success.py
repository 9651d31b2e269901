"""``handily eval suite=success``: detectors side by side, each at the threshold that is in use with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_planner
import torch
from typer.testing import CliRunner

from policies.clip_checkpoint import save_clip
from vla.cli import app
from vla.models.clip import CLIP, CLIPConfig
from vla.models.text import InstructionTokenizer, TextConfig
from vla.models.vit import ViTConfig
from vla.planner.looking import Calibration


def call(*words: str):
    torch.set_num_threads(1)
    return CliRunner().invoke(app, ["eval", "suite=success", *words])


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planner") / "model"
    tiny_planner.model().save_pretrained(folder)
    tiny_planner.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ours without a calibration."""
    torch.manual_seed(0)
    vision = ViTConfig(image_size=32, width=16, depth=1, heads=2, stem_width=8, cameras=1)
    config = CLIPConfig(vision, TextConfig(vocabulary=100, max_tokens=12, width=16, depth=1, heads=2), 16, 16)
    run = tmp_path_factory.mktemp("clip") / "run"
    save_clip(
        run, model=config, tokenizer=InstructionTokenizer.train(["done: open the drawer"], 100, 12), step=1,
        notes={}, weights=CLIP(config).state_dict(), training={}, keep_last=1,
    )  # fmt: skip
    return run


def test_detectors_are_compared(llava: Path, clip: Path, tmp_path: Path):
    words = (f"detector=llava,clip={clip}", f"planner_model={llava}", "task=put_in,open_drawer", "scenes=2")
    words = (*words, "image_size=32", f"out={tmp_path}")
    assert "calibration.json" in call(*words).stderr
    calibration = next(clip.glob("step_*")) / "calibration.json"
    Calibration(threshold=0.4).save(calibration)
    done = call(*words)
    calibration.unlink()
    assert done.exit_code == 0, done.output
    (run,) = tmp_path.iterdir()
    assert {path.name for path in run.iterdir()} == {"eval.json", "thresholds.png"}
    manifest = json.loads((run / "eval.json").read_text())
    assert manifest["settings"]["thresholds"] == {"llava": 0.7, f"clip={clip}": 0.4}
    assert all("@" in weights for weights in manifest["settings"]["weights"].values())
    asked = {
        name: [(look["seed"], look["instruction"]) for look in manifest["looks"] if look["detector"] == name]
        for name in manifest["settings"]["thresholds"]
    }
    first, second = asked.values()
    assert first == second
    assert len(first) >= 5
    assert all(0 <= look["probability"] <= 1 for look in manifest["looks"])
    for word in ("precision", "recall", "balanced", "put_in", "open_drawer", "another", "median time"):
        assert word in done.output


def test_the_policys_own_head_is_a_detector(tmp_path: Path):
    done = call("detector=policy", "task=press_button", "scenes=2", "device=cpu", f"out={tmp_path}")
    assert done.exit_code == 0, done.output
    (look, *_), summary = (
        json.loads(next(tmp_path.glob("*/eval.json")).read_text())[k] for k in ("looks", "summary")
    )
    assert (look["detector"], look["family"], look["done"]) == ("policy", "press_button", True)
    assert summary["policy"].keys() == {"all", "at work", "press_button"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("detector=lava",), "did you mean 'llava'"),
        (("detector=llava=x",), "clip=FOLDER"),
        (("detector=[]",), "detector must not be empty"),
        (("task=fly",), "task=fly"),
        (("threshold=1",), "threshold=1"),
        (("scenes=0",), "scenes=0"),
        (("seed=5",), "seed 5"),
        (("detector=llava", "planner_model=MODEL"), "eyes see 32 pixels"),
        (("detector=policy", "checkpoint=/nowhere"), "/nowhere"),
        (("episodes=3",), "'episodes'"),
    ],
)
def test_mistakes_are_one_line(words: tuple[str, ...], message: str, llava: Path, tmp_path: Path):
    done = call(*(word.replace("MODEL", str(llava)) for word in words), f"out={tmp_path}")
    assert done.exit_code == 2, done.output
    # Loading a model's weights may have shown a bar before.
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_every_key_can_be_shown():
    assert call("--show-config").output.startswith("detector:")
