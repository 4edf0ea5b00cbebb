"""Steering vectors between the store and files of any format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vectorlab.catalogue import in_file_of
from vectorlab.domain.codec import whole
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.models import Model
from vectorlab.domain.sets.versions import check_name
from vectorlab.domain.vectors.formats import VectorFormat, format_of
from vectorlab.domain.vectors.methods import default_operator
from vectorlab.domain.vectors.vectors import (
    LayerVector,
    NewVector,
    Origin,
    Site,
    SteeringVector,
    TokenRule,
    vector_content_sha256,
)
from vectorlab.errors import InputError, IntegrityError
from vectorlab.services.vectors.files.base import HEADER_VERSION, FileFormat, VectorFile
from vectorlab.services.vectors.vectors import check_fits, layer_vectors
from vectorlab.store import audit, models
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors
from vectorlab.version import __version__

_UNIT = 1e-5  # how far from 1 the length of a normalised vector may be, in float32


def export_vector(
    db: Database, vector: SteeringVector, path: Path, *, format: str | None = None
) -> None:
    """Write a vector to a file with its provenance.

    Args:
        db: The store.
        vector: The vector.
        path: The file.
        format: One of the catalogue; None goes by the file's ending.

    Raises:
        InputError: If the format is unknown or the file cannot be written.
        IntegrityError: If stored bytes do not match their hash.
    """
    entry = format_of(path, format)
    layers = layer_vectors(db, vector)
    values = {layer.layer: layer.values for layer in layers}
    file = VectorFile(header=_header(db, vector, layers), values=values)
    _file_format(entry).write(path, file)


@dataclass(frozen=True, kw_only=True)
class VectorInFile:
    """What a file of a vector says of it, before it is stored."""

    name: str
    method: str
    layers: int
    made_on: str  # what the model was called where the file was written
    model: Model | None  # the registered model it belongs to; None: it has to be named


def look_at(db: Database, path: Path, *, format: str | None = None) -> VectorInFile:
    """What an import of a file would store; nothing is written.

    Args:
        db: The store.
        path: A file that ``export_vector`` wrote.
        format: One of the catalogue; None goes by the file's ending.

    Raises:
        InputError: If the file is not what its format says.
        IntegrityError: If its numbers do not have the hash in its header.
    """
    header, layers = _read(path, format_of(path, format))
    with db.read() as tx:
        model = models.model_by_fingerprint(tx, header["model_fingerprint"])
    return VectorInFile(
        name=header["name"],
        method=header["method"],
        layers=len(layers),
        made_on=header["model"],
        model=model,
    )


def import_vector(
    db: Database,
    path: Path,
    *,
    format: str | None = None,
    model: Model | None,
    name: str | None,
    actor: str,
) -> SteeringVector:
    """Store a vector from a file.

    Args:
        db: The store.
        path: A file that ``export_vector`` wrote.
        format: One of the catalogue; None goes by the file's ending.
        model: Registered model it belongs to; None finds it by the fingerprint in the file.
        name: Of the vector; None keeps the name in the file.
        actor: Recorded as the one who imported.

    Raises:
        InputError: If the file is not what its format says, or its model is not registered.
        IntegrityError: If its numbers do not have the hash in its header.
        ConflictError: If the name is taken.
        ShapeError: If it does not fit the model.
    """
    header, layers = _read(path, format_of(path, format))
    with db.write() as tx:
        if model is None:
            model = models.model_by_fingerprint(tx, header["model_fingerprint"])
        if model is None:
            raise InputError(
                f"{path} belongs to a model that is not registered (fingerprint "
                f"{header['model_fingerprint'][:12]}, {header['model']!r}). Register it first: "
                "vectorlab models add PATH; or name another one with --model."
            )
        new_name = check_name("vector", name or header["name"])
        version = (
            sets.version_by_content(tx, header["set_sha256"]) if header["set_sha256"] else None
        )
        vector = vectors.add_vector(
            tx,
            NewVector(
                name=new_name,
                model_id=model.id,
                set_version_id=None if version is None else version.id,
                method=header["method"],
                # Files of before the first release name none.
                operator=Operator(header.get("operator") or default_operator(header["method"])),
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
        check_fits(vector, model, [layer.layer for layer in layers])
        audit.record(
            tx,
            actor=actor,
            action="import",
            object_kind="vector",
            object_id=vector.id,
            details={"file": path.name, "name": new_name},
        )
    return vector


def _header(db: Database, vector: SteeringVector, layers: Sequence[LayerVector]) -> dict[str, Any]:
    with db.read() as tx:
        extractions = _extractions(tx, vector)
        model = models.get_model(tx, str(vector.model_id))
        version = (
            None if vector.set_version_id is None else sets.version_by_id(tx, vector.set_version_id)
        )
    return {
        "header_version": HEADER_VERSION,
        "name": vector.name,
        "content_sha256": vector.content_sha256,
        "method": vector.method,
        "operator": vector.operator.value,
        "parameters": dict(vector.parameters),
        "read_site": vector.read_site.value,
        "write_site": vector.write_site.value,
        "token_rule": vector.token_rule.value,
        "normalised": all(abs(layer.norm - 1) <= _UNIT for layer in layers),
        "model": model.name,
        "model_source": model.description.source,
        "model_fingerprint": model.fingerprint,
        "set": vector.set_label,
        "set_sha256": None if version is None else version.content_sha256,
        "extractions": extractions,
        "explained_variance": {str(layer.layer): layer.explained_variance for layer in layers},
        "separability": {str(layer.layer): layer.separability for layer in layers},
        "created_at": vector.created_at.isoformat(),
        "written_by": f"vectorlab {__version__}",
    }


def _extractions(tx: Transaction, vector: SteeringVector) -> dict[str, Any]:
    """Every request that demonstrations were read by, of the vector and of those it is made of.

    By the content hash of the extracted vector; what a file said of an imported one stands for it.
    """
    spec = vectors.extraction_spec(tx, vector.id)
    extractions: dict[str, Any] = dict(vectors.environment(tx, vector.id).get("extractions", {}))
    if spec is not None:
        extractions[vector.content_sha256] = whole(spec)
    for parent in vectors.parents(tx, vector.id):
        extractions |= _extractions(tx, vectors.get_vector(tx, str(parent.vector_id)))
    return extractions


def _read(path: Path, entry: VectorFormat) -> tuple[Mapping[str, Any], list[LayerVector]]:
    file = _file_format(entry).read(path)
    header = file.header
    layers = [
        LayerVector(
            layer=layer,
            values=values,
            explained_variance=header["explained_variance"].get(str(layer)),
            separability=header.get("separability", {}).get(str(layer)),  # older files have none
        )
        for layer, values in sorted(file.values.items())
    ]
    actual = vector_content_sha256(layers, Site(header["write_site"]))
    if actual != header["content_sha256"]:
        raise IntegrityError(
            f"{path} does not hold the numbers its header names: content hash {actual[:12]}, "
            f"expected {header['content_sha256'][:12]}. Export it again."
        )
    return header, layers


def _file_format(entry: VectorFormat) -> FileFormat:
    return in_file_of(f"{__package__}.{entry.name}_format", "FORMAT", FileFormat)
