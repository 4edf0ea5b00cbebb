"""Write what RAVEL holds to files, and delete it."""

from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.numpy import save_file

from vectorlab.domain.hashing import canonical_json
from vectorlab.errors import NotFoundError
from vectorlab.ravel.services import entities, files, instances, runs
from vectorlab.ravel.services import frames as ravel_frames
from vectorlab.ravel.store import entities as stored_entities
from vectorlab.ravel.store import instances as stored_instances
from vectorlab.ravel.store import results
from vectorlab.store import purge
from vectorlab.store.database import Database, Transaction
from vectorlab.store.references import must_exist

FEATURIZER = "featurizer:"


def export_object(db: Database, reference: str, path: Path) -> dict[str, Any]:
    """Write entity data or an instance as JSON, a run as CSV, a featurizer as safetensors.

    Args:
        db: The store.
        reference: ``name@3`` of data, an instance's name, a run's name or id, or
            ``featurizer:ID``.
        path: The file.

    Returns:
        What was written.

    Raises:
        NotFoundError: If nothing has that name.
    """
    if reference.startswith(FEATURIZER):
        return _featurizer(db, reference.removeprefix(FEATURIZER), path)
    instance = None if reference.isdigit() else instances.find(db, reference)
    if instance is not None:
        count = instances.write_json(db, instance, path)
        return {
            "what": f"instance {instance.name}",
            "examples": count,
            "content_sha256": instance.content_sha256,
        }
    run = runs.find_run(db, reference)
    if run is not None:
        evaluations = runs.evaluations(db, run=run)
        run_instance = instances.get(db, str(run.instance_id))
        frames = [
            ravel_frames.outcomes_frame(db, evaluation, run_instance).assign(
                arm=evaluation.label, part=evaluation.part.value
            )
            for evaluation in evaluations
        ]
        frame = pd.concat(frames) if frames else pd.DataFrame()
        frame.to_csv(path, index=False)
        return {"what": f"run {run.name or run.id}", "outcomes": len(frame)}
    version = None if reference.isdigit() else entities.find(db, reference)
    version = must_exist(version, "entity data, instance or run", reference, listed_by="ravel list")
    files.write_native(path, entities.data_of(db, version))
    return {"what": f"data {version.label}", "content_sha256": version.content_sha256}


def remove(db: Database, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Purge entity data, an instance, a run or ``featurizer:ID``; one line per thing that went.

    Raises:
        NotFoundError: If nothing has that name.
        ConflictError: If something depends on it and ``cascade`` is off.
    """
    with db.write() as tx:
        kind, row_id = _find(tx, reference)
        return purge.purge_thing(tx, kind, row_id, cascade=cascade, actor=actor)


def what_goes(db: Database, reference: str) -> list[str]:
    """What purging takes along, a line each, what is named itself first; see ``remove``."""
    with db.read() as tx:
        return purge.what_goes(tx, *_find(tx, reference))


def _find(tx: Transaction, reference: str) -> tuple[str, int]:
    if reference.startswith(FEATURIZER):
        number = reference.removeprefix(FEATURIZER)
        if number.isascii() and number.isdigit():
            return "featurizer", results.featurizer_by_id(tx, int(number)).id
    is_number = reference.isdigit()
    instance = None if is_number else stored_instances.find_instance(tx, reference)
    if instance is not None:
        return "instance", instance.id
    run = results.find_run(tx, reference)
    if run is not None:
        return "ravel run", run.id
    if is_number:
        raise NotFoundError("run", reference, hint="See what there is: vectorlab ravel list")
    return "entity data", stored_entities.resolve(tx, reference).id


def _featurizer(db: Database, number: str, path: Path) -> dict[str, Any]:
    if not (number.isascii() and number.isdigit()):
        raise NotFoundError(
            "featurizer", number, hint="Write featurizer:ID; ids: vectorlab ravel train --json"
        )
    with db.read() as tx:
        featurizer = results.featurizer_by_id(tx, int(number))
        arrays = results.tensors(tx, featurizer.id)
    save_file(
        {name: array.values.copy() for name, array in arrays.items()},
        path,
        metadata={"vectorlab": canonical_json(featurizer.spec.to_json())},
    )
    return {"what": f"featurizer {featurizer.id}", "arrays": list(arrays)}
