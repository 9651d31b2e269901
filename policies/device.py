"""Which processor to compute on, and whether it multiplies bf16 fast."""

from __future__ import annotations

from pathlib import Path

import torch

from vla.contract import ContractError


def choose_device(name: str) -> torch.device:
    """``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.

    Raises:
        ContractError: the name is none of these, or ``cuda`` is absent.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ContractError(f"device {name!r} is not one of auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ContractError("device 'cuda' is not available here; choose auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def use_bf16(choice: str, device: torch.device) -> bool:
    """Resolve ``auto``, ``true`` or ``false``.

    Emulated bf16 is slower than float32, so ``auto`` means: where the hardware multiplies it.
    """
    if choice != "auto":
        return choice == "true"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    about = Path("/proc/cpuinfo")
    flags = about.read_text() if about.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags
