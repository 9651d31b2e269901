"""Low-rank adapters by peft (LoRA, arXiv 2106.09685): beside each linear map a narrow one is trained."""

from __future__ import annotations

from torch import nn

from vla.extras import needs

_SCALE = 2
"""How much an adapter counts, times its rank."""


def add_adapters(network: nn.Module, rank: int) -> None:
    """Freeze a network, and put adapters that at first do nothing beside each of its linear maps.

    Args:
        network: Changed in place.
        rank: Width of the adapters, at least 1.

    Raises:
        MissingExtra: peft is not installed.
    """
    with needs("train"):
        from peft import LoraConfig, inject_adapter_in_model

    maps = sorted(
        {name.rpartition(".")[2] for name, m in network.named_modules() if isinstance(m, nn.Linear)}
    )
    network.requires_grad_(False)
    adapters = LoraConfig(r=rank, lora_alpha=_SCALE * rank, target_modules=maps)
    inject_adapter_in_model(adapters, network)


def merge_adapters(network: nn.Module) -> None:
    """Add what the adapters have learned to the maps, which are plain again."""
    with needs("train"):
        from peft.tuners.lora import Linear

    for name, module in list(network.named_modules()):
        if isinstance(module, Linear):
            module.merge()
            above, _, last = name.rpartition(".")
            setattr(network.get_submodule(above), last, module.get_base_layer())
    network.requires_grad_(True)
