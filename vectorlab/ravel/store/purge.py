"""What of RAVEL depends on what: data <- instance <- featurizer <- evaluation <- run.

Names the kinds, the rows that depend on each, and the columns that hold an object's id.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.store import schema

Dependents = Sequence[tuple[str, sa.Select[Any]]]

RUN, EVALUATION, FEATURIZER = "ravel run", "evaluation", "featurizer"
INSTANCE, DATA = "instance", "entity data"
KINDS = (RUN, EVALUATION, FEATURIZER, INSTANCE, DATA)  # nothing before what depends on it

_runs = schema.ravel_runs
_of_run = schema.ravel_run_evaluations
_evaluations = schema.ravel_evaluations
_used = schema.ravel_evaluation_featurizers
_featurizers = schema.ravel_featurizers
_instances = schema.ravel_instances
_versions = schema.ravel_versions


def of_vector(vector_id: int) -> Dependents:
    """Evaluations that tried a steering vector."""
    query = sa.select(_evaluations.c.id).where(_evaluations.c.steering_vector_id == vector_id)
    return ((EVALUATION, query),)


def _of_evaluation(evaluation_id: int) -> Dependents:
    return ((RUN, sa.select(_of_run.c.run_id).where(_of_run.c.evaluation_id == evaluation_id)),)


def _of_featurizer(featurizer_id: int) -> Dependents:
    query = sa.select(_used.c.evaluation_id).where(_used.c.featurizer_id == featurizer_id)
    return ((EVALUATION, query),)


def _of_instance(instance_id: int) -> Dependents:
    return tuple(
        (kind, sa.select(table.c.id).where(table.c.instance_id == instance_id))
        for kind, table in ((FEATURIZER, _featurizers), (EVALUATION, _evaluations), (RUN, _runs))
    )


def _of_data(version_id: int) -> Dependents:
    return ((INSTANCE, sa.select(_instances.c.id).where(_instances.c.version_id == version_id)),)


DEPENDENTS: Mapping[str, Callable[[int], Dependents]] = {
    EVALUATION: _of_evaluation,
    FEATURIZER: _of_featurizer,
    INSTANCE: _of_instance,
    DATA: _of_data,
}
PARTS: Mapping[str, tuple[sa.Column[Any], ...]] = {
    RUN: (_of_run.c.run_id, _runs.c.id),
    EVALUATION: (
        schema.ravel_outcomes.c.evaluation_id,
        schema.ravel_scores.c.evaluation_id,
        _used.c.evaluation_id,
        _evaluations.c.id,
    ),
    FEATURIZER: (
        schema.ravel_tensor_chunks.c.featurizer_id,
        schema.ravel_tensors.c.featurizer_id,
        _featurizers.c.id,
    ),
    INSTANCE: (
        schema.ravel_examples.c.instance_id,
        schema.ravel_completions.c.instance_id,
        _instances.c.id,
    ),
    DATA: (
        schema.ravel_values.c.version_id,
        schema.ravel_templates.c.version_id,
        schema.ravel_entities.c.version_id,
        schema.ravel_attributes.c.version_id,
        _versions.c.id,
    ),
}
