"""Tiny random models of other people's vision-language classes, saved as their checkpoints are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from vla.planner.grammar import STEPS

IMAGE_SIZE, PATCH = 28, 14
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 2048,
}
VISION = {
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": IMAGE_SIZE,
    "patch_size": PATCH,
}
QWEN_VISION = {"depth": 2, "num_heads": 2, "patch_size": PATCH, "spatial_merge_size": 2}
CHAT = (
    "{% for m in messages %}<s>{{ m['role'] }}: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}MARK{% else %}{{ c['text'] }}{% endif %}{% endfor %}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


@dataclass(frozen=True)
class Recipe:
    """How one class is made small.

    Attributes:
        model: transformers' class.
        processor: What ``preprocessor_config.json`` says.
        marks: Special tokens of its tokenizer.
        settings: What ``processor_config.json`` says.
        names: Further named tokens of its tokenizer.
        template: Its chat template, or none.
        picture: The text that stands for a picture of 28 x 28 in the model's inputs.
    """

    model: str
    processor: dict[str, Any]
    marks: tuple[str, ...]
    settings: dict[str, Any]
    names: dict[str, str]
    template: str
    picture: str


_SQUARE = {"size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE}}
_QWEN_MARKS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
_QWEN_PROCESSOR = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "patch_size": PATCH,
    "merge_size": 2,
    "temporal_patch_size": 2,
    "size": {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 4},
}
_QWEN_CHAT = CHAT.replace("MARK", "<|vision_start|><|image_pad|><|vision_end|>")
_QWEN_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
_IDEFICS_MARKS = ("<image>", "<fake_token_around_image>", "<global-img>")
_IDEFICS_PICTURE = "<fake_token_around_image><global-img><image><fake_token_around_image>"
RECIPES: dict[str, Recipe] = {
    "llava": Recipe(
        "LlavaForConditionalGeneration",
        {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": IMAGE_SIZE}}
        | {"crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE}, "do_center_crop": True},
        ("<image>",),
        {"processor_class": "LlavaProcessor", "patch_size": PATCH}
        | {"vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
        {},
        CHAT.replace("MARK", "<image>\n"),
        "<image>" * 4 + "\n",
    ),
    "smolvlm": Recipe(
        "SmolVLMForConditionalGeneration",
        {"image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": IMAGE_SIZE}}
        | {"max_image_size": {"longest_edge": IMAGE_SIZE}, "do_image_splitting": False},
        _IDEFICS_MARKS,
        {"processor_class": "SmolVLMProcessor", "image_seq_len": 1},
        {},
        CHAT.replace("MARK", "<image>"),
        _IDEFICS_PICTURE,
    ),
    "qwen2_vl": Recipe(
        "Qwen2VLForConditionalGeneration",
        _QWEN_PROCESSOR,
        _QWEN_MARKS,
        {"processor_class": "Qwen2VLProcessor"},
        {},
        _QWEN_CHAT,
        _QWEN_PICTURE,
    ),
    "qwen2_5_vl": Recipe(
        "Qwen2_5_VLForConditionalGeneration",
        _QWEN_PROCESSOR,
        _QWEN_MARKS,
        {"processor_class": "Qwen2_5_VLProcessor"},
        {},
        _QWEN_CHAT,
        _QWEN_PICTURE,
    ),
    "qwen3_vl": Recipe(
        "Qwen3VLForConditionalGeneration",
        _QWEN_PROCESSOR,
        _QWEN_MARKS,
        {"processor_class": "Qwen3VLProcessor"},
        {},
        _QWEN_CHAT,
        _QWEN_PICTURE,
    ),
    "paligemma": Recipe(
        "PaliGemmaForConditionalGeneration",
        {"image_processor_type": "SiglipImageProcessor", "image_seq_length": 4, **_SQUARE},
        ("<image>",),
        {"processor_class": "PaliGemmaProcessor"},
        {},
        "",
        "<image>" * 4,
    ),
    "gemma3": Recipe(
        "Gemma3ForConditionalGeneration",
        {"image_processor_type": "Gemma3ImageProcessor", **_SQUARE},
        ("<start_of_image>", "<end_of_image>", "<image_soft_token>"),
        {"processor_class": "Gemma3Processor", "image_seq_length": 4},
        {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"},
        CHAT.replace("MARK", "<start_of_image>"),
        "\n\n<start_of_image>" + "<image_soft_token>" * 4 + "<end_of_image>\n\n",
    ),
}


def tokenizer(marks: tuple[str, ...], names: dict[str, str]) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of some 400 tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", *marks]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    made.train_from_iterator([*STEPS, "yes", "no", " yes", " no", "Yes", "No"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens=names or list(marks),
    )


def save(kind: str, folder: Path) -> None:
    """A random checkpoint of one class."""
    recipe = RECIPES[kind]
    words = tokenizer(recipe.marks, recipe.names)
    torch.manual_seed(0)
    model = getattr(transformers, recipe.model)(_config(kind, words))
    for weight in model.parameters():
        if weight.dim() > 1 and not weight.any():  # Gemma 3's projector would show nothing at all
            torch.nn.init.normal_(weight)
    model.save_pretrained(folder)
    if recipe.template:
        words.chat_template = recipe.template
    words.save_pretrained(folder)
    rescale = {"do_resize": True, "do_rescale": True, "do_normalize": True, "do_convert_rgb": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(rescale | recipe.processor))
    (folder / "processor_config.json").write_text(json.dumps(recipe.settings))


def _config(kind: str, words: PreTrainedTokenizerFast) -> Any:
    size = {"vocab_size": len(words), "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0}
    mark = {name: words.convert_tokens_to_ids(name) for name in RECIPES[kind].marks}
    make = getattr(transformers, RECIPES[kind].model).config_class
    if kind == "llava":
        vision = {"model_type": "clip_vision_model", **VISION}
        text = {"model_type": "llama", **TEXT, **size}
        return make(
            vision_config=vision, text_config=text, image_token_index=mark["<image>"], vision_feature_layer=-1
        )
    if kind == "smolvlm":
        text = {"model_type": "llama", **TEXT, **size}
        return make(
            vision_config=VISION,
            text_config=text,
            image_token_id=mark["<image>"],
            scale_factor=2,
            pad_token_id=0,
        )
    if kind == "paligemma":
        vision = {"model_type": "siglip_vision_model", **VISION, "projection_dim": 32}
        text = {"model_type": "gemma", **TEXT, **size, "num_key_value_heads": 1}
        return make(
            vision_config=vision, text_config=text, image_token_index=mark["<image>"], projection_dim=32
        )
    if kind == "gemma3":
        vision = {"model_type": "siglip_vision_model", **VISION}
        return make(
            vision_config=vision,
            text_config={**TEXT, **size, "sliding_window": 64},
            mm_tokens_per_image=4,
            boi_token_index=mark["<start_of_image>"],
            eoi_token_index=mark["<end_of_image>"],
            image_token_index=mark["<image_soft_token>"],
        )
    vision = {
        "qwen2_vl": {"embed_dim": 24, "hidden_size": 32, "mlp_ratio": 2},
        "qwen2_5_vl": {"hidden_size": 24, "intermediate_size": 32, "out_hidden_size": 32}
        | {"fullatt_block_indexes": [1], "window_size": 28},
        "qwen3_vl": {"hidden_size": 24, "intermediate_size": 32, "out_hidden_size": 32}
        | {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]},
    }[kind]
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    return make(
        vision_config=QWEN_VISION | vision,
        text_config={**TEXT, **size, "rope_parameters": rope},
        image_token_id=mark["<|image_pad|>"],
        video_token_id=mark["<|video_pad|>"],
        vision_start_token_id=mark["<|vision_start|>"],
        vision_end_token_id=mark["<|vision_end|>"],
        tie_word_embeddings=False,
    )


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """28 x 28 pixels of noise."""
    return np.random.default_rng(seed).integers(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)


def whole_text(kind: str, prompt: str) -> str:
    """The text of a chat about one picture, as the class is documented to want it."""
    recipe = RECIPES[kind]
    if not recipe.template:
        return f"{recipe.picture}<s>{prompt}\n"
    return f"<s>user: {recipe.picture}{prompt}</s>\nassistant:"
