"""Steering vectors to and from files.

The native format is a safetensors file with one float32 tensor ``layer.<b>`` per decoder block
and a JSON header under the metadata key ``vectorlab`` that carries where it all came from.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vectorlab.domain.codec import whole
from vectorlab.domain.models import Model
from vectorlab.domain.sets import check_name
from vectorlab.domain.vectors import (
    LayerVector,
    NewVector,
    Origin,
    Site,
    SteeringVector,
    TokenRule,
    vector_content_sha256,
)
from vectorlab.errors import InputError, IntegrityError
from vectorlab.services.vectors import check_fits, layer_vectors
from vectorlab.store import audit, models, sets, vectors
from vectorlab.store.database import Database, Transaction
from vectorlab.version import __version__

_HEADER_KEY = "vectorlab"
_HEADER_VERSION = 1
_UNIT = 1e-5  # how far from 1 the length of a normalised vector may be, in float32
_HEADER_FIELDS = {
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


def export_vector(db: Database, vector: SteeringVector, path: Path, *, format: str) -> None:
    """Write a vector to a file.

    Raises:
        InputError: If the format is unknown.
        IntegrityError: If stored bytes do not match their hash.
    """
    if format not in EXPORTERS:
        raise InputError(
            f"Export format {format!r} is not known. Use one of {', '.join(sorted(EXPORTERS))}."
        )
    EXPORTERS[format](db, vector, path)


def import_vector(
    db: Database, path: Path, *, model: Model | None, name: str | None, actor: str
) -> SteeringVector:
    """Store a vector from a native file.

    Args:
        db: The store.
        path: A file that ``export_vector`` wrote.
        model: Registered model it belongs to; None finds it by the fingerprint in the file.
        name: Of the vector; None keeps the name in the file.
        actor: Recorded as the one who imported.

    Raises:
        InputError: If the file is not a native vector file, or its model is not registered.
        IntegrityError: If its numbers do not have the hash in its header.
        ConflictError: If the name is taken.
        ShapeError: If it does not fit the model.
    """
    header, layers = _read(path)
    with db.write() as tx:
        if model is None:
            model = models.model_by_fingerprint(tx, header["model_fingerprint"])
        if model is None:
            raise InputError(
                f"{path} belongs to a model that is not registered (fingerprint "
                f"{header['model_fingerprint'][:12]}, {header['model']!r}). Register it first: "
                "vectorlab models add PATH; or name another one with --model."
            )
        wanted = check_name("vector", name or header["name"])
        version = (
            sets.version_by_content(tx, header["set_sha256"]) if header["set_sha256"] else None
        )
        made = vectors.add_vector(
            tx,
            NewVector(
                name=wanted,
                model_id=model.id,
                set_version_id=None if version is None else version.id,
                method=header["method"],
                parameters=header["parameters"],
                read_site=Site(header["read_site"]),
                write_site=Site(header["write_site"]),
                token_rule=TokenRule(header["token_rule"]),
                spec=None,
                origin=Origin.IMPORTED,
                layers=layers,
                environment={
                    "imported_from": path.name,
                    "written_by": header["written_by"],
                    "extractions": header.get("extractions", {}),  # files of before have none
                },
            ),
            created_by=actor,
        )
        check_fits(made, model, [item.layer for item in layers])
        audit.record(
            tx,
            actor=actor,
            action="import",
            object_kind="vector",
            object_id=made.id,
            details={"file": path.name, "name": wanted},
        )
    return made


def _export_safetensors(db: Database, vector: SteeringVector, path: Path) -> None:
    layers = layer_vectors(db, vector)
    with db.read() as tx:
        extractions = _extractions(tx, vector)
        model = models.get_model(tx, str(vector.model_id))
        version = (
            None if vector.set_version_id is None else sets.version_by_id(tx, vector.set_version_id)
        )
    header = {
        "header_version": _HEADER_VERSION,
        "name": vector.name,
        "content_sha256": vector.content_sha256,
        "method": vector.method,
        "parameters": dict(vector.parameters),
        "read_site": vector.read_site.value,
        "write_site": vector.write_site.value,
        "token_rule": vector.token_rule.value,
        "normalised": all(abs(item.norm - 1) <= _UNIT for item in layers),
        "model": model.name,
        "model_source": model.description.source,
        "model_fingerprint": model.fingerprint,
        "set": vector.set_label,
        "set_sha256": None if version is None else version.content_sha256,
        "extractions": extractions,
        "explained_variance": {str(item.layer): item.explained_variance for item in layers},
        "separability": {str(item.layer): item.separability for item in layers},
        "created_at": vector.created_at.isoformat(),
        "written_by": f"vectorlab {__version__}",
    }
    tensors = {f"layer.{item.layer}": item.values for item in layers}
    try:
        save_file(tensors, path, metadata={_HEADER_KEY: json.dumps(header, sort_keys=True)})
    except SafetensorError as exc:
        raise InputError(f"{path} cannot be written ({exc}).") from exc


def _extractions(tx: Transaction, vector: SteeringVector) -> dict[str, Any]:
    """Every request that demonstrations were read by, of the vector and of those it is made of.

    By the content hash of the extracted vector; what a file said of an imported one stands for it.
    """
    spec = vectors.extraction_spec(tx, vector.id)
    found: dict[str, Any] = dict(vectors.environment(tx, vector.id).get("extractions", {}))
    if spec is not None:
        found[vector.content_sha256] = whole(spec)
    for parent in vectors.parents(tx, vector.id):
        found |= _extractions(tx, vectors.get_vector(tx, str(parent.vector_id)))
    return found


def _read(path: Path) -> tuple[dict[str, Any], list[LayerVector]]:
    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(path, file.metadata() or {})
            layers = [_layer(path, header, name, file) for name in file.keys()]  # noqa: SIM118
    except FileNotFoundError as exc:
        raise InputError(f"File {str(path)!r} does not exist.") from exc
    except (SafetensorError, OSError) as exc:
        raise InputError(f"{path} is not a safetensors file ({exc}).") from exc
    layers.sort(key=lambda item: item.layer)
    actual = vector_content_sha256(layers, Site(header["write_site"]))
    if actual != header["content_sha256"]:
        raise IntegrityError(
            f"{path} does not hold the numbers its header names: content hash {actual[:12]}, "
            f"expected {header['content_sha256'][:12]}. Export it again."
        )
    return header, layers


def _header(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    if _HEADER_KEY not in metadata:
        raise InputError(
            f"{path} has no {_HEADER_KEY!r} header, so nothing tells which layers and sites its "
            "numbers belong to. Import files that vectorlab vectors export wrote."
        )
    try:
        header = json.loads(metadata[_HEADER_KEY])
        version = header["header_version"]
    except (ValueError, TypeError, KeyError) as exc:
        raise InputError(f"{path} has a damaged header ({exc}). Export the vector again.") from exc
    if version != _HEADER_VERSION:
        raise InputError(
            f"{path} has header version {version}; this version of VectorLab reads "
            f"{_HEADER_VERSION}. Upgrade VectorLab."
        )
    missing = sorted(_HEADER_FIELDS - header.keys())
    if missing:
        raise InputError(f"{path} has a header without {', '.join(missing)}. Export it again.")
    if not isinstance(header.get("extractions", {}), dict):
        raise InputError(f"{path} has a header whose extractions are no object. Export it again.")
    return dict(header)


def _layer(path: Path, header: dict[str, Any], name: str, file: Any) -> LayerVector:
    prefix, _, number = name.partition(".")
    kept = file.get_slice(name)
    dtype, shape = kept.get_dtype(), kept.get_shape()
    if prefix != "layer" or not number.isdigit() or dtype != "F32" or len(shape) != 1:
        raise InputError(
            f"{path}: tensor {name!r} is {dtype} {shape}; expected layer.<number>, F32, "
            "one-dimensional."
        )
    return LayerVector(
        layer=int(number),
        values=file.get_tensor(name),
        explained_variance=header["explained_variance"].get(number),
        separability=header.get("separability", {}).get(number),  # files of before have none
    )


EXPORTERS: dict[str, Callable[[Database, SteeringVector, Path], None]] = {
    "safetensors": _export_safetensors,
}
