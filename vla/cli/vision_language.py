"""Which vision-language model a command means."""

from __future__ import annotations

from vla.cli.settings import check_device
from vla.config import ConfigError
from vla.models.vlm import VisionLanguageModel
from vla.planner.chat_link import ChatLimits
from vla.planner.chat_server import ChatServer
from vla.planner.pattern import plan_pattern


def vision_language_model(
    name: str | None, device: str, limits: ChatLimits | None = None
) -> VisionLanguageModel:
    """The model that ``model=`` names: a server by its address, else a folder or a name on the hub.

    Args:
        name: ``http://...`` or ``https://...``, a folder, or a name such as ``Qwen/Qwen2.5-VL-3B-Instruct``.
        device: ``auto``, ``cpu`` or ``cuda``; a server computes where it likes.
        limits: How long, how often and how much a server is asked.

    Raises:
        ConfigError: none is named, or the device is no choice.
        PretrainedError: there is no such model, or it cannot be loaded.
        ChatError: the address cannot be used.
    """
    if name is None:
        raise ConfigError(
            "name a model: model=FOLDER, model=HUB_ID such as HuggingFaceTB/SmolVLM2-2.2B-Instruct, or "
            "model=http://127.0.0.1:11434/v1#NAME for a server"
        )
    if name.startswith(("http://", "https://")):
        return ChatServer(name, limits, plan_pattern())
    check_device(device)
    # Only now: an address should not have to wait for torch.
    from policies.device import choose_device
    from vla.models.pretrained_vlm import load_vlm

    return load_vlm(name, str(choose_device(device)))
