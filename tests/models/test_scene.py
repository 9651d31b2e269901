"""Several glances at one table are worth more than one."""

from __future__ import annotations

import numpy as np
import torch

from vla.models.scene import GLANCE_PX, Sighting, agreed, glances


def test_glances_are_the_pictures_and_their_neighbours() -> None:
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8))
    views = glances(images)
    assert views.shape == (5, 2, 8, 8, 3)
    assert torch.equal(views[0], images)
    down, up, right, left = views[1:]
    ahead, behind = slice(GLANCE_PX, None), slice(None, -GLANCE_PX)
    assert torch.equal(down[:, ahead], images[:, behind])
    assert torch.equal(up[:, behind], images[:, ahead])
    assert torch.equal(right[:, :, ahead], images[:, :, behind])
    assert torch.equal(left[:, :, behind], images[:, :, ahead])
    assert torch.equal(down[:, 0], images[:, 0])  # the edge repeats itself


def test_glances_agree_on_the_mean_of_their_log_probabilities() -> None:
    rng = torch.Generator().manual_seed(0)
    shapes = {"count": 3, "place": 5, "base": 8, "state": 4, "heat": 9, "column": 6, "row": 6}
    drawn = {name: torch.randn(5, 4, size, generator=rng) for name, size in shapes.items()}
    many = Sighting(**drawn, over=torch.randn(5, 4, generator=rng))
    one = agreed(many)
    assert torch.allclose(one.count, many.count.log_softmax(-1).mean(0, keepdim=True))
    assert torch.equal(one.heat, many.heat[:1])
    assert one.over.shape == (1, 4)
    louder = {**drawn, "place": drawn["place"] + torch.arange(5.0)[:, None, None] * 100}
    again = agreed(Sighting(**louder, over=many.over))
    assert torch.allclose(again.place, one.place, atol=1e-4)  # no glance outvotes the others
