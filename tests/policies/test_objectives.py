import torch

from policies.objectives import heat_loss


def test_the_best_heatmap_points_at_the_label() -> None:
    uv = torch.tensor([[0.37, 0.61]])
    heat = torch.zeros(1, 8, 8, requires_grad=True)
    optimizer = torch.optim.Adam([heat], lr=0.3)
    for _ in range(200):
        optimizer.zero_grad()
        heat_loss(heat, uv).backward()
        optimizer.step()
    share = heat.detach().flatten(-2).softmax(-1).view(8, 8)
    centres = (torch.arange(8) + 0.5) / 8
    found = torch.stack([(share.sum(0) * centres).sum(), (share.sum(1) * centres).sum()])
    torch.testing.assert_close(found, uv[0], atol=5e-3, rtol=0)


def test_labels_outside_the_picture_or_unknown_do_not_count() -> None:
    heat = torch.randn(3, 8, 8)
    uv = torch.tensor([[0.5, 0.5], [1.2, 0.5], [float("nan"), 0.5]])
    torch.testing.assert_close(heat_loss(heat, uv), heat_loss(heat[:1], uv[:1]))
    assert heat_loss(heat[1:], uv[1:]) == 0
