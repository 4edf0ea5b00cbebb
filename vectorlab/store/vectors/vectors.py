"""Steering vectors, their layer vectors as checked bytes, and where they came from."""

from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.vectors.vectors import (
    Alignment,
    ExtractionSpec,
    LayerVector,
    LayerVectorInfo,
    NewVector,
    Origin,
    ParentWeight,
    Site,
    SteeringVector,
    TokenRule,
    derived_request_sha256,
    vector_content_sha256,
)
from vectorlab.errors import ConflictError, InputError, IntegrityError, ShapeError
from vectorlab.store import evidence, schema
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches, get_id, must_exist

_vectors = schema.steering_vectors
_layers = schema.layer_vectors
_alignments = schema.demonstration_alignments
_parents = schema.vector_parents
_versions = schema.set_versions
_sets = schema.demonstration_sets

DTYPES = {"float32": "<f4"}  # stored name -> the bytes it stands for


def add_vector(tx: Transaction, new: NewVector, created_by: str) -> SteeringVector:
    """Store a vector with every layer, alignment and parent.

    Raises:
        ConflictError: If the name is taken.
        ShapeError: If it has no layer, layers of different width, or one layer twice.
    """
    if not name_is_free(tx, new.name):
        raise ConflictError(
            f"Vector name {new.name!r} is taken. Choose another with --name, "
            f"or look at it: vectorlab vectors show {new.name}"
        )
    d_model = _common_width(new.layers)
    values = {
        "name": new.name,
        "content_sha256": new.content_sha256,
        "spec_sha256": None if new.spec is None else new.spec.sha256,
        "model_id": new.model_id,
        "set_version_id": new.set_version_id,
        "method": new.method,
        "operator": new.operator,
        "parameters_json": dict(new.parameters),
        "read_site": new.read_site,
        "write_site": new.write_site,
        "token_rule": new.token_rule.value,
        "spec_json": None if new.spec is None else new.spec.to_json(),
        "origin": new.origin,
        "n_layers": len(new.layers),
        "d_model": d_model,
        "environment_json": dict(new.environment),
        "created_by": created_by,
    }
    return vector_by_id(tx, evidence.add_record(tx, _vectors, values, _parts(new)))


def get_vector(tx: Transaction, reference: str) -> SteeringVector:
    """The vector with that name, id or content hash prefix (six digits or more).

    Raises:
        NotFoundError: If there is none.
        InputError: If the prefix fits several hashes.
    """
    vector_id = get_id(tx, _vectors, reference, kind="vector", hash_column="content_sha256")
    return vector_by_id(tx, vector_id)


def vector_by_id(tx: Transaction, vector_id: int) -> SteeringVector:
    """The vector with that id.

    Raises:
        NotFoundError: If there is none.
    """
    vector = next(iter(_select(tx, _vectors.c.id == vector_id)), None)
    return must_exist(vector, "vector", vector_id, listed_by="vectors list")


def find_by_spec(tx: Transaction, sha256: str, *, name: str | None = None) -> SteeringVector | None:
    """What an equal request made: the vector of that name, else the first, or None."""
    matches = _select(tx, _vectors.c.spec_sha256 == sha256)
    named = (vector for vector in matches if vector.name == name)
    return next(named, matches[-1] if matches else None)


def list_vectors(
    tx: Transaction,
    *,
    model_id: int | None = None,
    set_name: str | None = None,
    method: str | None = None,
) -> list[SteeringVector]:
    """Vectors, newest first, optionally of one model, set or method."""
    conditions = [
        column == value
        for column, value in (
            (_vectors.c.model_id, model_id),
            (_sets.c.name, set_name),
            (_vectors.c.method, method),
        )
        if value is not None
    ]
    return _select(tx, sa.and_(sa.true(), *conditions))


def vectors_by_id(tx: Transaction, ids: Sequence[int]) -> list[SteeringVector]:
    """The vectors of those ids, newest first."""
    return _select(tx, _vectors.c.id.in_(ids))


def first_of_contents(
    tx: Transaction, sha256s: Sequence[str], operator: Operator
) -> dict[str, int]:
    """The first vector extracted from demonstrations of each content hash, by that hash.

    Only those that act by the operator count.
    """
    query = (
        sa.select(_versions.c.content_sha256, sa.func.min(_vectors.c.id).label("first"))
        .join(_vectors, _vectors.c.set_version_id == _versions.c.id)
        .where(
            _versions.c.content_sha256.in_(sha256s),
            _vectors.c.origin == Origin.EXTRACTED.value,
            _vectors.c.operator == operator.value,
        )
        .group_by(_versions.c.content_sha256)
    )
    return {row.content_sha256: row.first for row in tx.execute(query)}


