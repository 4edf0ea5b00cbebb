"""What every result says beside its figures, and where it is written."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from vectorlab.steering.model.environment import kernel_limits
from vectorlab.steering.model.processor import processor

RESULTS = Path(__file__).parent / "results"


def report(
    name: str,
    figures: dict[str, Any],
    *,
    packages: list[str],
    keep: bool,
    by_kernels: bool = False,
) -> None:
    """Print a result and, if asked, write it to ``results/NAME.json``.

    Where figures follow the processor's kernels there is a file for each: ``NAME.avx2.json``.
    """
    result = {
        "benchmark": name,
        "command": " ".join(["python", "-m", f"bench.{name}", *sys.argv[1:]]),
        **figures,
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "machine": machine(),
        "measured_at": now(),
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    if keep:
        RESULTS.mkdir(exist_ok=True)
        _file(name, by_kernels=by_kernels).write_text(text, encoding="utf-8")


def kept_rows(name: str) -> list[dict[str, Any]]:
    """Those of the last result under these kernels, each with the time it was measured at."""
    path = _file(name, by_kernels=True)
    if not path.exists():
        return []
    result = json.loads(path.read_text(encoding="utf-8"))
    return [{"measured_at": result["measured_at"], **row} for row in result["rows"]]


def now() -> str:
    """The time as results say it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _file(name: str, *, by_kernels: bool) -> Path:
    return RESULTS / (
        f"{name}.{processor().kernels.lower()}.json" if by_kernels else f"{name}.json"
    )


def machine() -> dict[str, Any]:
    """The processor and what of it this process uses."""
    own = processor()
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": own.name,
        "processors": os.cpu_count(),
        "kernels": own.kernels,
        "kernel_limits": kernel_limits(),
        "multiplies_bfloat16": own.multiplies_bfloat16,
        "l2_kib": own.l2_bytes >> 10,
        "l3_mib": own.l3_bytes >> 20,
        "threads": torch.get_num_threads(),
    }
