import torch
from torch.nn.functional import scaled_dot_product_attention

from vla.models.attention import attend, waves


def test_our_attention_is_the_reference() -> None:
    q, k, v = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.randn(2, 7, 16)
    mask = torch.rand(2, 7) < 0.7
    mask[:, 0] = True
    split = [x.unflatten(-1, (4, 4)).transpose(1, 2) for x in (q, k, v)]
    expected = scaled_dot_product_attention(*split, attn_mask=mask[:, None, None]).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attend(q, k, v, 4, mask), expected)


def test_waves_tell_millimetres_apart() -> None:
    x = torch.tensor([[0.300], [0.302]])
    near, far = waves(x, 1.28, 0.04, 6)
    assert (near - far).abs().max() > 0.2
