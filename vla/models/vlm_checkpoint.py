"""A vision-language checkpoint on this machine: its folder, its class, and what prepares its inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from vla.extras import needs
from vla.models.pretrained_clip import PretrainedError

_PROCESSOR_OF: Final = {"smolvlm": "Idefics3Processor"}
"""Where the type's own processor wants more than a picture needs: SmolVLM's wants num2words, for videos, and
is Idefics3's for pictures."""
_FILES: Final = ("*.json", "*.jinja", "*.safetensors", "*.model", "*.txt")


def model_folder(name: str) -> Path:
    """The folder of a model, fetched if need be.

    Raises:
        PretrainedError: there is none, or what lies there is an adapter to another model.
    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _fetched(name)
    if not (folder / "config.json").is_file():
        what = "is an adapter; merge it into its model first" if _adapter(folder) else "has no config.json"
        raise PretrainedError(f"model {name!r} {what}")
    if _adapter(folder):
        raise PretrainedError(f"model {name!r} holds an adapter to another model; merge it first")
    return folder


def _adapter(folder: Path) -> bool:
    return (folder / "adapter_config.json").is_file()


def _fetched(name: str) -> Path:
    with needs("serve"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    def fetch(here: bool) -> Path:
        # Nothing of what is pickled, and nothing of what other programs need, is fetched.
        return Path(
            snapshot_download(
                name,
                allow_patterns=list(_FILES),
                ignore_patterns=["*/*", "consolidated*"],
                local_files_only=here,
            )
        )

    try:
        folder = fetch(here=True)
        if _whole(folder):
            return folder
    except HFValidationError as error:
        raise PretrainedError(
            f"model {name!r} is no folder, and no name of a model: {first_line(error)}"
        ) from error
    except LocalEntryNotFoundError:
        pass
    try:
        return fetch(here=False)
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise PretrainedError(
            f"model {name!r} is no folder, and cannot be fetched: {first_line(error)}"
        ) from error


def _whole(folder: Path) -> bool:
    """True when an earlier download has brought the weights too."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
    return all(
        (folder / file).is_file() for file in set(json.loads(index.read_text())["weight_map"].values())
    )


def model_class(model_type: str) -> Any:
    """transformers' class for an image-text-to-text model, or None."""
    import transformers
    from transformers.models.auto import modeling_auto

    name = modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.get(model_type)
    return None if name is None else getattr(transformers, str(name))


def processor_of(folder: Path, config: Any) -> Any:
    """The model's processor, made of a tokenizer and an image processor, without the part for videos.

    Args:
        folder: Where the model is.
        config: Its configuration.

    Raises:
        PretrainedError: transformers has none for this type, or it would load more than was asked for.
    """
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    other = _PROCESSOR_OF.get(config.model_type)
    kind: Any = getattr(transformers, other) if other else PROCESSOR_MAPPING.get(type(config), None)
    if kind is None:
        version = transformers.__version__
        raise PretrainedError(f"transformers {version} has no processor for a {config.model_type!r}")

    class Still(kind):
        """The part for videos needs torchvision."""

        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if name != "video_processor"]

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    # Pillow's, so that a picture gives the same numbers whether torchvision is installed or not.
    pictures = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", trust_remote_code=False)
    if _names_audio(folder):
        raise PretrainedError(f"model {folder} names another model, for sound, which is not loaded")
    settings, _ = kind.get_processor_dict(folder, trust_remote_code=False)
    return Still.from_args_and_dict([pictures, tokenizer], settings)


def _names_audio(folder: Path) -> bool:
    settings = folder / "processor_config.json"
    named = settings.is_file() and "audio_tokenizer" in json.loads(settings.read_text(encoding="utf-8"))
    return named or (folder / "audio_tokenizer_config.json").is_file()


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
