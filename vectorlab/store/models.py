"""Registered models."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.models import Model, ModelDescription
from vectorlab.errors import ConflictError
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import find_id, must_exist

_models = schema.models
_FIELDS = [field.name for field in dataclasses.fields(ModelDescription)]


def add_model(tx: Transaction, *, name: str, description: ModelDescription) -> Model:
    """Register a model.

    Raises:
        ConflictError: If the name is taken, or the same model has another name already.
    """
    if _select(tx, _models.c.name == name):
        raise ConflictError(
            f"Model name {name!r} is taken. Choose another with --name, "
            f"or look at it: vectorlab models show {name}"
        )
    same = model_by_fingerprint(tx, description.fingerprint)
    if same is not None:
        raise ConflictError(
            f"This model (fingerprint {same.fingerprint[:12]}) is registered already as "
            f"{same.name!r}. Use that name."
        )
    values = {key: getattr(description, key) for key in _FIELDS}
    values |= {"name": name, "fingerprint": description.fingerprint, "created_at": utc_now()}
    tx.execute(_models.insert().values(values))
    return get_model(tx, name)


def move_model(tx: Transaction, model: Model, description: ModelDescription) -> Model:
    """Note that a model's files are elsewhere now; the fingerprint says they are the same."""
    place = {key: getattr(description, key) for key in ("source", "revision", "trust_remote_code")}
    tx.execute(_models.update().where(_models.c.id == model.id).values(place))
    return get_model(tx, model.name)


def find_model(tx: Transaction, reference: str) -> Model | None:
    """The model with that name, id or fingerprint prefix (six digits or more), or None.

    Raises:
        InputError: If the prefix fits several models.
    """
    model_id = find_id(tx, _models, reference, kind="model", hash_column="fingerprint")
    return None if model_id is None else _select(tx, _models.c.id == model_id)[0]


def get_model(tx: Transaction, reference: str) -> Model:
    """The model with that name, id or fingerprint prefix (six digits or more).

    Raises:
        NotFoundError: If there is none.
        InputError: If the prefix fits several models.
    """
    return must_exist(find_model(tx, reference), "model", reference, listed_by="models list")


def model_by_fingerprint(tx: Transaction, fingerprint: str) -> Model | None:
    """The model with exactly that fingerprint, or None."""
    return next(iter(_select(tx, _models.c.fingerprint == fingerprint)), None)


def list_models(tx: Transaction) -> list[Model]:
    """Every model that is registered, by name."""
    return _select(tx, sa.true())


def _select(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[Model]:
    query = _models.select().where(condition).order_by(_models.c.name)
    return [_model(row) for row in tx.execute(query)]


def _model(row: sa.Row[Any]) -> Model:
    description = ModelDescription(**{key: row._mapping[key] for key in _FIELDS})
    return Model(id=row.id, name=row.name, description=description, created_at=row.created_at)
