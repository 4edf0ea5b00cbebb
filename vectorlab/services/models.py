"""Registered models."""

from vectorlab.domain.models import Model, ModelDescription
from vectorlab.domain.sets import check_name
from vectorlab.store import audit, models
from vectorlab.store.database import Database


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
    wanted = check_name("model", name or _plain_name(description.source))
    with db.write() as tx:
        found = models.model_by_fingerprint(tx, description.fingerprint)
        if found is None or name not in (None, found.name):
            made, action = models.add_model(tx, name=wanted, description=description), "register"
        elif found.description == description:
            return found
        else:
            made, action = models.move_model(tx, found, description), "move"
        audit.record(
            tx,
            actor=actor,
            action=action,
            object_kind="model",
            object_id=made.id,
            details={"name": made.name, "source": description.source},
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


def _plain_name(source: str) -> str:
    """The last part of a path or hub id, or the name of a bundled model."""
    last = source.rstrip("/").replace("\\", "/").rsplit("/", 1)[-1]
    return last.removeprefix("bundled:")