def names(tx: Transaction) -> dict[int, str]:
    """Name of every vector by its id."""
    rows = tx.execute(sa.select(_vectors.c.id, _vectors.c.name).order_by(_vectors.c.id))
    return {row.id: row.name for row in rows}


def names_of(tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """Names of some vectors by their id; those that are gone are left out."""
    return {
        row.id: row.name
        for some in batches(sorted(set(ids)))
        for row in tx.execute(
            sa.select(_vectors.c.id, _vectors.c.name).where(_vectors.c.id.in_(some))
        )
    }


def owners(tx: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """Fingerprint of the model that each vector belongs to, by the vector's id."""
    fingerprints: dict[int, str] = {}
    for some in batches(sorted(set(ids))):
        query = (
            sa.select(_vectors.c.id, schema.models.c.fingerprint)
            .join(schema.models)
            .where(_vectors.c.id.in_(some))
        )
        fingerprints |= {row.id: row.fingerprint for row in tx.execute(query)}
    return fingerprints


def free_name(tx: Transaction, base: str) -> str:
    """The base itself, or with the first number that makes a name no vector has or will get."""
    from vectorlab.store.jobs import names as job_names

    candidates = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(
        name
        for name in candidates
        if name_is_free(tx, name) and job_names.holder(tx, "vector", name) is None
    )


def name_is_free(tx: Transaction, name: str) -> bool:
    """Whether no vector has that name."""
    return tx.scalar(sa.select(_vectors.c.id).where(_vectors.c.name == name)) is None


def layer_vectors(tx: Transaction, vector_id: int) -> list[LayerVector]:
    """The numbers of a vector by layer, every byte checked.

    Raises:
        NotFoundError: If there is no such vector.
        IntegrityError: If dtype, length or hash of a layer, or the hash of the whole, differ
            from what is on record.
    """
    vector = vector_by_id(tx, vector_id)
    query = _layers.select().where(_layers.c.steering_vector_id == vector_id)
    layers = [_layer(vector, row) for row in tx.execute(query.order_by(_layers.c.layer))]
    content = vector_content_sha256(layers, vector.write_site)
    if content != vector.content_sha256:
        raise IntegrityError(
            f"Vector {vector.name!r} has content hash {content}, on record is "
            f"{vector.content_sha256}. {_CURE}"
        )
    return layers


def layer_infos(tx: Transaction, vector_id: int) -> list[LayerVectorInfo]:
    """What a table shows of each layer; no blob is read."""
    columns = [_layers.c[field] for field in LayerVectorInfo.__dataclass_fields__]
    query = sa.select(*columns).where(_layers.c.steering_vector_id == vector_id)
    return [LayerVectorInfo(**row._mapping) for row in tx.execute(query.order_by(_layers.c.layer))]


def alignments(tx: Transaction, vector_id: int) -> list[Alignment]:
    """How far each demonstration pulls along the vector, in the order of its set version."""
    query = _alignments.select().where(_alignments.c.steering_vector_id == vector_id)
    return [
        Alignment(position=row.position, cosines=tuple(row.cosines_json), mean=row.mean)
        for row in tx.execute(query.order_by(_alignments.c.position))
    ]


def environment(tx: Transaction, vector_id: int) -> dict[str, Any]:
    """What the vector depends on beside its request: software, device, where states came from."""
    query = sa.select(_vectors.c.environment_json).where(_vectors.c.id == vector_id)
    return dict(tx.execute(query).scalar_one())


def extraction_spec(tx: Transaction, vector_id: int) -> ExtractionSpec | None:
    """The request that an extracted vector answers; None for other origins."""
    query = sa.select(_vectors.c.spec_json).where(_vectors.c.id == vector_id)
    spec_json = tx.execute(query).scalar_one()
    return None if spec_json is None else ExtractionSpec.from_json(spec_json)


def request_sha256(tx: Transaction, vector: SteeringVector) -> str:
    """Identity of how a vector was asked for: the same on every machine, unlike its numbers.

    The last bit of a computed number hangs on the processor. What is drawn or found for a vector
    goes by this instead: of an extracted vector the hash of its request, of a combined one its
    parameters and its parents' requests, of an imported one the content of its file.
    """
    if vector.origin in (Origin.COMBINED, Origin.DERIVED):
        terms = [vector_by_id(tx, parent.vector_id) for parent in parents(tx, vector.id)]
        requests = [request_sha256(tx, term) for term in terms]
        return derived_request_sha256(vector.method, vector.parameters, requests)
    return vector.spec_sha256 or vector.content_sha256


def parents(tx: Transaction, vector_id: int) -> list[ParentWeight]:
    """The terms of a combined vector in their order."""
    query = _parents.select().where(_parents.c.steering_vector_id == vector_id)
    return [
        ParentWeight(vector_id=row.parent_id, weight=row.weight)
        for row in tx.execute(query.order_by(_parents.c.position))
    ]


_CURE = "The bytes were altered; put a backup in place: vectorlab db restore BACKUP"


def _select(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[SteeringVector]:
    query = (
        sa.select(
            _vectors,
            schema.models.c.name.label("model_name"),
            _versions.c.number,
            _versions.c.n_demonstrations,
            _sets.c.name.label("set_name"),
        )
        .join(schema.models)
        .outerjoin(_versions, _versions.c.id == _vectors.c.set_version_id)
        .outerjoin(_sets, _sets.c.id == _versions.c.set_id)
        .where(condition)
        .order_by(_vectors.c.id.desc())
    )
    return [_vector(row) for row in tx.execute(query)]


def _vector(row: sa.Row[Any]) -> SteeringVector:
    return SteeringVector(
        id=row.id,
        name=row.name,
        content_sha256=row.content_sha256,
        spec_sha256=row.spec_sha256,
        model_id=row.model_id,
        model_name=row.model_name,
        set_version_id=row.set_version_id,
        set_label=None if row.set_name is None else f"{row.set_name}@{row.number}",
        method=row.method,
        operator=Operator(row.operator),
        parameters=row.parameters_json,
        read_site=Site(row.read_site),
        write_site=Site(row.write_site),
        token_rule=TokenRule(row.token_rule),
        origin=Origin(row.origin),
        n_layers=row.n_layers,
        d_model=row.d_model,
        n_demonstrations=row.n_demonstrations,
        created_at=row.created_at,
    )


def _layer(vector: SteeringVector, row: sa.Row[Any]) -> LayerVector:
    import numpy as np

    where = f"Layer {row.layer} of vector {vector.name!r}"
    if row.dtype not in DTYPES:
        raise IntegrityError(f"{where} has dtype {row.dtype!r}, expected {', '.join(DTYPES)}.")
    dtype = np.dtype(DTYPES[row.dtype])
    if len(row.data) != row.d_model * dtype.itemsize or row.d_model != vector.d_model:
        raise IntegrityError(
            f"{where} has {len(row.data)} bytes, expected {vector.d_model * dtype.itemsize}. "
            f"{_CURE}"
        )
    sha256 = bytes_sha256(row.data)
    if sha256 != row.sha256:
        raise IntegrityError(f"{where} has hash {sha256}, on record is {row.sha256}. {_CURE}")
    return LayerVector(
        layer=row.layer,
        values=np.frombuffer(row.data, dtype=dtype).astype(np.float32),
        explained_variance=row.explained_variance,
        separability=row.separability,
    )


def _common_width(layers: Sequence[LayerVector]) -> int:
    import numpy as np

    widths = sorted({layer.values.shape for layer in layers})
    if len(widths) != 1 or len(widths[0]) != 1:
        raise ShapeError(f"A vector needs layers of one width; these have shapes {widths}.")
    numbers = [layer.layer for layer in layers]
    if numbers != sorted(set(numbers)):
        raise ShapeError(f"Layers must be ascending and different; these are {numbers}.")
    for layer in layers:
        if not np.isfinite(layer.values).all():
            raise InputError(
                f"Layer {layer.layer} holds NaN or infinite numbers; it is not stored."
            )
    return int(widths[0][0])


def _parts(new: NewVector) -> dict[sa.Table, list[dict[str, Any]]]:
    """The rows that belong to a vector, without its id."""
    return {
        _layers: [_layer_row(layer) for layer in new.layers],
        _alignments: [
            {
                "position": alignment.position,
                "mean": alignment.mean,
                "cosines_json": alignment.cosines,
            }
            for alignment in new.alignments
        ],
        _parents: [
            {"position": place, "parent_id": parent.vector_id, "weight": parent.weight}
            for place, parent in enumerate(new.parents)
        ],
    }


def _layer_row(layer: LayerVector) -> dict[str, Any]:
    return {
        "layer": layer.layer,
        "d_model": layer.values.shape[0],
        "dtype": "float32",
        "norm": layer.norm,
        "explained_variance": layer.explained_variance,
        "separability": layer.separability,
        "sha256": layer.sha256,
        "data": layer.data,
    }
