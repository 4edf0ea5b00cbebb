"""Instances: ask for one, look at it, write it to a file."""

import json
from pathlib import Path

import pandas as pd

from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH
from vectorlab.domain.models import Model, check_dtype
from vectorlab.domain.sets.versions import check_name
from vectorlab.errors import ConflictError, InputError
from vectorlab.ravel.domain.entities import EntityData, Split
from vectorlab.ravel.domain.instances import (
    Example,
    ExamplePart,
    Instance,
    InstanceOptions,
    InstanceSpec,
)
from vectorlab.ravel.domain.requests import RavelBuildRequest
from vectorlab.ravel.store import entities as ravel_entities
from vectorlab.ravel.store import instances
from vectorlab.services.asking import Asked, ask, job_reader, takes_name
from vectorlab.store.database import Database


def request_instance(
    db: Database,
    *,
    reference: str,
    model: Model,
    actor: str,
    name: str | None = None,
    force: bool = False,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
    options: InstanceOptions | None = None,
) -> Asked[Instance]:
    """Find the instance of an equal earlier request, or enqueue the job that builds it.

    Args:
        db: The store.
        reference: Entity data, ``name@3``.
        model: The registered model that completes the prompts.
        actor: Recorded as the one who asked.
        name: Of the instance; None makes one of the data and the model.
        force: Build even when an equal request was answered before.
        priority: Of the job.
        queue: Only workers of this queue take it.
        options: How it is made; None takes every default.

    Raises:
        NotFoundError: If there are no such data.
        InputError: If an option cannot be used.
        ConflictError: If the name belongs to another instance.
    """
    with db.read() as tx:
        version = ravel_entities.resolve(tx, reference)
        data = ravel_entities.data(tx, version.id)
    spec = InstanceSpec(
        data_sha256=version.content_sha256,
        model_fingerprint=model.fingerprint,
        **vars(options or InstanceOptions()),
    )
    _check_spec(spec)
    _check_parts(version.label, data)
    request = RavelBuildRequest(spec=spec, version_id=version.id, model_id=model.id, name=name)
    with db.write() as tx:
        instance = None if force else instances.find_by_spec(tx, spec.sha256, name=name)
        if instance is not None:
            takes_name("an instance", instance.name, name)
        elif name is not None and not instances.name_is_free(tx, check_name("instance", name)):
            raise ConflictError(
                f"Instance name {name!r} is taken. Choose another with --name, or look at it: "
                f"vectorlab ravel show {name}"
            )
        return ask(
            tx,
            request,
            found=instance,
            read=job_reader(db, "ravel_instance_id", instances.instance_by_id),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def get(db: Database, reference: str) -> Instance:
    """The instance with that name, id or content hash prefix.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return instances.get_instance(tx, reference)


def find(db: Database, reference: str) -> Instance | None:
    """The instance that a reference means, or None."""
    with db.read() as tx:
        return instances.find_instance(tx, reference)


def list_instances(db: Database) -> list[Instance]:
    """Every instance that was built, newest first."""
    with db.read() as tx:
        return instances.list_instances(tx)


def data_of(db: Database, instance: Instance) -> EntityData:
    """The entity data that an instance was built from."""
    with db.read() as tx:
        return ravel_entities.data(tx, instance.version_id)


def examples_of(
    db: Database, instance: Instance, parts: tuple[ExamplePart, ...] | None = None
) -> dict[int, Example]:
    """The examples of an instance by their position, perhaps only of some parts."""
    with db.read() as tx:
        return instances.examples(tx, instance.id, parts)


def accuracies_frame(instance: Instance) -> pd.DataFrame:
    """One row per attribute: what the model knows of it."""
    return pd.DataFrame(
        [
            {
                "attribute": accuracy.name,
                "completions judged": accuracy.n,
                "share correct": accuracy.share,
                "templates": accuracy.templates,
                "templates kept": accuracy.templates_kept,
            }
            for accuracy in instance.accuracies
        ]
    )


def examples_frame(
    db: Database, instance: Instance, parts: tuple[ExamplePart, ...] | None = None
) -> pd.DataFrame:
    """One row per example, in words."""
    data = data_of(db, instance)
    with db.read() as tx:
        texts = instances.answers(tx, instance.id)
        examples = instances.examples(tx, instance.id, parts)
    return pd.DataFrame(
        [
            {"example": place, **_in_words(data, texts, example)}
            for place, example in examples.items()
        ]
    )


def write_json(db: Database, instance: Instance, path: Path) -> int:
    """Write an instance as JSON in the fields of the published ones; returns the examples."""
    frame = examples_frame(db, instance)
    about = {
        "instance": instance.name,
        "content_sha256": instance.content_sha256,
        "model": instance.model_name,
        "model_fingerprint": instance.spec.model_fingerprint,
        "data": instance.version_label,
        "request": instance.spec.to_json(),
        "examples": json.loads(frame.to_json(orient="records", force_ascii=False)),
    }
    path.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return len(frame)


def _in_words(
    data: EntityData, texts: dict[tuple[int, int], str], example: Example
) -> dict[str, object]:
    template, source = data.templates[example.template], data.templates[example.source_template]
    entity, source_entity = (
        data.entities[example.entity].name,
        data.entities[example.source_entity].name,
    )
    return {
        "part": example.part.value,
        "attribute": template.attribute,
        "input": template.prompt(entity),
        "label": texts.get((example.template, example.entity), ""),
        "source_input": source.prompt(source_entity),
        "source_label": texts.get((example.source_template, example.source_entity), ""),
        "inv_label": texts.get((example.template, example.source_entity), ""),
        "split": template.text,
        "source_split": source.text,
        "entity": entity,
        "source_entity": source_entity,
        "kind": example.kind.value,
    }


def _check_spec(spec: InstanceSpec) -> None:
    check_dtype(spec.dtype)
    for name, least in (("max_new_tokens", 1), ("n_train", 1), ("n_test", 1)):
        if getattr(spec, name) < least:
            raise InputError(f"{name} is {getattr(spec, name)}; it must be {least} or more.")
    for name in ("min_template_accuracy", "min_entity_accuracy"):
        if not 0 <= getattr(spec, name) <= 1:
            raise InputError(f"{name} is {getattr(spec, name)}; it is a share from 0 to 1.")
    if not spec.stop_characters:
        raise InputError("No stop character is given; a value must end somewhere, e.g. at '\"'.")


def _check_parts(label: str, data: EntityData) -> None:
    """Refuse data that leave a part without entities or an attribute's templates."""
    entities = data.split_counts(data.entities)
    for split in Split:
        if not entities[split]:
            raise InputError(
                f"{label} has no entities in split {split}; instances need train, val and test. "
                f"It has: {', '.join(f'{name} {count}' for name, count in entities.items())}."
            )
        for attribute in data.attributes:
            if not data.split_counts(data.templates_of(attribute))[split]:
                raise InputError(
                    f"{label} has no template of {attribute!r} in split {split}; instances need "
                    "train, val and test templates of every attribute."
                )
