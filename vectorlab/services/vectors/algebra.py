"""Vectors made of vectors by projection and normalisation, layer by layer, lineage kept.

Weighted sums are ``services.vectors.vectors.combine``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH
from vectorlab.domain.jobs.requests import EqualiseRequest
from vectorlab.domain.models import check_dtype
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.sets.versions import SetReference, check_name
from vectorlab.domain.vectors.geometry import Matrix
from vectorlab.domain.vectors.methods import NORMALISED, PROJECTED_OUT
from vectorlab.domain.vectors.vectors import (
    LayerVector,
    NewVector,
    Origin,
    ParentWeight,
    SteeringVector,
)
from vectorlab.errors import InputError, ShapeError
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.services.vectors.vectors import check_combinable, check_free
from vectorlab.store import audit
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors

DEPENDENT = 1e-6  # share of a vector outside the others' span below which nothing is left of it


def project_out(
    db: Database, reference: str, removed: Sequence[str], *, name: str, actor: str
) -> SteeringVector:
    """Store what is left of a vector outside the span of others, layer by layer.

    Args:
        db: The store.
        reference: The vector.
        removed: Vectors whose directions are taken out; they need not be orthogonal.
        name: Of the new vector.
        actor: Recorded as the one who made it.

    Raises:
        ShapeError: If the vectors differ in layers, width or write site.
        InputError: If nothing is left at some layer, or no vector is named.
        ConflictError: If the name is taken.
    """
    if not removed:
        raise InputError("Name at least one vector to project out.")
    with db.write() as tx:
        parents = [
            vectors.get_vector(tx, parent_reference) for parent_reference in (reference, *removed)
        ]
        layers = _layers(tx, parents)
        left = [_outside(column, parents) for column in layers]
        about = {"removed": [parent.name for parent in parents[1:]]}
        return _store(tx, PROJECTED_OUT, parents, left, name=name, about=about, actor=actor)


def orthogonalise(
    db: Database, references: Sequence[str], *, suffix: str, actor: str
) -> list[SteeringVector]:
    """Store every vector but the first without the directions of those before it.

    Gram-Schmidt in the given order: the first stays as it is, and afterwards all of them are
    orthogonal at every layer and span what they spanned, each with the length that is left.

    Args:
        db: The store.
        references: Two or more vectors.
        suffix: What the new names end with.
        actor: Recorded as the one who made them.

    Raises:
        ShapeError: If the vectors differ in layers, width or write site.
        InputError: If a vector lies in the span of those before it, or there is only one.
        ConflictError: If a name is taken.
    """
    if len(references) < 2:
        raise InputError("Name two or more vectors to make orthogonal.")
    orthogonal = []
    with db.write() as tx:
        parents = [vectors.get_vector(tx, reference) for reference in references]
        layers = _layers(tx, parents)
        for count in range(2, len(parents) + 1):
            # The vector first, then those before it, as project_out takes them.
            mine = [parents[count - 1], *parents[: count - 1]]
            columns = [[column[count - 1], *column[: count - 1]] for column in layers]
            left = [_outside(column, mine) for column in columns]
            about = {"removed": [parent.name for parent in mine[1:]]}
            name = f"{mine[0].name}{suffix}"
            orthogonal.append(
                _store(tx, PROJECTED_OUT, mine, left, name=name, about=about, actor=actor)
            )
    return orthogonal


def normalise(db: Database, reference: str, *, name: str, actor: str) -> SteeringVector:
    """Store a vector with unit length at every layer; its natural norms are recorded with it.

    Raises:
        InputError: If it is zero at some layer.
        ConflictError: If the name is taken.
    """
    with db.write() as tx:
        vector = vectors.get_vector(tx, reference)
        parts = vectors.layer_vectors(tx, vector.id)
        empty = [part.layer for part in parts if part.norm == 0]
        if empty:
            raise InputError(
                f"Vector {vector.name!r} is zero at layer {empty[0]} and has no direction there."
            )
        unit = [
            replace(part, values=(part.values.astype(np.float64) / part.norm).astype(np.float32))
            for part in parts
        ]
        norms = {str(part.layer): part.norm for part in parts}
        about = {"natural_norms": norms}
        return _store(tx, NORMALISED, [vector], unit, name=name, about=about, actor=actor)


def request_equalisation(
    db: Database,
    reference: str,
    *,
    kl: float,
    texts: str,
    operator: Operator,
    name: str,
    dtype: str = "float32",
    direction: KL = KL.REVERSE,
    actor: str,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> Asked[SteeringVector]:
    """Enqueue the scaling of a vector to a given damage.

    The new vector, applied at strength 1 by the operator to all its layers and all positions, moves
    the model's next-token distributions by that mean KL over the texts, in the direction asked for.

    Args:
        db: The store.
        reference: The vector.
        kl: Wanted mean KL per token, nats.
        texts: Set version whose sources and targets are read.
        operator: One for which a vector's length matters.
        name: Of the new vector.
        dtype: The model computes in this.
        direction: Which of the two divergences.
        actor: Recorded as the one who asked.
        priority: Of the job.
        queue: Only workers of this queue take it.

    Raises:
        InputError: If the KL is not positive or the operator does not look at lengths.
        ConflictError: If the name is taken, or an equal job has another name.
    """
    if not (math.isfinite(kl) and kl > 0):
        raise InputError(f"The wanted KL is {kl:g}; it must be above 0, for example 0.1.")
    operator = Operator(operator)  # notebooks may give its name
    if not operator.info.scales_with_length:
        scaled = [candidate for candidate in Operator if candidate.info.scales_with_length]
        raise InputError(
            f"Operator {operator} does not depend on a vector's length, so there is nothing to "
            f"scale. Use {' or '.join(scaled)}."
        )
    check_dtype(dtype)
    with db.write() as tx:
        vector = vectors.get_vector(tx, reference)
        version = sets.resolve_version(tx, SetReference.parse(texts))
        request = EqualiseRequest(
            vector_id=vector.id,
            model_id=vector.model_id,
            set_version_id=version.id,
            set_label=version.label,
            kl=kl,
            operator=operator,
            name=name,
            dtype=dtype,
            direction=KL(direction),
        )
        check_free(tx, check_name("vector", name), request.dedupe_key)
        return ask(
            tx,
            request,
            read=job_reader(db, "vector_id", vectors.vector_by_id),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def _layers(tx: Transaction, parents: Sequence[SteeringVector]) -> list[list[LayerVector]]:
    """Per layer the layer vectors of all, in the same order."""
    check_combinable(parents)
    columns = zip(*(vectors.layer_vectors(tx, parent.id) for parent in parents), strict=True)
    layers = [list(column) for column in columns]
    if any(len({part.layer for part in column}) > 1 for column in layers):
        raise ShapeError("The vectors to combine do not cover the same layers.")
    return layers


def _outside(column: Sequence[LayerVector], parents: Sequence[SteeringVector]) -> LayerVector:
    """The first of a layer's vectors without the span of the others."""
    first, *others = (part.values.astype(np.float64) for part in column)
    basis = _basis(np.stack(others))
    rest = first - basis.T @ (basis @ first)
    rest = rest - basis.T @ (basis @ rest)  # once more: what rounding left
    if np.linalg.norm(rest) <= DEPENDENT * np.linalg.norm(first):
        raise InputError(
            f"Nothing of vector {parents[0].name!r} is left at layer {column[0].layer}: it lies in "
            f"the span of {', '.join(parent.name for parent in parents[1:])}."
        )
    return LayerVector(layer=column[0].layer, values=rest.astype(np.float32))


