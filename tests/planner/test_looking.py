"""A success detector made of an image-text model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vla.contract import ContractError, Observation, SuccessDetector
from vla.planner.looking import Calibration, ImageTextDetector, done_scores


class Bright:
    """Takes a bright picture for one of something done."""

    image_size, scale, bias = 8, 10.0, 0.0

    def embed_images(self, images: np.ndarray) -> Tensor:
        angle = torch.from_numpy(images.mean((1, 2, 3)) / 255 * np.pi / 2)
        return torch.stack([angle.sin(), angle.cos()], dim=-1).float()

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        return torch.tensor([[0.0, 1.0] if text.startswith("not done: ") else [1.0, 0.0] for text in texts])


def seen(value: int, camera: str = "front") -> Observation:
    return Observation({camera: np.full((8, 8, 3), value, np.uint8)}, np.zeros(3, np.float32), 0.0)


def test_it_is_a_detector_and_its_probability_rises_with_what_it_sees() -> None:
    detector = ImageTextDetector(Bright())
    assert isinstance(detector, SuccessDetector)
    found = [detector.success(seen(value), "press the button") for value in (0, 60, 127, 200, 255)]
    assert found == sorted(found)
    assert 0 <= found[0] < 0.01
    assert 0.99 < found[-1] <= 1
    assert found[2] == pytest.approx(0.5, abs=0.05)


def test_the_calibration_moves_the_verdict() -> None:
    plain = ImageTextDetector(Bright()).success(seen(127), "press the button")
    strict = ImageTextDetector(Bright(), Calibration(1.0, -3.0)).success(seen(127), "press the button")
    assert strict < plain


def test_each_picture_is_judged_by_its_own_instruction() -> None:
    pictures = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (10, 240)])
    features = Bright().embed_images(pictures)
    both = done_scores(Bright(), features, ["a", "b"])
    alone = [done_scores(Bright(), feature[None], ["a"])[0] for feature in features]
    assert np.allclose(both, alone)
    assert both[0] < 0 < both[1]


def test_a_missing_camera_is_named() -> None:
    with pytest.raises(ContractError, match=r"'front' is missing.*'wrist'"):
        ImageTextDetector(Bright()).success(seen(1, "wrist"), "press the button")


def test_a_calibration_comes_back_from_its_file_and_nonsense_does_not(tmp_path: Path) -> None:
    made = Calibration(0.25, -1.5, 0.8)
    made.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == made
    for text in ("{}}", '{"slope": -1}', '{"threshold": 2}', '{"what": 1}', "[1]"):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(ContractError):
            Calibration.load(tmp_path / "wrong.json")
    with pytest.raises(ContractError, match="no calibration"):
        Calibration.load(tmp_path / "nowhere.json")


def test_probabilities_of_extreme_scores_are_finite() -> None:
    found = Calibration().probability(np.array([-1e6, 0.0, 1e6]))
    assert found.tolist() == [0.0, 0.5, 1.0]
