"""Which vision-language model a command means."""

from __future__ import annotations

from pathlib import Path

from vla.cli.checkpoints import shipped_planner
from vla.cli.settings import check_device
from vla.models.vlm import VisionLanguageModel
from vla.planner.chat_link import ChatLimits
from vla.planner.chat_server import ChatServer
from vla.planner.pattern import plan_pattern


def vision_language_model(
    name: str | None, device: str, limits: ChatLimits | None = None
) -> VisionLanguageModel:
    """The model that ``model=`` names: a server by its address, else a folder or a name on the hub.

    Args:
        name: ``http://...`` or ``https://...``, a folder, or a name such as ``Qwen/Qwen2.5-VL-3B-Instruct``;
            None is the small one that comes with handily.
        device: ``auto``, ``cpu`` or ``cuda``; a server computes where it likes.
        limits: How long, how often and how much a server is asked.

    Raises:
        ConfigError: the device is no choice, or this installation comes without a model.
        PretrainedError: there is no such model, or it cannot be loaded.
        ChatError: the address cannot be used.
    """
    if name is None or _is_ours(name):
        # Only now: an address should not have to wait for torch.
        from vla.models.talking import TalkingLlava
        from vla.planner.answering import SeeingLlava
        from vla.planner.sight import sight_words

        folder = shipped_planner() if name is None else name
        return SeeingLlava(TalkingLlava.load(folder, read=sight_words))
    if name.startswith(("http://", "https://")):
        return ChatServer(name, limits, plan_pattern())
    check_device(device)
    from policies.device import choose_device
    from vla.models.pretrained_vlm import load_vlm

    return load_vlm(name, str(choose_device(device)))


def _is_ours(folder: str) -> bool:
    """True for a folder with a model of :mod:`vla.models.llava`."""
    path = Path(folder) / "config.json"
    return path.is_file() and '"handily_scene"' in path.read_text(encoding="utf-8")
