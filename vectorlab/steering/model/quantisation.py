"""Models whose weights are stored quantised: which package reads them, and whether it is there."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vectorlab.errors import ModelError

# The package behind each ``quant_method`` of a config.json, and how to install it.
PACKAGES = {
    "torchao": ("torchao", "'vectorlab[quantised]'"),
    "awq": ("gptqmodel", "gptqmodel"),
    "bitsandbytes": ("bitsandbytes", "bitsandbytes"),
    "compressed-tensors": ("compressed-tensors", "compressed-tensors"),
    "gptq": ("gptqmodel", "gptqmodel"),
    "hqq": ("hqq", "hqq"),
    "quanto": ("optimum-quanto", "optimum-quanto"),
}


def check_quantiser(directory: Path, config: Mapping[str, Any]) -> None:
    """Refuse quantised weights that nothing here can read.

    Raises:
        ModelError: Naming the package to install.
    """
    method = _method(config)
    if method in PACKAGES and quantiser(config) is None:
        package, requirement = PACKAGES[method]
        raise ModelError(
            f"The weights in {directory} are quantised by {method}, which needs the package "
            f"{package}. Run: pip install {requirement}"
        )


def quantiser(config: Mapping[str, Any]) -> str | None:
    """What reads the weights, with its version; None if they are plain or it is not installed."""
    method = _method(config)
    if method is None or method not in PACKAGES:
        return method
    package, _ = PACKAGES[method]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return None


def _method(config: Mapping[str, Any]) -> str | None:
    settings = config.get("quantization_config") or {}
    return settings.get("quant_method")
