"""Whose a vector is: a request runs on the model of its vectors, unless another one is meant."""

from collections.abc import Callable, Sequence

from vectorlab.domain.models import BUNDLED_MODEL, Model
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.errors import InputError, ShapeError
from vectorlab.store import models
from vectorlab.store.database import Database
from vectorlab.store.vectors import vectors


def model_of(
    db: Database,
    references: Sequence[str],
    *,
    named: str | None,
    other_model: bool,
    look_up: Callable[[str], Model],
) -> Model:
    """The model of a request: the one that is named, or that of its vectors.

    Args:
        db: The store.
        references: Every vector that is applied or read; none means the bundled model.
        named: The model that is asked for; None for the vectors' own.
        other_model: The one that is named may be another than the vectors' own.
        look_up: Finds a model by what it is called.

    Raises:
        NotFoundError: If a vector or the model does not exist.
        InputError: If the vectors belong to several models and none is named, or to another one
            than that and it is not said that this is meant.
        ShapeError: If the model has another depth or width than that of a vector.
    """
    if named is None and other_model:
        raise InputError(
            "--other-model means another model than the vectors' own, but none is named. Name it: "
            "--model NAME --other-model"
        )
    model = look_up(named or _common_owner(db, references))
    check_belongs(db, model, references, other_model=other_model)
    return model


def check_belongs(
    db: Database, model: Model, references: Sequence[str], *, other_model: bool
) -> None:
    """Refuse vectors of another model, unless it is said that this is meant and the shapes agree.

    Raises:
        NotFoundError: If a vector does not exist.
        InputError: If one belongs to another model and that is not meant.
        ShapeError: If its model has another depth or width.
    """
    for vector in _vectors(db, references):
        if vector.model_id == model.id:
            continue
        owner = _owner(db, vector)
        if owner.shape != model.shape:
            raise ShapeError(
                f"Vector {vector.name!r} belongs to model {owner.name!r} ({_shape_in_words(owner)})"
                f" and does not fit {model.name!r} ({_shape_in_words(model)}). Use "
                f"--model {owner.name}, or extract it on the other: {_extraction(vector, model)}"
            )
        if not other_model:
            raise InputError(
                f"Vector {vector.name!r} belongs to model {owner.name!r}, not to {model.name!r}. "
                f"Use --model {owner.name}, or say that another model is meant: "
                f"--model {model.name} --other-model"
            )


def owner_if_other(db: Database, vector: SteeringVector, model: Model) -> str | None:
    """Fingerprint of the model that a vector belongs to; None if that is the one given."""
    return None if vector.model_id == model.id else _owner(db, vector).fingerprint


def _common_owner(db: Database, references: Sequence[str]) -> str:
    """Name of the model that all the vectors belong to; of the bundled one if there are none."""
    owners = {vector.model_name: vector for vector in _vectors(db, references)}
    if len(owners) <= 1:
        return next(iter(owners), BUNDLED_MODEL)
    (first, one), (second, other) = list(owners.items())[:2]
    fits = _owner(db, one).shape == _owner(db, other).shape
    cure = (
        f"or name the model that all are to act on: --model {first} --other-model"
        if fits
        else f"or extract one on the other's model: {_extraction(other, _owner(db, one))}"
    )
    raise InputError(
        f"Vector {one.name!r} belongs to model {first!r}, {other.name!r} to {second!r}. Give "
        f"vectors of one model, {cure}"
    )


def _vectors(db: Database, references: Sequence[str]) -> list[SteeringVector]:
    with db.read() as tx:
        return [vectors.get_vector(tx, reference) for reference in dict.fromkeys(references)]


def _owner(db: Database, vector: SteeringVector) -> Model:
    with db.read() as tx:
        return models.get_model(tx, str(vector.model_id))


def _shape_in_words(model: Model) -> str:
    depth, width = model.shape
    return f"{depth} layers of width {width}"


def _extraction(vector: SteeringVector, model: Model) -> str:
    return (
        f"vectorlab vectors extract --model {model.name} --set {vector.set_label or 'SET'} "
        f"--name {vector.name}-{model.name}"
    )
