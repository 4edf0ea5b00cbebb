"""Catalogue of file formats of steering vectors: what edges know of them without reading any.

How each is written and read is in ``vectorlab.services.vectors.files``, in ``<name>_format.py``.
"""

from dataclasses import dataclass
from pathlib import PurePath

from vectorlab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class VectorFormat:
    """A file format by its name."""

    name: str
    endings: tuple[str, ...]  # of file names, without the dot; the first is given to new files
    holds: str  # what a file of it says


VECTOR_FORMATS: dict[str, VectorFormat] = {
    entry.name: entry
    for entry in (
        VectorFormat(
            name="safetensors",
            endings=("safetensors",),
            holds="every layer in float32, and where it all came from",
        ),
    )
}


def format_of(path: PurePath, name: str | None) -> VectorFormat:
    """The format asked for, or without one the format that the file's ending names.

    Raises:
        InputError: If there is none.
    """
    if name in VECTOR_FORMATS:
        return VECTOR_FORMATS[name]
    known = ", ".join(VECTOR_FORMATS)
    if name is not None:
        raise InputError(f"Vector format {name!r} is not known. Use one of {known}.")
    ending = path.suffix.removeprefix(".").lower()
    for entry in VECTOR_FORMATS.values():
        if ending in entry.endings:
            return entry
    endings = (f".{ending}" for entry in VECTOR_FORMATS.values() for ending in entry.endings)
    raise InputError(
        f"The ending of {path.name!r} names no format of vectors. Use "
        f"{', '.join(endings)}, "
        f"or say which it is: --format {'|'.join(VECTOR_FORMATS)}"
    )
