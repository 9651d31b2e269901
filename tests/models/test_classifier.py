from dataclasses import replace

import pytest
import torch

from vla.models.classifier import ClassifierConfig, ConvNet, PatchEmbedding, ViTClassifier, ViTEncoder

TINY = ClassifierConfig(image_size=32, patch=8, width=32, depth=2, heads=2, stem_width=8, outputs=5)


def pictures(count: int = 2, size: int = 32) -> torch.Tensor:
    return torch.rand(count, size, size, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stem", ["patch", "hybrid"])
@pytest.mark.parametrize("distilled", [False, True])
def test_one_head_per_learned_token_and_one_token_per_patch(stem: str, distilled: bool) -> None:
    config = replace(TINY, stem=stem, distilled=distilled)
    tokens = 2 if distilled else 1
    assert ViTEncoder(config)(pictures(3)).shape == (3, tokens + 16, 32)
    assert ViTClassifier(config)(pictures(3)).shape == (tokens, 3, 5)


def test_patches_are_numbered_row_by_row_from_the_top_left() -> None:
    embed = PatchEmbedding(TINY)
    dark = torch.zeros(1, 32, 32, 3)
    for number in (0, 3, 4, 15):
        row, column = divmod(number, 4)
        lit = dark.clone()
        lit[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 1
        change = (embed(lit) - embed(dark)).abs().sum(-1)[0]
        assert change.nonzero().flatten().tolist() == [number]


def shuffled(images: torch.Tensor) -> torch.Tensor:
    """The same 8x8 patches in another order."""
    cells = images.reshape(-1, 4, 8, 4, 8, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, 8, 8, 3)
    cells = cells[:, torch.randperm(16, generator=torch.Generator().manual_seed(1))]
    return cells.reshape(-1, 4, 4, 8, 8, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 32, 32, 3)


def test_the_order_of_patches_is_known_through_positions_alone() -> None:
    network = ViTClassifier(TINY).eval()
    assert not torch.allclose(network(pictures()), network(shuffled(pictures())), atol=1e-4)
    torch.nn.init.zeros_(network.encoder.position)
    torch.testing.assert_close(network(pictures()), network(shuffled(pictures())), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("stem", ["patch", "hybrid"])
def test_seeing_all_patches_in_another_order_changes_nothing_for_the_class_token(stem: str) -> None:
    encoder = ViTEncoder(replace(TINY, stem=stem))
    order = torch.stack([torch.randperm(16) for _ in range(2)])
    whole, part = encoder(pictures()), encoder(pictures(), order)
    torch.testing.assert_close(part[:, 0], whole[:, 0], atol=1e-5, rtol=1e-5)
    for b in range(2):
        torch.testing.assert_close(part[b, 1:], whole[b, 1:][order[b]], atol=1e-5, rtol=1e-5)


def test_what_is_not_visible_does_not_matter() -> None:
    encoder, visible = ViTEncoder(TINY), torch.tensor([[0, 5]])
    one = pictures(1)
    other = one.clone()
    other[:, :, 16:] = 0
    torch.testing.assert_close(encoder(one, visible), encoder(other, visible))
    assert not torch.allclose(encoder(one), encoder(other))


@pytest.mark.parametrize("network", [ViTClassifier(TINY), ConvNet(5, (8, 8, 8, 8))])
def test_bytes_and_unit_floats_are_the_same_picture(network: torch.nn.Module) -> None:
    network.eval()
    picture = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    torch.testing.assert_close(network(picture), network(picture.float() / 255))


def test_the_convnet_is_about_as_large_as_the_transformer_and_knows_a_thing_wherever_it_is() -> None:
    plain, convnet = ViTClassifier(ClassifierConfig()), ConvNet(31)
    sizes = [sum(p.numel() for p in network.parameters()) for network in (plain, convnet)]
    assert 0.8 < sizes[1] / sizes[0] < 1.25
    convnet.eval()
    assert convnet(pictures(2, 48)).shape == (1, 2, 31)
    here, there, nowhere = torch.zeros(3, 1, 512, 512, 3)
    here[:, 224:232, 224:232] = 1
    there[:, 256:264, 256:264] = 1
    # Far from the rim, and at the same place of a cell of the coarsest grid.
    assert not torch.allclose(convnet(here), convnet(nowhere), atol=1e-4)
    torch.testing.assert_close(convnet(here), convnet(there), atol=1e-5, rtol=1e-5)


def test_wrong_sizes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'conv' is not one of hybrid, patch"):
        ClassifierConfig(stem="conv")
    with pytest.raises(ValueError, match="image_size 50 must be a multiple of patch 8"):
        ClassifierConfig(image_size=50)
    with pytest.raises(ValueError, match="patch 4 of a hybrid stem"):
        ClassifierConfig(patch=4, stem="hybrid")
    with pytest.raises(ValueError, match=r"\(1, 16, 16, 3\)"):
        ViTEncoder(TINY)(torch.rand(1, 16, 16, 3))
