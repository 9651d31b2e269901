"""The planner's small LLaVA, as small as it gets, with random weights."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from vla.models.llava import small_llava
from vla.models.scene import SceneEyesConfig
from vla.models.talking import CAMERAS, TalkingLlava
from vla.models.vit import ViTConfig
from vla.models.words import SPECIAL, train_tokenizer
from vla.planner.meaning_text import meaning_vocabulary

SIZE = 32
VISION = ViTConfig(image_size=SIZE, width=32, depth=1, heads=2, stem_width=16)
EYES = SceneEyesConfig(vision=VISION, depth=1, heads=2, patches=2)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A token for each word of a meaning, and few more."""
    return train_tokenizer(["is it done ?"], (*meaning_vocabulary(), *map(str, range(24))), 700)


def model(seed: int = 44) -> LlavaForConditionalGeneration:
    """Random weights, lively enough that different pictures lead to different words, and few of them."""
    torch.manual_seed(seed)
    words = tokenizer().get_vocab()
    found = small_llava(len(words), {word: words[word] for word in SPECIAL}, EYES, 32, 1, 2, 32)
    for name, parameter in found.named_parameters():
        if "language_model" in name and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    with torch.no_grad():
        # What ends a talk or a plan is now very likely, now very unlikely.
        embedding: Any = found.get_input_embeddings()
        embedding.weight[[words["[end]"], words["▁."]]] *= 4
    return found.eval()


def talking(seed: int = 44) -> TalkingLlava:
    """Such a model at work."""
    return TalkingLlava(model(seed), tokenizer())


def pictures(seed: int = 0, size: int = SIZE) -> list[NDArray[np.uint8]]:
    """Noise, a picture per camera."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (size, size, 3), np.uint8) for _ in CAMERAS]
