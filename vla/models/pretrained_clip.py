"""CLIP and SigLIP checkpoints of Hugging Face behind :class:`vla.models.clip.ImageTextModel`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from vla.contract import ContractError
from vla.extras import needs

SUPPORTED: Final = ("clip", "siglip")
"""``model_type`` of what can be loaded."""


class PretrainedError(ContractError):
    """A pretrained model is not here, not of a kind we know, or lacks a file; the message names it."""


class PretrainedCLIP:
    """One of transformers' own classes with its processors; see :func:`load_pretrained`.

    Args:
        model: A ``CLIPModel`` or ``SiglipModel``.
        tokenizer: Its tokenizer.
        image_processor: Its image processor.
    """

    def __init__(self, model: Any, tokenizer: Any, image_processor: Any) -> None:
        self._model, self._tokenizer, self._images = model.eval(), tokenizer, image_processor
        self._sigmoid = model.config.model_type == "siglip"

    @property
    def image_size(self) -> int:
        return int(self._model.config.vision_config.image_size)

    @property
    def scale(self) -> float:
        return float(self._model.logit_scale.detach().exp())

    @property
    def bias(self) -> float:
        return float(self._model.logit_bias.detach()) if self._sigmoid else 0.0

    @torch.inference_mode()
    def embed_images(self, images: NDArray[np.uint8]) -> Tensor:
        pixels = self._images(images=list(images), return_tensors="pt")["pixel_values"]
        found = self._model.get_image_features(pixel_values=pixels.to(self._model.device))
        return normalize(_vectors(found).float(), dim=-1).cpu()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        # SigLIP was trained on texts padded to the full length, and sees the padding.
        padding = "max_length" if self._sigmoid else True
        longest = int(self._model.config.text_config.max_position_embeddings)
        words = self._tokenizer(
            list(texts), padding=padding, truncation=True, max_length=longest, return_tensors="pt"
        )
        ids = words["input_ids"].to(self._model.device)
        mask = None if self._sigmoid else words["attention_mask"].to(self._model.device)
        found = self._model.get_text_features(input_ids=ids, attention_mask=mask)
        return normalize(_vectors(found).float(), dim=-1).cpu()


def load_pretrained(name: str, device: str = "cpu") -> PretrainedCLIP:
    """Load a CLIP or SigLIP model.

    What is on this machine is taken without asking anyone: a local folder, or what an earlier download left
    in Hugging Face's cache. Otherwise, unless ``HF_HUB_OFFLINE`` is set, it is fetched. Weights must be
    safetensors, and no code that comes with a model is ever run.

    Args:
        name: A local folder, or a model's name such as ``openai/clip-vit-base-patch32``.
        device: Where to compute.

    Raises:
        PretrainedError: it cannot be found or read, or is another kind of model.
        vla.extras.MissingExtra: transformers is not installed.
    """
    with needs("serve"):
        import transformers
    try:
        config = _fetch(transformers.AutoConfig, name)
    except (OSError, ValueError) as error:
        raise PretrainedError(f"model {name!r} cannot be loaded: {_first_line(error)}") from error
    if config.model_type not in SUPPORTED:
        raise PretrainedError(
            f"model {name!r} is a {config.model_type!r}; those that embed are {', '.join(SUPPORTED)}"
        )
    kind = transformers.CLIPModel if config.model_type == "clip" else transformers.SiglipModel
    try:
        model = _fetch(kind, name, use_safetensors=True)
        tokenizer = _fetch(transformers.AutoTokenizer, name)
        # Pillow's, so that a picture gives the same numbers whether torchvision is installed or not.
        processor = _fetch(transformers.AutoImageProcessor, name, backend="pil")
    except ImportError as error:
        raise PretrainedError(
            f"model {name!r} needs a package that is not installed: {_first_line(error)}; "
            "for pictures: pip install 'handily[images]', for a tokenizer without tokenizer.json: "
            "pip install sentencepiece"
        ) from error
    except (OSError, ValueError) as error:
        raise PretrainedError(f"model {name!r} cannot be loaded: {_first_line(error)}") from error
    return PretrainedCLIP(model.to(device), tokenizer, processor)


def _fetch(kind: Any, name: str, **options: Any) -> Any:
    """``from_pretrained``, from this machine where it has it."""
    options = {"trust_remote_code": False, **options}
    try:
        return kind.from_pretrained(name, local_files_only=True, **options)
    except OSError:
        if Path(name).is_dir():
            raise
        return kind.from_pretrained(name, **options)


def _vectors(found: Any) -> Tensor:
    """Some versions of transformers return the vectors, some wrap them."""
    return found if isinstance(found, Tensor) else found.pooler_output


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
