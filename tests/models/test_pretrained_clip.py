"""Hugging Face's models behind our interface give the numbers of transformers' own classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast, SiglipConfig, SiglipModel

from vla.models.clip import ImageTextModel, probabilities
from vla.models.pretrained_clip import PretrainedError, load_pretrained

WORDS = ["a red block in the bowl", "an empty bowl", "drawer"]
TOWER = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZE = 24


def tokenizer(longest: int) -> PreTrainedTokenizerFast:
    words = sorted({word for text in WORDS for word in text.split()})
    vocabulary = {word: i for i, word in enumerate(["<pad>", "<unk>", "<s>", *words, "</s>"])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=longest,
    )


def build(kind: str, folder: Path) -> None:
    torch.manual_seed(0)
    words = tokenizer(12)
    text = TOWER | {"vocab_size": len(words), "max_position_embeddings": 12}
    text |= {"eos_token_id": words.eos_token_id, "bos_token_id": words.bos_token_id, "pad_token_id": 0}
    vision = TOWER | {"image_size": SIZE, "patch_size": 8}
    if kind == "clip":
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=20))
        processor = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": SIZE}}
        processor |= {"crop_size": {"height": SIZE, "width": SIZE}, "do_center_crop": True}
    else:
        model = SiglipModel(SiglipConfig(text_config=text | {"projection_size": 16}, vision_config=vision))
        torch.nn.init.constant_(model.logit_bias, -3.0)
        torch.nn.init.constant_(model.logit_scale, 2.0)
        processor = {"image_processor_type": "SiglipImageProcessor"}
        processor |= {"size": {"height": SIZE, "width": SIZE}}
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    about = {"do_resize": True, "do_rescale": True, "do_normalize": True, **processor}
    (folder / "preprocessor_config.json").write_text(json.dumps(about))


@pytest.fixture(scope="module", params=["clip", "siglip"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("pretrained") / request.param
    build(request.param, folder)
    return request.param, folder


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 40, 30, 3), dtype=np.uint8)


def test_logits_are_those_of_transformers_own_classes(saved: tuple[str, Path]) -> None:
    kind, folder = saved
    mine = load_pretrained(str(folder))
    assert isinstance(mine, ImageTextModel)
    assert mine.image_size == SIZE
    own = (CLIPModel if kind == "clip" else SiglipModel).from_pretrained(folder).eval()
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)(list(pictures()), return_tensors="pt")
    padding = True if kind == "clip" else "max_length"
    words = transformers.AutoTokenizer.from_pretrained(folder)(WORDS, padding=padding, return_tensors="pt")
    inputs = {"input_ids": words["input_ids"], "pixel_values": pixels["pixel_values"]}
    if kind == "clip":
        inputs["attention_mask"] = words["attention_mask"]
    with torch.no_grad():
        theirs = own(**inputs)
    images, texts = mine.embed_images(pictures()), mine.embed_texts(WORDS)
    assert torch.allclose(images, theirs.image_embeds, atol=1e-6)
    assert torch.allclose(texts, theirs.text_embeds, atol=1e-6)
    logits = mine.scale * images @ texts.T + mine.bias
    assert torch.allclose(logits, theirs.logits_per_image, atol=1e-4)
    assert (mine.bias != 0) == (kind == "siglip")
    assert np.allclose(probabilities(mine, pictures(), texts), theirs.logits_per_image.softmax(-1), atol=1e-5)


def test_another_kind_of_model_and_none_at_all_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(PretrainedError, match=r"'bert'; those that embed are clip, siglip"):
        load_pretrained(str(tmp_path))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(PretrainedError, match="cannot be loaded"):
        load_pretrained(str(empty))


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    loud = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}}
    (tmp_path / "config.json").write_text(json.dumps(loud))
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Mine: pass\n")
    with pytest.raises(PretrainedError):
        load_pretrained(str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_are_refused(saved: tuple[str, Path], tmp_path: Path) -> None:
    for file in saved[1].iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(PretrainedError, match="cannot be loaded"):
        load_pretrained(str(tmp_path))
