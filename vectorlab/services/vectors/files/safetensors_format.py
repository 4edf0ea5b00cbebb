"""The native format: safetensors.

One float32 tensor ``layer.<b>`` per decoder block, and the header as JSON under the metadata key
``vectorlab``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vectorlab.errors import InputError
from vectorlab.services.vectors.files.base import FileFormat, VectorFile, header_text, read_header

_HEADER_KEY = "vectorlab"


def write(path: Path, vector: VectorFile) -> None:
    """Write a vector to a file in safetensors format, a tensor per layer.

    Raises:
        InputError: If the file cannot be written.
    """
    tensors = {f"layer.{layer}": values for layer, values in vector.values.items()}
    try:
        save_file(tensors, path, metadata={_HEADER_KEY: header_text(vector.header)})
    except SafetensorError as exc:
        raise InputError(f"{path} cannot be written ({exc}).") from exc


def read(path: Path) -> VectorFile:
    """Read a vector from a file that ``write`` wrote.

    Raises:
        InputError: If there is no such file, it is not in safetensors format, or has no header of
            ours.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if _HEADER_KEY not in metadata:
                raise InputError(
                    f"{path} has no {_HEADER_KEY!r} header, so nothing tells which layers and "
                    "sites its numbers belong to. Import files that vectorlab vectors export wrote."
                )
            header = read_header(path, metadata[_HEADER_KEY])
            values = dict(_layer(path, name, file) for name in file.keys())  # noqa: SIM118
    except FileNotFoundError as exc:
        raise InputError(f"File {str(path)!r} does not exist.") from exc
    except (SafetensorError, OSError) as exc:
        raise InputError(f"{path} is not a safetensors file ({exc}).") from exc
    return VectorFile(header=header, values=values)


def _layer(path: Path, name: str, file: Any) -> tuple[int, npt.NDArray[np.float32]]:
    prefix, _, number = name.partition(".")
    kept = file.get_slice(name)
    dtype, shape = kept.get_dtype(), kept.get_shape()
    if prefix != "layer" or not number.isdigit() or dtype != "F32" or len(shape) != 1:
        raise InputError(
            f"{path}: tensor {name!r} is {dtype} {shape}; expected layer.<number>, F32, "
            "one-dimensional."
        )
    return int(number), file.get_tensor(name)


FORMAT = FileFormat(write=write, read=read)
