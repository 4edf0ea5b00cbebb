"""What a result depends on beside its request, recorded so that a replay can say what changed."""

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.processor import processor
from vectorlab.steering.model.quantisation import quantiser
from vectorlab.version import __version__

PACKAGES = ("transformers", "tokenizers", "numpy")
# With these, people keep torch, oneDNN and MKL from kernels that the processor could run.
KERNEL_LIMITS = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
)


def describe_environment(loaded: LoadedModel) -> dict[str, Any]:
    """Software, hardware and settings, as a flat JSON object."""
    return {
        **software(),
        "platform": platform.system(),
        "machine": platform.machine(),
        # Kernels, and with them rounding, follow the instruction set that torch found.
        "cpu": processor().kernels,
        "kernel_limits": kernel_limits(),
        "device": loaded.device.type,
        "device_name": _device_name(loaded.device),
        "cuda": torch.version.cuda,
        "dtype": str(loaded.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "placement": None if loaded.placement is None else str(loaded.placement),
        "quantiser": quantiser(loaded.model.config.to_dict()),
        "attention": str(loaded.model.config._attn_implementation),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "model_fingerprint": loaded.description.fingerprint,
    }


def software() -> dict[str, Any]:
    """The part of it that does not depend on a model."""
    return {
        "vectorlab": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # with its build, which the package's metadata may lack
        **{name: _version(name) for name in PACKAGES},
    }


def kernel_limits() -> str | None:
    """The settings of the process that keep kernels back."""
    settings = [f"{name}={os.environ[name]}" for name in KERNEL_LIMITS if name in os.environ]
    return ", ".join(settings) or None


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor().name
