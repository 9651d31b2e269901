"""CLIP: the laws of its loss, its temperature and its probabilities."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from vla.models.clip import (
    CLIP,
    LARGEST_SCALE,
    CLIPConfig,
    ImageTextModel,
    TrainedCLIP,
    ensemble,
    info_nce,
    probabilities,
)
from vla.models.text import InstructionTokenizer, TextConfig
from vla.models.vit import ViTConfig

WORDS = ("a red block in the bowl", "an empty bowl", "the drawer is open")


def vectors(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def tiny(stem: str = "hybrid") -> TrainedCLIP:
    torch.manual_seed(0)
    tokenizer = InstructionTokenizer.train(WORDS, 100, 12)
    vision = ViTConfig(image_size=32, width=16, depth=1, heads=2, stem=stem, stem_width=8, cameras=1)
    text = TextConfig(vocabulary=100, max_tokens=12, width=16, depth=1, heads=2)
    return TrainedCLIP(CLIP(CLIPConfig(vision, text, width=24, hidden=20)), tokenizer)


def pictures(count: int, height: int = 32, width: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [2, 7, 32])
def test_embeddings_that_tell_nothing_cost_log_batch(size: int) -> None:
    same = vectors(1, 8).expand(size, -1)
    assert float(info_nce(same, same, 30.0)) == pytest.approx(math.log(size), abs=1e-5)


def test_the_loss_is_symmetric() -> None:
    a, b = vectors(9, 6), vectors(9, 6, seed=1)
    assert float(info_nce(a, b, 5.0)) == pytest.approx(float(info_nce(b, a, 5.0)), abs=1e-6)


def test_perfect_separation_costs_nothing_in_the_limit() -> None:
    apart = torch.eye(6)
    losses = [float(info_nce(apart, apart, scale)) for scale in (1.0, 3.0, 10.0, 30.0)]
    assert all(a > b for a, b in itertools.pairwise(losses))
    assert losses[-1] < 1e-9


def test_the_loss_does_not_depend_on_the_order_of_the_batch() -> None:
    a, b, order = vectors(8, 6), vectors(8, 6, seed=1), torch.randperm(8)
    assert float(info_nce(a, b, 9.0)) == pytest.approx(float(info_nce(a[order], b[order], 9.0)), abs=1e-5)


def test_a_caption_that_is_true_of_two_pictures_is_no_wrong_answer() -> None:
    images = torch.eye(4)
    images[1] = images[0]
    texts = images.clone()
    truth = torch.zeros(4, 4, dtype=torch.bool)
    truth[0, 1] = truth[1, 0] = True
    assert float(info_nce(images, texts, 50.0)) > 0.3
    assert float(info_nce(images, texts, 50.0, truth)) < 1e-6
    # The picture's own caption always counts, whatever the diagonal says.
    truth |= torch.eye(4, dtype=torch.bool)
    assert float(info_nce(images, texts, 50.0, truth)) < 1e-6


def test_negatives_push_and_absent_ones_do_not() -> None:
    a, b, false = vectors(5, 6), vectors(5, 6, seed=1), vectors(5, 3, 6, seed=2)
    plain = float(info_nce(a, b, 4.0))
    real = torch.zeros(5, 3, dtype=torch.bool)
    assert float(info_nce(a, b, 4.0, negatives=false)) > plain
    assert float(info_nce(a, b, 4.0, negatives=false, real=real)) == pytest.approx(plain, abs=1e-6)


def test_the_temperature_is_bounded_and_comes_back() -> None:
    network = tiny().network
    with torch.no_grad():
        network.log_scale.fill_(math.log(LARGEST_SCALE) + 3)
    assert float(network.scale().detach()) == pytest.approx(LARGEST_SCALE, rel=1e-5)
    network.bound_scale()
    network.scale().backward()
    assert network.log_scale.grad is not None
    assert float(network.log_scale.grad) > 0


@pytest.mark.parametrize("stem", ["hybrid", "patch"])
def test_embeddings_have_length_one_and_probabilities_add_up_to_one(stem: str) -> None:
    model = tiny(stem)
    assert isinstance(model, ImageTextModel)
    images, texts = model.embed_images(pictures(3)), model.embed_texts(WORDS)
    assert images.shape == (3, 24)
    for found in (images, texts):
        assert torch.allclose(found.norm(dim=-1), torch.ones(3), atol=1e-5)
    chances = probabilities(model, pictures(3), texts)
    assert chances.shape == (3, 3)
    assert np.allclose(chances.sum(-1), 1)


def test_a_picture_of_any_size_is_looked_at() -> None:
    model = tiny()
    flat = np.full((1, 90, 50, 3), 117, np.uint8)
    small = np.full((1, 32, 32, 3), 117, np.uint8)
    assert torch.allclose(model.embed_images(flat), model.embed_images(small), atol=1e-4)


def test_a_text_means_the_same_beside_any_other() -> None:
    model = tiny()
    alone, beside = model.embed_texts([WORDS[1]]), model.embed_texts(WORDS)
    assert torch.allclose(alone[0], beside[1], atol=1e-5)


def test_an_ensemble_of_one_prompt_is_that_prompt() -> None:
    model = tiny()
    one = ensemble(model, [[WORDS[0]], [WORDS[1], WORDS[2]]])
    texts = model.embed_texts(WORDS)
    assert torch.allclose(one[0], texts[0], atol=1e-6)
    assert torch.allclose(one[1], normalize(texts[1] + texts[2], dim=-1), atol=1e-5)


def test_a_caption_is_of_one_picture() -> None:
    with pytest.raises(ValueError, match=r"vision\.cameras 2"):
        CLIPConfig(vision=ViTConfig())
