"""What the processor can do, as far as sizes and precisions are chosen by it."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

_INFORMATION = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# Where the system does not tell: what a core of a common server or laptop has, and its share.
_UNKNOWN_L2, _UNKNOWN_L3 = 1 << 20, 16 << 20
_UNITS = {"K": 1 << 10, "M": 1 << 20}
# oneDNN's names of instruction sets that multiply bfloat16; it takes a limit literally.
_BFLOAT16_SETS = ("AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX", "AVX10_1", "AVX10_2")
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


@dataclass(frozen=True, kw_only=True)
class Processor:
    """A processor as this process uses it."""

    name: str
    kernels: str  # instruction set of torch's own kernels: DEFAULT, AVX2, AVX512, ...
    multiplies_bfloat16: bool  # has products of bfloat16 of its own, and no setting forbids them
    l2_bytes: int  # of a core
    l3_bytes: int  # of all cores that share it


@cache
def processor() -> Processor:
    """The processor that this process runs on."""
    return Processor(
        name=_name(),
        kernels=torch.backends.cpu.get_cpu_capability(),
        multiplies_bfloat16=_multiplies_bfloat16(),
        l2_bytes=_cache_bytes(2) or _UNKNOWN_L2,
        l3_bytes=_cache_bytes(3) or _UNKNOWN_L3,
    )


def precision_notes(device: torch.device, dtype: torch.dtype) -> tuple[str, ...]:
    """What people should know who chose bfloat16 to be quick where it is not."""
    if device.type != "cpu" or dtype is not torch.bfloat16 or processor().multiplies_bfloat16:
        return ()
    note = (
        f"bfloat16 is slower here, not faster: this processor ({processor().name}, "
        f"{processor().kernels}) has no products in it. It halves the memory of the weights, takes "
        "more time than float32 and rounds more."
    )
    return (note,)


def _name() -> str:
    lines = _INFORMATION.read_text().splitlines() if _INFORMATION.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _multiplies_bfloat16() -> bool:
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # Private names, but torch 2.11 tells it by no others.
    has = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    limits = [os.environ[name].upper() for name in _LIMITS if name in os.environ]
    return has and all(
        limit.startswith(_BFLOAT16_SETS) or limit in {"ALL", "DEFAULT"} for limit in limits
    )


def _cache_bytes(level: int) -> int | None:
    """Of the first core, as Linux tells."""
    for folder in sorted(_CACHES.glob("index*")):
        described = {
            name: (folder / name).read_text().strip() for name in ("level", "type", "size")
        }
        if described["level"] == str(level) and described["type"] != "Instruction":
            return int(described["size"].rstrip("KM")) * _UNITS.get(described["size"][-1], 1)
    return None
