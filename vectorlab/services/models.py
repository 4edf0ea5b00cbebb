"""Registered models."""

from vectorlab.domain.models import Model, ModelDescription
from vectorlab.domain.sets import check_name
from vectorlab.store import audit, models
from vectorlab.store.database import Database


def register(db: Database, *, name: str, description: ModelDescription, actor: str) -> Model:
    """Register a model, or find it when the same name and fingerprint are there already.

    Raises:
        ConflictError: If the name belongs to a model with another fingerprint.
    """
    check_name("model", name)
    with db.write() as tx:
        found = models.find_model(tx, name)
        if found is not None and found.fingerprint == description.fingerprint:
            return found
        made = models.add_model(tx, name=name, description=description)
        audit.record(
            tx,
            actor=actor,
            action="register",
            object_kind="model",
            object_id=made.id,
            details={"name": name, "fingerprint": made.fingerprint},
        )
    return made


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


def list_models(db: Database) -> list[Model]:
    """Every registered model."""
    with db.read() as tx:
        return models.list_models(tx)
