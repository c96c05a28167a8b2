"""What torch computes on."""

from __future__ import annotations

import torch

from camofilter.errors import UsageError


def device(name: str) -> str:
    """The device "cpu" or "cuda" for "auto", "cpu" or "cuda"; auto is a GPU if there is one.

    Raises:
        UsageError: no such device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device is '{name}': expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("device is 'cuda': no CUDA device was found; use cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def bfloat16_pays(device: str, *, gradients: bool = True) -> bool:
    """Whether the hardware computes much faster in bfloat16 than in float32; some only emulates it.

    Args:
        device: "cpu" or "cuda".
        gradients: whether gradients are computed, too. On a CPU they pay with matrix units (AMX) alone; without
            gradients vector instructions (AVX-512) are enough.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    can: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch cannot tell
    return bool(can.get("amx_bf16") or (can.get("avx512_bf16") and not gradients))
