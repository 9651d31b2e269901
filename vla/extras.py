"""Which optional packages there are, and what to install where one is missing.

Handily itself needs numpy, msgpack and pyzmq, which is all that a robot computer has to have. Whatever else a
room uses belongs to an extra of the distribution: ``pip install 'handily[sim]'``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vla.contract import ContractError

EXTRAS: dict[str, tuple[str, ...]] = {
    "cli": ("hydra", "omegaconf", "packaging", "rich", "typer"),
    "images": ("PIL",),
    "record": ("av", "pyarrow"),
    "otg": ("ruckig",),
    "compat": ("websockets",),
    "plot": ("matplotlib",),
    "bench": ("grpc",),
    "serve": (
        "diffusers",
        "huggingface_hub",
        "prometheus_client",
        "safetensors",
        "tokenizers",
        "torch",
        "transformers",
    ),
    "sim": ("OpenGL", "gymnasium", "mujoco"),
    "train": ("accelerate", "peft", "tensorboard"),
    "metaworld": ("metaworld",),
    "aloha": ("dm_control", "gym_aloha"),
}
"""Extra to the import names that it adds to those of the extras it includes; see ``pyproject.toml``."""

EXTRA_OF = {module: extra for extra, modules in EXTRAS.items() for module in modules}
"""Import name of each optional package to the smallest extra that brings it."""


class MissingExtra(ContractError):  # noqa: N818  (the name is what is the matter)
    """An optional package is not installed; the message says which extra brings it."""


@contextmanager
def needs(extra: str | None = None) -> Iterator[None]:
    """Wrap the import of an optional package at its point of use.

    ``with needs("images"): from PIL import Image``

    Args:
        extra: Which extra the message names, or several after one another, with commas; by default the
            smallest one that brings the missing package.

    Raises:
        MissingExtra: the block wanted a package of :data:`EXTRA_OF` that is not installed. Any other import
            that fails is a bug and keeps its own error.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        wanted = extra or EXTRA_OF[package]
        raise MissingExtra(
            f"this needs {package}, which is not installed: pip install 'handily[{wanted}]'"
        ) from error
