"""What an exported file says of itself: the set version it holds, its hash, and its own bytes.

Text formats have it in a file beside them (``FILE.manifest.json``); Parquet files and datasets
directories carry it inside, in the notes of their schema.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vectorlab.domain.sets.versions import SetReference, SetVersion
from vectorlab.errors import InputError
from vectorlab.version import __version__

SUFFIX = ".manifest.json"
_VERSION = 1
_SIZE_LIMIT = 2**20  # bytes of a manifest


@dataclass(frozen=True, kw_only=True)
class ExportOrigin:
    """The export that an input comes from, by its manifest."""

    label: str  # name@number, in the store that exported it
    content_sha256: str
    unchanged: bool | None  # whether the bytes are those of the export; None: not known before

    def sentence(self, name: str) -> str:
        """Whether the input is an unchanged export, in a sentence for people."""
        if self.unchanged is None:
            return f"{name} says it is an export of {self.label}"
        if self.unchanged:
            return f"{name} is the export of {self.label}, unchanged"
        return f"{name} was changed since it was exported as {self.label}"


def describe_version(version: SetVersion, format: str) -> dict[str, Any]:
    """The manifest of a version; holds nothing that differs from one export to the next."""
    return {
        "manifest_version": _VERSION,
        "set": version.set_name,
        "version": version.number,
        "label": version.label,
        "content_sha256": version.content_sha256,
        "demonstrations": version.count,
        "message": version.message,
        "author": version.author,
        "created_at": version.created_at.isoformat(),
        "format": format,
        "written_by": f"vectorlab {__version__}",
    }


def sidecar(path: Path) -> Path:
    """Where the manifest of a file is."""
    return path.with_name(path.name + SUFFIX)


def sidecar_text(about: Mapping[str, Any], files: Mapping[str, Path]) -> str:
    """The manifest beside text files, with their hashes.

    Args:
        about: What ``describe_version`` says.
        files: Final names, and where the bytes are now.
    """
    listed = [
        {"name": name, "bytes": path.stat().st_size, "sha256": _file_sha256(path)}
        for name, path in files.items()
    ]
    value = {**about, "files": listed}
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def find_origin(paths: Sequence[Path]) -> tuple[ExportOrigin | None, str]:
    """What the manifest beside the first file says, and a note if it cannot be used."""
    path = sidecar(paths[0])
    try:
        with path.open("rb") as file:
            about = json.loads(file.read(_SIZE_LIMIT))
        origin = read_origin(about)
        expected = [str(entry["sha256"]) for entry in about["files"]]
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except (OSError, ValueError, TypeError, KeyError, RecursionError, InputError):
        return None, f"{path} is no manifest that this version reads; it is not used"
    same = expected == [_file_sha256(path) for path in paths]
    return ExportOrigin(
        label=origin.label, content_sha256=origin.content_sha256, unchanged=same
    ), ""


def read_origin(about: Mapping[str, Any]) -> ExportOrigin:
    """The origin that a manifest names.

    Raises:
        InputError: If it is no manifest of this version.
    """
    label, sha256 = about.get("label"), about.get("content_sha256")
    known = about.get("manifest_version") == _VERSION
    if not known or not isinstance(label, str) or not isinstance(sha256, str):
        raise InputError("The manifest is not one that this version reads.")
    # The label is printed: nothing but a name and a number may come out of somebody's file.
    reference = SetReference.parse(label)
    return ExportOrigin(label=str(reference), content_sha256=sha256[:64], unchanged=None)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
