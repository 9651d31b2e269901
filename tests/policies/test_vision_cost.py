from dataclasses import replace

import pytest

from policies.vision_cost import COSTED, attention_flops, measure_costs, token_flops
from vla.models.classifier import ClassifierConfig

TINY = ClassifierConfig(image_size=32, patch=8, width=32, depth=2, heads=2, stem_width=8, outputs=5)


def test_what_is_derived_is_what_torch_counts() -> None:
    for cost in measure_costs(TINY, [32, 64], 1):
        config = replace(TINY, image_size=cost.image_size)
        assert cost.seconds > 0
        if cost.model == "plain":
            assert cost.flops == attention_flops(config) + token_flops(config)


def test_tokens_grow_with_the_area_attention_with_its_square_and_a_convnet_with_the_area() -> None:
    costs = {(c.model, c.image_size): c for c in measure_costs(TINY, [32, 64], 1)}
    assert {model for model, _ in costs} == set(COSTED)
    small, large = costs["plain", 32], costs["plain", 64]
    assert large.tokens - 1 == 4 * (small.tokens - 1)
    assert large.attention_flops == small.attention_flops * (large.tokens / small.tokens) ** 2
    assert costs["convnet", 64].flops / costs["convnet", 32].flops == pytest.approx(4, rel=0.02)
    assert costs["convnet", 64].attention_flops == 0
