import pytest
import torch

from vla.models.vit import ViT, ViTConfig, fold


@pytest.mark.parametrize("stem", ["hybrid", "patch"])
def test_tokens_and_map_have_the_promised_shapes(stem: str) -> None:
    vit = ViT(ViTConfig(image_size=32, width=32, depth=1, heads=2, stem=stem))
    tokens, features = vit(torch.rand(3, 2, 32, 32, 3))
    assert tokens.shape == (3, 2, 1 + 4, 32)
    assert features.shape == (3, 2, 4, 4, 32)


def test_bytes_and_unit_floats_are_the_same_picture() -> None:
    vit = ViT(ViTConfig(image_size=32, width=32, depth=1, heads=2))
    picture = torch.randint(0, 256, (1, 2, 32, 32, 3), dtype=torch.uint8)
    torch.testing.assert_close(vit(picture)[0], vit(picture.float() / 255)[0])


def test_cameras_are_told_apart() -> None:
    vit = ViT(ViTConfig(image_size=32, width=32, depth=1, heads=2))
    tokens, _ = vit(torch.rand(1, 1, 32, 32, 3).expand(1, 2, -1, -1, -1))
    assert not torch.allclose(tokens[:, 0], tokens[:, 1])


def test_fold_keeps_each_patch_in_its_cell() -> None:
    picture = torch.arange(8 * 8 * 3).reshape(1, 8, 8, 3)
    cells = fold(picture, 4)
    assert torch.equal(cells[0, 1, 0], picture[0, 4:8, 0:4].reshape(-1))


def test_the_map_says_where_something_changed() -> None:
    vit = ViT(ViTConfig(image_size=64, width=32, depth=1, heads=2))
    torch.nn.init.zeros_(vit.lift.weight)
    dark = torch.zeros(1, 2, 64, 64, 3)
    lit = dark.clone()
    lit[:, :, 42:46, 10:14] = 1
    change = (vit(lit)[1] - vit(dark)[1]).abs().sum(-1)[0, 0]
    row, column = divmod(int(change.argmax()), 8)
    assert abs(row - 5) <= 1
    assert abs(column - 1) <= 1


def test_wrong_pictures_and_stems_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'conv' is not one of hybrid, patch"):
        ViTConfig(stem="conv")
    with pytest.raises(ValueError, match=r"\(1, 2, 16, 16, 3\)"):
        ViT(ViTConfig(image_size=32, width=32, heads=2))(torch.rand(1, 2, 16, 16, 3))
