"""Registered models."""

from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.jobs.requests import RegisterRequest
from vectorlab.domain.models import Model, ModelDescription
from vectorlab.domain.sets.versions import check_name
from vectorlab.errors import InputError
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.store import audit, models
from vectorlab.store.database import Database, Transaction


def register(db: Database, *, name: str | None, description: ModelDescription, actor: str) -> Model:
    """Register a model; one that is registered already is found, wherever its files are now.

    Args:
        db: The store.
        name: None takes the last part of the source, or keeps the name it is known by.
        description: Of the model's files.
        actor: Recorded as the one who registered it.

    Raises:
        ConflictError: If the name belongs to another model, or the model has another name.
    """
    with db.write() as tx:
        return register_in(tx, name=name, description=description, actor=actor)


def register_in(
    tx: Transaction, *, name: str | None, description: ModelDescription, actor: str
) -> Model:
    """As ``register``, in a transaction that is open."""
    new_name = check_name("model", name or _plain_name(description.source))
    known = models.model_by_fingerprint(tx, description.fingerprint)
    if known is None or name not in (None, known.name):
        model, action = models.add_model(tx, name=new_name, description=description), "register"
    elif known.description == description:
        return known
    else:
        model, action = models.move_model(tx, known, description), "move"
    audit.record(
        tx,
        actor=actor,
        action=action,
        object_kind="model",
        object_id=model.id,
        details={"name": model.name, "source": description.source},
    )
    return model


def request_registration(
    db: Database, source: str, *, actor: str, name: str | None = None
) -> Asked[Model]:
    """Ask a worker to look into the files of a model and register it.

    Args:
        db: The store.
        source: A directory in transformers format, a hub id, or ``bundled:tiny``; as the worker
            sees it.
        actor: Recorded as the one who asked.
        name: Of the model; None takes the last part of the source.

    Raises:
        InputError: If the source is empty or the name is unusable.
        ConflictError: If a job is to register it under another name, or another by this name.
    """
    if not source.strip():
        raise InputError("The model's source is empty. Give a directory or a hub id.")
    if name is not None:
        check_name("model", name)
    with db.write() as tx:
        return ask(
            tx,
            RegisterRequest(source=source.strip(), name=name),
            read=job_reader(db, "model_id", lambda tx, row: models.get_model(tx, str(row))),
            actor=actor,
            priority=PRIORITY_INTERACTIVE,
        )


def get(db: Database, reference: str) -> Model:
    """The model with that name, id or fingerprint prefix.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return models.get_model(tx, reference)


def find(db: Database, reference: str) -> Model | None:
    """The model with that name, id or fingerprint prefix, or None."""
    with db.read() as tx:
        return models.find_model(tx, reference)


def rename(db: Database, reference: str, name: str, *, actor: str) -> Model:
    """Give a model another name; it is known by its fingerprint, so nothing else changes.

    Raises:
        NotFoundError: If there is no such model.
        InputError: If the name is unusable.
        ConflictError: If another model has it, or a job is to give it.
    """
    from vectorlab.store import renaming

    with db.write() as tx:
        renaming.rename(tx, "model", models.get_model(tx, reference).id, name, actor=actor)
        return models.get_model(tx, name)


def list_models(db: Database) -> list[Model]:
    """Every model that is registered, by name."""
    with db.read() as tx:
        return models.list_models(tx)


def _plain_name(source: str) -> str:
    """The last part of a path or hub id, or the name of a bundled model."""
    last = source.rstrip("/").replace("\\", "/").rsplit("/", 1)[-1]
    return last.removeprefix("bundled:")
