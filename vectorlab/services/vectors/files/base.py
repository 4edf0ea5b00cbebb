"""What a file format of vectors exposes as ``FORMAT``, and what all of them carry."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vectorlab.errors import InputError

HEADER_VERSION = 1
_FIELDS = {
    "content_sha256",
    "explained_variance",
    "method",
    "model",
    "model_fingerprint",
    "name",
    "parameters",
    "read_site",
    "set_sha256",
    "token_rule",
    "write_site",
    "written_by",
}


@dataclass(frozen=True, kw_only=True)
class VectorFile:
    """The header and the numbers that a file of a vector holds."""

    header: Mapping[str, Any]  # where it all came from, JSON types
    values: Mapping[int, npt.NDArray[np.float32]]  # by layer, (D,)


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """How a vector becomes a file and the file a vector.

    Both raise ``InputError`` where the file cannot be written, or is not what it should be.
    """

    write: Callable[[Path, VectorFile], None]
    read: Callable[[Path], VectorFile]


def header_text(header: Mapping[str, Any]) -> str:
    """A header as formats write it that have a place for a text."""
    return json.dumps(header, sort_keys=True)


def read_header(path: Path, text: str) -> dict[str, Any]:
    """Inverse of ``header_text``.

    Raises:
        InputError: If it is damaged, of another version or lacks something.
    """
    try:
        header = json.loads(text)
        version = header["header_version"]
    except (ValueError, TypeError, KeyError) as exc:
        raise InputError(f"{path} has a damaged header ({exc}). Export the vector again.") from exc
    if version != HEADER_VERSION:
        raise InputError(
            f"{path} has header version {version}; this version of VectorLab reads "
            f"{HEADER_VERSION}. Upgrade VectorLab."
        )
    missing = sorted(_FIELDS - header.keys())
    if missing:
        raise InputError(f"{path} has a header without {', '.join(missing)}. Export it again.")
    if not isinstance(header.get("extractions", {}), dict):
        raise InputError(f"{path} has a header whose extractions are no object. Export it again.")
    return dict(header)