def _basis(rows: Matrix) -> Matrix:
    """Orthonormal rows with the same span."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(norms > 0, norms, 1)
    _, sizes, directions = np.linalg.svd(unit, full_matrices=False)
    kept: Matrix = directions[sizes > DEPENDENT * max(sizes[0], 1e-300)]
    return kept if sizes[0] > 0 else kept[:0]


def _store(
    tx: Transaction,
    method: str,
    parents: Sequence[SteeringVector],
    layers: Sequence[LayerVector],
    *,
    name: str,
    about: Mapping[str, Any],
    actor: str,
) -> SteeringVector:
    """Store a vector that came mainly from the first parent; the others have weight 0."""
    main = parents[0]
    vector = vectors.add_vector(
        tx,
        NewVector(
            name=check_name("vector", name),
            model_id=main.model_id,
            set_version_id=None,
            method=method,
            operator=main.operator,
            parameters={"of": main.name, **about},
            read_site=main.read_site,
            write_site=main.write_site,
            token_rule=main.token_rule,
            spec=None,
            origin=Origin.DERIVED,
            layers=layers,
            parents=[
                ParentWeight(vector_id=parent.id, weight=1.0 if parent is main else 0.0)
                for parent in parents
            ],
        ),
        created_by=actor,
    )
    audit.record(
        tx,
        actor=actor,
        action=method,
        object_kind="vector",
        object_id=vector.id,
        details={"name": name},
    )
    return vector
