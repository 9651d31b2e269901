import pytest
import torch

from vla.models.action_expert import ExpertConfig
from vla.models.grounding import GroundingConfig
from vla.models.text import TextConfig
from vla.models.vit import ViTConfig
from vla.models.vla import VLA, VLAConfig


@pytest.fixture
def tiny() -> VLAConfig:
    return VLAConfig(
        vision=ViTConfig(image_size=32, width=32, depth=1, heads=2, stem_width=16),
        text=TextConfig(vocabulary=60, width=32, depth=1, heads=2),
        grounding=GroundingConfig(width=32, depth=2, heads=2),
        expert=ExpertConfig(chunk=6, width=32, depth=2, heads=2),
    )


@pytest.fixture
def network(tiny: VLAConfig) -> VLA:
    """A network whose zero-initialised parts have been stirred, so that every path carries signal."""
    torch.manual_seed(0)
    network = VLA(tiny, tuple(range(7))).eval()
    for parameter in network.expert.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network
