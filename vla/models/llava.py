"""A small LLaVA out of transformers' own classes: our eyes, a projector, a language model from scratch.

``LlavaForConditionalGeneration`` with a vision tower that is registered with transformers, so that
``save_pretrained``, ``from_pretrained`` and ``generate`` are the same for it as for its big sisters
(arXiv 2304.08485).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.modeling_outputs import BaseModelOutput

from vla.contract import ContractError
from vla.models.scene import SceneEyes, SceneEyesConfig
from vla.models.vit import ViTConfig
from vla.models.words import END, PAD, PICTURE, SPECIAL, START

MODEL_TYPE: Final = "handily_scene"
_FAULTS = (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, SafetensorError)
"""A folder is foreign data: whatever transformers stumbles over in it is the folder's fault."""


class SceneVisionConfig(PretrainedConfig):
    """Sizes of :class:`vla.models.scene.SceneEyes`, as transformers keeps them.

    Args:
        scene: The fields of ``SceneEyesConfig``, with ``vision`` as a mapping of those of ``ViTConfig``.
        more: See transformers.
    """

    model_type = MODEL_TYPE

    def __init__(self, scene: Mapping[str, Any] | None = None, **more: Any) -> None:
        self.scene = dict(scene) if scene is not None else asdict(SceneEyesConfig())
        self.hidden_size = int(self.scene["vision"]["width"])
        super().__init__(**more)

    def sizes(self) -> SceneEyesConfig:
        """The sizes, typed."""
        return SceneEyesConfig(**{**self.scene, "vision": ViTConfig(**self.scene["vision"])})


class SceneVisionModel(PreTrainedModel):
    """The eyes with the signature of transformers' vision towers."""

    config_class = SceneVisionConfig
    base_model_prefix = "scene"
    main_input_name = "pixel_values"

    def __init__(self, config: SceneVisionConfig) -> None:
        super().__init__(config)
        self.eyes = SceneEyes(config.sizes())
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        """The eyes initialise themselves."""

    def forward(self, pixel_values: Tensor, **more: Any) -> BaseModelOutput:
        """Look.

        Args:
            pixel_values: (B, 3, H, cameras * W), the cameras' pictures side by side, 0..1.
            more: What transformers passes to every tower; not needed here.
        """
        cameras = self.eyes.config.vision.cameras
        images = pixel_values.unflatten(-1, (cameras, -1)).permute(0, 3, 2, 4, 1)
        tokens, _ = self.eyes(images)
        return BaseModelOutput(last_hidden_state=tokens, hidden_states=(tokens,))


AutoConfig.register(MODEL_TYPE, SceneVisionConfig, exist_ok=True)
AutoModel.register(SceneVisionConfig, SceneVisionModel, exist_ok=True)


def small_llava(
    vocabulary: int,
    token_ids: Mapping[str, int],
    eyes: SceneEyesConfig | None = None,
    width: int = 192,
    depth: int = 6,
    heads: int = 4,
    hidden: int = 512,
) -> LlavaForConditionalGeneration:
    """A LLaVA with fresh weights.

    Args:
        vocabulary: Rows of the embedding.
        token_ids: Ids of the words in :mod:`vla.models.words` that have a meaning of their own.
        eyes: Sizes of the eyes.
        width: Width of the language model.
        depth: Its layers.
        heads: Its attention heads.
        hidden: Hidden width of its feed-forwards.
    """
    text = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=token_ids[PAD],
        bos_token_id=token_ids[START],
        eos_token_id=token_ids[END],
    )
    sizes = eyes or SceneEyesConfig()
    config = LlavaConfig(
        vision_config=SceneVisionConfig(asdict(sizes)),
        text_config=text,
        image_token_index=token_ids[PICTURE],
        image_token_id=token_ids[PICTURE],  # pyright: ignore[reportCallIssue]
        projector_hidden_act="gelu",
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=sizes.tokens,
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    # Talks are short: in training this is a fifth faster than the fused kernel.
    model.model.language_model.set_attn_implementation("eager")
    return model


def load_small_llava(folder: Path | str) -> tuple[LlavaForConditionalGeneration, PreTrainedTokenizerFast]:
    """Read what the ``save_pretrained`` of :func:`small_llava` and of its tokenizer wrote, in float32.

    Raises:
        ContractError: the folder holds no such model, or not all of it.
    """
    try:
        about = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        kind = about["vision_config"]["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{folder} holds no planner's model: {error!r}") from error
    if kind != MODEL_TYPE:
        raise ContractError(f"{folder} holds eyes of type {kind!r}, not {MODEL_TYPE!r}")
    try:
        read: Any = LlavaForConditionalGeneration.from_pretrained
        model, loaded = read(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    except _FAULTS as error:
        raise ContractError(f"{folder} holds no whole model of a planner: {error!r:.200}") from error
    lacking = sorted({*loaded["missing_keys"], *(set(SPECIAL) - tokenizer.get_vocab().keys())})
    if lacking:
        raise ContractError(f"{folder}: the planner's model lacks {', '.join(lacking[:5])}")
    return model, tokenizer


def embedded(model: LlavaForConditionalGeneration, ids: Tensor, tokens: Tensor | None = None) -> Tensor:
    """What the language model reads: words, with what the eyes have seen in the places kept for it.

    Args:
        model: Its projector and embedding are used.
        ids: (B, L).
        tokens: The eyes' tokens, (B, N, D), for N places in each line; None where there are none.

    Returns:
        (B, L, width of the language model).
    """
    words = model.model.get_input_embeddings()(ids)
    if tokens is None:
        return words
    place = (ids == model.config.image_token_id).unsqueeze(-1).expand_as(words)
    return words.masked_scatter(place, model.model.multi_modal_projector(tokens).to(words.dtype))


def side_by_side(pictures: Sequence[Tensor]) -> Tensor:
    """Each camera's pictures, uint8 (B, H, W, 3) -> pixel values (B, 3, H, cameras * W) in 0..1."""
    return torch.cat(list(pictures), dim=2).permute(0, 3, 1, 2).float() / 255


def scaled(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A square picture, (size, size, 3); what is not square is squeezed."""
    if image.shape[:2] == (size, size):
        return image
    pixels = torch.tensor(image).permute(2, 0, 1)[None].float()
    found = torch.nn.functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return found[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
