"""Instances: what a model answered, and the pairs of runs that are swapped."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from vectorlab.ravel.domain.instances import (
    Accuracy,
    Completion,
    Example,
    ExamplePart,
    Instance,
    InstanceSpec,
    NewInstance,
    SourceKind,
)
from vectorlab.ravel.store import entities, tables
from vectorlab.store import evidence, schema
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import names
from vectorlab.store.references import find_id, must_exist

_instances = tables.ravel_instances
_completions = tables.ravel_completions
_examples = tables.ravel_examples


def add_instance(tx: Transaction, new: NewInstance, created_by: str) -> Instance:
    """Store an instance with its completions and examples."""
    counts = {
        part.value: sum(example.part is part for example in new.examples) for part in ExamplePart
    }
    values = {
        "name": new.name,
        "content_sha256": new.content_sha256,
        "spec_sha256": new.spec.sha256,
        "version_id": new.version_id,
        "model_id": new.model_id,
        "spec_json": new.spec.to_json(),
        "accuracies_json": [vars(accuracy) for accuracy in new.accuracies],
        "n_completions": len(new.completions),
        "n_examples_json": counts,
        "environment_json": dict(new.environment),
        "created_by": created_by,
    }
    completions = [
        {
            "template": completion.template,
            "entity": completion.entity,
            "text": completion.text.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
            "token_ids": _bytes(completion.token_ids),
            "correct": completion.correct,
        }
        for completion in new.completions
    ]
    examples = [
        {
            "position": place,
            "part": example.part.value,
            "kind": example.kind.value,
            "template": example.template,
            "entity": example.entity,
            "source_template": example.source_template,
            "source_entity": example.source_entity,
            "label": _bytes(example.label),
            "counter_label": _bytes(example.counter_label),
        }
        for place, example in enumerate(new.examples)
    ]
    parts: evidence.Parts = {_completions: completions, _examples: examples}
    return instance_by_id(tx, evidence.add_record(tx, _instances, values, parts))


def find_by_spec(tx: Transaction, spec_sha256: str, *, name: str | None = None) -> Instance | None:
    """What an equal request made: the instance of that name, else the newest, or None."""
    own_first = sa.case((_instances.c.name == name, 0), else_=1)
    query = sa.select(_instances.c.id).where(_instances.c.spec_sha256 == spec_sha256)
    instance_id = tx.scalar(query.order_by(own_first, _instances.c.id.desc()).limit(1))
    return None if instance_id is None else instance_by_id(tx, instance_id)


def find_instance(tx: Transaction, reference: str) -> Instance | None:
    """The instance with that name, id or content hash prefix, or None."""
    instance_id = find_id(tx, _instances, reference, kind="instance", hash_column="content_sha256")
    return None if instance_id is None else instance_by_id(tx, instance_id)


def get_instance(tx: Transaction, reference: str) -> Instance:
    """The instance with that name, id or content hash prefix.

    Raises:
        NotFoundError: If there is none.
    """
    return must_exist(find_instance(tx, reference), "instance", reference, listed_by="ravel list")


def instance_by_id(tx: Transaction, instance_id: int) -> Instance:
    """The instance with that row id."""
    (instance,) = _select(tx, _instances.c.id == instance_id)
    return instance


def list_instances(tx: Transaction) -> list[Instance]:
    """Every instance that was built, newest first."""
    return _select(tx, sa.true())


def name_is_free(tx: Transaction, name: str) -> bool:
    """Whether no instance has that name."""
    return tx.scalar(sa.select(_instances.c.id).where(_instances.c.name == name)) is None


def free_name(tx: Transaction, base: str) -> str:
    """The name itself, or with the first number that makes one no instance has or will get."""
    name, number = base, 1
    while not name_is_free(tx, name) or names.holder(tx, "instance", name):
        number += 1
        name = f"{base}-{number}"
    return name


def completions(tx: Transaction, instance_id: int) -> list[Completion]:
    """What the model answered, by template and entity."""
    query = _completions.select().where(_completions.c.instance_id == instance_id)
    return [
        Completion(
            template=row.template,
            entity=row.entity,
            text=row.text,
            token_ids=_tokens(row.token_ids),
            correct=row.correct,
        )
        for row in tx.execute(query.order_by(_completions.c.template, _completions.c.entity))
    ]


def answers(tx: Transaction, instance_id: int) -> dict[tuple[int, int], str]:
    """The texts of the completions alone, by template and entity."""
    query = sa.select(_completions.c.template, _completions.c.entity, _completions.c.text)
    rows = tx.execute(query.where(_completions.c.instance_id == instance_id))
    return {(template, entity): text for template, entity, text in rows}


def examples(
    tx: Transaction, instance_id: int, parts: Sequence[ExamplePart] | None = None
) -> dict[int, Example]:
    """Examples by their position, of some parts or of all."""
    query = _examples.select().where(_examples.c.instance_id == instance_id)
    if parts is not None:
        query = query.where(_examples.c.part.in_([part.value for part in parts]))
    return {
        row.position: Example(
            part=ExamplePart(row.part),
            kind=SourceKind(row.kind),
            template=row.template,
            entity=row.entity,
            source_template=row.source_template,
            source_entity=row.source_entity,
            label=_tokens(row.label),
            counter_label=_tokens(row.counter_label),
        )
        for row in tx.execute(query.order_by(_examples.c.position))
    }


def _select(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[Instance]:
    query = (
        sa.select(_instances, schema.models.c.name.label("model_name"))
        .join(schema.models, schema.models.c.id == _instances.c.model_id)
        .where(condition)
        .order_by(_instances.c.id.desc())
    )
    return [_instance(tx, row) for row in tx.execute(query).all()]


def _instance(tx: Transaction, row: sa.Row[Any]) -> Instance:
    version = entities.version_by_id(tx, row.version_id)
    return Instance(
        id=row.id,
        name=row.name,
        content_sha256=row.content_sha256,
        spec=InstanceSpec.from_json(row.spec_json),
        model_id=row.model_id,
        model_name=row.model_name,
        version_id=row.version_id,
        version_label=version.label,
        attributes=version.attributes,
        n_completions=row.n_completions,
        n_examples=row.n_examples_json,
        accuracies=tuple(Accuracy(**accuracy) for accuracy in row.accuracies_json),
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _bytes(token_ids: Sequence[int]) -> bytes:
    return np.asarray(token_ids, dtype="<i4").tobytes()


def _tokens(data: bytes) -> tuple[int, ...]:
    return tuple(np.frombuffer(data, dtype="<i4").tolist())
