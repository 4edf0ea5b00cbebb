"""The job that says what each demonstration does to a vector, from states alone."""

from typing import Any

import numpy as np

from vectorlab.domain.jobs.requests import ExplainRequest
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.states import StateSpec
from vectorlab.domain.vectors.vectors import ExtractionSpec, LayerVector
from vectorlab.errors import InputError
from vectorlab.steering.extraction.extraction import layer_vectors
from vectorlab.steering.extraction.leave_one_out import leave_one_out
from vectorlab.steering.extraction.methods import aggregate
from vectorlab.steering.model.environment import describe_environment, software
from vectorlab.steering.recording.paired_states import PairedStates, known_states, paired_states
from vectorlab.store.database import Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import explanations, states, vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles
from vectorlab.worker.state_cache import JobStates, cache_of


@handles(ExplainRequest)
def run_explanation(context: JobContext, request: ExplainRequest) -> None:
    """Leave out each demonstration of a vector in turn and store what changes.

    Raises:
        InputError: If the vector was not extracted.
    """
    with context.db.read() as tx:
        vector = vectors.vector_by_id(tx, request.vector_id)
        spec = vectors.extraction_spec(tx, vector.id)
        if spec is None or vector.set_version_id is None:
            raise InputError(f"Vector {vector.name!r} was {vector.origin}, not extracted.")
        items = sets.demonstrations(tx, vector.set_version_id)
        stored = vectors.layer_vectors(tx, vector.id)
        kept = states.get_spec(tx, str(vectors.environment(tx, vector.id).get("states_sha256")))
    paired, environment = _states(context, spec, items, kept)
    directions = aggregate(spec.method, paired.source, paired.target, spec.parameters)
    left_out = leave_one_out(
        spec.method,
        paired.source,
        paired.target,
        spec.parameters,
        directions,
        on_progress=lambda done, total: context.lease.progress(done, total, "leaving out"),
    )
    environment["deviation"] = _deviation(layer_vectors(directions), stored)
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        explanations.add_explanation(tx, vector.id, left_out, environment, context.job.created_by)
        result_ids["vector_id"] = vector.id

    context.commit(write)


def _states(
    context: JobContext,
    spec: ExtractionSpec,
    items: list[Demonstration],
    kept: StateSpec | None,
) -> tuple[PairedStates, dict[str, Any]]:
    """The states that made the vector, if all of them are kept; else one pass over what is not."""
    if kept is not None and context.state_cache_bytes > 0:
        cache = JobStates(context, kept)
        paired = known_states(items, spec, cache, kept)
        if paired is not None:
            cache.flush()
            return paired, software() | paired.reuse.to_json()
    loaded = context.load(spec.dtype)
    computed = paired_states(
        loaded,
        items,
        spec,
        open_cache=cache_of(context),
        on_progress=lambda done, total: context.lease.progress(done, total, "tokens read"),
    )
    environment = describe_environment(loaded) | computed.reuse.to_json()
    return computed, environment | {"events": list(computed.source.events)}


def _deviation(computed: tuple[LayerVector, ...], stored: list[LayerVector]) -> float:
    """How far the vector that these states make is from the stored one, relative, worst layer."""
    return max(
        float(np.linalg.norm(ours.values - theirs.values)) / (theirs.norm or 1.0)
        for ours, theirs in zip(computed, stored, strict=True)
    )
