"""``handily ask``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vla.cli.settings import check_device, configured
from vla.cli.terminal import console
from vla.cli.vision_language import vision_language_model
from vla.config import ConfigError
from vla.dataset.pictures import read_picture
from vla.planner.chat_link import ChatLimits


@dataclass(frozen=True)
class AskConfig:
    """Keys of ``handily ask``; what they mean stands in ``configs/ask.yaml``."""

    model: str | None
    max_words: int
    device: str
    timeout_s: float
    plain_http: bool

    def __post_init__(self) -> None:
        check_device(self.device)
        if self.max_words < 1:
            raise ValueError(f"max_words={self.max_words} must be at least 1")
        self.limits()

    def limits(self) -> ChatLimits:
        """How long a server is asked."""
        return ChatLimits(timeout_s=self.timeout_s, plain_http=self.plain_http)


def ask(image: str, question: str, overrides: list[str], show_config: bool) -> None:
    """Print what a model answers to a question about a picture."""
    config = configured("ask", overrides, AskConfig, show_config)
    if not question.strip():
        raise ConfigError("the question has no words")
    picture = read_picture(Path(image))
    model = vision_language_model(config.model, config.device, config.limits())
    answer = model.reply(picture, question, max_words=config.max_words)
    console().print(answer, markup=False, highlight=False)
