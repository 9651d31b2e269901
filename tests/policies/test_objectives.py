from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from policies.algorithm import build_algorithm
from policies.batches import Batch
from policies.config import TrainConfig
from policies.objectives import TrainStep, heat_loss, named_things, naming_losses
from policies.preparation import prepare
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.vla import VLA


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


def test_a_thing_is_named_by_the_features_where_it_stands(network: VLA) -> None:
    maps = torch.randn(2, 2, 4, 4, 32)
    uv = torch.tensor([0.375, 0.875]).expand(2, 2, 1, 2)  # the centre of the cell in row 3, column 1
    kind, colour = network.name(maps, uv)
    torch.testing.assert_close(kind[:, :, 0], network.kind(maps[:, :, 3, 1]))
    torch.testing.assert_close(colour[:, :, 0], network.colour(maps[:, :, 3, 1]))


def test_only_things_that_are_there_and_in_the_picture_are_named(network: VLA) -> None:
    maps = torch.randn(1, 2, 4, 4, 32)
    here, away = [0.5, 0.5], [-9.0, -9.0]
    things = torch.tensor(
        [
            [
                [1, 3, *here, *away],  # seen by the first camera
                [5, -1, *here, *here],  # seen by both, of no particular colour
                [0, -1, *here, *here],  # absent
                [2, 2, *away, *away],  # out of sight
            ]
        ]
    )
    (kind, colour), (kinds, colours) = named_things(network, maps, things)
    assert sorted(kinds.tolist()) == [1, 5, 5]
    assert sorted(colours.tolist()) == [-1, -1, 3]
    losses = naming_losses(network, maps, things)
    torch.testing.assert_close(losses["kind"], cross_entropy(kind, kinds))
    torch.testing.assert_close(losses["colour"], cross_entropy(colour[colours >= 0], colours[colours >= 0]))


def test_without_labelled_things_naming_costs_nothing(network: VLA) -> None:
    losses = naming_losses(network, torch.randn(1, 2, 4, 4, 32), torch.zeros(1, 0, 6))
    assert losses["kind"] == 0
    assert losses["colour"] == 0


def test_stills_teach_what_labels_teach_and_no_motion(
    make_config: Callable[..., TrainConfig], cache: FrameCache, robot: RobotSpec
) -> None:
    config = make_config(alternatives=1, stills_alternatives=2)
    prepared = prepare(config, cache, robot, ("reach",), stills=cache)
    assert prepared.stills
    demonstrations, stills = prepared.source.batch([0], 6), prepared.stills.batch([0], 4)
    assert (demonstrations.tokens.shape[1], stills.tokens.shape[1]) == (2, 3)
    for batch in (demonstrations, stills):
        batch.light[..., 6] = 0  # no noise, so that the same pictures give the same losses
    network = VLA(config.model).eval()
    step = TrainStep(network, build_algorithm(config), prepared.normalisation, robot, config.loss)

    def losses(*batches: Batch) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)  # of the flow's noise and times
        return step(*batches)

    alone, other, both = losses(demonstrations), losses(stills), losses(demonstrations, stills)
    torch.testing.assert_close(both["action"], alone["action"])
    assert (other["action"] - alone["action"]).abs() > 1e-3
    for name in ("heat", "position", "family", "done", "kind", "colour"):
        torch.testing.assert_close(both[name], (alone[name] + other[name]) / 2)
        assert not torch.allclose(alone[name], other[name])
    expected = sum(getattr(config.loss, name) * both[name] for name in both if name != "total")
    torch.testing.assert_close(both["total"], expected)
