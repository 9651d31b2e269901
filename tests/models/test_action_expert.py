import torch

from vla.models.action_expert import ActionExpert, ExpertBlock, ExpertConfig

CONFIG = ExpertConfig(chunk=5, width=32, depth=2, heads=2)


def test_a_new_block_is_the_identity() -> None:
    block = ExpertBlock(CONFIG)
    x, memory = torch.randn(2, 3, 5, 32), torch.randn(2, 4, 32)
    mask = torch.ones(2, 4, dtype=torch.bool)
    expert = ActionExpert(CONFIG)
    modulation = expert.modulate(torch.randn(2, 3, 5, 32)).unflatten(-1, (9, 32))
    assert torch.equal(block(x, modulation, memory, mask), x)
    assert not torch.equal(block(x, torch.ones_like(modulation), memory, mask), x)


def test_time_is_told_to_each_token_on_its_own() -> None:
    torch.manual_seed(0)
    config = ExpertConfig(chunk=5, width=32, depth=1, heads=2)
    expert = ActionExpert(config)
    for parameter in expert.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    # With the rows unable to see each other, only the row whose time changes may answer differently.
    torch.nn.init.zeros_(expert.get_parameter("blocks.0.self_attention.out.weight"))
    x, memory, mask = torch.randn(1, 1, 5, 4), torch.randn(1, 4, 32), torch.ones(1, 4, dtype=torch.bool)
    time = torch.full((1, 1, 5), 0.3)
    before = expert(x, time, memory, mask)
    time[..., 2] = 0.9
    change = (expert(x, time, memory, mask) - before).abs().sum(-1).squeeze()
    assert change[2] > 1e-3
    assert change[[0, 1, 3, 4]].max() < 1e-6
